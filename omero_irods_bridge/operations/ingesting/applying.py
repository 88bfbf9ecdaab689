"""Carries out a plan, user by user: a bad set stops no other, a server that is away all of its user."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from omero_irods_bridge.model.errors import BridgeError, Busy, Interrupted, StalePlan
from omero_irods_bridge.model.events import CancelToken, Step
from omero_irods_bridge.model.ingest import (
    Card,
    IngestDone,
    IngestFailure,
    IngestItem,
    IngestResult,
    IngestState,
    LateMember,
    Waiting,
)
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.operations.ingesting.annotating import annotate
from omero_irods_bridge.operations.ingesting.attributes import error_text
from omero_irods_bridge.operations.ingesting.claiming import claimed
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.operations.ingesting.importing import Work, Worker, ingest, is_imported
from omero_irods_bridge.operations.ingesting.planning import IngestPlan
from omero_irods_bridge.operations.ingesting.targets import Containers
from omero_irods_bridge.operations.ingesting.telling import (
    breaks_off,
    clear,
    is_of_content,
    mark,
    note_card,
    note_card_begun,
    tell_failure,
)
from omero_irods_bridge.operations.ingesting.tending import apply_cards, describe_packets, release_deleted
from omero_irods_bridge.operations.unpacking.counting import Counter
from omero_irods_bridge.operations.unpacking.side_by_side import SideBySide
from omero_irods_bridge.ports import Importer

_T = TypeVar("_T")

_PASSING: Final = (StalePlan, Busy)
"""What the next scan does away with by itself."""

_AHEAD: Final = 200
"""Sets that say in iRODS that they are queued before the first of them is imported."""

_AGAIN_S: Final = 30.0
"""After which that may be."""


@dataclass(slots=True)
class _Tally:
    done: list[IngestDone] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    failed: list[IngestFailure] = field(default_factory=list)
    stopped: BridgeError | None = None


def carry_out(plan: IngestPlan, work: Work) -> IngestResult:
    """Import all sets of a plan, tell in iRODS what came of each and what waits, and tend to the rest."""
    tally = _Tally(waiting=list(plan.waiting))
    applying = _Applying(plan, work, tally)
    for failure in plan.failed:
        applying.fail(failure)
    for path in plan.healed:
        clear(path, work)
    for path in plan.unmarked:
        mark(path, IngestState.WAITING, plan.avus.get(path, ()), work)
    applying.run()
    packets = applying.tended(describe_packets(plan, work, applying.fail, applying.wait))
    cards = applying.tended(apply_cards(plan, work, applying.fail))
    released = applying.tended(release_deleted(plan, work))
    return IngestResult(
        done=tuple(tally.done),
        waiting=tuple(tally.waiting),
        failed=tuple(tally.failed),
        failed_before=plan.failed_before,
        packets=packets,
        released=released,
        cards=cards,
        stopped=tally.stopped,
    )


class _Applying:
    def __init__(self, plan: IngestPlan, work: Work, tally: _Tally) -> None:
        self._plan, self._work, self._tally = plan, work, tally
        self._counter = Counter(work.report)
        self._turn = threading.Lock()

    def run(self) -> None:
        total = len(self._plan.timely)
        self._work.report(Step("Importing", bytes_total=self._plan.size, items_total=total))
        for (user, group), items in _by_user(self._plan.items).items():
            self._for_user(user, group, items)

    def tended(self, done: Iterable[_T]) -> tuple[_T, ...]:
        """All of it, or what was done before a server went away."""
        found: list[_T] = []
        try:
            found.extend(done)  # what came before an error stays
        except Interrupted:
            raise
        except BridgeError as error:
            self._tally.stopped = self._tally.stopped or error
        return tuple(found)

    def fail(self, failure: IngestFailure) -> None:
        """Count it, and say so in iRODS."""
        self._tally.failed.append(failure)
        self._tell(failure)

    def wait(self, path: str, error: BridgeError) -> None:
        """What the next scan does away with by itself."""
        self._tally.waiting.append(Waiting(path, error.message, _AGAIN_S))

    def _tell(self, failure: IngestFailure, tried: DataObject | None = None) -> None:
        """Unless it says so already: what is wrong in the settings is wrong for thousands, at each scan."""
        known = self._plan.known(failure.path)
        is_said = known.state == IngestState.FAILED and known.error == error_text(failure.error)
        if not is_said or is_of_content(failure.error):  # then it says of which content, too
            tell_failure(failure, self._work, tried)

    def _for_user(self, user: str, group: str, items: Sequence[IngestItem]) -> None:
        try:
            with (
                self._work.hands.omero(user, group) as side,
                claimed(side, self._plan.collection, self._work),
            ):
                self._some_at_once(side, list(self._timely(side, items)))
        except Interrupted:
            raise
        except BridgeError as error:
            self._none_of(items, error)

    def _timely(self, side: IngestSide, items: Iterable[IngestItem]) -> Iterator[IngestItem]:
        """But for late members of sets that are in OMERO, which say so."""
        for item in items:
            self._work.cancel.check()
            if item.late is None or self._is_in_omero(item, item.late, side):
                yield item

    def _is_in_omero(self, item: IngestItem, late: LateMember, side: IngestSide) -> bool:
        is_there = False
        path = late.news[0]
        with self._alone(path, lambda error: self.fail(IngestFailure(path, error))):
            is_there = is_imported(item, side, self._work)
            if not is_there:
                self._leave(item, late)
        return is_there

    def _leave(self, item: IngestItem, late: LateMember) -> None:
        self._tally.failed.append(IngestFailure(late.news[0], late))
        for member in item.files.members:
            if member.path in late.news:
                self._tell(IngestFailure(member.path, late), member)

    def _none_of(self, items: Sequence[IngestItem], error: BridgeError) -> None:
        """The user's session cannot be had, or broke: what has not ended waits, or failed."""
        ended = {one.path for one in self._tally.done} | {one.path for one in self._tally.failed}
        left = [item for item in items if ended.isdisjoint(one.path for one in item.files.members)]
        if breaks_off(error):
            if not isinstance(error, Busy):  # another scan is at it
                self._tally.stopped = error
            self._tally.waiting += [Waiting(item.files.path, error.message, _AGAIN_S) for item in left]
            return
        for item in left:
            self._failed(item, error, is_queued=False)

    def _some_at_once(self, side: IngestSide, items: Sequence[IngestItem]) -> None:
        containers = Containers(side.receiver, self._plan.options)
        carded: dict[tuple[str, str], tuple[Card, IngestItem]] = {}
        one = partial(self._one, side=side, containers=containers, carded=carded)
        for begin in range(0, len(items), _AHEAD):
            some = items[begin : begin + _AHEAD]
            self._queue(some)
            SideBySide(side.receiver.importer, one).run(some, self._work.cancel)
        for (_, container), (card, item) in carded.items():
            self._annotate(card, container, side, item)

    def _queue(self, items: Iterable[IngestItem]) -> None:
        for item in items:
            self._work.cancel.check()
            for member in item.files.members:
                mark(member.path, IngestState.QUEUED, self._plan.avus.get(member.path, ()), self._work)

    def _one(
        self,
        importer: Importer,
        item: IngestItem,
        cancel: CancelToken,
        *,
        side: IngestSide,
        containers: Containers,
        carded: dict[tuple[str, str], tuple[Card, IngestItem]],
    ) -> None:
        """Import a set; several threads, each with its importer."""
        with self._alone(item.files.path, lambda error: self._failed(item, error, is_queued=True)):
            with self._turn:
                target = containers.place(item.target, item.opt_in.existing or self._plan.options.existing)
                self._begin_card(item, str(target), carded)
            with self._counter.one() as report:
                worker = Worker(importer, side, self._turn, report, cancel)
                self._tally.done.append(ingest(item, target, worker, self._work))
        self._counter.add(item.files.size)

    @contextmanager
    def _alone(self, path: str, fail: Callable[[BridgeError], None]) -> Iterator[None]:
        """What goes wrong with one set stops no other: it waits, or fails."""
        try:
            yield
        except Interrupted:
            raise
        except _PASSING as error:
            self.wait(path, error)
        except BridgeError as error:
            if breaks_off(error):
                raise
            fail(error)

    def _begin_card(
        self, item: IngestItem, container: str, carded: dict[tuple[str, str], tuple[Card, IngestItem]]
    ) -> None:
        """Before the first image of a card is in a container: a scan that breaks off leaves it to do."""
        card = item.opt_in.card
        if card is not None and (card.path, container) not in carded:
            note_card_begun(card, container, item.user, item.group, self._work)
            carded[card.path, container] = card, item

    def _failed(self, item: IngestItem, error: BridgeError, *, is_queued: bool) -> None:
        gone = next(filter(self._is_gone, item.files.members), None) if is_queued else None
        if gone is not None:
            self.wait(item.files.path, StalePlan(f"{gone.path} was removed or renamed meanwhile."))
            return
        self._tally.failed.append(IngestFailure(item.files.path, error))
        for member in item.files.members:
            failure = IngestFailure(member.path, error)
            if is_queued:  # which has taken what it said before
                tell_failure(failure, self._work, member)
            else:
                self._tell(failure, member)

    def _is_gone(self, member: DataObject) -> bool:
        there = self._work.store.find(member.path)
        return there is None or there.id != member.id

    def _annotate(self, card: Card, container: str, side: IngestSide, item: IngestItem) -> None:
        try:
            annotate(card, self._work.store.zone, container, side)
            note_card(card, container, item.user, item.group, self._work)
        except BridgeError as error:
            if breaks_off(error) or isinstance(error, Interrupted):
                raise
            self.fail(IngestFailure(card.path, error, card.version))


def _by_user(items: Iterable[IngestItem]) -> Mapping[tuple[str, str], list[IngestItem]]:
    found: dict[tuple[str, str], list[IngestItem]] = defaultdict(list)
    for item in items:
        found[item.user, item.group].append(item)
    return found
