"""Paths like ``i.pixels.sizeX`` looked up in a scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.places import (
    DetailsPlace,
    EntityPlace,
    PairsPlace,
    Place,
    Scope,
    details_column,
    field_of,
)
from omero_irods_sandbox.omero_server.hql.tree import Path
from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind

ValueType: TypeAlias = str | EntityType
"""The name of an RType, or the entity whose id it is."""

BOOLEAN: Final = "RBool"
TEXT: Final = "RString"
LONG: Final = "RLong"
INTEGER: Final = "RInt"
DOUBLE: Final = "RDouble"
CLASS: Final = "class"
"""The class of an object: kept as ``Image``, answered as ``ome.model.core.Image`` (EntityType.java_name)."""


@dataclass(frozen=True, slots=True)
class Translated:
    """SQL for an expression and the type of its value."""

    sql: str
    type: ValueType


def column_of(scope: Scope, path: Path) -> Translated:
    """The value that a path stands for: a column, an entity's id, or a class by its name.

    Raises:
        QueryError: it stands for nothing, or for a collection.
    """
    start, parts = _start(scope, path)
    if start is None:
        return _class_name(path)
    if not parts:
        return _place_itself(start, path)
    return _walk(scope, start, parts)


def entity_of(scope: Scope, path: Path) -> EntityPlace | None:
    """The entity that a path leads to, joined to the query; None when it leads to something else."""
    start, parts = _start(scope, path)
    if not isinstance(start, EntityPlace):
        return None
    place: EntityPlace | DetailsPlace = start
    for part in parts:
        if part == "details" and isinstance(place, EntityPlace):
            place = DetailsPlace(place)
        elif _is_reference(place, part):
            place = scope.follow(place, part)
        else:
            return None
    return place if isinstance(place, EntityPlace) else None


def collection_of(scope: Scope, path: Path) -> tuple[EntityPlace, Field]:
    """Whose collection, and which, a path means.

    Raises:
        QueryError: it means none.
    """
    parent = entity_of(scope, Path(path.parts[:-1])) if len(path.parts) > 1 else None
    if parent is None and len(scope.roots) == 1 and len(path.parts) == 1:
        parent = scope.roots[0]
    if parent is not None:
        found = field_of(parent.entity, path.parts[-1])
        if found.kind in (FieldKind.COLLECTION, FieldKind.NAMED_VALUES):
            return parent, found
    raise QueryError(f"{path} is no collection")


def _start(scope: Scope, path: Path) -> tuple[Place | None, tuple[str, ...]]:
    """Where a path begins, and the rest of it; without an alias it is a property of a root of the query."""
    place = scope.find(path.parts[0])
    if place is not None:
        return place, path.parts[1:]
    for root in scope.roots:
        if path.parts[0] in ("id", "details", "version", "class") or MODEL.field(root.entity, path.parts[0]):
            return root, path.parts
    return None, path.parts


def _class_name(path: Path) -> Translated:
    try:
        return Translated(f"'{MODEL.entity(str(path)).name}'", TEXT)
    except UnknownEntity:
        raise QueryError(f"{path} is no alias, no property and no class") from None


def _place_itself(place: Place, path: Path) -> Translated:
    if isinstance(place, EntityPlace):
        return Translated(f"{place.alias}.id", place.entity)
    if isinstance(place, PairsPlace):
        raise QueryError(f"{path} is a pair: ask for its name or its value")
    raise QueryError(f"{path} has no value")


def _walk(scope: Scope, start: Place, parts: tuple[str, ...]) -> Translated:
    place = start
    for number, part in enumerate(parts):
        rest = parts[number + 1 :]
        if isinstance(place, EntityPlace) and part == "details":
            place = DetailsPlace(place)
        elif isinstance(place, PairsPlace):
            return _pair_part(place, part, rest)
        elif rest in ((), ("id",)) or not _is_reference(place, part):
            return _last(place, part, rest)
        else:
            place = scope.follow(place, part)
    raise QueryError("details have no value")


def _is_reference(place: EntityPlace | DetailsPlace, part: str) -> bool:
    if isinstance(place, DetailsPlace):
        details_column(place, part)
        return True
    found = MODEL.field(place.entity, part)
    return found is not None and found.kind is FieldKind.REFERENCE


def _pair_part(place: PairsPlace, part: str, rest: tuple[str, ...]) -> Translated:
    if part not in ("name", "value") or rest:
        raise QueryError(f"could not resolve property: {part} of a named value")
    return Translated(f"{place.alias}.{part}", TEXT)


def _last(place: EntityPlace | DetailsPlace, part: str, rest: tuple[str, ...]) -> Translated:
    """A property at the end of a path; references may have ``.id`` behind it, units ``.value``."""
    if isinstance(place, DetailsPlace):
        column, target = details_column(place, part)
        return Translated(column, LONG if rest else MODEL.entity(target))
    if part in _SYSTEM and not rest:
        return Translated(f"{place.alias}.{_SYSTEM[part][0]}", _SYSTEM[part][1])
    field = field_of(place.entity, part)
    if field.kind is FieldKind.REFERENCE:
        return Translated(place.column(field.column), LONG if rest else MODEL.entity(field.target))
    if field.kind is FieldKind.UNIT:
        return _unit_part(place, field, rest)
    if field.kind is FieldKind.SCALAR and not rest:
        return Translated(place.column(field.column), field.target)
    if field.kind is FieldKind.COLLECTION and rest == ("size",):
        return size_of(place, field)
    raise QueryError(f"{place.entity.name}.{'.'.join((part, *rest))} has no single value")


_SYSTEM: Final = {"id": ("id", LONG), "class": ("_class", CLASS), "version": ("version", INTEGER)}


def _unit_part(place: EntityPlace, field: Field, rest: tuple[str, ...]) -> Translated:
    if rest == ("unit",):
        return Translated(place.column(f"{field.name}_unit"), TEXT)
    if rest in ((), ("value",)):
        return Translated(place.column(field.name), DOUBLE)
    raise QueryError(f"could not resolve property: {'.'.join(rest)} of: {field.target}")


def size_of(parent: EntityPlace, field: Field) -> Translated:
    """How many elements a collection has."""
    if field.kind is FieldKind.NAMED_VALUES:
        condition = (
            f"e.root = '{parent.entity.root}' and e.field = '{field.name}' and e.owner_id = {parent.alias}.id"
        )
        return Translated(f"(select count(*) from named_value e where {condition})", LONG)
    return Translated(f"(select count(*) {_elements(parent, field)})", LONG)


def elements_of(parent: EntityPlace, field: Field) -> str:
    """A subquery for the ids of a collection's elements."""
    if field.kind is not FieldKind.COLLECTION:
        raise QueryError(f"{field.name} has no objects in it")
    return f"(select e.id {_elements(parent, field)})"


def _elements(parent: EntityPlace, field: Field) -> str:
    table = MODEL.entity(field.target).root
    return f'from "{table}" e where e."{field.inverse}_id" = {parent.alias}.id'
