"""What the names of a query stand for, and the FROM clause that grows while they are looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from omero_irods_sandbox.omero_server.hql.bindings import Bindings
from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import readable_sql

DETAILS: Final = {
    "owner": ("d_owner", "Experimenter"),
    "group": ("d_group", "ExperimenterGroup"),
    "creationEvent": ("d_creation", "Event"),
    "updateEvent": ("d_update", "Event"),
    "externalInfo": ("d_external", "ExternalInfo"),
}
"""The parts of ``details``: column and class."""


@dataclass(frozen=True, slots=True)
class EntityPlace:
    """Rows of an entity's table under the name ``alias``; ``via``: the field they were joined through."""

    entity: EntityType
    alias: str
    via: Field | None = None

    def column(self, name: str) -> str:
        return f'{self.alias}."{name}"'


@dataclass(frozen=True, slots=True)
class DetailsPlace:
    """The details of what is at ``of``."""

    of: EntityPlace


@dataclass(frozen=True, slots=True)
class PairsPlace:
    """Rows of named values."""

    alias: str


Place: TypeAlias = EntityPlace | DetailsPlace | PairsPlace


@dataclass(frozen=True, slots=True)
class Fetch:
    """A ``join fetch``: ``target`` comes with its ``parent``; ``collection`` is None for a reference."""

    parent: EntityPlace
    target: EntityPlace
    collection: Field | None


@dataclass(slots=True)
class Scope:
    """The names of one query or subquery. Names that it does not know are looked up in ``outer``."""

    caller: Caller
    bindings: Bindings
    outer: Scope | None = None
    names: dict[str, Place] = field(default_factory=dict)
    roots: list[EntityPlace] = field(default_factory=list)
    joined: list[EntityPlace] = field(default_factory=list)
    """What was joined without fetch: without a select clause it is part of the answer."""
    from_parts: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    _implicit: dict[tuple[str, str], EntityPlace] = field(default_factory=dict)

    def find(self, name: str) -> Place | None:
        """What the alias ``name`` stands for here or in an outer query."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def add_root(self, entity: EntityType, name: str | None) -> EntityPlace:
        """Range over an entity."""
        place = EntityPlace(entity, self.bindings.new_alias())
        self._name(name or f"{entity.name.lower()}_{place.alias}", place)
        self.roots.append(place)
        self.from_parts.append(f'{"join " if self.from_parts else ""}"{entity.root}" {place.alias}')
        self.conditions += self.limits(place)
        return place

    def limits(self, place: EntityPlace) -> list[str]:
        """Conditions that keep the rows of the class, of those that the caller may read."""
        found = []
        if place.entity.root != place.entity.name:
            names = ", ".join(f"'{name}'" for name in place.entity.subclasses)
            found.append(f"{place.alias}._class in ({names})")
        readable = readable_sql(self.caller, place.entity, place.alias)
        return found if readable is None else [*found, readable]

    def _name(self, name: str, place: Place) -> None:
        if name in self.names:
            raise QueryError(f"duplicate alias {name}")
        self.names[name] = place

    # -- joining

    def join_pairs(self, parent: EntityPlace, through: Field, name: str | None, kind: str) -> PairsPlace:
        """Join the named values of a field."""
        place = PairsPlace(self.bindings.new_alias())
        self._name(name or through.name, place)
        self.from_parts.append(
            f"{kind} named_value {place.alias} on {place.alias}.root = '{parent.entity.root}'"
            f" and {place.alias}.field = '{through.name}' and {place.alias}.owner_id = {parent.alias}.id"
        )
        return place

    def prepare_join(
        self, parent: EntityPlace, through: Field, name: str | None
    ) -> tuple[EntityPlace, list[str]]:
        """A place for what ``through`` leads to, and what to join it on; it is not in the FROM clause yet."""
        place = EntityPlace(MODEL.entity(through.target), self.bindings.new_alias(), through)
        if name is not None:
            self._name(name, place)
        if through.kind is FieldKind.COLLECTION:
            on = f"{place.column(f'{through.inverse}_id')} = {parent.alias}.id"
        else:
            on = f"{place.alias}.id = {parent.column(through.column)}"
        return place, [on, *self.limits(place)]

    def prepare_details_join(
        self, parent: EntityPlace, part: str, name: str | None
    ) -> tuple[EntityPlace, list[str]]:
        """As :meth:`prepare_join`, for a part of ``details``."""
        column, target = _details_part(part)
        place = EntityPlace(MODEL.entity(target), self.bindings.new_alias())
        if name is not None:
            self._name(name, place)
        return place, [f"{place.alias}.id = {parent.column(column)}", *self.limits(place)]

    def add_join(self, place: EntityPlace, kind: str, conditions: list[str]) -> None:
        """Put a prepared place into the FROM clause."""
        self.from_parts.append(f'{kind} "{place.entity.root}" {place.alias} on {" and ".join(conditions)}')

    def follow(self, parent: EntityPlace | DetailsPlace, part: str) -> EntityPlace:
        """Where a reference leads that is used within a longer path: an inner join, made once."""
        alias = parent.alias if isinstance(parent, EntityPlace) else f"{parent.of.alias}.details"
        known = self._implicit.get((alias, part))
        if known is not None:
            return known
        if isinstance(parent, DetailsPlace):
            place, conditions = self.prepare_details_join(parent.of, part, None)
        else:
            place, conditions = self.prepare_join(parent, reference_field(parent.entity, part), None)
        self.add_join(place, "join", conditions)
        self._implicit[alias, part] = place
        return place


def _details_part(part: str) -> tuple[str, str]:
    if part not in DETAILS:
        raise QueryError(f"could not resolve property: {part} of details")
    return DETAILS[part]


def details_column(place: DetailsPlace, part: str) -> tuple[str, str]:
    """Column and class of a part of ``details``."""
    column, target = _details_part(part)
    return place.of.column(column), target


def field_of(entity: EntityType, name: str) -> Field:
    """A field of the entity or of one of its subclasses.

    Raises:
        QueryError: there is none.
    """
    found = MODEL.field(entity, name)
    if found is None:
        raise QueryError(f"could not resolve property: {name} of: {entity.name}")
    return found


def reference_field(entity: EntityType, name: str) -> Field:
    """As :func:`field_of`, and it must be a reference."""
    found = field_of(entity, name)
    if found.kind is not FieldKind.REFERENCE:
        raise QueryError(f"illegal attempt to go through {entity.name}.{name}, which is no reference")
    return found
