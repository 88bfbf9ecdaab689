"""Row I11: a small fixed set of facts of the images of a fileset, as AVUs of the file that OMERO opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from omero_irods_bridge.model.imports import Imported
from omero_irods_bridge.model.ingest import IngestOptions
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import avu_text
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.ports import ImageServer, Row

MOST_IMAGES: Final = 1
"""Facts are of the first image: those of one file are alike as a rule, and OMERO knows the others."""

_SIZES: Final = ("sizeX", "sizeY", "sizeZ", "sizeC", "sizeT")
_SYMBOLS: Final = {"MILLIMETER": "mm", "MICROMETER": "µm", "NANOMETER": "nm"}
_PHYSICAL: Final = ("physicalSizeX", "physicalSizeY", "physicalSizeZ")


def fact_avus(made: Imported, server: ImageServer, options: IngestOptions) -> list[Avu]:
    """``ome_size_x`` and so on; none of what OMERO does not know."""
    rows: list[Row] = []
    server.read_graph([ObjectRef(Kind.IMAGE, one) for one in made.images[:MOST_IMAGES]], rows.append)
    by_key = {str(row["@"]): row for row in rows}
    told = [*_of_image(rows), *_of_pixels(rows, by_key)]
    return [Avu(options.name(f"ome_{name}"), avu_text(value), unit) for name, value, unit in told if value]


def _of_image(rows: list[Row]) -> Iterator[tuple[str, str, str]]:
    for row in _of(rows, "Image"):
        yield "name", str(row.get("name") or ""), ""
        if row.get("acquisitionDate") is not None:
            yield "acquired", str(row["acquisitionDate"]), "ms"


def _of_pixels(rows: list[Row], by_key: Mapping[str, Row]) -> Iterator[tuple[str, str, str]]:
    for row in _of(rows, "Pixels"):
        for name in _SIZES:
            yield _snake(name), str(row.get(name) or ""), ""
        yield "pixel_type", str((by_key.get(str(row.get("pixelsType"))) or {}).get("value") or ""), ""
        for name in _PHYSICAL:
            value, unit = _quantity(row.get(name))
            yield _snake(name), value, unit
        for key in row.get("channels") or ():
            yield "channel", _channel_name(by_key.get(str(key)), by_key), ""


def _of(rows: list[Row], kind: str) -> list[Row]:
    return [row for row in rows if str(row["@"]).startswith(f"{kind}:")][:1]


def _channel_name(channel: Row | None, by_key: Mapping[str, Row]) -> str:
    logical = by_key.get(str((channel or {}).get("logicalChannel"))) or {}
    return str(logical.get("name") or "")


def _quantity(value: Any) -> tuple[str, str]:
    """The number and the unit of a length."""
    if not isinstance(value, Mapping):
        return "", ""
    number = next((str(one) for key, one in value.items() if key != "unit"), "")
    unit = str(value.get("unit") or "")
    return number, _SYMBOLS.get(unit, unit.lower())


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
