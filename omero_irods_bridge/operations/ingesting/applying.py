"""Carries out a plan, user by user: a bad set stops no other, a server that is away all of its user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.errors import BridgeError, Busy, Interrupted, StalePlan
from omero_irods_bridge.model.events import Notice, Progress, Step
from omero_irods_bridge.model.ingest import (
    Card,
    Existing,
    IngestDone,
    IngestFailure,
    IngestItem,
    IngestResult,
    Waiting,
    version_of,
)
from omero_irods_bridge.model.loads import LoadRecord, LoadState
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.annotating import annotate
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.operations.ingesting.importing import Work, ingest
from omero_irods_bridge.operations.ingesting.planning import IngestPlan
from omero_irods_bridge.operations.ingesting.targets import Containers

_PASSING: Final = (StalePlan, Busy)
"""What the next scan does away with by itself."""


@dataclass(slots=True)
class _Tally:
    done: list[IngestDone] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    failed: list[IngestFailure] = field(default_factory=list)
    stopped: BridgeError | None = None


def carry_out(plan: IngestPlan, work: Work) -> IngestResult:
    """Import all sets of a plan, tell in iRODS what came of each, and what waits."""
    tally = _Tally(waiting=list(plan.waiting), failed=list(plan.failed))
    for failure in plan.failed:
        _tell_failure(failure, work)
    for path in plan.unmarked:
        _mark_waiting(path, work)
    _Applying(plan, work, tally).run()
    return IngestResult(tuple(tally.done), tuple(tally.waiting), tuple(tally.failed), stopped=tally.stopped)


class _Applying:
    def __init__(self, plan: IngestPlan, work: Work, tally: _Tally) -> None:
        self._plan, self._work, self._tally = plan, work, tally
        self._finished = self._bytes = 0

    def run(self) -> None:
        total = len(self._plan.items)
        self._work.report(Step("Importing", bytes_total=self._plan.size, items_total=total))
        for (user, group), items in _by_user(self._plan.items).items():
            self._for_user(user, group, items)

    def _for_user(self, user: str, group: str, items: Sequence[IngestItem]) -> None:
        try:
            with self._work.hands.omero(user, group) as side:
                self._claimed(side, items)
        except Interrupted:
            raise
        except BridgeError as error:
            self._none_of(items, error)

    def _none_of(self, items: Sequence[IngestItem], error: BridgeError) -> None:
        """The user's session cannot be had, or broke: what has not ended waits, or failed for good."""
        ended = {one.path for one in self._tally.done} | {one.path for one in self._tally.failed}
        left = [item for item in items if item.files.path not in ended]
        if error.retryable:
            self._tally.stopped = error
            self._tally.waiting += [Waiting(item.files.path, error.message) for item in left]
            return
        for item in left:
            self._failed(item, error)

    def _claimed(self, side: IngestSide, items: Sequence[IngestItem]) -> None:
        """One process at a time imports for a user in a group of his: so nothing is imported twice."""
        identity, book = side.receiver.server.identity, side.receiver.book
        moment = datetime.fromtimestamp(self._work.clock.now(), UTC)
        load = f"ingest/{self._work.store.zone}/{identity.user_id}/{identity.group_id}"
        record = LoadRecord(load, self._plan.collection, identity.user, moment)
        book.begin(record)
        with book.claim(load):
            self._one_after_the_other(side, items)
            ended = datetime.fromtimestamp(self._work.clock.now(), UTC)
            book.finish(
                LoadRecord(
                    load, self._plan.collection, identity.user, moment, state=LoadState.DONE, finished=ended
                )
            )

    def _one_after_the_other(self, side: IngestSide, items: Sequence[IngestItem]) -> None:
        containers = Containers(side.receiver)
        carded: dict[tuple[str, str], Card] = {}
        for item in items:
            self._work.cancel.check()
            container = self._one(item, side, containers)
            if container and item.opt_in.card is not None:
                carded[item.opt_in.card.path, container] = item.opt_in.card
            self._finished, self._bytes = self._finished + 1, self._bytes + item.files.size
            self._work.report(Progress(self._bytes, self._finished))
        for (_, container), card in carded.items():
            self._annotate(card, container, side, items[0])

    def _one(self, item: IngestItem, side: IngestSide, containers: Containers) -> str:
        """The container that the set is in now, "" when it is not imported."""
        try:
            target = containers.place(item.target, _existing(item, self._plan))
            self._tally.done.append(ingest(item, target, side, self._work))
        except Interrupted:
            raise
        except _PASSING as error:
            self._tally.waiting.append(Waiting(item.files.path, error.message))
            return ""
        except BridgeError as error:
            if error.retryable:
                raise
            self._failed(item, error)
            return ""
        return str(target)

    def _failed(self, item: IngestItem, error: BridgeError) -> None:
        failure = IngestFailure(item.files.path, error, version_of(item.files.first))
        self._tally.failed.append(failure)
        for member in item.files.members:
            _tell_failure(IngestFailure(member.path, error, failure.version), self._work)

    def _annotate(self, card: Card, container: str, side: IngestSide, item: IngestItem) -> None:
        try:
            annotate(card, self._work.store.zone, container, side)
            note_card(card, container, item, self._work)
        except Interrupted:
            raise
        except BridgeError as error:
            if error.retryable:
                raise
            self._tally.failed.append(IngestFailure(card.path, error, card.version))
            _tell_failure(IngestFailure(card.path, error, card.version), self._work)


def note_card(card: Card, container: str, item: IngestItem, work: Work) -> None:
    """Let the card say in iRODS what of it was applied, and to what, as whom."""
    name = work.options.name
    version = Avu(name("card_version"), card.version, str(card.id))
    target = Avu(name("card_target"), container, f"{item.user}/{item.group}"[:250])
    before = work.store.avus(card.path)
    stale = [one for one in before if one.attribute == version.attribute and one != version]
    stale += attributes.under_way(before, work.options)
    work.store.change_avus(
        card.path, add=[one for one in (version, target) if one not in before], remove=stale
    )


def _by_user(items: Iterable[IngestItem]) -> Mapping[tuple[str, str], list[IngestItem]]:
    found: dict[tuple[str, str], list[IngestItem]] = defaultdict(list)
    for item in items:
        found[item.user, item.group].append(item)
    return found


def _existing(item: IngestItem, plan: IngestPlan) -> Existing:
    return item.opt_in.existing or plan.options.existing


def _tell_failure(failure: IngestFailure, work: Work) -> None:
    """What cannot be said in iRODS is in the result all the same."""
    try:
        found = work.store.find(failure.path)
        if found is None:
            return
        version = version_of(found) if isinstance(found, DataObject) else failure.version
        told = attributes.of_failure(failure.error, version, work.options)
        before = attributes.under_way(work.store.avus(failure.path), work.options)
        work.store.change_avus(
            failure.path,
            add=[one for one in told if one not in before],
            remove=[one for one in before if one not in told],
        )
    except BridgeError as error:
        work.report(Notice(f"That {failure.path} failed cannot be noted in iRODS: {error.message}"))


def _mark_waiting(path: str, work: Work) -> None:
    try:
        work.store.change_avus(path, add=attributes.of_waiting(work.options))
    except BridgeError as error:
        work.report(Notice(f"That {path} waits cannot be noted in iRODS: {error.message}"))
