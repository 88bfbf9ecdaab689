"""Everything that OMERO knows of some objects, read breadth-first: class by class, in pages of ids.

Nothing but ids is kept. How many queries it takes depends on how many classes and pages there are: one for
the objects of a page, one for each collection that is followed from them. What others change meanwhile may be
seen or not: OMERO has no transaction that spans calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from omero.constants.metadata import NSINSIGHTTAGSET

from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.adapters.omero.reflection import (
    ModelClass,
    ModelCollection,
    class_of,
    is_concrete,
    root_of,
)
from omero_irods_bridge.adapters.omero.rows import id_of, key_of, to_row
from omero_irods_bridge.adapters.omero.scope import CARRIED_OF_PEOPLE, Depth, depth, followed
from omero_irods_bridge.adapters.omero.to_do import ToDo
from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.ports import Row

PAGE: Final = 1000
LARGE_PAGES: Final = {"Shape": 200, "Annotation": 500}
"""Root classes whose objects can be large: masks, XML. Links bring their annotations, asked for or not."""

_Lists: TypeAlias = dict[int, dict[str, list[str | None]]]
_ALWAYS: Final = frozenset({"@", "version", "details"})
_NAMED: Final = 10
"""Of what is missing: a range may name a million."""


class GraphReading:
    """One reading: :meth:`start`, :meth:`go_on` as long as something is added, then :meth:`finish`."""

    def __init__(
        self, queries: Queries, add: Callable[[Row], None], report: Report, cancel: CancelToken
    ) -> None:
        self._queries, self._add, self._report, self._cancel = queries, add, report, cancel
        self._whole, self._rows = ToDo(), ToDo()
        self._is_whole = True
        self._done = 0
        self._missing: list[str] = []

    def start(self, objects: Sequence[ObjectRef]) -> None:
        """Let these objects be read.

        Raises:
            NotFound: some are not there; the first of them are named.
        """
        missing = []
        for kind, ids in _by_kind(objects).items():
            there = self._existing(kind, ids)
            missing += [f"{kind}:{id_}" for id_ in ids if id_ not in there]
            self._whole.add_all(kind, ids)
        if missing:
            more = len(missing) - _NAMED
            others = f" and {more:,} more" if more > 0 else ""
            raise NotFound(
                f"OMERO has no {', '.join(missing[:_NAMED])}{others} that you may see.",
                hint="Check the ids, and whether you are in the group that they are in.",
            )

    def add_whole(self, root: str, id_: int) -> None:
        """Let another object be read, with all that belongs to it."""
        self._whole.add(root, id_)

    def images(self) -> frozenset[int]:
        """Ids of the images that were met so far."""
        return self._whole.met("Image")

    def go_on(self) -> None:
        """Read all that was added, and what belongs to it."""
        while (root := self._whole.fullest()) is not None:
            self._read_page(root, self._whole.take(root, _page_of(root)))

    def finish(self) -> None:
        """Read the rows that others refer to. They are last: what turned out to be whole is there by now."""
        self._is_whole = False
        while (root := self._rows.fullest()) is not None:
            ids = self._rows.take(root, PAGE)
            ids = [id_ for id_ in ids if not self._whole.has_met(root, id_)]
            if ids:
                self._read_page(root, ids)
        if self._missing:
            few = ", ".join(self._missing[:10]) + (", ..." if len(self._missing) > 10 else "")
            self._report(
                Notice(f"{len(self._missing)} objects that others refer to cannot be seen by you: {few}")
            )

    # -- a page

    def _read_page(self, root: str, ids: Sequence[int]) -> dict[int, str]:
        """Hand over the objects with these ids; their keys."""
        self._cancel.check()
        objects = self._queries.objects(root, ids)
        lists = self._follow(root, objects) if self._is_whole else {}
        for obj in objects:
            self._emit(obj, lists.get(id_of(obj), {}))
        self._note_missing(root, ids, objects)
        self._done += len(objects)
        self._report(Progress(items_done=self._done))
        return {id_of(obj): key_of(obj) for obj in objects}

    def _emit(self, obj: Any, lists: Mapping[str, list[str | None]]) -> None:
        model = class_of(obj)
        obj.unloadCollections()  # they are asked for apart, whatever the server loads unasked
        row = to_row(obj, lambda field, target_class, target: self._meet(model, field, target_class, target))
        carried = CARRIED_OF_PEOPLE.get(model.name)
        if carried is not None:
            row = {name: value for name, value in row.items() if name in carried or name in _ALWAYS}
        row.update(lists)
        sets = _followed_sets(model) if self._is_whole else ()
        if sets:
            row["@sets"] = list(sets)
        self._add(row)

    def _meet(self, model: ModelClass, field: str, target_class: ModelClass, target: Any) -> None:
        how = depth(model, field, target_class.root)
        if how is Depth.NAME:
            return
        is_whole = how is Depth.WHOLE and self._is_whole
        (self._whole if is_whole else self._rows).add(target_class.root, id_of(target))

    def _note_missing(self, root: str, ids: Sequence[int], objects: Sequence[Any]) -> None:
        if len(objects) < len(ids):
            there = {id_of(obj) for obj in objects}
            self._missing += [f"{root}:{id_}" for id_ in ids if id_ not in there]

    # -- collections

    def _follow(self, root: str, objects: Sequence[Any]) -> _Lists:
        """Let what is in the collections of objects be read; their lists by owner."""
        lists: _Lists = defaultdict(dict)
        for collection, ids in _owners(objects).items():
            if collection.is_ordered:
                self._follow_list(root, collection, ids, lists)
            else:
                self._whole.add_all(root_of(collection.element), self._queries.set_members(collection, ids))
        if root == "Annotation":
            self._follow_tag_sets(objects)
        return lists

    def _follow_list(self, root: str, collection: ModelCollection, ids: Sequence[int], lists: _Lists) -> None:
        places: dict[int, dict[int, int]] = {id_: {} for id_ in ids}
        for owner, place, element in self._queries.list_members(root, collection, ids):
            places[owner][place] = element
        members = [element for elements in places.values() for element in elements.values()]
        keys = self._member_keys(collection.element, members)
        for owner, elements in places.items():
            length = max(elements, default=-1) + 1
            lists[owner][collection.name] = [keys.get(elements.get(place, -1)) for place in range(length)]

    def _member_keys(self, element: str, ids: Sequence[int]) -> dict[int, str]:
        """Keys of what is in lists; of an abstract class only the objects themselves tell which they are."""
        if is_concrete(element):
            self._whole.add_all(element, ids)
            return {id_: f"{element}:{id_}" for id_ in ids}
        keys: dict[int, str] = {}
        for page in _pages(ids, _page_of(element)):
            fresh = self._whole.take_now(element, page)
            keys |= self._read_page(element, fresh) if fresh else {}
            known = [id_ for id_ in page if id_ not in keys]
            keys |= (
                {id_of(obj): key_of(obj) for obj in self._queries.objects(element, known)} if known else {}
            )
        return keys

    def _follow_tag_sets(self, objects: Iterable[Any]) -> None:
        tags = [id_of(obj) for obj in objects if class_of(obj).name == "TagAnnotation"]
        if tags:
            links = self._queries.tag_set_links(tags, NSINSIGHTTAGSET)
            self._whole.add_all("AnnotationAnnotationLink", links)

    def _existing(self, kind: str, ids: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for page in _pages(ids, PAGE):
            self._cancel.check()
            found |= self._queries.existing(kind, page)
        return found


def _by_kind(objects: Iterable[ObjectRef]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for one in dict.fromkeys(objects):
        found[one.kind.value].append(one.id)
    return found


def _page_of(root: str) -> int:
    return LARGE_PAGES.get("Annotation" if root.endswith("AnnotationLink") else root, PAGE)


def _pages(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _owners(objects: Iterable[Any]) -> dict[ModelCollection, list[int]]:
    """Which objects have each of the collections that are followed."""
    found: dict[ModelCollection, list[int]] = defaultdict(list)
    for obj in objects:
        for collection in followed(class_of(obj)):
            found[collection].append(id_of(obj))
    return found


@cache
def _followed_sets(model: ModelClass) -> tuple[str, ...]:
    return tuple(one.name for one in followed(model) if not one.is_ordered)
