"""Tables made from the model: one for each root class, with the columns of all its subclasses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind

VERSION: Final = 1
"""``pragma user_version`` of a database with these tables."""

_SYSTEM_COLUMNS: Final = {
    "_class": "text not null",
    "version": "integer not null default 0",
    "d_owner": "integer",
    "d_group": "integer",
    "d_creation": "integer",
    "d_update": "integer",
    "d_external": "integer",
    "d_permissions": "integer",
}

_TYPES: Final = {
    "RString": "text",
    "RInt": "integer",
    "RLong": "integer",
    "RBool": "integer",
    "RTime": "integer",
    "RDouble": "real",
    "RFloat": "real",
}

_UNIQUE: Final[dict[str, list[tuple[str, ...]]]] = {
    # psql-footer.vm and the mappings of omero-model; omero-semantics.md, section 6.
    "Experimenter": [("omeName",)],
    "ExperimenterGroup": [("name",)],
    "OriginalFile": [("repo", "path", "name")],
    "Session": [("uuid",)],
    "Well": [("plate_id", "row", "column")],
}

_NAMED_VALUES: Final = """
create table named_value(
    root text not null, owner_id integer not null, field text not null, position integer not null,
    name text, value text
);
create index named_value_owner on named_value(root, owner_id, field);
create index named_value_content on named_value(name, value);
create table password(user_id integer primary key, salt blob not null, hash blob not null);
create table setting(name text primary key, value text not null);
"""


def _columns_of(field: Field) -> dict[str, str]:
    if field.kind is FieldKind.SCALAR:
        return {field.column: _TYPES[field.target]}
    if field.kind is FieldKind.REFERENCE:
        return {field.column: "integer"}
    if field.kind is FieldKind.UNIT:
        return {field.name: "real", f"{field.name}_unit": "text"}
    if field.kind is FieldKind.BYTES:
        return {field.name: "blob"}
    if field.kind is FieldKind.STRINGS:
        return {field.name: "text"}
    return {}


def _columns(root: EntityType) -> dict[str, str]:
    columns = dict(_SYSTEM_COLUMNS)
    for name in root.subclasses:
        for field in MODEL.entity(name).fields.values():
            columns |= _columns_of(field)
    columns |= dict.fromkeys(MODEL.index_columns(root.name), "integer")
    columns |= dict.fromkeys(MODEL.extra_columns(root.name), "text")
    return columns


ROOTS: Final = tuple(entity for entity in MODEL.entities if entity.root == entity.name)

COLUMNS: Final = {root.name: ("id", *_columns(root)) for root in ROOTS}
"""The columns of each table, in order."""


def ddl() -> Iterator[str]:
    """Statements that make all tables and indexes."""
    yield _NAMED_VALUES
    for root in ROOTS:
        columns = ", ".join(f'"{name}" {type_}' for name, type_ in _columns(root).items())
        # AUTOINCREMENT: the id of something deleted is never given again, as from a sequence.
        yield f'create table "{root.name}"(id integer primary key autoincrement, {columns});'
        for number, unique in enumerate(_unique_columns(root)):
            listed = ", ".join(f'"{name}"' for name in unique)
            yield f'create unique index "{root.name}_unique_{number}" on "{root.name}"({listed});'
        for column in _indexed_columns(root):
            yield f'create index "{root.name}_{column}" on "{root.name}"("{column}");'


def _unique_columns(root: EntityType) -> list[tuple[str, ...]]:
    unique = [*_UNIQUE.get(root.name, ())]
    if root.is_link:
        unique.append(("parent_id", "child_id", "d_owner"))
    if root.is_enumeration:
        unique.append(("value",))
    unique.append(("d_external",))
    return unique


def _indexed_columns(root: EntityType) -> list[str]:
    fields = [field for name in root.subclasses for field in MODEL.entity(name).of_kind(FieldKind.REFERENCE)]
    return sorted({field.column for field in fields})
