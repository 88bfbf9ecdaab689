"""Queries run and their rows made into objects."""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.hql.compiler import Attachment, Column, CompiledQuery, compile_query
from omero_irods_sandbox.omero_server.hql.errors import QueryError
from omero_irods_sandbox.omero_server.hql.paths import CLASS, TEXT
from omero_irods_sandbox.omero_server.hql.tree import Shape
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.model.values import wrap
from omero_irods_sandbox.omero_server.store.database import Database
from omero_irods_sandbox.omero_server.store.hydration import Hydrator

log = logging.getLogger(__name__)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """``rows`` hold objects and rtypes (None for null); ``labels`` are the names given by ``as``."""

    rows: list[list[Any]]
    labels: tuple[str | None, ...]
    shape: Shape

    @property
    def is_map(self) -> bool:
        return self.shape is Shape.MAP

    def objects(self) -> list[IObject]:
        """The first column."""
        return [row[0] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the answer is wanted."""

    limit: int | None = None
    offset: int | None = None

    def of(self, rows: list[Row]) -> list[Row]:
        start = self.offset or 0
        return rows[start:] if self.limit is None else rows[start : start + self.limit]


def run_query(
    database: Database, hydrator: Hydrator, text: str, parameters: Mapping[str, Any], page: Page
) -> QueryResult:
    """The answer to a query as the caller gets it whom ``hydrator`` makes objects for.

    Raises:
        ApiUsageException: the query is not understood; the message names it.
    """
    try:
        compiled = compile_query(text, parameters, hydrator.caller)
        with database.reading():
            return _answer(database, hydrator, compiled, page)
    except QueryError as error:
        raise api_usage(f"{error} [{text}]") from error
    except sqlite3.Error as error:
        log.warning("no answer to %s: %s", text, error)
        raise api_usage(f"could not be answered: {error} [{text}]") from error


def _answer(database: Database, hydrator: Hydrator, compiled: CompiledQuery, page: Page) -> QueryResult:
    rows = database.tuples(compiled.sql, compiled.bindings)
    kept = page.of(_without_repeated_roots(compiled, rows))
    wanted = _rows_of(compiled, rows, kept)
    for number, column in enumerate(compiled.columns):
        if isinstance(column.type, EntityType):
            hydrator.load(column.type, (row[number] for row in kept))
    for place, position in compiled.loads:
        hydrator.load(place.entity, (row[position] for row in wanted))
    for attachment in compiled.attachments:
        _attach(hydrator, attachment, wanted)
    hydrator.resolve()
    made = [
        [_value(hydrator, column, item) for column, item in zip(compiled.columns, row, strict=False)]
        for row in kept
    ]
    return QueryResult(made, tuple(column.label for column in compiled.columns), compiled.shape)


def _without_repeated_roots(compiled: CompiledQuery, rows: list[Row]) -> list[Row]:
    """A fetched collection repeats its owner; only the first counts, before the page is cut.

    Source: omero-wire.md, section 2.4: StringQuery always calls setMaxResults, so
    that Hibernate de-duplicates the roots in memory.
    """
    is_entity = len(compiled.columns) == 1 and isinstance(compiled.columns[0].type, EntityType)
    if not (is_entity and compiled.attachments):
        return rows
    return list({row[0]: row for row in reversed(rows)}.values())[::-1] if rows else rows


def _rows_of(compiled: CompiledQuery, rows: list[Row], kept: list[Row]) -> list[Row]:
    """All rows of the roots that are on the page."""
    if len(kept) == len(rows):
        return rows
    if len(compiled.columns) != 1:
        return kept
    roots = {row[0] for row in kept}
    return [row for row in rows if row[0] in roots]


def _attach(hydrator: Hydrator, attachment: Attachment, rows: list[Row]) -> None:
    """Fill a fetched collection of every parent in the answer, also of those that have no element."""
    elements: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        parent, element = row[attachment.parent], row[attachment.element]
        if parent is None:
            continue
        found = elements[parent]
        if element is not None and element not in found:
            position = None if attachment.position is None else row[attachment.position]
            found[element] = len(found) if position is None else position
    parent_root = attachment.fetch.parent.entity.root
    element_root = attachment.fetch.target.entity.root
    for parent, found in elements.items():
        holder = hydrator.object(parent_root, parent)
        if holder is None or not hasattr(holder, attachment.collection.attribute):
            continue  # not part of the answer, or a subclass without this collection
        ordered = sorted(found, key=lambda element: found[element])
        made = (hydrator.object(element_root, element) for element in ordered)
        hydrator.fill(attachment.collection, holder, [element for element in made if element is not None])


def _value(hydrator: Hydrator, column: Column, item: Any) -> Any:
    if column.type == CLASS:
        return None if item is None else wrap(TEXT, MODEL.entity(item).java_name)
    if not isinstance(column.type, EntityType):
        return wrap(column.type, item)
    return None if item is None else hydrator.object(column.type.root, item)
