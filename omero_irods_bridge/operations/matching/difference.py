"""What is to be done so that a server has what a packet has: :func:`difference`."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from omero_irods_bridge.operations.matching import rules
from omero_irods_bridge.operations.matching.anchors import Anchors
from omero_irods_bridge.operations.matching.pairs import Pairs
from omero_irods_bridge.operations.matching.side import EXTERNAL_INFO, NOTHING, Side, plain

_Targets: TypeAlias = dict[str, list[object]]
_NOT_FIELDS: Final = frozenset({"@", "@sets", "version", "details"})
_DROPPED: Final = object()


@dataclass(frozen=True, slots=True)
class Changed:
    """A paired object with other values: which fields, ``source`` and ``target`` are nodes."""

    source: int
    target: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotKept:
    """What a load cannot keep: of a class a field, or the objects as such; of how many, and why."""

    class_name: str
    field: str | None
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Nothing but what has to be done. Drafts are made when they are needed (``batches``).

    ``created`` are nodes of the packet in the order of classes and ids. ``superfluous`` are ids on the server
    by class that nothing in the packet is the partner of; whether a load made them is not known here.
    ``unfilled`` are attachments, by key of packet and server, that the server does not have the bytes of.
    """

    pairs: Pairs
    anchors: Anchors
    created: array[int]
    changed: tuple[Changed, ...]
    superfluous: Mapping[str, tuple[int, ...]]
    unfilled: tuple[tuple[str, str], ...]
    not_kept: tuple[NotKept, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the server has all that it can have, superfluous things aside."""
        return not (self.created or self.changed or self.unfilled)


def difference(pairs: Pairs) -> Difference:
    """What ``pairs`` leaves to be done."""
    anchors = Anchors(pairs)
    counts: Counter[tuple[str, str | None, str]] = Counter()
    created = array("i", (node for node in _in_order(pairs) if anchors.is_made(node)))
    changed = tuple(_changes(pairs, anchors, counts))
    _count_not_kept(pairs, anchors, created, counts)
    return Difference(
        pairs=pairs,
        anchors=anchors,
        created=created,
        changed=changed,
        superfluous=_superfluous(pairs),
        unfilled=tuple(_unfilled(pairs)),
        not_kept=tuple(
            NotKept(name, field, count, reason)
            for (name, field, reason), count in sorted(counts.items(), key=str)
        ),
    )


def _in_order(pairs: Pairs) -> Iterator[int]:
    return (node for nodes in pairs.source.by_class.values() for node in nodes)


def _superfluous(pairs: Pairs) -> dict[str, tuple[int, ...]]:
    """Links to marks are left out: these stay behind."""
    side = pairs.target
    found = {
        name: tuple(side.id(node) for node in nodes if pairs.is_free_target(node) and _has_ends(side, node))
        for name, nodes in side.by_class.items()
        if name not in rules.PEOPLE
    }
    return {name: ids for name, ids in found.items() if ids}


def _has_ends(side: Side, node: int) -> bool:
    return not side.shape(node).is_link or all(side.has_row(end) for _, end in side.references(node))


def _unfilled(pairs: Pairs) -> Iterator[tuple[str, str]]:
    for source, content in pairs.source.contents.items():
        target = pairs.to_target[source]
        if target < 0 or target in pairs.untouched:
            continue
        there = pairs.target.contents.get(target, (None, None))
        wanted = [(one, other) for one, other in zip(content, there, strict=True) if one is not None]
        if any(one != other for one, other in wanted) or there[0] is None:
            yield pairs.source.key(source), pairs.target.key(target)


# -- what is changed


def _changes(
    pairs: Pairs, anchors: Anchors, counts: Counter[tuple[str, str | None, str]]
) -> Iterator[Changed]:
    for source in _in_order(pairs):
        target = pairs.to_target[source]
        if target < 0 or target in pairs.untouched or pairs.source.class_name(source) in rules.PEOPLE:
            continue
        fields = {*differing_references(pairs, anchors, source, target)}
        if pairs.source.values(source) != pairs.target.values(target):
            fields.update(_differing_values(pairs, source, target))
        if pairs.source.rest(source) != pairs.target.rest(target):
            _count_rest(pairs, source, target, counts)
        if fields:
            yield Changed(source, target, tuple(sorted(fields)))


def differing_references(pairs: Pairs, anchors: Anchors, source: int, target: int) -> Iterator[str]:
    """The fields and lists of two partners that refer to other things."""
    name, shape = pairs.source.class_name(source), pairs.source.shape(source)
    here, there = _here(pairs, anchors, source), _there(pairs, target)
    only_details = pairs.source.is_file_of_fileset(source)
    for field in {*here, *there}:
        if f"{name}.{field}" in rules.SET_BY_SERVER or (only_details and field != EXTERNAL_INFO):
            continue
        wanted = [one for one in here.get(field, ()) if one is not _DROPPED]
        if wanted != there.get(field, []) and (wanted or not _must_stay(shape.required, field)):
            yield field


def _must_stay(required: frozenset[str], field: str) -> bool:
    return field in required or field == EXTERNAL_INFO


def _here(pairs: Pairs, anchors: Anchors, node: int) -> _Targets:
    """What the packet refers to, as nodes of the server; ``(node,)`` for what is made yet."""
    found: _Targets = defaultdict(list)
    for field, target in pairs.source.references(node):
        found[field].append(_wanted(pairs, anchors, target))
    return found


def _wanted(pairs: Pairs, anchors: Anchors, target: int) -> object:
    if target < 0:
        return NOTHING
    if target in pairs.source.labels:
        return pairs.source.labels[target]
    if (partner := pairs.to_target[target]) >= 0:
        return partner
    return (target,) if anchors.is_made(target) else _DROPPED


def _there(pairs: Pairs, node: int) -> _Targets:
    found: _Targets = defaultdict(list)
    for field, target in pairs.target.references(node):
        if target < 0 or pairs.target.has_row(target):
            found[field].append(pairs.target.labels.get(target, target))
    return found


def _differing_values(pairs: Pairs, source: int, target: int) -> Iterator[str]:
    shape = pairs.source.shape(source)
    here, there = pairs.source.row(source), pairs.target.row(target)
    for field in sorted({*here, *there} & shape.fields):
        if f"{shape.name}.{field}" in rules.SET_BY_SERVER or is_reference(
            shape.references, field, here, there
        ):
            continue
        if value_of(here, field) != value_of(there, field):
            yield field


def is_reference(references: frozenset[str], field: str, *rows: Mapping[str, Any]) -> bool:
    """Whether a field of these rows refers to objects: those that do not have numbers with a unit."""
    return field in references and any(isinstance(row.get(field), str) for row in rows)


def value_of(row: Mapping[str, Any], field: str) -> Any:
    """A value as it is compared: an empty map is no map."""
    found = plain(row.get(field))
    return None if found == [] else found


# -- what is not kept


def _count_rest(pairs: Pairs, source: int, target: int, counts: Counter[tuple[str, str | None, str]]) -> None:
    here, there = pairs.source.row(source), pairs.target.row(target)
    shape, is_imported = pairs.source.shape(source), pairs.source.is_file_of_fileset(source)
    for field in shape.fields - shape.references:
        reason = rules.FILE_OF_FILESET if is_imported else rules.SET_BY_SERVER.get(f"{shape.name}.{field}")
        if reason and value_of(here, field) != value_of(there, field):
            counts[shape.name, field, reason] += 1


def _count_not_kept(
    pairs: Pairs, anchors: Anchors, created: array[int], counts: Counter[tuple[str, str | None, str]]
) -> None:
    side = pairs.source
    for (name, reason), count in side.not_carried.items():
        counts[name, None, reason] += count
    for (name, field), count in side.unknown.items():
        counts[name, field, "OMERO here has no such field"] += count
    for node, reason in anchors.lost.items():
        counts[side.class_name(node), None, reason] += 1
    for node in created:
        _count_dangling(pairs, anchors, node, counts)
    _count_owners(pairs, counts)
    kept = sum(1 for target in pairs.to_target if target >= 0) + len(created)
    for field, reason in rules.DETAILS_NOT_KEPT.items():
        counts["*", f"details.{field}", reason] += kept


def _count_dangling(
    pairs: Pairs, anchors: Anchors, node: int, counts: Counter[tuple[str, str | None, str]]
) -> None:
    for field, target in pairs.source.references(node):
        if _wanted(pairs, anchors, target) is _DROPPED:
            counts[pairs.source.class_name(node), field, "leads to an object that was not loaded"] += 1


def _count_owners(pairs: Pairs, counts: Counter[tuple[str, str | None, str]]) -> None:
    for nodes in pairs.source.by_class.values():
        for node in nodes:
            if (target := pairs.to_target[node]) < 0 or target in pairs.untouched:
                continue
            owner = pairs.known_owner_of(node)
            if pairs.source.owners[node] >= 0 and not (owner and owner == pairs.owner_of_target(target)):
                reason = "it is somebody else's here" if owner else "nobody here is known to be the owner"
                counts[pairs.source.class_name(node), "details.owner", reason] += 1
