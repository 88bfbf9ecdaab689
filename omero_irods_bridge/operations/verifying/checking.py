"""The bytes of data objects and members, compared with what was packed.

The server reads what it stores and compares it with the checksum in its catalog; where that is the checksum
that was packed, nothing has to travel. Bytes are fetched only where it is not, and to find out which member
is damaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, InArchive, NotFound
from omero_irods_bridge.model.events import Step
from omero_irods_bridge.model.stored import Replica
from omero_irods_bridge.model.verification import Finding, Problem, Scope
from omero_irods_bridge.operations.opening import open_snapshot, open_zip
from omero_irods_bridge.operations.verifying.marks import stale_plan
from omero_irods_bridge.operations.verifying.members import (
    ImagesOf,
    Meter,
    damage,
    damage_by_crc,
    is_about_data,
    sha256_of,
)
from omero_irods_bridge.operations.verifying.replicas import Expected, Target, named, remedy
from omero_irods_bridge.packet.manifest import ManifestMember
from omero_irods_bridge.packet.reading import MANIFEST, Packet
from omero_irods_bridge.ports import ObjectStore

_WHICH: Final = "See which replicas are whole: omero-irods verify --replicas"
_BETWEEN: Final = "Every member is whole: the bytes between them are damaged."

_Hurt: TypeAlias = tuple[str | None, str, tuple[int, ...]]
"""A member (none for the packet as such), what is wrong with it, and the images that need it."""


class _Outcome(Enum):
    WHOLE = auto()
    DAMAGED = auto()
    OTHER = auto()
    """Not what the AVUs say, and just what iRODS recorded."""
    UNKNOWN = auto()
    """Nobody can tell: there is nothing to compare it with."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What came out for one replica; ``why`` is a sentence where it is damaged."""

    replica: Replica
    outcome: _Outcome
    why: str = ""


@dataclass(slots=True)
class Checked:
    """What comparing bytes showed. ``members`` were compared, ``complete`` when no replica was left out."""

    findings: list[Finding] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    whole: set[tuple[str, int | None]] = field(default_factory=set)
    complete: bool = True

    def settles(self, finding: Finding) -> bool:
        """Whether what was not proven is now."""
        return finding.problem is Problem.UNPROVEN and (finding.path, finding.replica) in self.whole


@dataclass(frozen=True, slots=True)
class Checker:
    """Compares the bytes of one snapshot at ``path``, whose manifest names ``members``."""

    store: ObjectStore
    path: str
    members: Sequence[ManifestMember]
    meter: Meter

    def objects(self, targets: Iterable[Target], scope: Scope) -> Checked:
        """Compare data objects, the replicas that ``scope`` names of each."""
        checked = Checked()
        by_path = {member.path: member for member in self.members}
        for target in targets:
            self._object(target, scope, by_path, checked)
        return checked

    def sample(self, paths: Iterable[str]) -> Checked:
        """Read some members of a zip and compare each."""
        wanted = set(paths)
        try:
            with open_zip(self.store, self.path) as packet:
                return Checked(self._sampled(packet, wanted), wanted, complete=False)
        except BridgeError as error:
            if not is_about_data(error):
                raise
            text = f"{self.path} cannot be read. {error.message}"
            return Checked([Finding(Problem.DAMAGED, self.path, text, _WHICH)], complete=False)

    def _sampled(self, packet: Packet, wanted: set[str]) -> list[Finding]:
        images = ImagesOf(packet)
        return [
            Finding(
                Problem.DAMAGED,
                self.path,
                f"{member.path} in {self.path} is damaged. {why}",
                _WHICH,
                member=member.path,
                images=images(member),
            )
            for member, why in self._damaged(packet, [one for one in self.members if one.path in wanted])
        ]

    def _object(
        self, target: Target, scope: Scope, by_path: Mapping[str, ManifestMember], checked: Checked
    ) -> None:
        results = [self._replica(target, replica) for replica in target.replicas(scope)]
        whole = {one.replica.number for one in results if one.outcome is _Outcome.WHOLE}
        checked.whole |= {(target.expected.path, number) for number in whole}
        for result in results:
            if result.outcome is not _Outcome.WHOLE:
                checked.findings += self._explain(target, result, whole, by_path)
        if any(one.outcome is _Outcome.UNKNOWN for one in results):
            checked.complete = False
        member = target.expected.member
        checked.members |= set(by_path) if member is None else {member} & set(by_path)
        self.meter.count(items=1)

    # -- one replica

    def _replica(self, target: Target, replica: Replica) -> _Result:
        expected = target.expected
        self.meter.check()
        if expected.sha256 is None:
            return _Result(replica, _Outcome.UNKNOWN)
        try:
            outcome = self._by_server(expected, replica) or self._by_reading(target, replica)
        except NotFound as error:
            raise stale_plan(expected.path) from error
        except BridgeError as error:
            if not is_about_data(error):
                raise
            return _Result(replica, _Outcome.DAMAGED, error.message)
        return _Result(replica, outcome)

    def _by_server(self, expected: Expected, replica: Replica) -> _Outcome | None:
        """None when the server cannot tell.

        No checksum in the catalog is written over: it may be the only trace of what happened.
        """
        if not replica.checksum:
            whole = self._computed(expected, replica)
        elif replica.sha256 == expected.sha256:
            whole = self._verified(expected, replica)
        else:
            return None
        if whole is None:
            return None
        self.meter.count(by_server=replica.size)
        return _Outcome.WHOLE if whole else _Outcome.DAMAGED

    def _computed(self, expected: Expected, replica: Replica) -> bool | None:
        try:
            return self.store.compute_checksum(expected.path, replica=replica.number) == expected.sha256
        except (AccessDenied, InArchive):  # it would be recorded, which takes more than the right to read
            return None

    def _verified(self, expected: Expected, replica: Replica) -> bool | None:
        try:
            return self.store.verify_checksum(expected.path, replica=replica.number)
        except InArchive:
            return None

    def _by_reading(self, target: Target, replica: Replica) -> _Outcome:
        try:
            return self._read(target.expected, replica, replica.number)
        except InArchive:
            # What iRODS would fetch for a reader; it fetches nothing where there is another good one.
            return self._read(target.expected, replica, None) if target.has_one_good else _Outcome.UNKNOWN

    def _read(self, expected: Expected, replica: Replica, number: int | None) -> _Outcome:
        step = Step(f"Reading {expected.path}: {named(replica)}", replica.size)
        with (
            self.meter.within(step, worth=replica.size),
            self.store.open_source(expected.path, replica=number) as source,
        ):
            found = sha256_of(source, self.meter)
        if found == expected.sha256:
            return _Outcome.WHOLE
        return _Outcome.OTHER if found == replica.sha256 else _Outcome.DAMAGED

    # -- which member, which image

    def _explain(
        self, target: Target, result: _Result, whole: set[int], by_path: Mapping[str, ManifestMember]
    ) -> Iterator[Finding]:
        """What is wrong with a replica that is not whole."""
        expected, replica = target.expected, result.replica
        hint = remedy(target.found, replica, whole)
        for name, why, images in self._hurt(target, result, by_path):
            text = f"{name or expected.path}, {named(replica)}, is damaged. {why}".strip()
            yield Finding(
                Problem.DAMAGED, expected.path, text, hint, replica.number, replica.resource, name, images
            )

    def _hurt(
        self, target: Target, result: _Result, by_path: Mapping[str, ManifestMember]
    ) -> Iterator[_Hurt]:
        expected = target.expected
        if expected.member is not None:
            # A manifest that iRODS knows like this may be right, and the AVU wrong: that they differ is told.
            is_open = expected.member == MANIFEST and result.outcome is _Outcome.OTHER
            if result.outcome is not _Outcome.UNKNOWN and not is_open:
                yield expected.member, result.why, self._images(by_path.get(expected.member))
            return
        found = list(self._members(None if target.has_one_good else result.replica.number))
        if not found and result.outcome is _Outcome.DAMAGED:
            found = [(None, result.why or _BETWEEN, ())]
        yield from found

    def _images(self, member: ManifestMember | None) -> tuple[int, ...]:
        """Of a member of an expanded packet."""
        if member is None:
            return ()
        with open_snapshot(self.store, self.path) as packet:
            return ImagesOf(packet)(member)

    def _members(self, replica: int | None) -> Iterator[_Hurt]:
        """The damaged members of a replica of a zip, and the images that need each."""
        size = sum(member.size for member in self.members)
        step = Step(f"Looking which members of {self.path} are damaged", size, len(self.members))
        try:
            with (
                self.meter.within(step),
                open_zip(self.store, self.path, replica=replica) as packet,
            ):
                images = ImagesOf(packet)
                if not self.members:
                    yield from ((path, why, ()) for path, why in self._damaged_by_crc(packet))
                for member, why in self._damaged(packet, self.members):
                    yield member.path, why, images(member)
        except InArchive:
            return  # there is a good one in the cache, and nothing to compare this with
        except BridgeError as error:
            if not is_about_data(error):
                raise
            yield None, error.message, ()

    def _damaged(
        self, packet: Packet, members: Iterable[ManifestMember]
    ) -> Iterator[tuple[ManifestMember, str]]:
        for member in members:
            self.meter.check()
            why = damage(packet, member, self.meter)
            self.meter.count(items=1)
            if why is not None:
                yield member, why

    def _damaged_by_crc(self, packet: Packet) -> Iterator[tuple[str, str]]:
        """Without a manifest the packet's own sums tell; they do not prove, but they find what decayed."""
        for path in packet.members:
            self.meter.check()
            why = damage_by_crc(packet, path, self.meter)
            if why is not None:
                yield path, why
