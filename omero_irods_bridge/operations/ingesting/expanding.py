"""Row I12, on opt-in: a zip of ours that arrived becomes a snapshot that is a collection. The zip stays.

What is under way lies in ``.incoming`` beside the zip, as with pack: each member is compared with the
manifest while it passes, and with what iRODS computed of it then; one rename seals. Whose packet has no
manifest, as those of the stock tool, has nothing to be compared with: it is described only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import PurePosixPath

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BadPacket, ChecksumMismatch, TargetExists
from omero_irods_bridge.model.events import Notice, Progress, Step
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.snapshot import Description
from omero_irods_bridge.model.stored import Avu, DataObject, parent_of
from omero_irods_bridge.operations.incoming import INCOMING, PLAN_ID_LENGTH, Incoming, held, incoming_of
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.packing.comparing import compare
from omero_irods_bridge.operations.packing.members import Members, write_whole
from omero_irods_bridge.operations.packing.sealing import annotate, rename
from omero_irods_bridge.operations.targets import next_version
from omero_irods_bridge.packet.manifest import (
    MANIFEST_BYTES,
    Manifest,
    ManifestMember,
    read_manifest,
    unlisted,
)
from omero_irods_bridge.packet.reading import MANIFEST, Packet
from omero_irods_bridge.ports import AvuCondition, ObjectStore


@dataclass(frozen=True, slots=True)
class Expansion:
    """A zip, open, and what is known of it; ``store`` acts as its owner."""

    found: DataObject
    packet: Packet
    description: Description
    store: ObjectStore


def expand(expansion: Expansion, work: Work) -> str:
    """The sealed collection that has all that the manifest of the zip names; made unless it is there.

    Safe to repeat: members that are there, and as they should be, are kept.

    Raises:
        ChecksumMismatch: a member is not what was packed; nothing was sealed.
        Busy: another scan is at it.
        AccessDenied, NoSpace: the owner of the zip may not write beside it, or there is no place.
    """
    name = work.options.name
    origin = Avu(name("expanded_from"), f"{expansion.found.id}-{expansion.description.sha256}")
    wanted = _wanted(expansion.found.path)
    place = incoming_of(wanted, hashlib.sha256(origin.value.encode()).hexdigest()[:PLAN_ID_LENGTH])
    there = _sealed(expansion.store, origin)
    if there:
        return there
    with held(expansion.store, place):
        return _sealed(expansion.store, origin) or _Expanding(expansion, place, work).run(wanted, origin)


def _wanted(path: str) -> str:
    """Beside the zip, without its ending."""
    stem = PurePosixPath(path).stem
    return f"{parent_of(path)}/{stem}" if not stem.startswith(".") else f"{path}.expanded"


def _sealed(store: ObjectStore, origin: Avu) -> str:
    """Where an earlier scan has expanded it to; "" for nowhere."""
    found = store.find_by_avus([AvuCondition(origin.attribute, equals=origin.value)], limit=1)
    return next(iter(found), "")


class _Expanding:
    def __init__(self, expansion: Expansion, place: Incoming, work: Work) -> None:
        self._packet, self._store = expansion.packet, expansion.store
        self._found, self._description = expansion.found, expansion.description
        self._place, self._work = place, work
        self._members = Members(self._store, place.path)
        self._bytes = self._items = 0

    def run(self, wanted: str, origin: Avu) -> str:
        manifest = read_manifest(self._packet)
        self._tell_of_unlisted(manifest)
        members = [*manifest.members, self._manifest_itself()]
        total = sum(one.size for one in members)
        self._work.report(Step(f"Expanding {self._found.path}", bytes_total=total, items_total=len(members)))
        self._store.make_collection(self._place.path)
        kept = dict(self._kept())
        for member in members:
            self._work.cancel.check()
            if kept.get(member.path) != member.sha256:
                self._write(member)
            self._count(items=1)
        self._describe(members[-1].sha256, total, origin)
        return self._seal(wanted)

    def _tell_of_unlisted(self, manifest: Manifest) -> None:
        for path in unlisted(manifest, self._packet):
            self._work.report(
                Notice(f"{path} is in {self._found.path}, not in its manifest, and stays there.")
            )

    def _manifest_itself(self) -> ManifestMember:
        data = self._packet.read(MANIFEST, MANIFEST_BYTES)
        sha256 = Sha256(hashlib.sha256(data).hexdigest())
        return ManifestMember(MANIFEST, len(data), sha256, FileRole.METADATA)

    def _kept(self) -> Iterator[tuple[str, Sha256]]:
        """Members that an earlier run has written, with the checksums that iRODS has computed of them."""
        start = len(self._place.path) + 1
        for one in self._store.children(self._place.path, recursive=True):
            if isinstance(one, DataObject) and one.good is not None and one.good.sha256 is not None:
                yield one.path[start:], one.good.sha256

    def _write(self, member: ManifestMember) -> None:
        path = self._path(member.path)
        write_whole(self._store, path, self._checked(member))
        compare(self._store, path, member.sha256)

    def _checked(self, member: ManifestMember) -> Iterator[bytes]:
        """All its bytes, and an error at the end when they are not what was packed."""
        digest = hashlib.sha256()
        for chunk in self._packet.chunks(member.path):
            self._work.cancel.check()
            yield chunk
            digest.update(chunk)
            self._count(len(chunk))
        read = Sha256(digest.hexdigest())
        if read != member.sha256:
            raise ChecksumMismatch(
                f"{member.path} in {self._found.path} is not what was packed: its SHA-256 is {read}.",
                hint="Nothing was sealed. Put the packet there again.",
            )

    def _path(self, member: str) -> str:
        if INCOMING in member.split("/"):
            raise BadPacket(f"{self._found.path} has the member {member}, which would never be seen.")
        return self._members.place(member)

    def _count(self, size: int = 0, *, items: int = 0) -> None:
        self._bytes, self._items = self._bytes + size, self._items + items
        self._work.report(Progress(self._bytes, self._items))

    def _describe(self, manifest: Sha256, size: int, origin: Avu) -> None:
        """Before it can be seen."""
        note = f"expanded from {self._found.path}"
        told = replace(self._description, sha256=manifest.hex, size=size, note=note)
        annotate(self._store, self._place.path, told, self._work.options.prefix, more=[origin])

    def _seal(self, wanted: str) -> str:
        """Nothing is overwritten: the next free name where this one is taken."""
        packet = self._store.find(self._place.path)
        for version in count(1):
            target = next_version(wanted, version)
            try:
                rename(self._store, self._place.path, target, packet)
            except TargetExists:
                continue
            return target
        raise AssertionError("count() does not end")
