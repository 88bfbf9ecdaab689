"""Unpack: a packet becomes OMERO objects again, exactly once.

What a load has made is found again by its marks and by its content, so the same command goes on where an
earlier one ended (docs/decisions/0008-unpack-makes-two-graphs-equal.md).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.errors import Busy
from omero_irods_bridge.model.events import CancelToken, Notice, Report, silent
from omero_irods_bridge.model.loads import LoadRecord, LoadState
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations.matching.difference import Difference, NotKept
from omero_irods_bridge.operations.matching.rules import NEVER_KEPT
from omero_irods_bridge.operations.unpacking.filling import fill
from omero_irods_bridge.operations.unpacking.handing_over import hand_over
from omero_irods_bridge.operations.unpacking.importing import import_filesets
from omero_irods_bridge.operations.unpacking.merging import find_merged
from omero_irods_bridge.operations.unpacking.owners import groups_of
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan, plan, read_content
from omero_irods_bridge.operations.unpacking.preparing import left_out, prepared
from omero_irods_bridge.operations.unpacking.rebuilding import rebuild
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.operations.unpacking.seeds import REUSED_KIND, Known, known_outside
from omero_irods_bridge.packet.content_of_packet import PacketContent
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.ports import Clock

__all__ = ["UnpackPlan", "apply", "group_of", "plan", "read_content"]

_LOOKED_FOR: Final = ("Project", "Dataset", "Screen", "Plate", "Image", "Roi", "Annotation")
_TOLD_OF_A_REASON: Final = 8
"""Classes and fields; a program gets all (``Loaded.not_kept``)."""


def group_of(content: PacketContent, request: UnpackRequest) -> str | None:
    """The group to be in, as it is called here, to load what ``read_content`` has read; none for any."""
    found = groups_of(content, request) if request.keep_group else ()
    return found[0] if len(found) == 1 else None


def apply(
    plan: UnpackPlan,
    packet: Packet,
    receiver: Receiver,
    *,
    clock: Clock,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Loaded:
    """Carry out ``plan``. Safe to repeat after any interruption; a load that is complete is left as it is.

    Files are imported first, each fileset marked as this load's from the moment it exists, and given to their
    owners where those are kept; then the graph is made equal to that of the packet; then attachments are
    filled. The record of the load says ``done`` last.

    Raises:
        ChecksumMismatch: something is not what was packed, or not what was sent.
        Busy: another process is carrying out the same load.
        UnreadableImage: OMERO cannot read a file as an image.
        BridgeError: what else prevented it. The same command goes on, ``undo`` takes back what was made.
    """
    cancel = cancel or CancelToken()
    if plan.problems:
        raise plan.problems[0]
    if plan.is_done:
        receiver.book.remove_left_claim(plan.load)
        return _was_complete(plan, receiver)
    known = known_outside(plan, {}, receiver)
    receiver.book.begin(_record(plan, known, clock))
    with receiver.book.claim(plan.load):
        return _apply_alone(plan, packet, receiver, clock, report, cancel)


def _apply_alone(
    plan: UnpackPlan,
    packet: Packet,
    receiver: Receiver,
    clock: Clock,
    report: Report,
    cancel: CancelToken,
) -> Loaded:
    """As the only process that is at it."""
    record = receiver.book.find(plan.load, is_own=True)
    if record is None:
        raise Busy(f"The load {plan.load} was taken back while it began.", hint="Run the same command again.")
    if record.state is LoadState.DONE:
        return _was_complete(plan, receiver)
    merged = find_merged(plan, receiver)
    known = known_outside(plan, merged, receiver).with_tags(record.reused)
    arrived = import_filesets(plan, packet, receiver.importer, report, cancel)
    hand_over(plan, arrived, receiver, report, cancel)
    not_kept = left_out(plan, merged)
    content = replace(plan.content, graph=prepared(plan, arrived.seeds, merged, known.reused))
    plan = replace(plan, content=content)
    rebuilt = rebuild(plan, arrived, known, receiver, report, cancel)
    fill(rebuilt.last, plan, packet, receiver, report, cancel)
    made = Counter(rebuilt.made) + Counter({"Fileset": len(arrived.filesets), "Image": len(arrived.images)})
    pairs = rebuilt.last.pairs.keys()
    receiver.book.write_id_map(plan.load, sorted(pairs.items()))
    receiver.book.finish(replace(record, state=LoadState.DONE, finished=_now(clock), counts=dict(made)))
    not_kept |= _not_kept(rebuilt.last)
    for text in _told(not_kept):
        report(Notice(text))
    return Loaded(plan.load, _roots(plan, pairs), dict(made), not_kept)


def _record(plan: UnpackPlan, known: Known, clock: Clock) -> LoadRecord:
    header = plan.content.header
    return LoadRecord(
        load=plan.load,
        snapshot=plan.request.packet,
        by=plan.identity.user,
        started=_now(clock),
        sha256=plan.sha256,
        source_server=header.server if header else plan.content.origin.database_uuid or "",
        reused=tuple(sorted(key for key in known.untouched if key.startswith(REUSED_KIND))),
    )


def _now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC).replace(microsecond=0)


def _not_kept(last: Difference) -> dict[str, int]:
    """In words; what no load keeps anywhere, such as history and dates of creation, is no news to anybody."""
    counts: Counter[str] = Counter()
    for one in last.not_kept:
        if one.class_name != "*" and one.reason not in NEVER_KEPT:
            counts[f"{_what(one)}: {one.reason}"] += one.count
    return dict(counts)


def _what(one: NotKept) -> str:
    if one.field is None:
        return one.class_name
    if one.field == "details.owner":
        return f"owner of {one.class_name}"
    return f"{one.class_name}.{one.field}"


def _told(not_kept: Mapping[str, int]) -> Iterator[str]:
    """A sentence for each reason, with what people look for first."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for text, count in not_kept.items():
        what, _, reason = text.partition(": ")
        found[reason].append((what, count))
    for reason, counts in found.items():
        counts.sort(key=lambda one: not one[0].endswith(_LOOKED_FOR))
        shown = [f"{what} ({count:,})" for what, count in counts[:_TOLD_OF_A_REASON]]
        rest = sum(count for _, count in counts[_TOLD_OF_A_REASON:])
        yield f"Not kept: {', '.join(shown)}{f' and {rest:,} more' if rest else ''}: {reason}."


def _was_complete(plan: UnpackPlan, receiver: Receiver) -> Loaded:
    pairs = dict(receiver.book.read_id_map(plan.load))
    return Loaded(plan.load, _roots(plan, pairs), was_complete=True)


def _roots(plan: UnpackPlan, pairs: Mapping[str, str]) -> Mapping[str, str]:
    return {str(root): pairs[str(root)] for root in plan.content.roots if str(root) in pairs}
