"""The few shapes of HQL that reading a graph takes, in all groups that the user may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import Ice
import omero
import omero.clients
import omero.sys
from omero.rtypes import rlist, rlong, rstring

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.reflection import ModelCollection

ROWS_AT_ONCE: Final = 20_000
"""Of a projection: so many take about 1 MiB in a message, and 20 MiB in omero-py."""


class Queries:
    """Asks IQuery. Lists of ids must not be empty: HQL has no ``in ()``."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._service = connection.session.getQueryService()
        self._context = connection.all_groups()

    def existing(self, kind: str, ids: Sequence[int]) -> set[int]:
        """Those ids of ``ids`` that this user may see an object of."""
        rows = self._project(f"select o.id from {kind} o where o.id in (:ids)", _parameters(ids))
        return {row[0].val for row in rows}

    def objects(self, root: str, ids: Sequence[int]) -> list[Any]:
        """Objects with their values, and references that are not loaded; what is not there is left out.

        What does not fit into a message comes in several.
        """
        text = f"select o from {root} o where o.id in (:ids)"
        try:
            found: list[Any] = self._service.findAllByQuery(text, _parameters(ids), self._context)
        except (Ice.MemoryLimitException, Ice.UnknownLocalException) as error:
            if len(ids) == 1 or not _is_too_large(error):
                raise
            middle = len(ids) // 2
            return self.objects(root, ids[:middle]) + self.objects(root, ids[middle:])
        return found

    def set_members(self, collection: ModelCollection, owners: Sequence[int]) -> Iterator[int]:
        """Ids of what is in a set of any of the owners."""
        text = f"select e.id from {collection.element} e where e.{collection.inverse}.id in (:ids)"
        for row in self._in_parts(text, owners):
            yield row[-1].val

    def list_members(
        self, root: str, collection: ModelCollection, owners: Sequence[int]
    ) -> Iterator[tuple[int, int, int]]:
        """Owner, place and id of what is in a list of any of the owners."""
        text = f"select o.id, index(e), e.id from {root} o join o.{collection.name} e where o.id in (:ids)"
        for row in self._in_parts(text, owners):
            yield row[0].val, row[1].val, row[2].val

    def tag_set_links(self, tags: Sequence[int], namespace: str) -> Iterator[int]:
        """Ids of the links that put tags into tag sets: these are annotated with what is in them."""
        text = "select e.id from AnnotationAnnotationLink e where e.child.id in (:ids) and e.parent.ns = :ns"
        for row in self._in_parts(text, tags, ns=rstring(namespace)):
            yield row[-1].val

    def files_of_annotations(self, namespace: str) -> Iterator[tuple[int, int]]:
        """Annotation and file of all file annotations of a namespace that the user may see."""
        text = "select e.file.id, e.id from FileAnnotation e where e.ns = :ns"
        for row in self._in_parts(text, (), ns=rstring(namespace)):
            yield row[1].val, row[0].val

    # -- asking

    def _in_parts(self, text: str, ids: Sequence[int], **values: Any) -> Iterator[list[Any]]:
        """All rows of a projection, some at a time by the id of ``e``, which is the last column."""
        after = -1
        while True:
            parameters = _parameters(ids, after=rlong(after), **values)
            parameters.page(0, ROWS_AT_ONCE)
            rows = self._project(f"{text} and e.id > :after order by e.id", parameters)
            yield from rows
            if len(rows) < ROWS_AT_ONCE:
                return
            after = rows[-1][-1].val

    def _project(self, text: str, parameters: Any) -> list[list[Any]]:
        found: list[list[Any]] = self._service.projection(text, parameters, self._context)
        return found


def _is_too_large(error: Exception) -> bool:
    """The router tells of its own limit (Ice.MessageSizeMax in OMERO's templates.xml, 64 MiB) as unknown."""
    return "MemoryLimitException" in getattr(error, "unknown", type(error).__name__)


def _parameters(ids: Sequence[int], **values: Any) -> Any:
    made = omero.sys.ParametersI()
    if ids:
        made.add("ids", rlist([rlong(one) for one in ids]))
    for name, value in values.items():
        made.add(name, value)
    return made
