"""Files that belong to a set that OMERO has without them: they are left, and not imported as half a set.

What is found here may also be a set whose scan broke off between the AVUs of its members: OMERO knows that
(:func:`importing.is_imported`).
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.ingest import FileSet, LateMember, SetRule
from omero_irods_bridge.model.stored import DataObject, name_of, parent_of
from omero_irods_bridge.operations.ingesting.grouping import ReadReferences
from omero_irods_bridge.operations.ingesting.references import COMPANION, PATTERN

_RETRY: Final = "omero-irods ingest retry"


@dataclass(slots=True)
class Latecomers:
    """Tells late members from sets.

    ``filesets`` are those of what was ingested, by path, also of what has changed since; ``released`` is what
    was deleted in OMERO, ``candidates`` what would be imported, ``apart`` the AVU by which people ask for it.
    """

    present: Mapping[str, DataObject]
    rules: Sequence[SetRule]
    references: ReadReferences
    filesets: Mapping[str, int]
    released: AbstractSet[str]
    candidates: AbstractSet[str]
    apart: str
    _openers: dict[SetRule, dict[str, str]] = field(default_factory=dict)
    _named: dict[str, dict[str, str]] = field(default_factory=dict)
    _lists: dict[str, list[str]] | None = None

    def late(self, files: FileSet) -> LateMember | None:
        """Why a set is only a part of one; none when it is whole. May read heads of files that name others.

        Content that was written over counts as the set that it was, when all of that comes again.
        """
        new = [one.path for one in files.members if one.path in self.candidates]
        before = {self.filesets[path] for path in new if path in self.filesets}
        for one in files.members:
            if one.path not in self.candidates and self.filesets.get(one.path, None) not in {None, *before}:
                return self._late(new, one.path, is_whole=False)
        other = self._left_out(before, files) or self._claimed_by(new, files)
        return self._late(new, other, is_whole=True) if other else None

    def _left_out(self, filesets: AbstractSet[int], files: FileSet) -> str:
        """Another file of these filesets; "" when the set has all of them."""
        if not filesets:
            return ""
        mine = {one.path for one in files.members}
        others = (path for path, one in self.filesets.items() if one in filesets and path not in mine)
        return min(others, default="")

    def _claimed_by(self, new: Sequence[str], files: FileSet) -> str:
        if not any(fnmatchcase(name_of(files.path), rule.open) for rule in self.rules):
            for path in new:
                opened = next(self._by_rules(path), "")
                if opened:
                    return opened
        return self._named_in(parent_of(files.path)).get(files.path, "") if len(files.members) == 1 else ""

    # -- by the rules of the settings

    def _by_rules(self, path: str) -> Iterator[str]:
        for rule in self.rules:
            if not rule.series and fnmatchcase(name_of(path), rule.members):
                yield from self._opened(rule, parent_of(path))

    def _opened(self, rule: SetRule, collection: str) -> Iterator[str]:
        if rule not in self._openers:
            fit = (path for path in self._settled() if fnmatchcase(name_of(path), rule.open))
            self._openers[rule] = {parent_of(path): path for path in fit}
        while collection != "/":
            if collection in self._openers[rule]:
                yield self._openers[rule][collection]
            collection = parent_of(collection) if rule.below else "/"

    def _settled(self) -> Iterator[str]:
        yield from (path for path in (*self.filesets, *self.released) if path not in self.candidates)

    # -- by what files say

    def _named_in(self, collection: str) -> Mapping[str, str]:
        """By which companion or pattern file that is no news a file of this collection is named."""
        if collection not in self._named:
            named = {
                f"{collection}/{name}": path
                for path in self._naming().get(collection, ())
                for name in self._names(path)
            }
            self._named[collection] = named
        return self._named[collection]

    def _naming(self) -> Mapping[str, Sequence[str]]:
        if self._lists is None:
            self._lists = defaultdict(list)
            for path in self._settled():
                if path.lower().endswith((COMPANION, PATTERN)):
                    self._lists[parent_of(path)].append(path)
        return self._lists

    def _names(self, path: str) -> Sequence[str]:
        try:
            return self.references(self.present[path])
        except BridgeError as error:
            if error.retryable:
                raise
            return ()

    # -- what is said

    def _late(self, news: Sequence[str], other: str, *, is_whole: bool) -> LateMember:
        path = news[0]
        collection = shlex.quote(parent_of(path))
        if other in self.filesets:
            message = (
                f"{path} belongs to Fileset:{self.filesets[other]} that is already in OMERO, with {other}."
            )
            hint = (
                f"To have one set of all, delete that in OMERO and, a scan later, run: {_RETRY} {collection}"
            )
        else:
            message = f"{path} belongs to a set that somebody has deleted in OMERO, with {other}."
            hint = f"To have one set of all run: {_RETRY} {collection}"
        if is_whole:
            hint += f"; to have it by itself set {self.apart} on it, and run that too."
        return LateMember(message, hint=hint, news=news, is_whole=is_whole)
