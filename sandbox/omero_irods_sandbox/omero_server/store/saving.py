"""Merging objects into the database, as Hibernate does for OMERO (omero-semantics.md, section 6).

An unloaded object is a reference. A loaded one without an id is inserted, one with an id updated, and
only what differs counts as a change. A collection that is not loaded is left alone; a
loaded one says what shall be in it. References are followed first, collections when all that
was reached through references has its row.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omero.rtypes import rlong

from omero_irods_sandbox.omero_server.errors import api_usage, optimistic_lock, security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.model.values import to_columns
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.store import ownership
from omero_irods_sandbox.omero_server.store.collections import Collections, Pending, Placement
from omero_irods_sandbox.omero_server.store.constraints import broken, check_required, check_values, defaults
from omero_irods_sandbox.omero_server.store.links import Owned, check_link, owned

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.store.hydration import Hydrator
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

_PLAIN = (FieldKind.SCALAR, FieldKind.UNIT, FieldKind.BYTES, FieldKind.STRINGS)


@dataclass(frozen=True, slots=True)
class Saved:
    """An object given by the client and the row it has become; keeping it keeps its ``id()`` unique."""

    obj: IObject
    entity: EntityType
    id: int


class Saver:
    """Saves one graph of objects within a unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work
        self.database = work.database
        self.caller = work.caller
        self._saved: dict[int, Saved] = {}
        self._managed: set[tuple[str, int]] = set()
        self._proxies: set[tuple[str, int]] = set()
        self._pending: deque[Pending] = deque()
        self._unplaced: list[tuple[EntityType, int, str]] = []
        self._collections = Collections(self)

    def save(self, objects: Sequence[IObject]) -> list[int]:
        """Merge all; their ids in the order given."""
        ids = [self._merge_given(obj) for obj in objects]
        while self._pending:
            self._collections.save(self._pending.popleft())
        self._check_placed()
        return ids

    def _merge_given(self, obj: IObject) -> int:
        """Merge one that stands in the list itself.

        UpdateImpl.internalMerge of omero-server takes it for gone when Hibernate has met its id before in
        another object: it compares the ids by reference. Ids up to 127 pass in Java; here none does.
        """
        is_changed = obj.isLoaded() and obj.id is not None and id(obj) not in self._saved
        if is_changed and (MODEL.entity_of(obj).root, obj.id.val) in self._proxies:
            raise validation("object no longer exists in database")
        return self.merge(obj)

    def _note_proxy(self, entity: EntityType, id_: int | None) -> None:
        """Hibernate makes a proxy for what is referred to, unless the object is there already."""
        if id_ is not None and (entity.root, id_) not in self._managed:
            self._proxies.add((entity.root, id_))

    def _note_update(self, entity: EntityType, obj: IObject, row: sqlite3.Row) -> None:
        if (entity.root, row["id"]) not in self._proxies:
            self._managed.add((entity.root, row["id"]))
        for field in entity.of_kind(FieldKind.REFERENCE):
            self._note_proxy(MODEL.entity(field.target), row[field.column])
        for field in entity.of_kind(FieldKind.COLLECTION):
            for one in getattr(obj, field.attribute) or []:
                if one is not None and not one.isLoaded():
                    self._note_proxy(MODEL.entity(field.target), one.id.val)

    def merge(self, obj: IObject, placement: Placement | None = None) -> int:
        """The id of an object, which is inserted, updated or referred to. ``placement``: its list."""
        known = self._saved.get(id(obj))
        if known is not None:
            return known.id
        entity = MODEL.entity_of(obj)
        if not obj.isLoaded():
            return self._refer(entity, obj)
        if entity.is_enumeration and obj.id is None:
            return self._enumeration(entity, obj)
        return (
            self._insert(entity, obj, placement) if obj.id is None else self._update(entity, obj, placement)
        )

    def _refer(self, entity: EntityType, obj: IObject) -> int:
        if obj.id is None:
            raise validation(f"an unloaded {entity.name} without an id refers to nothing")
        self.owned(entity, obj.id.val)
        self._note_proxy(entity, obj.id.val)
        self._remember(obj, entity, obj.id.val)
        return int(obj.id.val)

    def _enumeration(self, entity: EntityType, obj: IObject) -> int:
        """A value of an enumeration is known by its text; only administrators make new ones."""
        value = None if obj.value is None else obj.value.val
        found = self.database.value(f'select id from "{entity.root}" where value = ?', value)
        if found is None:
            return self._insert(entity, obj, None)
        self._remember(obj, entity, found)
        return int(found)

    def _remember(self, obj: IObject, entity: EntityType, id_: int) -> None:
        self._saved[id(obj)] = Saved(obj, entity, id_)

    def saved_ids(self, entity: EntityType) -> set[int]:
        """What of the entity's table this save has met so far."""
        return {saved.id for saved in self._saved.values() if saved.entity.root == entity.root}

    def owned(self, entity: EntityType, id_: int) -> Owned:
        """Owner and group of a row.

        Raises:
            ValidationException: there is none.
        """
        row = self.row(entity, id_)
        return owned(MODEL.entity(row["_class"]), row)

    def row(self, entity: EntityType, id_: int) -> sqlite3.Row:
        """Raises ValidationException when the row is not there."""
        row = self.database.row(f'select * from "{entity.root}" where id = ?', id_)
        if row is None:
            raise validation(f"No row with the given identifier exists: [{entity.java_name}#{id_}]")
        return row

    # -- new objects

    def _insert(self, entity: EntityType, obj: IObject, placement: Placement | None) -> int:
        self._check_group()
        ownership.check_creation(self.caller, entity, obj)
        check_values(entity, obj)
        owner_id, group_id = ownership.of_new(self.caller, obj)
        new_id = self.work.insert(entity.name, owner_id=owner_id, group_id=group_id)
        obj.id = rlong(new_id)
        self._remember(obj, entity, new_id)
        source = Owned(entity, new_id, owner_id, group_id)
        columns = self._plain_columns(entity, obj) | self._references(entity, obj, source, None)
        columns |= {name: value for name, value in defaults(entity).items() if columns[name] is None}
        columns |= {} if placement is None else placement.columns
        columns["d_external"] = self._external_info(obj)
        self._check_complete(entity, new_id, columns)
        self._write(entity, new_id, columns)
        self._save_named_values(entity, obj, new_id)
        self._pending += [
            Pending(obj, new_id, field, is_new=True) for field in entity.of_kind(FieldKind.COLLECTION)
        ]
        self.work.events.log("INSERT", entity, new_id)
        return new_id

    def _check_group(self) -> None:
        if self.caller.group_id == ALL_GROUPS and not self.caller.is_internal:
            raise api_usage("cannot save in all groups at once (omero.group is -1): choose one group")

    def _check_complete(self, entity: EntityType, id_: int, columns: dict[str, Any]) -> None:
        """Required values must be there; places in lists may still come from the list's owner."""
        later = {field.column for field in self._list_owners(entity) if columns.get(field.column) is None}
        check_required(entity, columns | dict.fromkeys(later, 0))
        self._unplaced += [(entity, id_, column) for column in later]

    def _list_owners(self, entity: EntityType) -> list[Field]:
        return [
            field for field in entity.of_kind(FieldKind.REFERENCE) if self._belongs_to_list(entity, field)
        ]

    def _belongs_to_list(self, entity: EntityType, field: Field) -> bool:
        """Only a list's owner writes the references back to it, except those of links (Property.java)."""
        return not entity.is_link and MODEL.ordered_inverse(entity, field)

    def _check_placed(self) -> None:
        for entity, id_, column in self._unplaced:
            field = next(field for field in entity.of_kind(FieldKind.REFERENCE) if field.column == column)
            if self.row(entity, id_)[column] is None and not field.is_nullable:
                raise validation(
                    f"not-null property references a null or transient value: {entity.java_name}.{field.name}"
                    f" (save it through the list of its {field.target})"
                )

    def _write(self, entity: EntityType, id_: int, columns: dict[str, Any]) -> None:
        try:
            self.database.update(entity.root, id_, **columns)
        except sqlite3.IntegrityError as error:
            raise broken(error) from error

    # -- known objects

    def _update(self, entity: EntityType, obj: IObject, placement: Placement | None) -> int:
        id_ = int(obj.id.val)
        row = self.row(entity, id_)
        self._remember(obj, entity, id_)
        self._note_update(entity, obj, row)
        source = owned(MODEL.entity(row["_class"]), row)
        columns = self._plain_columns(entity, obj) | self._references(entity, obj, source, row)
        columns |= {} if placement is None else placement.columns
        if obj.details is not None:
            columns["d_external"] = self._external_info(obj)
            columns |= ownership.of_known(self.caller, obj, source)
        changed = {name: value for name, value in columns.items() if row[name] != value}
        if changed or self._named_values_differ(entity, obj, id_):
            self._change(entity, obj, row, columns, changed)
        self._pending += [
            Pending(obj, id_, field, is_new=False)
            for field in entity.of_kind(FieldKind.COLLECTION)
            if getattr(obj, field.loaded_attribute)
        ]
        return id_

    def _change(
        self,
        entity: EntityType,
        obj: IObject,
        row: sqlite3.Row,
        columns: dict[str, Any],
        changed: dict[str, Any],
    ) -> None:
        id_ = row["id"]
        self._check_group()
        if not is_allowed(self.caller, Right.EDIT, entity, row["d_owner"], row["d_group"]):
            raise security_violation(f"Updating {entity.name}:{id_} is not permitted")
        _check_fresh(entity, obj, row)
        ownership.check_change(self.caller, entity, changed)
        check_values(entity, obj)
        check_required(entity, {name: row[name] for name in row.keys()} | columns)  # noqa: SIM118  # sqlite3.Row
        self.work.update(entity.name, id_, **changed)
        self._save_named_values(entity, obj, id_)
        self.work.events.log("UPDATE", entity, id_)

    # -- values

    def _plain_columns(self, entity: EntityType, obj: IObject) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        for field in entity.of_kind(*_PLAIN):
            columns |= to_columns(field, getattr(obj, field.attribute))
        return columns

    def _references(
        self, entity: EntityType, obj: IObject, source: Owned, before: sqlite3.Row | None
    ) -> dict[str, Any]:
        """The columns of references, which are saved on the way; new ones are checked."""
        columns: dict[str, Any] = {}
        for field in entity.of_kind(FieldKind.REFERENCE):
            referred = getattr(obj, field.attribute)
            target_id = None if referred is None else self.merge(referred)
            if self._belongs_to_list(entity, field):
                continue
            columns[field.column] = target_id
            if target_id is not None and (before is None or before[field.column] != target_id):
                check_link(self.caller, source, self.owned(MODEL.entity(field.target), target_id))
        return columns

    def _external_info(self, obj: IObject) -> int | None:
        info = None if obj.details is None else obj.details.externalInfo
        return None if info is None else self.merge(info)

    def _save_named_values(self, entity: EntityType, obj: IObject, id_: int) -> None:
        for field in entity.of_kind(FieldKind.NAMED_VALUES):
            self.work.named_values(entity.name, id_, field.name, _pairs(entity, field, obj))

    def _named_values_differ(self, entity: EntityType, obj: IObject, id_: int) -> bool:
        for field in entity.of_kind(FieldKind.NAMED_VALUES):
            given = _pairs(entity, field, obj)
            if given is not None and given != self._kept_pairs(entity, field, id_):
                return True
        return False

    def _kept_pairs(self, entity: EntityType, field: Field, id_: int) -> list[tuple[str, str]]:
        rows = self.database.rows(
            "select name, value from named_value where root = ? and owner_id = ? and field = ?"
            " order by position",
            entity.root,
            id_,
            field.name,
        )
        return [(row["name"], row["value"]) for row in rows]

    # -- the answer

    def saved_graph(self, objects: Sequence[IObject]) -> list[IObject]:
        """What was saved, read back: loaded where the objects given were."""
        hydrator = self.work.hydrator()
        loaded = [saved for saved in self._saved.values() if saved.obj.isLoaded()]
        for saved in loaded:
            hydrator.load(saved.entity, [saved.id])
        for saved in loaded:
            self._fill_collections(hydrator, saved)
        hydrator.resolve()
        found = [self._saved[id(obj)] for obj in objects]
        return [hydrator.object(saved.entity.root, saved.id) or saved.obj for saved in found]

    def _fill_collections(self, hydrator: Hydrator, saved: Saved) -> None:
        holder = hydrator.object(saved.entity.root, saved.id)
        for field in saved.entity.of_kind(FieldKind.COLLECTION):
            if holder is None or not getattr(saved.obj, field.loaded_attribute):
                continue
            elements = [
                self._saved[id(one)] for one in getattr(saved.obj, field.attribute) or [] if one is not None
            ]
            made = [hydrator.object(one.entity.root, one.id) or one.obj for one in elements]
            hydrator.fill(field, holder, made)


def _pairs(entity: EntityType, field: Field, obj: IObject) -> list[tuple[str, str]] | None:
    """Names and values as given; None when the list is null, which keeps what is there.

    Raises:
        ValidationException: a name or a value is null (NamedValue.java).
    """
    values = getattr(obj, field.attribute)
    if values is None:
        return None
    found = [(pair.name, pair.value) for pair in values if pair is not None]
    if any(name is None or value is None for name, value in found):
        raise validation(f"{entity.name}.{field.name}: a name and a value are both required")
    return found


def _check_fresh(entity: EntityType, obj: IObject, row: sqlite3.Row) -> None:
    """Refuse a change to what somebody else has changed since the client read it."""
    event = None if obj.details is None else obj.details.updateEvent
    if event is None or event.id is None or event.id.val == row["d_update"]:
        return
    raise optimistic_lock(
        f"{entity.name}:{row['id']} was changed by event {row['d_update']} after event {event.id.val};"
        " read it again"
    )
