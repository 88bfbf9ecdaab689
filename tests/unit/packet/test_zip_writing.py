"""The zips that we lay out are what APPNOTE says, for every reader that people have."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.packet.deflating import Deflater, deflate
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS
from omero_irods_bridge.packet.zip_reading import zip_packet
from omero_irods_bridge.packet.zip_writing import ZipLayout, places, planned_size
from tests.unit.packet.sources import Bytes

MEMBERS = {
    "root_0/2026-11/28/a.tif": b"pixels" * 1000,
    "root_0/2026-11/28/leer.tif": b"",
    "file_annotations/7/Größe µ 測定.csv": b"x,y\n1,2\n",
}
METADATA = {"transfer.xml": b"<OME/>" * 5000, "bridge/manifest.json": b"{}"}
GIB = 2**30


def build(members: dict[str, bytes], metadata: dict[str, bytes], time: datetime | None = None) -> bytes:
    layout = ZipLayout(time) if time else ZipLayout()
    out = io.BytesIO()
    for name, data in members.items():
        out.write(layout.begin(name, len(data)))
        assert out.tell() == layout.position
        out.write(data)
        out.write(layout.end(zlib.crc32(data)))
        assert out.tell() == layout.position
    for name, data in metadata.items():
        for run in layout.whole(name, deflate([data])):
            out.write(run)
        assert out.tell() == layout.position
    out.write(layout.finish())
    assert out.tell() == layout.position
    return out.getvalue()


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    path = tmp_path / "packet.zip"
    path.write_bytes(build(MEMBERS, METADATA))
    return path


def test_python_reads_all_members_and_their_sums(packet: Path) -> None:
    with zipfile.ZipFile(packet) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS | METADATA
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())


def test_shutil_unpacks_it_as_the_stock_tool_does(packet: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(packet, tmp_path / "out")
    for name, data in (MEMBERS | METADATA).items():
        assert (tmp_path / "out" / name).read_bytes() == data


@pytest.mark.parametrize(
    "command",
    [
        ["unzip", "-t"],
        ["zipinfo", "-v"],
        ["7z", "t"],
        ["bsdtar", "-xOf"],
    ],
    ids=lambda command: command[0],
)
def test_a_tool_of_another_maker_finds_nothing_wrong(command: list[str], packet: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: apt-get install unzip p7zip-full libarchive-tools")
    done = subprocess.run([*command, packet], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"arning" not in done.stdout.replace(b"Warnings: 0", b"") + done.stderr


def test_java_as_bio_formats_and_omero_use_it_reads_it(packet: Path, tmp_path: Path) -> None:
    if shutil.which("jar") is None:
        pytest.skip("jar is not installed: apt-get install default-jdk-headless")
    subprocess.run(["jar", "xf", packet], cwd=tmp_path, check=True)
    for name, data in (MEMBERS | METADATA).items():
        assert (tmp_path / name).read_bytes() == data


def test_equal_calls_give_equal_bytes() -> None:
    assert build(MEMBERS, METADATA) == build(MEMBERS, METADATA)


def test_a_time_is_told_in_utc_and_kept_within_what_a_zip_can_say() -> None:
    def told(time: datetime) -> tuple[int, ...]:
        with zipfile.ZipFile(io.BytesIO(build({"a": b""}, {}, time))) as archive:
            return archive.getinfo("a").date_time

    assert told(datetime(2026, 11, 28, 13, 48, 19, tzinfo=UTC)) == (2026, 11, 28, 13, 48, 18)
    assert told(datetime.fromisoformat("2026-11-28T01:00:00+02:00")) == (2026, 11, 27, 23, 0, 0)
    assert told(datetime(1970, 1, 1, tzinfo=UTC)) == (1980, 1, 1, 0, 0, 0)
    assert told(datetime(2200, 1, 1, tzinfo=UTC)) == (2107, 12, 31, 23, 59, 58)


SIZES = st.one_of(
    st.integers(0, 100),
    st.integers(2**32 - 40, 2**32 + 40),
    st.integers(0, 2**45),
)


@given(st.lists(SIZES, max_size=12))
def test_each_place_is_known_before_any_byte_and_any_sum(sizes: list[int]) -> None:
    members = [(f"data/{number}.bin", size) for number, size in enumerate(sizes)]
    layout = ZipLayout()
    for place, (name, size) in zip(places(members), members, strict=True):
        assert place.start == layout.position
        header = layout.begin(name, size)
        assert place.data == layout.position == place.start + len(header)
        assert place.descriptor == place.data + size
        descriptor = layout.end(0xDEADBEEF)
        assert place.end == layout.position == place.descriptor + len(descriptor)
    layout.finish()
    assert planned_size(members) == layout.position


class SparseFile(io.RawIOBase):
    """What was written, and zeros between: a file of many GiB in little memory."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, bytes]] = []
        self.size = self._position = 0

    def put(self, offset: int, data: bytes) -> None:
        self.runs.append((offset, data))
        self.size = max(self.size, offset + len(data))

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def read(self, length: int = -1) -> bytes:
        start = self._position
        stop = self.size if length < 0 else min(start + length, self.size)
        out = bytearray(max(stop - start, 0))
        for offset, data in self.runs:
            low, high = max(offset, start), min(offset + len(data), stop)
            if low < high:
                out[low - start : high - start] = data[low - offset : high - offset]
        self._position = start + len(out)
        return bytes(out)


def sparse(sizes: list[int]) -> SparseFile:
    layout, out = ZipLayout(), SparseFile()
    for number, size in enumerate(sizes):
        position = layout.position
        out.put(position, layout.begin(f"{number}", size))
        position = layout.position + size
        out.put(position, layout.end(number))
    position = layout.position
    out.put(position, layout.finish())
    return out


@settings(max_examples=60)
@given(st.lists(SIZES, max_size=8))
def test_sizes_and_offsets_of_any_magnitude_are_read_back(sizes: list[int]) -> None:
    with zipfile.ZipFile(sparse(sizes)) as archive:
        infos = archive.infolist()
        assert [info.file_size for info in infos] == sizes
        assert [info.compress_size for info in infos] == sizes
        assert [info.CRC for info in infos] == list(range(len(sizes)))
        for info, place in zip(infos, places((f"{n}", size) for n, size in enumerate(sizes)), strict=True):
            assert info.header_offset == place.start
            with archive.open(info) as member:
                assert member._orig_compress_start == place.data  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "tool", [["unzip", "-Z", "-t"], ["7z", "l"], ["bsdtar", "-tf"], ["jar", "tf"]], ids=lambda t: t[0]
)
def test_other_tools_list_members_beyond_four_gib(tool: list[str], tmp_path: Path) -> None:
    if shutil.which(tool[0]) is None:
        pytest.skip(f"{tool[0]} is not installed")
    path = tmp_path / "big.zip"
    with path.open("wb") as file:
        for offset, data in sparse([5 * GIB, 3, 2**32 - 1]).runs:
            file.seek(offset)
            file.write(data)
    assert subprocess.run([*tool, path], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("far", [2**32 + 9, 2**32 - 1])
def test_unzip_finds_small_members_beyond_four_gib(far: int, tmp_path: Path) -> None:
    layout, path = ZipLayout(), tmp_path / "far.zip"
    with path.open("wb") as file:
        for name, size in (("far", far), ("b", 4), ("c", 5)):
            file.seek(layout.position)
            file.write(layout.begin(name, size))
            file.seek(layout.position + size)
            file.write(layout.end(zlib.crc32(bytes(size)) if size < 10 else 0))
        file.write(b"".join(layout.whole("transfer.xml", deflate([b"<OME/>"]))))
        file.write(layout.finish())
    done = subprocess.run(
        ["unzip", "-t", path, "b", "c", "transfer.xml"], capture_output=True, text=True, check=False
    )
    assert "No errors detected" in done.stdout, done.stdout + done.stderr


@given(SIZES, SIZES)
def test_a_descriptor_is_wide_just_when_the_directory_is(before: int, size: int) -> None:
    """unzip before madler/unzip pull request 9 takes anything else for a bomb."""
    layout = ZipLayout()
    layout.begin("before", before)
    layout.end(0)
    start = layout.position
    header, descriptor = layout.begin("a", size), layout.end(0)
    assert (len(descriptor) == 24) == (max(start, size) >= 2**32 - 1) == (len(header) > 31)
    layout_end = layout.finish()
    central = layout_end[layout_end.rindex(b"PK\x01\x02") :]
    assert (int.from_bytes(central[30:32], "little") > 0) == (len(descriptor) == 24)


def test_more_members_than_sixteen_bits_can_count_are_read_back(tmp_path: Path) -> None:
    count = 70_000
    path = tmp_path / "many.zip"
    path.write_bytes(build({f"d/{number}": b"" for number in range(count)}, {}))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == count
    listed = subprocess.run(["unzip", "-Z1", path], capture_output=True, check=True).stdout
    assert listed.count(b"\n") == count


def test_a_zip_of_nothing_is_a_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(build({}, {}))) as archive:
        assert archive.namelist() == []


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_deflating_in_pieces_keeps_size_and_sums_of_the_content(pieces: list[bytes]) -> None:
    content = deflate(pieces)
    whole = b"".join(pieces)
    assert zlib.decompress(b"".join(content.chunks), -15) == whole
    assert (content.size, content.crc32) == (len(whole), zlib.crc32(whole))
    assert content.sha256.hex == hashlib.sha256(whole).hexdigest()


def test_deflating_keeps_only_what_is_compressed() -> None:
    deflater = Deflater()
    for _ in range(200):
        deflater.add(bytes(100_000))
    content = deflater.finish()
    assert content.size == 20_000_000
    assert content.compressed_size < 30_000


def test_a_name_is_written_once_and_only_if_it_is_good() -> None:
    layout = ZipLayout()
    layout.begin("a", 0)
    layout.end(0)
    for name in ("A", "../a", "a/b"):
        with pytest.raises(BadName):
            layout.begin(name, 0)
        with pytest.raises(BadName):
            layout.whole(name, deflate([]))


def test_calls_in_a_wrong_order_are_refused() -> None:
    layout = ZipLayout()
    with pytest.raises(ValueError, match="no member was begun"):
        layout.end(0)
    layout.begin("a", 5)
    for call in (lambda: layout.begin("b", 0), layout.finish, lambda: layout.whole("c", deflate([]))):
        with pytest.raises(ValueError, match="a was begun and not ended"):
            call()
    layout.end(0)
    layout.finish()
    with pytest.raises(ValueError, match="finished"):
        layout.begin("b", 0)
    with pytest.raises(ValueError, match="size of -1"):
        ZipLayout().begin("a", -1)


def test_what_is_deflated_is_never_taken_for_a_bomb() -> None:
    """Masks of nothing, which base64 writes as so many A."""
    rows = b"A" * (1 << 20)
    made = deflate(rows for _ in range(DEFAULT_LIMITS.ratio_from_bytes // len(rows) + 1))
    assert made.size <= DEFAULT_LIMITS.ratio * made.compressed_size
    assert all(data == rows[: len(data)] for data in made.inflated())
    assert sum(map(len, made.inflated())) == made.size
    layout = ZipLayout()
    written = b"".join([*layout.whole("bridge/omero.jsonl", made), layout.finish()])
    assert zip_packet(Bytes(written)).members["bridge/omero.jsonl"].size == made.size
