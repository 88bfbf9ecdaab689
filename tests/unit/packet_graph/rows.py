"""Rows as the adapter for OMERO makes them, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ome_types
from lxml import etree

from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet.file_list import source_files
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml import Provenance, write_transfer_xml

Row = dict[str, Any]

NS: Final = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"
SCHEMA: Final = etree.XMLSchema(file=str(Path(ome_types.__file__).parent / "ome-2016-06.xsd"))
PROVENANCE: Final = Provenance(
    "omero.example.org", "packer", "lab", "our software", "1.0", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
)
SHA1: Final = "ChecksumAlgorithm:1"


def graph_of(*rows: Row | Iterable[Row]) -> Graph:
    """A graph of these rows, and of the enumerations that they refer to."""
    graph = Graph()
    for one in (*ENUMERATIONS, *rows):
        for row in [one] if isinstance(one, dict) else one:
            graph.add(row)
    return graph


ENUMERATIONS: Final = (
    {"@": SHA1, "value": "SHA1-160"},
    {"@": "PixelsType:1", "value": "uint8"},
    {"@": "DimensionOrder:1", "value": "XYZCT"},
)


def image(number: int, fileset: int | None = None, **more: Any) -> Iterator[Row]:
    pixels = f"Pixels:{number + 1000}"
    row = {"@": f"Image:{number}", "name": f"image {number}", "pixels": [pixels], **more}
    yield row if fileset is None else {**row, "fileset": f"Fileset:{fileset}"}
    sizes = {"sizeX": 16, "sizeY": 12, "sizeZ": 3, "sizeC": 2, "sizeT": 1}
    yield {"@": pixels, **sizes, "pixelsType": "PixelsType:1", "dimensionOrder": "DimensionOrder:1"}


def fileset(number: int, *paths: str) -> Iterator[Row]:
    """Its files have ids from ``100 * number``."""
    entries = [f"FilesetEntry:{100 * number + index}" for index in range(len(paths))]
    yield {"@": f"Fileset:{number}", "usedFiles": entries, "templatePrefix": "user_2/x/"}
    for index, (entry, path) in enumerate(zip(entries, paths, strict=True)):
        yield {"@": entry, "originalFile": f"OriginalFile:{100 * number + index}"}
        folder, _, name = path.rpartition("/")
        yield file(100 * number + index, name, path=f"{folder}/")


def file(number: int, name: str, **more: Any) -> Row:
    row = {"@": f"OriginalFile:{number}", "name": name, "path": "/home/me", "size": 5}
    return {**row, "hasher": SHA1, "hash": "ab" * 20, **more}


def annotation(kind: str, number: int, **more: Any) -> Row:
    return {"@": f"{kind}Annotation:{number}", **more}


_NUMBERS = iter(range(1, 1 << 40))


def link(parent: str, child: str) -> Row:
    """``link("Image:1", "TagAnnotation:2")``, of a new id."""
    target = "Annotation" if "Annotation" in child else child.partition(":")[0]
    kind = f"{parent.partition(':')[0]}{target}Link"
    return {"@": f"{kind}:{next(_NUMBERS)}", "parent": parent, "child": child}


def well(plate: int, number: int, images: Iterable[int], row: int = 0, column: int = 0) -> Iterator[Row]:
    """Its fields have the ids of their images."""
    fields = [f"WellSample:{one}" for one in images]
    place = {"row": row, "column": column}
    yield {"@": f"Well:{number}", "plate": f"Plate:{plate}", "wellSamples": fields, **place}
    for one in fields:
        yield {"@": one, "well": f"Well:{number}", "image": one.replace("WellSample", "Image")}


def roi(image_id: int, number: int, *shapes: Row, **more: Any) -> Iterator[Row]:
    yield {"@": f"Roi:{number}", "image": f"Image:{image_id}", "shapes": [one["@"] for one in shapes], **more}
    yield from shapes


def write(graph: Graph, *roots: str, figures: bool = False) -> bytes:
    files = source_files(graph, figures=figures)
    return b"".join(write_transfer_xml(graph, parse_objects(roots), files, PROVENANCE))


def written(graph: Graph, *roots: str, figures: bool = False) -> etree._Element:
    """``transfer.xml`` of ``roots``, which the schema allows."""
    root = etree.fromstring(write(graph, *roots, figures=figures))
    SCHEMA.assertValid(root)
    return root
