"""From rows to objects: for each concrete class a reader that knows its columns.

Objects are filled through ``__dict__``: omero-py's constructors cost more than all
the rest, and a listing may hold ten thousand objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import omero
import omero.clients
from omero.rtypes import rint, rlong

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.model.values import WRAPPERS, from_bytes, from_strings
from omero_irods_sandbox.omero_server.store.schema import COLUMNS

Convert = Callable[[Any], Any]


class Pointer(NamedTuple):
    """A reference as it stands in a row: to be replaced by an object."""

    holder: dict[str, Any]
    """The ``__dict__`` of the object that refers."""
    attribute: str
    root: str
    id: int | None


@dataclass(frozen=True, slots=True)
class _Unit:
    attribute: str
    position: int
    made: Callable[[float, Any], Any]
    enumeration: Any

    def value(self, row: tuple[Any, ...]) -> Any:
        number, unit = row[self.position], row[self.position + 1]
        return None if number is None else self.made(number, getattr(self.enumeration, unit))


class RowReader:
    """Makes objects of one concrete class from rows with the columns of its table, in their order."""

    def __init__(self, entity: EntityType) -> None:
        self.entity = entity
        self._class = entity.python_class
        positions = {column: number for number, column in enumerate(COLUMNS[entity.root])}
        self._template = _template(entity)
        self._collections = [field.attribute for field in entity.of_kind(FieldKind.COLLECTION)]
        self._values = [
            (field.attribute, positions[field.column], _converter(field))
            for field in entity.of_kind(FieldKind.SCALAR, FieldKind.BYTES, FieldKind.STRINGS)
        ]
        self._units = [_unit(field, positions[field.name]) for field in entity.of_kind(FieldKind.UNIT)]
        self._references = [
            (field.attribute, positions[field.column], MODEL.entity(field.target).root)
            for field in entity.of_kind(FieldKind.REFERENCE)
        ]
        self._version = positions["version"] if "_version" in self._template else None

    def read(self, row: tuple[Any, ...], pointers: list[Pointer]) -> IObject:
        """An object with its values and unloaded collections; its references are added to ``pointers``.

        Named values and details are not in it yet.
        """
        made = self._class.__new__(self._class)
        state = made.__dict__
        state.update(self._template)
        state["_id"] = rlong(row[0])
        for attribute in self._collections:
            state[attribute] = []
        for attribute, position, convert in self._values:
            value = row[position]
            if value is not None:
                state[attribute] = convert(value)
        for unit in self._units:
            state[unit.attribute] = unit.value(row)
        for attribute, position, root in self._references:
            if row[position] is not None:
                pointers.append(Pointer(state, attribute, root, row[position]))
        if self._version is not None:
            state["_version"] = rint(row[self._version])
        return made


def _template(entity: EntityType) -> dict[str, Any]:
    """The attributes of an empty object whose collections are not loaded."""
    empty = entity.make(None, loaded=True)
    empty.unloadCollections()
    state = dict(vars(empty))
    state["_details"] = None
    for field in entity.of_kind(FieldKind.NAMED_VALUES):
        state[field.attribute] = None
    return state


def _converter(field: Field) -> Convert:
    if field.kind is FieldKind.BYTES:
        return from_bytes
    if field.kind is FieldKind.STRINGS:
        return from_strings
    return WRAPPERS[field.target]


def _unit(field: Field, position: int) -> _Unit:
    return _Unit(
        field.attribute,
        position,
        getattr(omero.model, f"{field.target}I"),
        getattr(omero.model.enums, f"Units{field.target}"),
    )


@cache
def reader(class_name: str) -> RowReader:
    """The reader of a concrete class."""
    return RowReader(MODEL.entity(class_name))


CLASS_COLUMN: Final = 1
"""Every row begins: id, _class, version, owner, group, creation, update, external info, permissions."""
DETAILS_COLUMNS: Final = slice(3, 9)
OWNER_AND_GROUP: Final = slice(3, 5)
