"""The bytes of attachments: written, with the ids in figures and tables that objects have here."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BadPacket, ChecksumMismatch
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step
from omero_irods_bridge.model.loads import Remapped
from omero_irods_bridge.operations.matching.difference import Difference
from omero_irods_bridge.operations.unpacking.compared import ANOTHER_REPLICA, compared_member
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import Attachment
from omero_irods_bridge.packet.figures import remap_figure
from omero_irods_bridge.packet.graph import id_of
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.ports import ByteSource

TABLE: Final = "OMERO.tables"
LARGEST_FIGURE: Final = 64 << 20
"""Bytes: figures are JSON, kept in memory while their ids are replaced."""

Ids = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Bytes in memory, as a source."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def fill(
    last: Difference,
    plan: UnpackPlan,
    packet: Packet,
    receiver: Receiver,
    report: Report,
    cancel: CancelToken,
) -> None:
    """Write the bytes of all attachments that OMERO does not have yet, and of all tables.

    Nobody can tell whether an earlier run, which wrote a table, came to replace all ids in it.

    Raises:
        ChecksumMismatch: they are not what was packed, or OMERO has others than were sent.
    """
    attachments = {one.original_file: one for one in plan.content.attachments}
    wanted = dict([*last.unfilled, *_tables(last)])
    todo = [(attachments[there], here) for there, here in wanted.items() if there in attachments]
    report(
        Step("Writing attachments", bytes_total=sum(one.file.size for one, _ in todo), items_total=len(todo))
    )
    filling = _Filling(last, packet, receiver, ids_here(last.pairs.keys()))
    done = 0
    for number, (attachment, here) in enumerate(todo, 1):
        cancel.check()
        for text in filling.fill(attachment, here):
            report(Notice(text))
        done += attachment.file.size
        report(Progress(done, number))


def _tables(last: Difference) -> Iterator[tuple[str, str]]:
    pairs = last.pairs
    for source in pairs.source.contents:
        target = pairs.to_target[source]
        if (
            target >= 0
            and target not in pairs.untouched
            and pairs.target.row(target).get("mimetype") == TABLE
        ):
            yield pairs.source.key(source), pairs.target.key(target)


def ids_here(pairs: Mapping[str, str]) -> Ids:
    """Old and new ids by class."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for there, here in pairs.items():
        found[there.partition(":")[0]][id_of(there)] = id_of(here)
    return found


class _Filling:
    def __init__(self, last: Difference, packet: Packet, receiver: Receiver, ids: Ids) -> None:
        self._packet, self._receiver, self._ids = packet, receiver, ids
        self._target = last.pairs.target

    def fill(self, attachment: Attachment, here: str) -> list[str]:
        """Write the bytes of one; what a person should know of its ids."""
        if attachment.is_figure:
            return self._fill_figure(attachment, here)
        self._receiver.writer.write_file(id_of(here), self._compared(attachment))
        if self._row(here).get("mimetype") != TABLE:
            return []
        return _told(attachment, self._receiver.writer.remap_table(id_of(here), self._ids))

    def _fill_figure(self, attachment: Attachment, here: str) -> list[str]:
        content = self._packet.read(attachment.file.member, LARGEST_FIGURE)
        _check(attachment, hashlib.sha256(content).hexdigest())
        try:
            data, remapped = remap_figure(content, self._ids)
            told = _told(attachment, remapped)
        except BadPacket as error:
            data, told = content, [f"{attachment.file.member} is kept as it is: {error.message}"]
        if self._row(here).get("hash") == hashlib.sha1(data, usedforsecurity=False).hexdigest():
            return []
        self._receiver.writer.write_file(id_of(here), _Bytes(data))
        return told

    def _compared(self, attachment: Attachment) -> ByteSource:
        """The member; read once before, so that nothing damaged gets into OMERO.

        What is read for OMERO is compared with that: packets of the stock tool have no digest of it.
        """
        digest, member = hashlib.sha256(), attachment.file.member
        for chunk in self._packet.chunks(member):
            digest.update(chunk)
        _check(attachment, digest.hexdigest())
        return compared_member(self._packet.source(member), member, Sha256(digest.hexdigest()))

    def _row(self, key: str) -> Mapping[str, object]:
        return self._target.row(self._target.find(key))


def _check(attachment: Attachment, sha256: str) -> None:
    """A zip has sums of its own, a folder has not."""
    if attachment.file.sha256 not in {None, Sha256(sha256)}:
        raise ChecksumMismatch(
            f"{attachment.file.member} is not what was packed: its SHA-256 is another one.",
            hint=ANOTHER_REPLICA,
        )


def _told(attachment: Attachment, remapped: Remapped) -> list[str]:
    unknown = [f"{name}:{number}" for name, numbers in remapped.unknown.items() for number in sorted(numbers)]
    if not unknown:
        return []
    shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
    return [f"{attachment.file.member} speaks of {shown}, which the packet does not have: left as they are."]
