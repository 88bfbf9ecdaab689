"""Which files make one fileset: by what they name in themselves, or by the rules of the settings."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from omero_irods_bridge.model.errors import BridgeError, Busy
from omero_irods_bridge.model.ingest import FileSet, IngestFailure, SetRule, Waiting, version_of
from omero_irods_bridge.model.stored import DataObject, name_of, parent_of
from omero_irods_bridge.operations.ingesting.opt_ins import is_in
from omero_irods_bridge.operations.ingesting.references import COMPANION, PATTERN, names_other_files
from omero_irods_bridge.operations.ingesting.series import Series

ReadReferences = Callable[[DataObject], Sequence[str]]
"""The names of the files that belong to a data object, in its collection; raises BridgeError."""

_MOST_SHOWN: Final = 3
_MOST_MISSING: Final = 1_000
"""That are remembered of those which one file names."""


@dataclass(slots=True)
class Groups:
    """What a pile of files makes: whole sets, halves that wait, and files that cannot be understood."""

    sets: list[FileSet] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    failed: list[IngestFailure] = field(default_factory=list)


def group(
    candidates: Iterable[DataObject],
    present: Mapping[str, DataObject],
    rules: Sequence[SetRule],
    references: ReadReferences,
) -> Groups:
    """Every candidate is in one set, waits, or failed.

    ``present`` are all objects of the tree by path, also those that are no candidates by themselves: a set
    takes them with it.
    """
    return _Grouping(list(candidates), present, rules, references).run()


class _Grouping:
    def __init__(
        self,
        candidates: list[DataObject],
        present: Mapping[str, DataObject],
        rules: Sequence[SetRule],
        references: ReadReferences,
    ) -> None:
        self._candidates, self._present = candidates, present
        self._rules, self._references = rules, references
        self._taken: set[str] = set()
        self._unknown: dict[str, str] = {}
        self._groups = Groups()
        self._paths = sorted(present)

    def run(self) -> Groups:
        for rule in self._rules:
            if rule.series:
                self._by_series(rule.series)
                continue
            for one in self._by_path():
                if fnmatchcase(name_of(one.path), rule.open) and one.path not in self._taken:
                    self._take([one, *self._members(one, rule)])
        self._by_references()
        for one in self._by_path():
            if one.path not in self._taken:
                self._take([one])
        return self._groups

    def _by_path(self) -> list[DataObject]:
        return sorted(self._candidates, key=lambda one: one.path)

    def _take(self, members: Sequence[DataObject]) -> None:
        self._taken |= {one.path for one in members}
        self._groups.sets.append(FileSet(tuple(members)))

    # -- by the rules of the settings

    def _members(self, opened: DataObject, rule: SetRule) -> list[DataObject]:
        collection = parent_of(opened.path)
        inside = self._inside(collection, below=rule.below)
        return [
            one
            for one in inside
            if one.path != opened.path
            and one.path not in self._taken
            and fnmatchcase(name_of(one.path), rule.members)
        ]

    def _inside(self, collection: str, *, below: bool) -> list[DataObject]:
        found = []
        for path in itertools.islice(self._paths, bisect_left(self._paths, f"{collection}/"), None):
            if not is_in(path, collection):
                break
            if below or parent_of(path) == collection:
                found.append(self._present[path])
        return found

    def _by_series(self, pattern: str) -> None:
        """Sets as a pattern of the settings says; one of which a file is missing waits."""
        series = Series(pattern)
        for one in self._by_path():
            names = [] if one.path in self._taken else series.of(name_of(one.path))
            if names:
                self._take_listed([f"{parent_of(one.path)}/{name}" for name in names])

    def _take_listed(self, paths: Sequence[str]) -> None:
        there = [path for path in paths if path in self._present]
        self._taken |= set(there)
        if len(there) < len(paths):
            self._wait(there[0], sorted(set(paths) - set(there)))
        else:
            self._groups.sets.append(FileSet(tuple(self._present[path] for path in paths)))

    # -- by what the files say

    def _by_references(self) -> None:
        """Files that name each other, in any direction, are one set."""
        named: dict[str, set[str]] = {}
        for one in self._by_path():
            if one.path not in self._taken and names_other_files(name_of(one.path)):
                names = self._read(one)
                if names:
                    named[one.path] = self._few({f"{parent_of(one.path)}/{name}" for name in names})
        known = {path: names for path, names in named.items() if parent_of(path) not in self._unknown}
        for paths in _connected(known):
            self._take_connected(paths, known)
        self._let_wait()

    def _let_wait(self) -> None:
        for one in self._by_path():
            reason = self._unknown.get(parent_of(one.path), "")
            if reason and one.path not in self._taken:
                self._taken.add(one.path)
                self._groups.waiting.append(Waiting(one.path, reason))

    def _few(self, paths: set[str]) -> set[str]:
        """Those that are there, and some that are not: ten bytes of a pattern stand for 100,000 names."""
        missing = sorted(paths - self._present.keys())
        return paths.difference(missing[_MOST_MISSING:])

    def _read(self, one: DataObject) -> Sequence[str]:
        is_list = _rank(one.path) == 0
        if is_list and (one.good is None or one.size == 0):
            self._hold(one)
            return ()
        try:
            return self._references(one)
        except BridgeError as error:
            if isinstance(error, Busy):
                self._hold(one)
                return ()
            if error.retryable:
                raise
            self._taken.add(one.path)
            self._groups.failed.append(IngestFailure(one.path, error, version_of(one)))
            return ()

    def _hold(self, one: DataObject) -> None:
        """What is beside it may belong to it: as long as nobody knows, all of that waits."""
        reason = f"{name_of(one.path)} says which files belong together, and cannot be read yet"
        self._unknown.setdefault(parent_of(one.path), reason)

    def _take_connected(self, paths: set[str], named: Mapping[str, set[str]]) -> None:
        missing = sorted(path for path in paths if path not in self._present)
        there = sorted(path for path in paths if path in self._present)
        opened = min(there, key=lambda path: (_rank(path), path not in named, path))
        self._taken |= set(there)
        if missing:
            self._wait(opened, missing)
            return
        members = [self._present[opened], *(self._present[path] for path in there if path != opened)]
        self._groups.sets.append(FileSet(tuple(members)))

    def _wait(self, opened: str, missing: Sequence[str]) -> None:
        shown = ", ".join(name_of(path) for path in missing[:_MOST_SHOWN])
        more = f" and {len(missing) - _MOST_SHOWN} more" if len(missing) > _MOST_SHOWN else ""
        self._groups.waiting.append(Waiting(opened, f"{shown}{more} of the same set is missing"))


def _rank(path: str) -> int:
    """OMERO opens a companion or pattern file, where there is one."""
    return 0 if path.lower().endswith((COMPANION, PATTERN)) else 1


def _connected(named: Mapping[str, set[str]]) -> list[set[str]]:
    """The parts of a graph that hang together."""
    beside: dict[str, set[str]] = defaultdict(set)
    for path, others in named.items():
        for other in others:
            beside[path].add(other)
            beside[other].add(path)
    found, seen = [], set[str]()
    for start in sorted(beside):
        if start not in seen:
            part = _reachable(start, beside)
            seen |= part
            found.append(part)
    return found


def _reachable(start: str, beside: Mapping[str, set[str]]) -> set[str]:
    part, pending = {start}, [start]
    while pending:
        for other in beside[pending.pop()] - part:
            part.add(other)
            pending.append(other)
    return part
