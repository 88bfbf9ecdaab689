"""Packets that are hostile, damaged or incomplete: refused in words, before a call that changes OMERO."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.errors import (
    BridgeError,
    ChecksumMismatch,
    ExitStatus,
    ImportFailed,
    UnreadableImage,
)
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.unit.packet.hostile import ARCHIVES, DOCUMENTS, Raw, raw_zip
from tests.wire.bridge_import.sources import tiff
from tests.wire.bridge_unpack.conftest import Side, packed, row_counts, unpacked
from tests.wire.bridge_unpack.content import varied_project
from tests.wire.irods_zone.data_objects import write

CHANGING = ("IUpdate.", "ManagedRepository.", "ServiceFactory.submit", "RawFileStore.write")
IN_IRODS = (
    "zip_that_climbs",
    "zip_with_an_absolute_name",
    "zip_with_a_symbolic_link",
    "zip_encrypted",
    "zip_bomb_of_many_members",
    "zip_of_entries_that_share_a_body",
    "zip_cut_in_its_directory",
    "zip_with_a_name_twice",
    "zip_with_case_twins",
)


@pytest.fixture
def refuses(hers: Side) -> Callable[..., str]:
    """Try to load a packet; how it was refused. Nothing was changed, nothing even asked to be changed."""

    def attempt(opened: Any) -> str:
        before = row_counts(hers.omero)
        hers.omero.counters.reset()
        with pytest.raises(BridgeError) as caught, opened as packet:
            load(packet, hers)
        assert caught.value.exit_status is ExitStatus.FAILED
        assert row_counts(hers.omero) == before
        calls = hers.omero.counters.all_calls()
        assert [name for name in calls if name.startswith(CHANGING)] == []
        return caught.value.message

    return attempt


def load(packet: Packet, side: Side) -> None:
    plan = unpack.plan(UnpackRequest("packet"), packet, side.receiver)
    unpack.apply(plan, packet, side.receiver, clock=SystemClock())


def test_every_hostile_archive_on_this_computer_is_refused(
    refuses: Callable[..., str], tmp_path: Path
) -> None:
    assert len(ARCHIVES) > 30
    for name, (builder, _) in ARCHIVES.items():
        path = tmp_path / name
        path.write_bytes(builder())
        assert refuses(open_local(path)), name


@pytest.mark.parametrize("name", IN_IRODS)
def test_a_hostile_archive_in_irods_is_refused(
    name: str, refuses: Callable[..., str], store: IrodsStore, session: iRODSSession, place: str
) -> None:
    write(session, f"{place}/{name}", ARCHIVES[name][0]())
    assert refuses(open_snapshot(store, f"{place}/{name}"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_transfer_xml_is_refused(name: str, refuses: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "packet.zip"
    path.write_bytes(raw_zip(Raw(data=DOCUMENTS[name][0])))
    assert "transfer.xml" in refuses(open_local(path))


def test_a_transfer_xml_that_names_files_that_are_not_there_is_refused(
    refuses: Callable[..., str], tmp_path: Path
) -> None:
    path = stock_packet(tmp_path, {}, images=1)
    assert "root_0/a.tif" in refuses(open_local(path))


# -- damage that shows while bytes are read


def test_a_file_that_is_not_what_was_packed_is_refused_and_its_fileset_is_not_left(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path, hers: Side, zone: Zone
) -> None:
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),))
    with open_snapshot(store, path) as packet:
        (member,) = [one for one in packet.members if one.endswith("one.tif")]
        at = packet_offset(store, path, packet.read(member, 1 << 20)[-600:])
    zone.faults.flip_byte(path, offset=at)
    with pytest.raises(ChecksumMismatch, match=r"one\.tif"):
        unpacked(store, path, hers)
    assert row_counts(hers.omero)["Fileset"] <= 2  # the other filesets may have come first, or beside it
    zone.faults.flip_byte(path, offset=at)
    unpacked(store, path, hers)
    assert row_counts(hers.omero)["Fileset"] == 3


def packet_offset(store: IrodsStore, path: str, part: bytes) -> int:
    with store.open_source(path) as source:
        found = source.read_at(0, source.size).find(part)
    assert found > 0
    return found


def test_a_file_that_omero_cannot_read_is_named_and_nothing_of_it_is_left(hers: Side, tmp_path: Path) -> None:
    path = stock_packet(tmp_path, {"root_0/a.tif": b"no image " * 100}, images=1)
    before = row_counts(hers.omero)
    with pytest.raises(UnreadableImage, match=r"a\.tif"), open_local(path) as packet:
        load(packet, hers)
    assert_only_the_record_is_left(hers, before)


def test_fewer_images_than_announced_are_an_error_and_nothing_of_them_is_left(
    hers: Side, tmp_path: Path
) -> None:
    path = stock_packet(tmp_path, {"root_0/a.tif": tiff()}, images=2)
    before = row_counts(hers.omero)
    with (
        pytest.raises(ImportFailed, match=r"made 1 images of root_0/a\.tif, not 2"),
        open_local(path) as packet,
    ):
        load(packet, hers)
    assert_only_the_record_is_left(hers, before)


def test_fewer_images_that_could_not_be_taken_back_at_once_are_by_the_next_run(
    hers: Side, tmp_path: Path
) -> None:
    path = stock_packet(tmp_path, {"root_0/a.tif": tiff()}, images=2)
    before = row_counts(hers.omero)
    hers.omero.faults.fail_call("ServiceFactory.submit")
    with pytest.raises(BridgeError, match="deleting Fileset:"), open_local(path) as packet:
        load(packet, hers)
    assert row_counts(hers.omero)["Fileset"] == before["Fileset"] + 1
    with pytest.raises(ImportFailed, match="made 1 images"), open_local(path) as packet:
        load(packet, hers)
    assert_only_the_record_is_left(hers, before)


def test_a_byte_of_a_stock_packet_that_its_zip_has_another_sum_of_is_noticed(
    hers: Side, tmp_path: Path
) -> None:
    path = stock_packet(tmp_path, {"root_0/a.tif": tiff()}, images=1)
    data = bytearray(path.read_bytes())
    data[data.index(tiff()) + len(tiff()) // 2] ^= 1
    path.write_bytes(data)
    before = row_counts(hers.omero)
    with pytest.raises(ChecksumMismatch, match=r"root_0/a\.tif.* CRC"), open_local(path) as packet:
        load(packet, hers)
    assert_only_the_record_is_left(hers, before)


def assert_only_the_record_is_left(side: Side, before: dict[str, int]) -> None:
    assert row_counts(side.omero) == {**before, "Annotation": before["Annotation"] + 1}
    assert len(side.receiver.book.list_loads()) == 1


def stock_packet(folder: Path, files: dict[str, bytes], *, images: int) -> Path:
    """A packet as the stock tool makes it, with images of the file ``root_0/a.tif``."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("transfer.xml", transfer_xml(images))
        for name, data in files.items():
            archive.writestr(name, data)
    path = folder / "stock.zip"
    path.write_bytes(target.getvalue())
    return path


def transfer_xml(images: int) -> str:
    head = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
    told = "".join(
        f'<Image ID="Image:{number}" Name="a.tif"><Pixels ID="Pixels:{number}" DimensionOrder="XYZCT"'
        ' Type="uint16" SizeX="64" SizeY="48" SizeZ="1" SizeC="1" SizeT="1"><MetadataOnly/></Pixels>'
        f'<AnnotationRef ID="Annotation:{number}"/></Image>'
        for number in range(1, images + 1)
    )
    paths = "".join(
        f'<XMLAnnotation ID="Annotation:{number}" Namespace="openmicroscopy.org/cli/transfer"><Value>'
        "<CLITransferServerPath><Path>root_0/a.tif</Path></CLITransferServerPath></Value></XMLAnnotation>"
        for number in range(1, images + 1)
    )
    return f"{head}{told}<StructuredAnnotations>{paths}</StructuredAnnotations></OME>"
