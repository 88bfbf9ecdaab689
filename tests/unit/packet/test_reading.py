"""Packets are read at places: ours, the stock tool's, tars, folders; and cheaply."""

from __future__ import annotations

import io
import os
import random
import resource
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.local import local_source, open_local
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadName,
    BadPacket,
    BridgeError,
    ChecksumMismatch,
    NotFound,
)
from omero_irods_bridge.packet.contents import CHUNK_BYTES
from omero_irods_bridge.packet.opening import open_packet
from omero_irods_bridge.packet.reading import Container, Limits, Packet, folder_packet
from tests.unit.packet.hostile import Raw, raw_zip, resized
from tests.unit.packet.sources import Bytes
from tests.unit.packet.test_zip_writing import MEMBERS, METADATA, SIZES, build, sparse

REAL = Path("/work/shared/data/packets")
NOISE = random.Random(5).randbytes(3 * CHUNK_BYTES + 17)
FILES = {
    "root_0/a.tif": NOISE,
    "root_0/b/" + "Ä" * 120 + ".tif": b"tiny",
    "empty": b"",
    "transfer.xml": b"<OME/>",
}


def contents(packet: Packet) -> dict[str, bytes]:
    packet.check_places()
    return {path: b"".join(packet.chunks(path)) for path in packet.members}


def zipped(method: int, *, folders: bool) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        if folders:
            archive.mkdir("root_0")
            archive.mkdir("root_0/b")
        for name, data in FILES.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(form: int, prefix: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name in ("", "root_0", "root_0/b") if prefix else ():
            info = tarfile.TarInfo(f"{prefix}{name}".rstrip("/"))
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, data in FILES.items():
            info = tarfile.TarInfo(f"{prefix}{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKETS = {
    "stored zip": zipped(zipfile.ZIP_STORED, folders=False),
    "deflated zip": zipped(zipfile.ZIP_DEFLATED, folders=False),
    "stock zip": zipped(zipfile.ZIP_DEFLATED, folders=True),
    "our zip": build(FILES, {}),
    "pax tar": tarred(tarfile.PAX_FORMAT, ""),
    "gnu tar": tarred(tarfile.GNU_FORMAT, ""),
    "pax tar of .": tarred(tarfile.PAX_FORMAT, "./"),
    "gnu tar of .": tarred(tarfile.GNU_FORMAT, "./"),
}


@pytest.mark.parametrize("kind", PACKETS)
def test_every_form_gives_the_same_files(kind: str) -> None:
    packet = open_packet(Bytes(PACKETS[kind]))
    assert packet.container is (Container.TAR if "tar" in kind else Container.ZIP)
    assert contents(packet) == FILES
    assert {path: member.size for path, member in packet.members.items()} == {
        path: len(data) for path, data in FILES.items()
    }
    assert not packet.has_manifest


@pytest.mark.parametrize("kind", PACKETS)
def test_any_part_of_a_member_can_be_read_at_its_place(kind: str) -> None:
    packet = open_packet(Bytes(PACKETS[kind]))
    source = packet.source("root_0/a.tif")
    assert source.size == len(NOISE)
    for offset, length in (
        (0, 10),
        (5, CHUNK_BYTES),
        (len(NOISE) - 3, 100),
        (2, 2),
        (len(NOISE) + 5, 9),
        (7, 0),
    ):
        assert source.read_at(offset, length) == NOISE[offset : offset + length]


@pytest.mark.parametrize("kind", ["deflated zip", "our zip"])
@given(reads=st.lists(st.tuples(st.integers(0, len(NOISE)), st.integers(0, 100_000)), max_size=4))
def test_parts_in_any_order_are_the_right_ones(kind: str, reads: list[tuple[int, int]]) -> None:
    source = open_packet(Bytes(PACKETS[kind])).source("root_0/a.tif")
    for offset, length in reads:
        assert source.read_at(offset, length) == NOISE[offset : offset + length]


def test_our_own_zip_is_read_back_with_its_metadata() -> None:
    packet = open_packet(Bytes(build(MEMBERS, METADATA)))
    assert packet.has_manifest
    assert contents(packet) == MEMBERS | METADATA
    assert packet.read("bridge/manifest.json", 2) == b"{}"


def test_a_folder_of_sources_is_a_packet() -> None:
    packet = folder_packet({path: Bytes(data) for path, data in FILES.items()})
    assert packet.container is Container.FOLDER
    assert contents(packet) == FILES
    with pytest.raises(BadName):
        folder_packet({"../a": Bytes(b"")})
    with pytest.raises(BadPacket, match="more than 1 are not read"):
        folder_packet({"a": Bytes(b""), "b": Bytes(b"")}, limits=Limits(members=1))


def test_opening_a_large_zip_reads_its_tail_only() -> None:
    data = build({f"d/{number}": bytes(1_000_000) for number in range(20)}, METADATA)
    source = Bytes(data)
    packet = open_packet(source)
    assert source.bytes_read < 70_000
    before = source.bytes_read
    packet.read("transfer.xml", 1_000_000)
    assert source.bytes_read - before < 1_000


def test_one_member_is_read_without_the_others() -> None:
    source = Bytes(PACKETS["our zip"])
    packet = open_packet(source)
    before = source.bytes_read
    assert b"".join(packet.chunks("root_0/a.tif")) == NOISE
    assert source.bytes_read - before < len(NOISE) + 1_000


def test_a_directory_larger_than_the_tail_is_read_whole() -> None:
    members = {f"folder/{number:0100}": b"" for number in range(2_000)}
    assert set(open_packet(Bytes(build(members, {}))).members) == set(members)


class Places:
    """A byte source over a sparse file."""

    def __init__(self, sizes: list[int]) -> None:
        self._file = sparse(sizes)
        self.size = self._file.size

    def read_at(self, offset: int, length: int) -> bytes:
        assert length < 2**24
        self._file.seek(offset)
        return self._file.read(length)


@given(st.lists(SIZES, max_size=6))
def test_members_of_any_magnitude_are_found(sizes: list[int]) -> None:
    packet = open_packet(Places(sizes))
    packet.check_places()
    assert [packet.members[f"{n}"].size for n in range(len(sizes))] == sizes


def test_a_member_in_a_tar_can_have_more_than_eight_gib() -> None:
    size = 9 * 2**30
    head = tarfile.TarInfo("big.tif")
    head.size = size

    class Sparse:
        def __init__(self, first: bytes) -> None:
            self.first = first
            self.size = len(first) + size + 1024

        def read_at(self, offset: int, length: int) -> bytes:
            length = max(0, min(length, self.size - offset))
            return self.first[offset : offset + length].ljust(length, b"\0")

    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        packet = open_packet(Sparse(head.tobuf(form)))
        assert packet.members["big.tif"].size == size


def test_a_flipped_bit_in_a_member_is_told_before_its_last_byte() -> None:
    for kind in ("our zip", "stored zip"):
        data = bytearray(PACKETS[kind])
        data[data.index(NOISE[1000:1100])] ^= 1
        packet = open_packet(Bytes(bytes(data)))
        got: list[bytes] = []
        with pytest.raises(ChecksumMismatch, match=r"root_0/a\.tif.* CRC"):
            got.extend(packet.chunks("root_0/a.tif"))
        assert len(got) == len(NOISE) // CHUNK_BYTES


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (Raw(b"a", b"x" * 500, 8, size=499), "longer than the 499 bytes"),
        (Raw(b"a", b"x" * 500, 8, size=501), "ends after 500 of 501 bytes"),
    ],
)
def test_a_deflated_member_of_another_size_is_refused(member: Raw, why: str) -> None:
    with pytest.raises(BadPacket, match=why):
        open_packet(Bytes(raw_zip(member))).read("a", 1000)


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (zlib.compress(b"x" * 500)[2:-4] + b"more", "4 bytes that belong to nothing"),
        (zlib.compress(b"x" * 500)[2:-6], "end is missing"),
        (b"\xff\xff\xff", "cannot be inflated"),
    ],
)
def test_a_damaged_deflate_stream_is_refused(packed: bytes, why: str) -> None:
    class Packed(Raw):
        def packed(self) -> bytes:
            return packed

    packet = open_packet(Bytes(raw_zip(Packed(b"a", b"x" * 500, 8))))
    with pytest.raises(BadPacket, match=why):
        packet.read("a", 1000)


def test_a_source_that_failed_fails_again_in_the_same_words() -> None:
    data = bytearray(raw_zip(Raw(b"a", NOISE, 8)))
    data[len(data) // 2] ^= 0xFF
    source = open_packet(Bytes(bytes(data))).source("a")
    assert source.read_at(0, 100) == NOISE[:100]
    for _ in range(2):
        with pytest.raises((BadPacket, ChecksumMismatch), match=r"^'a' "):
            source.read_at(len(NOISE) - 10, 10)
    assert source.read_at(0, 100) == NOISE[:100]


def test_a_chunk_is_never_larger_than_said_however_well_it_was_compressed() -> None:
    packet = open_packet(Bytes(raw_zip(Raw(b"a", bytes(20 * CHUNK_BYTES), 8))))
    sizes = [len(chunk) for chunk in packet.chunks("a")]
    assert max(sizes) <= CHUNK_BYTES
    assert sum(sizes) == 20 * CHUNK_BYTES


def test_a_member_longer_than_the_reader_wants_is_not_read() -> None:
    source = Bytes(PACKETS["our zip"])
    packet = open_packet(source)
    before = source.bytes_read
    with pytest.raises(BadPacket, match="more than 1,000 are not read"):
        packet.read("root_0/a.tif", 1000)
    assert source.bytes_read == before


def test_a_missing_member_is_named() -> None:
    packet = open_packet(Bytes(build({"a": b""}, {})))
    with pytest.raises(NotFound, match=r"transfer\.xml") as caught:
        packet.read("transfer.xml", 10)
    assert "no packet" in caught.value.hint


def test_a_folder_in_an_old_tar_is_a_file_with_a_slash() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a/b"))
    data = out.getvalue().replace(b"a/b\0", b"a/b/", 1)
    assert not open_packet(Bytes(resized(data, b"00000000000\0"))).members


def test_what_gnu_tar_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "in/root_0/b").mkdir(parents=True)
    for name, data in FILES.items():
        (tmp_path / "in" / name).write_bytes(data)
    for form in ("gnu", "pax", "posix"):
        subprocess.run(
            ["tar", f"--format={form}", "-cf", tmp_path / "x.tar", "-C", tmp_path / "in", "."], check=True
        )
        with open_local(tmp_path / "x.tar") as packet:
            assert contents(packet) == FILES


def test_what_info_zip_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(PACKETS["our zip"])
    subprocess.run(["bsdtar", "--format=zip", "-cf", tmp_path / "y.zip", "@x.zip"], cwd=tmp_path, check=True)
    with open_local(tmp_path / "y.zip") as packet:
        assert contents(packet) == FILES


@contextmanager
def unpacked(folder: Path) -> Iterator[Path]:
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    yield folder


def test_a_local_folder_is_a_packet(tmp_path: Path) -> None:
    with unpacked(tmp_path) as folder, open_local(folder) as packet:
        assert contents(packet) == FILES
        assert packet.source("root_0/a.tif").read_at(3, 5) == NOISE[3:8]


def test_a_local_folder_may_have_more_files_than_a_process_may_open(tmp_path: Path) -> None:
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())  # other tests have opened some
    for number in range(highest + 100):
        (tmp_path / f"{number}").write_bytes(b"")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 50, before[1]))
    try:
        with open_local(tmp_path) as packet:
            packet.check_places()
            sources = [packet.source(path) for path in packet.members]
            assert [source.read_at(0, 1) for source in sources] == [b""] * (highest + 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_what_is_not_there_or_not_readable_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"), open_local(tmp_path / "no.zip"):
        pass
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadPacket, match="not a file"), open_local(tmp_path / "fifo"):
        pass
    (tmp_path / "fifo").rename(tmp_path / "x")
    if os.geteuid():  # root may read everything
        (tmp_path / "locked").touch(0)
        with pytest.raises(AccessDenied, match="locked"), local_source(tmp_path / "locked"):
            pass


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the published packets are not in {REAL}")
def test_the_published_packets_of_the_stock_tool_are_read() -> None:
    paths = sorted(REAL.glob("*.zip"))
    assert paths
    for path in paths:
        with open_local(path) as packet, zipfile.ZipFile(path) as archive:
            files = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
            assert contents(packet) == files
            assert "transfer.xml" in packet.members
            assert not packet.has_manifest
            assert not packet.notes


def test_folders_of_a_tar_count_as_members() -> None:
    data = tarred(tarfile.PAX_FORMAT, "./")
    open_packet(Bytes(data), limits=Limits(members=7))
    with pytest.raises(BadPacket, match="members"):
        open_packet(Bytes(data), limits=Limits(members=6))


def test_a_local_name_that_no_file_can_have_is_said_so(tmp_path: Path) -> None:
    with (
        pytest.raises(BridgeError, match="cannot be read: File name too long"),
        open_local(tmp_path / ("x" * 300)),
    ):
        pass


def test_names_in_a_local_folder_are_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    (tmp_path / "zellen-\u00fc.tif").write_bytes(b"x")
    program = (
        "import sys, pathlib; from omero_irods_bridge.adapters.local import open_local\n"
        "with open_local(pathlib.Path(sys.argv[1])) as packet: print(ascii(list(packet.members)))"
    )
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, env=ascii_only, capture_output=True, text=True, check=False)
    assert done.stdout == "['zellen-\\xfc.tif']\n", done.stderr
