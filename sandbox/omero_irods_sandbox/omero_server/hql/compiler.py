"""From a query to one SQL statement and what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from omero_irods_sandbox.omero_server.hql.bindings import Bindings
from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.functions import AGGREGATES
from omero_irods_sandbox.omero_server.hql.parser import parse
from omero_irods_sandbox.omero_server.hql.paths import Translated, ValueType, entity_of
from omero_irods_sandbox.omero_server.hql.places import DetailsPlace, EntityPlace, Fetch, Scope, field_of
from omero_irods_sandbox.omero_server.hql.translation import Translator
from omero_irods_sandbox.omero_server.hql.tree import (
    Call,
    Join,
    Order,
    Path,
    Query,
    Range,
    Selected,
    Shape,
)
from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind
from omero_irods_sandbox.omero_server.security.caller import Caller


@dataclass(frozen=True, slots=True)
class Column:
    """One item of the answer: an RType by name, or an entity by its id; ``label`` as ``as`` gave it."""

    type: ValueType
    label: str | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where in a row a fetched collection's parent, element and position stand (None: no list)."""

    fetch: Fetch
    collection: Field
    parent: int
    element: int
    position: int | None


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """``columns`` come first in each row; behind them the ids that ``join fetch`` wants loaded."""

    sql: str
    bindings: tuple[object, ...]
    columns: tuple[Column, ...]
    shape: Shape
    loads: tuple[tuple[EntityPlace, int], ...]
    """What is fetched, and where in a row its id stands."""
    attachments: tuple[Attachment, ...]


def compile_query(text: str, parameters: Mapping[str, Any], caller: Caller) -> CompiledQuery:
    """Translate a query for a caller: what he may not read is not in the answer.

    Raises:
        QueryError: it is not understood, or a parameter is missing.
    """
    query = parse(text)
    scope = Scope(caller, Bindings(parameters))
    try:
        return _Compiler(scope).compile(query)
    except RecursionError:
        raise QueryError("it is nested too deep") from None


class _Compiler:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._translator = Translator(scope, _compile_subquery)

    def compile(self, query: Query) -> CompiledQuery:
        selected, columns = self._selected(query)
        loads, attachments = self._fetched(selected)
        if not query.order_by and not _has_aggregate(query):
            tail = self._tail(query) + self._natural_order()
        else:
            tail = self._tail(query)
        sql = f"select {'distinct ' if query.is_distinct else ''}{', '.join(selected)} {tail}"
        return CompiledQuery(
            sql,
            tuple(self._scope.bindings.values),
            tuple(columns),
            query.shape,
            tuple(loads),
            tuple(attachments),
        )

    def compile_inner(self, query: Query) -> tuple[str, ValueType]:
        selected, columns = self._selected(query)
        if self._scope.fetches:
            raise QueryError("a subquery cannot fetch")
        sql = f"select {'distinct ' if query.is_distinct else ''}{', '.join(selected)} {self._tail(query)}"
        return sql, columns[0].type

    # -- from

    def _sources(self, query: Query) -> None:
        for source in query.sources:
            if isinstance(source, Range):
                self._range(source)
            else:
                self._join(source)

    def _range(self, source: Range) -> None:
        parts = source.entity.split(".")
        if len(parts) > 1 and isinstance(self._scope.find(parts[0]), EntityPlace):
            # "from Image i where exists (from i.pixels p)": ranging over an outer query's collection.
            raise QueryError(f"cannot range over {source.entity}")
        try:
            entity = MODEL.entity(source.entity)
        except UnknownEntity as error:
            raise QueryError(str(error)) from None
        self._scope.add_root(entity, source.alias)

    def _join(self, join: Join) -> None:
        kind = "left join" if join.is_left else "join"
        parent, part = self._parent_of(join.path)
        if isinstance(parent, DetailsPlace):
            place, conditions = self._scope.prepare_details_join(parent.of, part, join.alias)
            holder, field = parent.of, None
        else:
            holder, field = parent, field_of(parent.entity, part)
            if field.kind is FieldKind.NAMED_VALUES:
                self._join_pairs(parent, field, join, kind)
                return
            if field.kind not in (FieldKind.COLLECTION, FieldKind.REFERENCE):
                raise QueryError(f"cannot join {join.path}")
            place, conditions = self._scope.prepare_join(parent, field, join.alias)
        if join.condition is not None:
            conditions = [*conditions, self._translator.condition(join.condition)]
        self._scope.add_join(place, kind, conditions)
        self._note(join, holder, place, field)

    def _join_pairs(self, parent: EntityPlace, field: Field, join: Join, kind: str) -> None:
        """Named values always come with their object: to fetch them changes nothing but the rows.

        Those of a fetched object cannot be joined: a NullPointerException in QueryLoader of Hibernate 3.6.10.
        """
        if any(fetch.target is parent for fetch in self._scope.fetches):
            raise QueryError(f"cannot join {join.path}: its owner is fetched")
        if join.condition is not None:
            raise QueryError(f"join {join.path} with ... is not understood")
        if join.is_fetch and join.alias is None:
            return
        self._scope.join_pairs(parent, field, join.alias, kind)

    def _parent_of(self, path: Path) -> tuple[EntityPlace | DetailsPlace, str]:
        if len(path.parts) < 2:
            raise QueryError(f"path expected for join: {path}")
        if path.parts[-2] == "details":
            parent = entity_of(self._scope, Path(path.parts[:-2]))
            if parent is not None:
                return DetailsPlace(parent), path.parts[-1]
        place = entity_of(self._scope, Path(path.parts[:-1]))
        if place is None:
            raise QueryError(f"cannot join {path}: {'.'.join(path.parts[:-1])} is no entity")
        return place, path.parts[-1]

    def _note(self, join: Join, holder: EntityPlace, place: EntityPlace, field: Field | None) -> None:
        if join.is_fetch:
            is_collection = field is not None and field.kind is FieldKind.COLLECTION
            self._scope.fetches.append(Fetch(holder, place, field if is_collection else None))
        else:
            self._scope.joined.append(place)

    # -- select

    def _selected(self, query: Query) -> tuple[list[str], list[Column]]:
        self._sources(query)
        if query.selection:
            found = [self._item(item) for item in query.selection]
        else:
            places = [*self._scope.roots, *self._scope.joined]
            found = [(f"{place.alias}.id", Column(place.entity, None)) for place in places]
        return [sql for sql, _ in found], [column for _, column in found]

    def _item(self, item: Selected) -> tuple[str, Column]:
        place = entity_of(self._scope, item.expression) if isinstance(item.expression, Path) else None
        if place is not None:
            return f"{place.alias}.id", Column(place.entity, item.alias)
        translated: Translated = self._translator.translate(item.expression)
        return translated.sql, Column(translated.type, item.alias)

    def _fetched(self, selected: list[str]) -> tuple[list[tuple[EntityPlace, int]], list[Attachment]]:
        """Add the columns that fetching needs to ``selected``."""
        loads, attachments = [], []
        for fetch in self._scope.fetches:
            loads.append((fetch.target, len(selected)))
            selected.append(f"{fetch.target.alias}.id")
            if fetch.collection is not None:
                element, parent = len(selected) - 1, len(selected)
                selected.append(f"{fetch.parent.alias}.id")
                position = None
                if fetch.collection.is_ordered:
                    position = len(selected)
                    selected.append(fetch.target.column(f"{fetch.collection.inverse}_index"))
                attachments.append(Attachment(fetch, fetch.collection, parent, element, position))
        return loads, attachments

    # -- the rest

    def _tail(self, query: Query) -> str:
        """Everything behind the select list. Paths in it may still add joins, so FROM is written last."""
        conditions = list(self._scope.conditions)
        if query.where is not None:
            conditions.append(self._translator.condition(query.where))
        rest = ""
        if query.group_by:
            rest += f" group by {', '.join(self._translator.condition(item) for item in query.group_by)}"
        if query.having is not None:
            rest += f" having {self._translator.condition(query.having)}"
        if query.order_by:
            rest += f" order by {', '.join(map(self._order, query.order_by))}"
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return f"from {' '.join(self._scope.from_parts)}{where}{rest}"

    def _order(self, order: Order) -> str:
        # As PostgreSQL: null counts as greater than everything.
        direction = "desc nulls first" if order.is_descending else "nulls last"
        return f"{self._translator.condition(order.expression)} {direction}"

    def _natural_order(self) -> str:
        """PostgreSQL promises no order; always the same one makes for tests that can be repeated."""
        return f" order by {', '.join(f'{root.alias}.id' for root in self._scope.roots)}"


def _compile_subquery(query: Query, outer: Scope) -> tuple[str, ValueType]:
    scope = Scope(outer.caller, outer.bindings, outer)
    return _Compiler(scope).compile_inner(query)


def _has_aggregate(query: Query) -> bool:
    return bool(query.group_by) or any(_aggregates(item.expression) for item in query.selection)


def _aggregates(part: object) -> bool:
    """Whether an aggregate is in a part of an expression, other than in a query nested in it."""
    if isinstance(part, Query):
        return False
    if isinstance(part, Call) and part.name in AGGREGATES:
        return True
    if isinstance(part, tuple):
        return any(map(_aggregates, part))
    return is_dataclass(part) and any(_aggregates(getattr(part, one.name)) for one in fields(part))
