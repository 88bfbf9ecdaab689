"""What a scan will do. Nothing is changed by planning it; heads of files and cards are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BadName, BridgeError, Busy, NotFound, NotInPlace
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step
from omero_irods_bridge.model.ingest import (
    PROBE_PREFIX,
    Card,
    FileSet,
    IngestFailure,
    IngestItem,
    IngestOptions,
    IngestState,
    LateMember,
    Linked,
    OptIn,
    Waiting,
    version_of,
)
from omero_irods_bridge.model.stored import Avu, DataObject, is_sendable, name_of, parent_of
from omero_irods_bridge.operations.incoming import INCOMING
from omero_irods_bridge.operations.ingesting.attributes import (
    Known,
    has_failed,
    is_in_omero,
    known_of,
    was_ingested,
    was_released,
)
from omero_irods_bridge.operations.ingesting.cards import ENDING
from omero_irods_bridge.operations.ingesting.completeness import Patience, quiet_in, why_wait
from omero_irods_bridge.operations.ingesting.grouping import ReadReferences, group
from omero_irods_bridge.operations.ingesting.hands import Hands
from omero_irods_bridge.operations.ingesting.latecomers import Latecomers
from omero_irods_bridge.operations.ingesting.opt_ins import OptIns, find_whole, is_trash, snapshots_in
from omero_irods_bridge.operations.ingesting.references import referred
from omero_irods_bridge.operations.ingesting.targets import expand
from omero_irods_bridge.operations.ingesting.unsayable import unsayable
from omero_irods_bridge.ports import Clock, TreeStore

MOST_SKEW_S: Final = 3600.0
"""By which clocks of this computer and of iRODS may differ, seconds."""

_ON_THE_WAY: Final = (IngestState.WAITING, IngestState.QUEUED)
_PACKETS: Final = (".zip", ".tar")


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What is to be imported, and what is not.

    ``failed`` were found wrong now, ``failed_before`` are as they were when they failed. ``unmarked`` are
    paths that wait and do not say so in iRODS, ``healed`` those that say that they are on their way or failed
    and do not.
    ``packets`` are files that may be packets. ``avus`` are those
    of ingest, by path; ``objects`` all data objects of the trees that were looked through.
    """

    collection: str
    options: IngestOptions
    items: tuple[IngestItem, ...]
    waiting: tuple[Waiting, ...]
    failed: tuple[IngestFailure, ...]
    failed_before: tuple[Waiting, ...]
    unmarked: tuple[str, ...]
    healed: tuple[str, ...]
    packets: tuple[DataObject, ...]
    cards: tuple[OptIn, ...]
    opt_ins: OptIns = field(repr=False)
    avus: Mapping[str, tuple[Avu, ...]] = field(repr=False)
    objects: Mapping[str, DataObject] = field(repr=False)

    def carded(self, card: Card) -> Iterator[tuple[str, OptIn]]:
        """Paths of the objects for which this card counts, with what it asks for."""
        for path in self.objects:
            opt_in = self.opt_ins.over(parent_of(path))
            if isinstance(opt_in, OptIn) and opt_in.card == card:
                yield path, opt_in

    @property
    def size(self) -> int:
        """Of all that is to be imported, in bytes."""
        return sum(item.files.size for item in self.timely)

    @property
    def timely(self) -> tuple[IngestItem, ...]:
        """Those of the items that are to be imported."""
        return tuple(item for item in self.items if item.late is None)

    @property
    def late(self) -> tuple[LateMember, ...]:
        """Why the others are left, unless OMERO has them."""
        return tuple(item.late for item in self.items if item.late is not None)

    def known(self, path: str) -> Known:
        """What the AVUs of a path say."""
        return known_of(self.avus.get(path, ()), self.options)


def make_plan(
    store: TreeStore,
    collection: str,
    hands: Hands,
    options: IngestOptions,
    *,
    clock: Clock,
    report: Report,
    cancel: CancelToken,
) -> IngestPlan:
    """Look through what opted in at, above and below ``collection``, and sets that it has a part of.

    The plan is of the collection that has the whole of these, which may be above.

    Raises:
        NotFound: the collection is not there.
    """
    _check_there(store, collection)
    report(Step(f"Looking for what opted in below {collection}"))
    whole, opt_ins = find_whole(store, collection, hands, options)
    roots = opt_ins.roots(whole)
    objects, avus = _contents(store, roots, options, report, cancel)
    opt_ins.snapshots |= snapshots_in(avus, options) - objects.keys()
    draft = _Draft(opt_ins, objects, avus, options, hands)
    draft.sort_out()
    now = _time(store, clock, report) if draft.needs_time(clock.now()) else clock.now()
    draft.decide(now, cancel)
    return draft.plan(whole)


def _check_there(store: TreeStore, collection: str) -> None:
    if store.find(collection) is None:
        raise NotFound(
            f"There is no collection {collection}, or you may not see it.",
            hint=f"Look: ils '{parent_of(collection)}'",
        )


def _contents(
    store: TreeStore, roots: Sequence[str], options: IngestOptions, report: Report, cancel: CancelToken
) -> tuple[dict[str, DataObject], dict[str, tuple[Avu, ...]]]:
    objects: dict[str, DataObject] = {}
    avus: dict[str, tuple[Avu, ...]] = {}
    report(Step("Looking through collections that opted in", items_total=len(roots)))
    for number, root in enumerate(roots, 1):
        cancel.check()
        try:
            found = store.children(root, recursive=True)
        except BadName:  # which is one of those that cannot be understood
            continue
        objects |= {one.path: one for one in found if isinstance(one, DataObject)}
        avus |= store.avus_below(root, options.prefix)
        report(Progress(items_done=number))
    return objects, avus


def _time(store: TreeStore, clock: Clock, report: Report) -> float:
    try:
        return store.time_there()
    except BridgeError as error:
        if error.retryable:
            raise
        report(Notice(f"The time of this computer counts, not that of iRODS: {error.message}"))
        return clock.now()


class _Draft:
    """A plan on its way."""

    def __init__(
        self,
        opt_ins: OptIns,
        objects: Mapping[str, DataObject],
        avus: Mapping[str, tuple[Avu, ...]],
        options: IngestOptions,
        hands: Hands,
    ) -> None:
        self._opt_ins, self._objects, self._avus = opt_ins, objects, avus
        self._options, self._hands = options, hands
        self.candidates: list[DataObject] = []
        self._packets: list[DataObject] = []
        self._items: list[IngestItem] = []
        self._waiting: list[Waiting] = []
        self._failed: dict[str, IngestFailure] = {}
        self._failed_before: list[Waiting] = []
        self._concerned: set[str] = set()
        self._filesets: dict[str, int] = {}
        self._released: set[str] = set()
        self._allowed: dict[tuple[str, str], bool] = {}

    def needs_time(self, here: float) -> bool:
        """Whether something changed so lately that the difference of two clocks may matter."""
        if self._options.quiet_s <= 0:
            return False
        found = (replica for one in (*self.candidates, *self._packets) for replica in one.replicas)
        latest = max((replica.modified or 0.0 for replica in found), default=0.0)
        return latest + self._options.quiet_s + MOST_SKEW_S > here

    def plan(self, collection: str) -> IngestPlan:
        waiting = tuple(self._waiting)
        return IngestPlan(
            collection=collection,
            options=self._options,
            items=tuple(self._items),
            waiting=waiting,
            failed=tuple(self._failed[path] for path in sorted(self._failed)),
            failed_before=tuple(self._failed_before),
            unmarked=tuple(one.path for one in waiting if self._is_unmarked(one.path)),
            healed=tuple(self._healed()),
            packets=tuple(self._packets),
            cards=tuple(one for one in self._opt_ins.asked.values() if _own_card(one) is not None),
            opt_ins=self._opt_ins,
            avus=self._avus,
            objects=self._objects,
        )

    def _is_unmarked(self, path: str) -> bool:
        return path in self._objects and self._known(path).state != IngestState.WAITING

    def _healed(self) -> Iterator[str]:
        """Rules mark all that arrives: cards and notes too, and what is touched after it was imported."""
        concerned = {*self._concerned, *self._failed}
        for path in sorted(filter(is_sendable, self._avus.keys() - concerned)):
            state = self._known(path).state
            is_image = path in self._objects and not path.endswith(ENDING)
            if state in _ON_THE_WAY or (state == IngestState.FAILED and not is_image):
                yield path

    def _known(self, path: str) -> Known:
        return known_of(self._avus.get(path, ()), self._options)

    # -- which objects

    def sort_out(self) -> None:
        """Find what may have to be imported; tell of collections that cannot be understood."""
        for failure in self._opt_ins.broken.values():
            self._fail_or_wait(failure.path, failure.error)
        for path in sorted(self._objects):
            is_asked = isinstance(self._opt_ins.over(parent_of(path)), OptIn)
            if is_asked and not (self._is_ignored(path) or is_trash(path)):
                self._sort(self._objects[path])

    def _is_ignored(self, path: str) -> bool:
        name = name_of(path)
        if name.startswith(PROBE_PREFIX) or INCOMING in path.split("/") or name.endswith(ENDING):
            return True
        return any(fnmatchcase(name, pattern) for pattern in self._options.ignore)

    def _sort(self, found: DataObject) -> None:
        known = self._known(found.path)
        if self._is_described(found, known):
            return
        if known.fileset is not None and was_ingested(known, found):
            self._filesets[found.path] = known.fileset
        if was_released(known, found):
            self._released.add(found.path)
        if is_in_omero(known, found) or found.path in self._released:
            return
        self._concerned.add(found.path)
        unnamed = unsayable(found.path)
        if unnamed is not None:
            self._fail(found.path, unnamed)
        elif _changed_under_link(known, found):
            self._fail(found.path, _under_link(found.path))
        elif found.path.lower().endswith(_PACKETS):
            self._sort_packet(found, known)
        else:
            self.candidates.append(found)

    def _is_described(self, found: DataObject, known: Known) -> bool:
        """As a packet: by whom packed it, or by an earlier scan when the content was as it is."""
        packet = self._options.name("packet")
        if not any(one.attribute == packet for one in self._avus.get(found.path, ())):
            return False
        by_ingest = known.of == str(found.id) and bool(known.version)
        return not by_ingest or known.version == version_of(found)

    def _sort_packet(self, found: DataObject, known: Known) -> None:
        if has_failed(known, found):
            self._failed_before.append(Waiting(found.path, known.error))
        else:
            self._packets.append(found)

    def _fail(self, path: str, error: BridgeError) -> None:
        found = self._objects.get(path)
        self._failed[path] = IngestFailure(path, error, version_of(found) if found is not None else "")

    def _fail_or_wait(self, path: str, error: BridgeError) -> None:
        """What is being written, or fetched from tape, can be read another time."""
        if isinstance(error, Busy):
            self._concerned.add(path)
            self._waiting.append(Waiting(path, error.message))
        else:
            self._fail(path, error)

    # -- which sets, and when

    def decide(self, now: float, cancel: CancelToken) -> None:
        """Group the candidates, and decide for each set whether it is complete and where it goes."""
        ready = self._options.name("ingest_ready")
        patience = Patience(now, self._options.quiet_s, self._is_handed_over, ready)
        references = self._references(cancel)
        groups = group(self.candidates, self._objects, self._options.sets, references)
        self._waiting += groups.waiting
        for failure in groups.failed:
            self._fail(failure.path, failure.error)
        latecomers = self._latecomers(references)
        for files in groups.sets:
            self._decide(files, patience, latecomers)
        self._decide_packets(patience)

    def _latecomers(self, references: ReadReferences) -> Latecomers:
        return Latecomers(
            self._objects,
            self._options.sets,
            references,
            self._filesets,
            self._released,
            {one.path for one in self.candidates},
            self._options.name("ingest_apart"),
        )

    def _decide_packets(self, patience: Patience) -> None:
        """As for images: one that is still being written is no packet yet."""
        packets, self._packets = self._packets, []
        for found in packets:
            opt_in = self._opt_ins.over(parent_of(found.path))
            assert isinstance(opt_in, OptIn)
            reason = why_wait([found], opt_in, patience)
            if reason:
                self._waiting.append(Waiting(found.path, reason, quiet_in([found], opt_in, patience)))
            else:
                self._packets.append(found)

    def _references(self, cancel: CancelToken) -> ReadReferences:
        def read(found: DataObject) -> Sequence[str]:
            cancel.check()
            if found.good is None or found.size == 0:
                return ()
            with self._hands.irods(found.owner) as reader, reader.open_source(found.path) as source:
                return referred(name_of(found.path), source)

        return read

    def _decide(self, files: FileSet, patience: Patience, latecomers: Latecomers) -> None:
        opt_in = self._opt_ins.over(parent_of(files.path))
        assert isinstance(opt_in, OptIn)
        unnamed = next(filter(None, (unsayable(one.path) for one in files.members)), None)
        if unnamed is not None:
            self._fail(files.path, unnamed)
            return
        news = [one for one in files.members if one.path in latecomers.candidates]
        new = news[0]
        if all(has_failed(self._known(one.path), one) for one in news):  # whichever it was, it is as it was
            self._failed_before.append(Waiting(new.path, self._known(new.path).error))
            return
        reason = why_wait(files.members, opt_in, patience)
        if reason:
            self._waiting.append(Waiting(files.path, reason, quiet_in(files.members, opt_in, patience)))
            return
        try:
            late = latecomers.late(files)
            if late is not None and late.is_whole and self._says(new.path, "ingest_apart"):
                late = None
            self._items.append(replace(self._item(files, opt_in), late=late))
        except BridgeError as error:
            self._fail_or_wait(files.path, error)

    def _is_handed_over(self, path: str) -> bool:
        return self._says(path, "ingest_ready")

    def _says(self, path: str, attribute: str) -> bool:
        """The object, or a collection above it within what opted in, says so."""
        named = self._options.name(attribute)
        opt_in = self._opt_ins.over(parent_of(path))
        while isinstance(opt_in, OptIn) and len(path) >= len(opt_in.root):
            if any(one.attribute == named for one in self._avus.get(path, ())):
                return True
            path = parent_of(path)
        return False

    def _item(self, files: FileSet, opt_in: OptIn) -> IngestItem:
        user = opt_in.user or self._hands.user_of(opt_in.owner)
        if not user:
            raise AccessDenied(
                f"Nobody says who {opt_in.owner} is in OMERO, for whom {files.path} would be imported.",
                hint=f"Set {self._options.name('ingest_user')} on the collection.",
            )
        self._check_may_act(opt_in, user)
        template = opt_in.target or self._options.target
        target = expand(template, files.path, opt_in, files.first.owner)
        return IngestItem(files, opt_in, user, opt_in.group, target)

    def _check_may_act(self, opt_in: OptIn, user: str) -> None:
        key = (opt_in.owner, user)
        if key not in self._allowed:
            self._allowed[key] = self._hands.may_act_as(opt_in.owner, user)
        if not self._allowed[key]:
            named = f"The card {opt_in.card.path}" if opt_in.card else f"The collection {opt_in.collection}"
            raise AccessDenied(
                f"{named} of {opt_in.owner} names the OMERO user {user}, for whom its owner may not act.",
                hint="Name yourself, or ask the administrator of the bridge.",
            )


def _own_card(opt_in: OptIn) -> Card | None:
    """The card that is in this collection."""
    card = opt_in.card
    return card if card is not None and parent_of(card.path) == opt_in.collection else None


def _changed_under_link(known: Known, found: DataObject) -> bool:
    return was_ingested(known, found) and known.linked == Linked.IN_PLACE


def _under_link(path: str) -> NotInPlace:
    return NotInPlace(
        f"{path} has changed since OMERO was linked to it: its image there may be damaged.",
        hint="Delete that image in OMERO, then run: omero-irods ingest retry",
    )
