"""Whether the rows of a packet, which a stranger may have written, have the form of their classes."""

from __future__ import annotations

from typing import Any, Final

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import ObjectModel

_TEXTS: Final = frozenset({"name", "description", "ns", "textValue", "omeName", "mimetype", "path", "hash"})
"""Fields of any class that we read ourselves, and that are texts in all."""
_PAIRS: Final = frozenset({"mapValue", "versionInfo"})
_LISTS: Final = frozenset({"spatialDomainEnhancement"})
"""Of objects, also in classes that have it no more."""


def check_rows(graph: Graph, model: ObjectModel) -> None:
    """Look at each row once, before anything is done with it; what no class here has is passed over.

    Raises:
        BadPacket: a field has a value that no object of the class can have there.
    """
    for name in graph.classes():
        shape = model.shape(name)
        if shape is not None:
            for row in graph.rows(name):
                for field, value in row.items():
                    if value is not None and not _fits(shape, field, value):
                        raise BadPacket(f"{row['@']} has the {field} {value!r:.100}, which cannot be there.")


def _fits(shape: ClassShape, field: str, value: Any) -> bool:
    if field in _TEXTS:
        return isinstance(value, str)
    if field == "details":
        return all(isinstance(one, str) for name, one in value.items() if name != "permissions")
    if shape.is_list(field) or field in _LISTS:
        return isinstance(value, list) and all(one is None or isinstance(one, str) for one in value)
    if field in _PAIRS:
        return isinstance(value, list) and all(
            one is None or (isinstance(one, list) and len(one) == 2) for one in value
        )
    if field in shape.references:
        return isinstance(value, str) or _is_with_unit(value)
    return not isinstance(value, dict) or "unit" not in value or _is_with_unit(value)


def _is_with_unit(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 2 and isinstance(value.get("unit"), str)
