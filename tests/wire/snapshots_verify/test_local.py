"""Packets on this computer are held against their manifest (row L3)."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.errors import BadPacket, ExitStatus, Interrupted, UsageError
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.verification import Problem, Scope, Verification
from omero_irods_bridge.operations.verifying.packets import verify_packet
from omero_irods_bridge.packet.reading import MANIFEST
from tests.wire.snapshots_verify.builders import IMAGES, ONE_IMAGE, TWO_IMAGES, Built, build


@pytest.fixture(params=["zip", "folder"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write(build(), tmp_path, request.param)


def write(built: Built, folder: Path, form: str) -> Path:
    if form == "zip":
        path = folder / "packet.zip"
        path.write_bytes(built.zip)
        return path
    for name, content in built.members.items():
        place = folder / "packet" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder / "packet"


def verified(path: Path, scope: Scope = Scope.DATA, sample: float | None = None) -> Verification:
    with open_local(path) as packet:
        return verify_packet(packet, str(path), scope=scope, sample=sample, rng=Random(7))


def flip(path: Path, built: Built, member: str) -> None:
    """A byte of a member."""
    place, offset = (path, built.places[member] + 10) if path.is_file() else (path / member, 10)
    data = bytearray(place.read_bytes())
    data[offset] ^= 1
    place.write_bytes(data)


def test_all_bytes_of_a_whole_packet_are_compared(written: Path) -> None:
    found = verified(written)
    assert (found.ok, found.complete, found.members_checked) == (True, True, len(IMAGES))
    assert found.bytes_read >= sum(len(build().members[name]) for name in IMAGES)
    assert found.state is None


def test_without_data_no_bytes_are_read(written: Path) -> None:
    flip(written, build(), ONE_IMAGE)
    found = verified(written, Scope.METADATA)
    assert (found.ok, found.bytes_read, found.complete) == (True, 0, False)


@pytest.mark.parametrize("member", [ONE_IMAGE, TWO_IMAGES])
def test_a_flipped_byte_names_the_member_and_its_images(written: Path, member: str) -> None:
    flip(written, build(), member)
    found = verified(written)
    (finding,) = found.findings
    assert (finding.problem, finding.member, finding.images) == (Problem.DAMAGED, member, IMAGES[member])
    assert found.exit_status is ExitStatus.CHECKSUM_MISMATCH


def test_a_missing_an_added_and_a_cut_member_are_told(tmp_path: Path) -> None:
    path = write(build(), tmp_path, "folder")
    (path / ONE_IMAGE).unlink()
    (path / "added.txt").write_text("new")
    (path / TWO_IMAGES).write_bytes(b"short")
    found = verified(path)
    assert {(one.problem, one.member) for one in found.findings} == {
        (Problem.MISSING, ONE_IMAGE),
        (Problem.DIFFERS, "added.txt"),
        (Problem.DIFFERS, TWO_IMAGES),
    }
    assert not found.complete


def test_damage_of_the_manifest_of_a_zip_is_found(tmp_path: Path) -> None:
    built = build()
    path = write(built, tmp_path, "zip")
    flip(path, built, MANIFEST)
    (finding,) = verified(path).findings
    assert (finding.problem, finding.member) == (Problem.DAMAGED, MANIFEST)


def test_a_sample_is_not_complete(written: Path) -> None:
    found = verified(written, sample=0.2)
    assert 0 < found.members_checked < len(IMAGES)
    assert not found.complete


def test_replicas_and_packets_without_a_manifest_are_refused(tmp_path: Path) -> None:
    path = write(build(), tmp_path, "folder")
    with pytest.raises(UsageError, match="no replicas"):
        verified(path, Scope.REPLICAS)
    (path / MANIFEST).unlink()
    with pytest.raises(BadPacket, match="nothing to verify it by"):
        verified(path)


def test_it_stops_when_asked_to(written: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with open_local(written) as packet, pytest.raises(Interrupted):
        verify_packet(packet, str(written), scope=Scope.DATA, cancel=cancel)
