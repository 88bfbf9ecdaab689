"""Objects put together for one answer: each row once, references resolved, details as the caller sees them.

The loading rules are Hibernate's, as clients know them (omero-wire.md, section 2.4):
a reference to something that this answer holds is that object; any other is an
unloaded object of the concrete class; a collection that was not fetched is not loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from omero.model import DetailsI, NamedValue, PermissionsI

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import restrictions
from omero_irods_sandbox.omero_server.store.database import Database
from omero_irods_sandbox.omero_server.store.readers import (
    CLASS_COLUMN,
    DETAILS_COLUMNS,
    OWNER_AND_GROUP,
    Pointer,
    reader,
)

_NO_GROUP_BITS: Final = -56
"""Permissions of what belongs to no group: ``rw----`` as bits the way the Java server sends them."""

BINARY_ACCESS: Final = "RESTRICT-BINARY-ACCESS"
"""omero.constants.permissions.BINARYACCESS."""

_EMPTY_DETAILS: Final = dict(vars(DetailsI()))

Marks = Callable[[Caller, EntityType, Mapping[int, tuple[int | None, int | None]]], set[int]]
"""Which objects (id -> owner, group) tell the caller that their bytes are kept from him."""


def no_marks(
    _caller: Caller, _entity: EntityType, _owners: Mapping[int, tuple[int | None, int | None]]
) -> set[int]:
    """Nothing is kept back."""
    return set()


class Hydrator:
    """Collects what one answer needs, then makes it. Not for use by several threads."""

    def __init__(self, database: Database, caller: Caller, marks: Marks) -> None:
        self._database = database
        self.caller = caller
        self._marks = marks
        self._objects: dict[tuple[str, int], IObject] = {}
        self._pointers: list[Pointer] = []
        self._references: dict[tuple[str, int], IObject] = {}
        self._known_permissions: dict[tuple[object, ...], PermissionsI] = {}

    def load(self, entity: EntityType, ids: Iterable[int | None]) -> None:
        """Make the objects with these ids; those that are not there stay unknown."""
        root = entity.root
        wanted = [id_ for id_ in set(ids) if id_ is not None and (root, id_) not in self._objects]
        fresh: dict[str, dict[int, IObject]] = defaultdict(dict)
        rows = list(self._database.tuples_by_id(f'select * from "{root}" where id in ({{ids}})', wanted))
        marked = self._marks(self.caller, entity, {row[0]: row[OWNER_AND_GROUP] for row in rows})
        for row in rows:
            row_reader = reader(row[CLASS_COLUMN])
            made = row_reader.read(row, self._pointers)
            made._details = self._details(row_reader.entity, row, is_marked=row[0] in marked)
            self._objects[root, row[0]] = made
            fresh[row_reader.entity.name][row[0]] = made
        for name, objects in fresh.items():
            self._fill_named_values(MODEL.entity(name), objects)

    def object(self, root: str, id: int) -> IObject | None:
        """An object that was loaded."""
        return self._objects.get((root, id))

    def resolve(self) -> None:
        """Let references point to what was loaded, or to unloaded objects of their class. Call it last."""
        pointers, self._pointers = self._pointers, []
        self._make_references(pointers)
        for pointer in pointers:
            if pointer.id is not None:
                key = pointer.root, pointer.id
                pointer.holder[pointer.attribute] = self._objects.get(key) or self._references.get(key)

    def fill(self, field: Field, holder: IObject, elements: Iterable[IObject]) -> None:
        """Set a collection of a loaded object: it counts as loaded from now on, also when empty."""
        setattr(holder, field.attribute, list(elements))
        setattr(holder, field.loaded_attribute, True)

    # -- references

    def _make_references(self, pointers: list[Pointer]) -> None:
        missing: dict[str, set[int]] = defaultdict(set)
        for _, _, root, id_ in pointers:
            if id_ is not None and (root, id_) not in self._objects and (root, id_) not in self._references:
                missing[root].add(id_)
        for root, ids in missing.items():
            for id_, name in self._concrete_classes(MODEL.entity(root), ids):
                self._references[root, id_] = MODEL.entity(name).make(id_, loaded=False)

    def _concrete_classes(self, root: EntityType, ids: set[int]) -> Iterable[tuple[int, str]]:
        if len(root.subclasses) == 1:
            return [(id_, root.name) for id_ in ids]
        rows = self._database.tuples_by_id(f'select id, _class from "{root.name}" where id in ({{ids}})', ids)
        return [(row[0], row[1]) for row in rows]

    # -- named values

    def _fill_named_values(self, entity: EntityType, objects: dict[int, IObject]) -> None:
        fields = entity.of_kind(FieldKind.NAMED_VALUES)
        if not fields:
            return
        for made in objects.values():
            for field in fields:
                setattr(made, field.attribute, [])
        sql = (
            "select owner_id, field, name, value from named_value"
            f" where root = '{entity.root}' and owner_id in ({{ids}}) order by owner_id, field, position"
        )
        for owner_id, name, key, value in self._database.tuples_by_id(sql, objects):
            getattr(objects[owner_id], f"_{name}").append(NamedValue(key, value))

    # -- details

    def _details(self, entity: EntityType, row: tuple[Any, ...], *, is_marked: bool) -> DetailsI:
        owner, group, creation, update, external, bits = row[DETAILS_COLUMNS]
        details = DetailsI.__new__(DetailsI)
        state = vars(details)
        state.update(_EMPTY_DETAILS)
        own_bits = bits if entity.is_global else None
        state["_permissions"] = self._permissions(entity, owner, group, own_bits, is_marked=is_marked)
        point = self._pointers.append
        if external is not None:
            point(Pointer(state, "_externalInfo", "ExternalInfo", external))
        # Whether details have a group is how clients tell a user's object from the system's.
        if not entity.is_global:
            point(Pointer(state, "_owner", "Experimenter", owner))
            point(Pointer(state, "_group", "ExperimenterGroup", group))
            point(Pointer(state, "_creationEvent", "Event", creation))
            point(Pointer(state, "_updateEvent", "Event", update))
        return details

    def _permissions(
        self,
        entity: EntityType,
        owner: int | None,
        group: int | None,
        own_bits: int | None,
        *,
        is_marked: bool,
    ) -> PermissionsI:
        """Shared by all objects that the caller has the same rights on: clients cannot change them."""
        key = entity.name, owner, group, own_bits, is_marked
        found = self._known_permissions.get(key)
        if found is None:
            found = PermissionsI(self._bits(group) if own_bits is None else own_bits)
            found._restrictions = restrictions(self.caller, entity, owner, group)
            found._extendedRestrictions = [BINARY_ACCESS] if is_marked else []
            self._known_permissions[key] = found
        return found

    def _bits(self, group: int | None) -> int:
        rights = None if group is None else self.caller.groups.get(group)
        return _NO_GROUP_BITS if rights is None else rights.bits
