"""Rows of a packet as drafts (docs/decisions/0008-unpack-makes-two-graphs-equal.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.difference import Changed, is_reference
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import EXTERNAL_INFO
from omero_irods_bridge.ports import Row

_NOT_FIELDS: Final = frozenset({"@", "@sets", "version", "details"})


class DraftWriter:
    """Makes drafts. ``name_of`` is how a node of the packet is called in them; none for what is not kept."""

    def __init__(self, pairs: Pairs, name_of: Callable[[int], str | None]) -> None:
        self._pairs, self._side, self._name_of = pairs, pairs.source, name_of

    def create(self, node: int) -> dict[str, Any]:
        """An object as a whole."""
        row, shape = self._side.row(node), self._side.shape(node)
        draft: dict[str, Any] = {"@": self._name_of(node)}
        for field in row:
            if field not in _NOT_FIELDS and self._is_written(shape, field):
                value = self._value(shape, row, field)
                if value is not None:
                    draft[field] = value
        details = {**self.owner(node), **self._external_info(row)}
        return {**draft, "details": details} if details else draft

    def change(self, changed: Changed) -> dict[str, Any]:
        """Those fields of an object of the server that are to be different."""
        row, shape = self._side.row(changed.source), self._side.shape(changed.source)
        draft: dict[str, Any] = {"@": self._name_of(changed.source)}
        for field in changed.fields:
            if field == EXTERNAL_INFO:
                draft["details"] = self._external_info(row)
            else:
                draft[field] = self._value(shape, row, field)
        return draft

    def _is_written(self, shape: ClassShape, field: str) -> bool:
        name = f"{shape.name}.{field}"
        if name in rules.SET_BY_SERVER and name not in rules.WRITTEN_ONCE:
            return False
        if field in shape.collections:
            return shape.is_list(field)
        return field in shape.fields and not shape.owners.get(field, False)

    def _value(self, shape: ClassShape, row: Row, field: str) -> Any:
        if shape.is_list(field):
            return list(self._elements(row.get(field) or ()))
        if is_reference(shape.references, field, row):
            return self._name(row[field])
        if field == "mapValue":
            return row.get(field) or []  # null would keep what is there (omero-semantics 7)
        return row.get(field)

    def _elements(self, references: Iterable[str | None]) -> Iterator[str | None]:
        for one in references:
            name = None if one is None else self._name(one)
            if one is None or name is not None:
                yield name

    def _name(self, reference: str) -> str | None:
        node = self._side.find(reference)
        return None if node < 0 else self._side.labels.get(node) or self._name_of(node)

    def owner(self, node: int) -> dict[str, str]:
        """The details of an object that say whose it is to be; empty where owners are not kept."""
        owner = self._pairs.owner_of(node) if self._pairs.by_owner else ""
        return {"owner": owner} if owner else {}

    def _external_info(self, row: Row) -> dict[str, str]:
        info = (row.get("details") or {}).get("externalInfo")
        name = None if info is None else self._name(info)
        return {} if name is None else {"externalInfo": name}
