"""Every hostile archive is refused in words that name what is wrong, before any byte is handed out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.errors import BadName, BadPacket, BridgeError
from omero_irods_bridge.packet.opening import open_packet
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.packet.xml import iterate_elements, parse_xml
from tests.unit.packet.hostile import (
    ARCHIVES,
    DOCUMENTS,
    Raw,
    good_zip,
    raw_tar,
    raw_zip,
    tar_member,
    zip64_zip,
)
from tests.unit.packet.sources import Bytes

LARGEST_MEMBER = 10_000_000


def read_all(packet: Packet) -> dict[str, bytes]:
    packet.check_places()
    return {path: packet.read(path, LARGEST_MEMBER) for path in packet.members}


def first_bytes_of_all(packet: Packet) -> list[bytes]:
    return [next(packet.chunks(path), b"") for path in packet.members]


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_before_any_data(name: str) -> None:
    builder, why = ARCHIVES[name]
    with pytest.raises((BadPacket, BadName), match=why) as caught:
        open_packet(Bytes(builder())).check_places()
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("name", ARCHIVES)
def test_who_does_not_check_all_places_first_is_refused_at_the_bad_member(name: str) -> None:
    builder, why = ARCHIVES[name]
    with pytest.raises((BadPacket, BadName), match=why):
        first_bytes_of_all(open_packet(Bytes(builder())))


def test_an_honest_archive_is_not_refused() -> None:
    """Each builder differs from one of these in one thing."""
    assert set(read_all(open_packet(Bytes(good_zip())))) == {"root_0/a.tif", "transfer.xml"}
    assert read_all(open_packet(Bytes(zip64_zip()))) == {"transfer.xml": b"<OME/>"}
    tar = raw_tar(tar_member(size=6), data=b"<OME/>")
    assert read_all(open_packet(Bytes(tar))) == {"transfer.xml": b"<OME/>"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_xml_is_refused(name: str) -> None:
    document, why = DOCUMENTS[name]
    with pytest.raises(BadPacket, match=why) as caught:
        list(iterate_elements([document], {"Image"}))
    assert "transfer.xml" in caught.value.message
    with pytest.raises(BadPacket, match=why):
        parse_xml(document, what="transfer.xml")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_xml_is_refused_however_it_is_cut(name: str) -> None:
    document, why = DOCUMENTS[name]
    size = 1 if len(document) < 10_000 else 65_536
    chunks = [document[at : at + size] for at in range(0, len(document), size)]
    with pytest.raises(BadPacket, match=why):
        list(iterate_elements(chunks, {"Image"}))


@pytest.mark.parametrize("kind", ["file", "folder", "dangling"])
def test_a_symbolic_link_in_a_folder_is_refused(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "packet"
    folder.mkdir()
    (folder / "transfer.xml").write_bytes(b"<OME/>")
    target = {"file": folder / "transfer.xml", "folder": tmp_path, "dangling": tmp_path / "no"}[kind]
    (folder / "link").symlink_to(target)
    with pytest.raises(BadPacket, match=r"'link' in .* is a symbolic link"), open_local(folder):
        pass


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "packet"
    folder.mkdir()
    (folder / "a").write_bytes(b"12345")
    (tmp_path / "secret").write_bytes(b"54321")
    with open_local(folder) as packet:
        (folder / "a").unlink()
        (folder / "a").symlink_to(tmp_path / "secret")
        with pytest.raises(BadPacket, match="symbolic link"):
            packet.read("a", 100)


MUTATIONS = st.lists(
    st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4
)
SUBJECTS = {
    "zip": good_zip(),
    "zip64": zip64_zip(),
    "tar": raw_tar(tar_member("ä" * 90, size=6), tar_member("b/c", size=6), data=b"<OME/>"),
}


def _mutated(data: bytes, mutations: list[tuple[int, bytes]]) -> Iterator[bytes]:
    out = bytearray(data)
    for at, run in mutations:
        place = at % len(out)
        out[place : place + len(run)] = run
        yield bytes(out)


@pytest.mark.parametrize("kind", SUBJECTS)
@settings(max_examples=400)
@given(mutations=MUTATIONS, cut=st.integers(0, 60))
def test_whatever_happens_to_an_archive_it_is_read_or_refused(
    kind: str, mutations: list[tuple[int, bytes]], cut: int
) -> None:
    for data in _mutated(SUBJECTS[kind], mutations):
        for whole in (data, data[: len(data) - cut]):
            try:
                found = read_all(open_packet(Bytes(whole)))
            except BridgeError as error:
                assert error.message  # noqa: PT017 - one of two good outcomes
            else:
                assert all(len(content) <= LARGEST_MEMBER for content in found.values())


@settings(max_examples=300)
@given(st.integers(0, len(SUBJECTS["zip"]) - 1), st.integers(1, 255))
def test_one_changed_byte_never_gives_other_data(at: int, flip: int) -> None:
    data = bytearray(SUBJECTS["zip"])
    data[at] ^= flip
    good = read_all(open_packet(Bytes(SUBJECTS["zip"])))
    try:
        found = read_all(open_packet(Bytes(bytes(data))))
    except BridgeError:
        return
    assert found == good


@given(st.binary(max_size=2000))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(BridgeError):
        open_packet(Bytes(data))


def test_an_empty_zip_has_no_members() -> None:
    assert not open_packet(Bytes(raw_zip())).members


def test_a_name_that_only_windows_refuses_is_read_with_a_note() -> None:
    packet = open_packet(Bytes(raw_zip(Raw(b"aux.tif"), Raw(b"12:30.tif"))))
    assert set(packet.members) == {"aux.tif", "12:30.tif"}
    assert len(packet.notes) == 2
    assert "aux.tif" in packet.notes[0]
