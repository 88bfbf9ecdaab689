"""``transfer.xml`` by hand."""

from __future__ import annotations

from typing import Any, Final

from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml_reading import TransferXml, read_transfer_xml

Row = dict[str, Any]

HEAD: Final = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
PIXELS: Final = (
    '<Pixels ID="Pixels:1" DimensionOrder="XYZCT" Type="uint8" SizeX="4" SizeY="3" SizeZ="1" SizeC="1"'
    ' SizeT="1"><MetadataOnly/></Pixels>'
)
NAMESPACE: Final = "openmicroscopy.org/cli/transfer"


def document(*parts: str, annotations: str = "") -> bytes:
    inside = f"<StructuredAnnotations>{annotations}</StructuredAnnotations>" if annotations else ""
    return f"{HEAD}{''.join(parts)}{inside}</OME>".encode()


def image(number: int, *refs: str, name: str = "a.tif") -> str:
    return f'<Image ID="Image:{number}" Name="{name}">{PIXELS}{"".join(refs)}</Image>'


def ref(kind: str, number: int | str) -> str:
    return f'<{kind}Ref ID="{kind}:{number}"/>'


def path_annotation(number: int, path: str, namespace: str = NAMESPACE) -> str:
    return (
        f'<XMLAnnotation ID="Annotation:{number}" Namespace="{namespace}"><Value><CLITransferServerPath>'
        f"<Path>{path}</Path></CLITransferServerPath></Value></XMLAnnotation>"
    )


def stored(number: int, path: str, *refs: str) -> tuple[str, str]:
    """An image and the annotation that has its path."""
    return image(number, *refs, ref("Annotation", 1000 + number)), path_annotation(1000 + number, path)


def file_annotation(number: int, name: str, size: int, path: str, namespace: str = "lab") -> str:
    """With its path."""
    return (
        f'<FileAnnotation ID="Annotation:{number}" Namespace="{namespace}">{ref("Annotation", 5000 + number)}'
        f'<BinaryFile FileName="{name}" Size="{size}"/></FileAnnotation>'
        f"{path_annotation(5000 + number, path)}"
    )


def read(*parts: str, annotations: str = "") -> TransferXml:
    return read_transfer_xml([document(*parts, annotations=annotations)])


def rows(graph: Graph, kind: str) -> list[Row]:
    return [dict(row) for row in graph.rows(kind)]


def only(graph: Graph, kind: str) -> Row:
    (row,) = graph.rows(kind)
    return dict(row)


def linked(graph: Graph, kind: str) -> list[tuple[str, str]]:
    return [(row["parent"], row["child"]) for row in graph.rows(kind)]
