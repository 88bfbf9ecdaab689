"""Which collections opted in, and what they ask for: AVUs and cards, of which the deepest decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from omero_irods_bridge.model.errors import BadName, BridgeError, Busy
from omero_irods_bridge.model.ingest import (
    Card,
    Existing,
    IngestFailure,
    IngestMode,
    IngestOptions,
    OptIn,
    Packets,
    When,
    first_value,
    one_of,
    version_of,
)
from omero_irods_bridge.model.stored import Avu, Collection, DataObject, at_and_above, parent_of
from omero_irods_bridge.operations.incoming import INCOMING
from omero_irods_bridge.operations.ingesting.cards import ENDING, read_card
from omero_irods_bridge.operations.ingesting.hands import Hands
from omero_irods_bridge.operations.ingesting.unsayable import unsayable
from omero_irods_bridge.ports import AvuCondition, TreeStore

_OURS: Final = ("omero.toml", ".omero.toml")
"""Names that are meant for us: what is wrong with such a card is told also where nothing else opted in."""

_AT_ONCE: Final = 10_000
_YES: Final = ("yes", "true", "1", "on")


@dataclass(slots=True)
class OptIns:
    """What collections ask for, by their paths; ``broken`` are those of which it cannot be understood.

    ``snapshots`` are expanded packets: nothing in them is for OMERO to take from there, and none of it asks.
    """

    asked: dict[str, OptIn] = field(default_factory=dict)
    broken: dict[str, IngestFailure] = field(default_factory=dict)
    snapshots: set[str] = field(default_factory=set)

    def over(self, path: str) -> OptIn | IngestFailure | None:
        """What holds for a data object or collection: of the nearest collection above it, or itself."""
        if self.snapshots and not self.snapshots.isdisjoint(at_and_above(path)):
            return None
        for above in at_and_above(path):
            if above in self.broken:
                return self.broken[above]
            if above in self.asked:
                return self.asked[above]
        return None

    def roots(self, below: str) -> list[str]:
        """The collections to look through: ``below`` itself, or the topmost ones that opted in in it."""
        if self.over(below) is not None:
            return [below]
        return topmost({*self.asked, *self.broken})


def topmost(paths: AbstractSet[str]) -> list[str]:
    """Those that are in no other one, sorted."""
    return sorted(path for path in paths if paths.isdisjoint(at_and_above(parent_of(path))))


def is_in(path: str, collection: str) -> bool:
    """Whether ``path`` is below ``collection``."""
    return path.startswith(collection.rstrip("/") + "/")


def is_trash(path: str) -> bool:
    """Whether it was removed: ``/zone/trash`` keeps AVUs."""
    return path.split("/")[2:3] == ["trash"]


def find_opt_ins(store: TreeStore, below: str, hands: Hands, options: IngestOptions) -> OptIns:
    """What holds at, above and below a collection. How many queries depends on its depth and on cards."""
    found = OptIns()
    above = list(at_and_above(below))
    marked = [*above, *all_with(store, AvuCondition(options.name("ingest")), below)]
    avus = _avus(found, store, list(dict.fromkeys(marked)))
    for path in sorted(avus, key=lambda one: one.count("/")):
        if any(one.attribute == options.name("ingest") for one in avus[path]) and not is_trash(path):
            _add_avus(found, store, path, avus[path], options)
    cards = _cards(store, below, above)
    found.snapshots |= snapshots_in(avus, options) | snapshots_in(_avus_over(cards, store), options)
    for card in cards:
        if found.snapshots.isdisjoint(at_and_above(card.path)):
            _add_card(found, card, hands)
    return found


def whole_of(store: TreeStore, collection: str, hands: Hands, options: IngestOptions) -> str:
    """Where files of a set may be of which one is in ``collection``: above it, where sets go over several."""
    if not _go_over_several(options):
        return collection
    return _whole(find_opt_ins(store, collection, hands, options), collection)


def find_whole(store: TreeStore, collection: str, hands: Hands, options: IngestOptions) -> tuple[str, OptIns]:
    """:func:`whole_of` the collection, and what holds at, above and below that."""
    found = find_opt_ins(store, collection, hands, options)
    whole = _whole(found, collection) if _go_over_several(options) else collection
    return whole, found if whole == collection else find_opt_ins(store, whole, hands, options)


def _go_over_several(options: IngestOptions) -> bool:
    return any(rule.below for rule in options.sets)


def _whole(opt_ins: OptIns, collection: str) -> str:
    opt_in = opt_ins.over(collection)
    return opt_in.root if isinstance(opt_in, OptIn) else collection


def snapshots_in(avus: Mapping[str, Sequence[Avu]], options: IngestOptions) -> set[str]:
    """Paths of packets, as AVUs by path say."""
    packet = options.name("packet")
    return {path for path, some in avus.items() if any(one.attribute == packet for one in some)}


def _avus_over(cards: Sequence[DataObject], store: TreeStore) -> Mapping[str, tuple[Avu, ...]]:
    """Of all collections that hold a card, at whatever depth."""
    over = sorted({above for card in cards for above in at_and_above(parent_of(card.path))})
    return _avus(OptIns(), store, over) if over else {}


def _avus(found: OptIns, store: TreeStore, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
    """Of those that can be asked for; one that the protocol cannot carry stops no other."""
    try:
        return store.avus_of_many(paths)
    except BadName:
        avus: dict[str, tuple[Avu, ...]] = {}
        for path in paths:
            try:
                avus |= store.avus_of_many([path])
            except BadName as error:
                found.broken[path] = IngestFailure(path, unsayable(path) or error)
        return avus


def all_with(store: TreeStore, condition: AvuCondition, below: str | None) -> Iterator[str]:
    """The paths of all that has such an AVU, below a collection or anywhere, however many there are."""
    skip = 0
    while paths := store.find_by_avus([condition], below=below, skip=skip, limit=_AT_ONCE):
        yield from paths
        skip += len(paths)


def _cards(store: TreeStore, below: str, above: Sequence[str]) -> list[DataObject]:
    found = {one.path: one for one in store.objects_named(ENDING, below)}
    for collection in above[1:]:
        for one in store.objects_named(ENDING, collection, recursive=False):
            found[one.path] = one
    kept = (one for one in found.values() if not is_trash(one.path) and INCOMING not in one.path.split("/"))
    return sorted(kept, key=lambda one: (one.path.count("/"), one.path))


# -- AVUs


def _add_avus(
    found: OptIns, store: TreeStore, path: str, avus: Iterable[Avu], options: IngestOptions
) -> None:
    there = store.find(path)
    if not isinstance(there, Collection):
        return  # on a data object it says nothing
    try:
        found.asked[path] = _opt_in(found, there, tuple(avus), options)
    except BridgeError as error:
        found.broken[path] = IngestFailure(path, error)


def _opt_in(found: OptIns, there: Collection, avus: Sequence[Avu], options: IngestOptions) -> OptIn:
    """What a collection does not say it has from the one above."""
    above = found.over(parent_of(there.path))
    root = above.root if isinstance(above, OptIn) else there.path
    told = {
        name: first_value(avus, options.name(name))
        for name in (
            "ingest",
            "ingest_target",
            "ingest_user",
            "ingest_group",
            "ingest_when",
            "ingest_existing",
            "ingest_metadata",
            "ingest_packets",
        )
    }
    mine = OptIn(
        collection=there.path,
        root=root,
        mode=one_of(IngestMode, told["ingest"], f"{options.name('ingest')} of {there.path}"),
        owner=there.owner,
        target=told["ingest_target"],
        user=told["ingest_user"],
        group=told["ingest_group"],
        when=one_of(
            When, told["ingest_when"] or When.QUIET, f"{options.name('ingest_when')} of {there.path}"
        ),
        existing=_optional(Existing, "ingest_existing", told, there.path, options),
        metadata=told["ingest_metadata"].strip().lower() in _YES,
        packets=_optional(Packets, "ingest_packets", told, there.path, options),
    )
    return _inherited(mine, above) if isinstance(above, OptIn) else mine


def _optional(
    kind: type[StrEnum], name: str, told: Mapping[str, str], path: str, options: IngestOptions
) -> Any:
    """None for what is not said."""
    return one_of(kind, told[name], f"{options.name(name)} of {path}") if told[name] else None


def _inherited(mine: OptIn, above: OptIn) -> OptIn:
    """Target, user and group belong together: who speaks of one of them speaks of all."""
    own = bool(mine.target or mine.user or mine.group)
    return replace(
        mine,
        owner=mine.owner if own else above.owner,
        target=mine.target if own else above.target,
        user=mine.user if own else above.user,
        group=mine.group if own else above.group,
        existing=mine.existing or above.existing,
        metadata=mine.metadata or above.metadata,
        packets=mine.packets or above.packets,
        card=None if own else above.card,
    )


# -- cards


def _add_card(found: OptIns, there: DataObject, hands: Hands) -> None:
    collection = parent_of(there.path)
    opted = found.over(collection)
    try:
        with hands.irods(there.owner) as reader:
            card = read_card(reader, there)
    except BridgeError as error:
        if error.retryable and not isinstance(error, Busy):
            raise
        if opted is not None or there.path.endswith(_OURS):
            found.broken[collection] = IngestFailure(there.path, error, version_of(there))
        return
    if card is None:
        return
    if isinstance(opted, OptIn) and opted.card is not None and parent_of(opted.card.path) == collection:
        return  # the first of several beside each other counts
    found.asked[collection] = _with_card(card, collection, opted if isinstance(opted, OptIn) else None)


def _with_card(card: Card, collection: str, above: OptIn | None) -> OptIn:
    base = above or OptIn(collection, collection, IngestMode.IN_PLACE, card.owner)
    return replace(
        base,
        collection=collection,
        mode=card.mode or base.mode,
        owner=card.owner if card.user or not base.user else base.owner,
        target=_target(card),
        user=card.user or base.user,
        group=card.group or ("" if card.user else base.group),
        card=card,
    )


def _target(card: Card) -> str:
    """As a template; braces in names are no fields."""
    if card.screen:
        return f"Screen:name:{_plain(card.screen)}"
    dataset = f"Dataset:name:{_plain(card.dataset) or '{collection}'}"
    return f"Project:name:{_plain(card.project)}/{dataset}" if card.project else dataset


def _plain(name: str) -> str:
    """A slash would end the name: it is written as its own field."""
    return name.replace("{", "{{").replace("}", "}}").replace("/", "{slash}")
