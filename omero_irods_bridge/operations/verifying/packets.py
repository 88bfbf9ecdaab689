"""Verify a packet on this computer: without AVUs and catalog, it is held against its manifest alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random

from omero_irods_bridge.model.errors import BadPacket, BridgeError, UsageError
from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.verification import Finding, Problem, Scope, Verification
from omero_irods_bridge.operations.verifying.members import (
    PACK_AGAIN,
    ImagesOf,
    Meter,
    check_members,
    damage,
    is_about_data,
)
from omero_irods_bridge.operations.verifying.sampling import sample as draw
from omero_irods_bridge.packet.manifest import MANIFEST_BYTES, ManifestMember, parse
from omero_irods_bridge.packet.reading import MANIFEST, Packet


def verify_packet(
    packet: Packet,
    path: str,
    *,
    scope: Scope = Scope.METADATA,
    sample: float | None = None,
    rng: Random | None = None,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Verification:
    """Compare the packet at ``path`` with its manifest; with the scope DATA all bytes, or a part of them.

    Nothing is recorded anywhere. One bad member does not stop the others.

    Raises:
        BadPacket: it has no manifest, so that there is nothing to hold it against.
        UsageError: replicas are asked for.
        Interrupted: ``cancel`` asked to stop.
    """
    if scope is Scope.REPLICAS:
        raise UsageError("A packet on this computer has no replicas.", hint="Use --data.")
    if not packet.has_manifest:
        raise BadPacket(
            f"{path} has no {MANIFEST}: there is nothing to verify it by.",
            hint="Only what omero-irods packed can be verified.",
        )
    try:
        members, images = parse(packet.read(MANIFEST, MANIFEST_BYTES)).members, ImagesOf(packet)
    except BridgeError as error:
        return Verification(path, scope, (_of_manifest(path, error),))
    sizes = {name: member.size for name, member in packet.members.items()}
    findings = list(check_members(path, members, sizes, images))
    if scope is Scope.METADATA:
        return Verification(path, scope, tuple(findings), len(members))
    to_read = [one for one in _drawn(members, sample, rng or Random()) if sizes.get(one.path) == one.size]  # noqa: S311
    meter = Meter(report, cancel or CancelToken())
    meter.begin(Step(f"Comparing the bytes of {path}", sum(one.size for one in to_read), len(to_read)))
    findings += _damaged(packet, path, to_read, images, meter)
    complete = sample is None and len(to_read) == len(members)
    return Verification(
        path,
        scope,
        tuple(findings),
        len(members),
        members_checked=len(to_read),
        bytes_read=meter.read,
        complete=complete,
    )


def _of_manifest(path: str, error: BridgeError) -> Finding:
    """What an error says of a manifest; one that says nothing of data is raised again."""
    if not is_about_data(error):
        raise error
    text = f"The manifest of {path} cannot be read: {error.message}"
    return Finding(Problem.DAMAGED, path, text, PACK_AGAIN, member=MANIFEST)


def _drawn(
    members: tuple[ManifestMember, ...], fraction: float | None, rng: Random
) -> Iterable[ManifestMember]:
    if fraction is None:
        return members
    wanted = frozenset(draw({one.path: one.size for one in members}, fraction, rng))
    return (one for one in members if one.path in wanted)


def _damaged(
    packet: Packet, path: str, members: Iterable[ManifestMember], images: ImagesOf, meter: Meter
) -> Iterator[Finding]:
    for member in members:
        wrong = damage(packet, member, meter)
        meter.count(items=1)
        if wrong is not None:
            text = f"{member.path} in {path} is damaged. {wrong}"
            yield Finding(Problem.DAMAGED, path, text, PACK_AGAIN, member=member.path, images=images(member))
