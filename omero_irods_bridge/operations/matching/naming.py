"""Objects and values as people know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from omero_irods_bridge.operations.matching.side import NOTHING, Side
from omero_irods_bridge.ports import Row

LONGEST: Final = 60
"""Characters of a text that are shown."""

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "BooleanAnnotation": ("yes or no", "boolValue"),
    "CommentAnnotation": ("comment", "textValue"),
    "DoubleAnnotation": ("number", "doubleValue"),
    "FileAnnotation": ("attachment", "file"),
    "LongAnnotation": ("number", "longValue"),
    "MapAnnotation": ("key-value pairs", "mapValue"),
    "TagAnnotation": ("tag", "textValue"),
    "TermAnnotation": ("term", "termValue"),
    "TimestampAnnotation": ("date", "timeValue"),
    "XmlAnnotation": ("XML", "textValue"),
}
"""Annotations: what people call them, and which field says what they are."""


class Names:
    """Names of the nodes of one side. ``as_key`` says by which key an object is known to the reader."""

    def __init__(self, side: Side, keys: Mapping[int, str] | None = None) -> None:
        self._side, self._keys = side, keys or {}
        self._leading: dict[int, int] | None = None

    def key(self, node: int) -> str:
        return self._keys.get(node) or self._side.key(node)

    def of(self, node: int) -> str:
        """``Image:12 'a.tif'``, ``tag 'mitosis'``, ``Rectangle:5 of Roi:3 of Image:12 'a.tif'``."""
        if node < 0:
            return "nothing"
        if node in self._side.labels:
            return self._side.labels[node].partition("=")[2]
        if not self._side.has_row(node) or node in self._side.stubs:
            return self.key(node)
        row = self._side.row(node)
        if row["@"].partition(":")[0] in _WORDS:
            return self._annotation(row)
        if row.get("name"):
            return f"{self.key(node)} {show(row['name'])}"
        holder = self._holder(node)
        return self.key(node) if holder == NOTHING else f"{self.key(node)} of {self.of(holder)}"

    def value(self, row: Row, field: str) -> str:
        """The value of a field that refers to nothing, or to one object."""
        value = row.get(field)
        if isinstance(value, str) and field in self._references(row):
            return self.of(self._side.find(value))
        return show(value)

    def _references(self, row: Row) -> frozenset[str]:
        shape = self._side.model.shape(row["@"].partition(":")[0])
        return frozenset() if shape is None else shape.references

    def _annotation(self, row: Row) -> str:
        word, field = _WORDS[row["@"].partition(":")[0]]
        if field == "file" and row.get(field):
            file = self._side.find(row[field])
            return (
                f"{word} {show(self._side.row(file).get('name')) if self._side.has_row(file) else ''}".strip()
            )
        return f"{word} {self.value(row, field)}"

    def _holder(self, node: int) -> int:
        """What has it in a collection, or leads to it."""
        owner = next((owner for owner, _ in self._side.owners_of(node)), NOTHING)
        if owner != NOTHING:
            return owner
        if self._leading is None:
            nodes = (node for some in self._side.by_class.values() for node in some)
            self._leading = {}
            for one in nodes:
                for target in self._side.led_from(one):
                    self._leading.setdefault(target, one)
        found = self._leading.get(node, NOTHING)
        return NOTHING if found == node else found


def show(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"'{_short(value)}'"
    if isinstance(value, list):
        return f"'{_short(', '.join(_item(one) for one in value))}'"
    if isinstance(value, dict) and "unit" in value:
        number = next(one for name, one in value.items() if name != "unit")
        return f"{number} {str(value['unit']).lower()}"
    return "other bytes" if isinstance(value, dict) else str(value)


def _item(item: Any) -> str:
    return ": ".join(map(str, item)) if isinstance(item, list) else str(item)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
