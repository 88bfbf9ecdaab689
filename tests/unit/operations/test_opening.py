"""Packets are opened where a person says they are, and what is none is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.model.errors import BadPacket, NotFound, UsageError
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.operations.object_sources import ObjectSources
from omero_irods_bridge.operations.opening import (
    is_in_irods,
    open_packet,
    open_snapshot,
    sealed_snapshot,
)
from omero_irods_bridge.packet.reading import TRANSFER_XML
from omero_irods_bridge.ports import ByteSource
from tests.wire.snapshots_verify.builders import ONE_IMAGE, TWO_IMAGES, build, put, seal

BUILT = build()


@pytest.fixture
def zone() -> MemoryZone:
    return MemoryZone()


@pytest.fixture
def store(zone: MemoryZone) -> MemoryStore:
    return MemoryStore(zone)


@pytest.mark.parametrize("form", Form)
def test_both_forms_have_the_same_members_and_bytes(store: MemoryStore, form: Form) -> None:
    path = seal(store, f"{store.home}/set.zip", BUILT, form)
    with open_snapshot(store, path, streams=2) as packet:
        assert {name: member.size for name, member in packet.members.items()} == {
            name: len(content) for name, content in BUILT.members.items()
        }
        for name, content in BUILT.members.items():
            assert b"".join(packet.chunks(name)) == content


def test_a_stock_zip_without_avus_opens_and_is_no_sealed_snapshot(store: MemoryStore, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "stock.zip", "w") as file:
        file.writestr(TRANSFER_XML, "<OME/>")
    path = put(store, f"{store.home}/stock.zip", (tmp_path / "stock.zip").read_bytes())
    with open_snapshot(store, path) as packet:
        assert list(packet.members) == [TRANSFER_XML]
    with pytest.raises(BadPacket, match="not a sealed snapshot"):
        sealed_snapshot(store, path)


def test_a_sealed_snapshot_is_described_by_its_avus(store: MemoryStore) -> None:
    path = seal(store, f"{store.home}/set.zip", BUILT)
    assert sealed_snapshot(store, path).description == BUILT.description()


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b gzip", b"PK\x03\x04 a zip cut off"])
def test_what_is_no_packet_is_refused_by_its_path(store: MemoryStore, content: bytes) -> None:
    path = put(store, f"{store.home}/thing", content)
    with pytest.raises(BadPacket, match=path), open_snapshot(store, path):
        pass


def test_a_collection_of_other_things_is_no_packet(store: MemoryStore) -> None:
    put(store, f"{store.home}/things/a.txt", b"a")
    with pytest.raises(BadPacket, match="no packet"), open_snapshot(store, f"{store.home}/things"):
        pass


@pytest.mark.parametrize("form", Form)
def test_what_is_being_packed_is_not_opened(store: MemoryStore, form: Form) -> None:
    path = seal(store, f"{store.home}/.incoming/1", BUILT, form)
    with pytest.raises(BadPacket, match="not sealed"), open_snapshot(store, path):
        pass


def test_a_home_of_nobody_is_not_found(store: MemoryStore) -> None:
    with (
        pytest.raises(NotFound, match="~nobody-here"),
        open_packet(store, "~nobody-here/a", open_local=open_local),
    ):
        pass


def test_what_is_not_there_is_not_found(store: MemoryStore, tmp_path: Path) -> None:
    for opened in (
        open_snapshot(store, f"{store.home}/nothing"),
        open_packet(store, f"file:{tmp_path}/nothing", open_local=open_local),
    ):
        with pytest.raises(NotFound), opened:
            pass
    with pytest.raises(NotFound):
        sealed_snapshot(store, f"{store.home}/nothing")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/tempZone/home/alice/a.zip", True),
        ("/tempZone", True),
        ("/tempZone2/home/a.zip", False),
        ("/otherZone/home/a.zip", False),
        ("irods:/otherZone/home/a.zip", True),
        ("file:/tempZone/home/a.zip", False),
        ("/home/alice/a.zip", False),
        ("a.zip", False),
        ("tempZone/a.zip", False),
    ],
)
def test_a_path_below_the_zone_is_in_irods_unless_its_prefix_says_otherwise(
    text: str, expected: bool
) -> None:
    assert is_in_irods(text, "tempZone") is expected


@given(st.text())
def test_without_irods_only_a_prefix_means_irods(text: str) -> None:
    assert is_in_irods(text, None) is text.startswith("irods:")


def test_a_packet_in_irods_needs_irods() -> None:
    with pytest.raises(UsageError), open_packet(None, "irods:/tempZone/a.zip", open_local=open_local):
        pass


def test_a_packet_is_opened_where_the_text_says(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "local.zip").write_bytes(BUILT.zip)
    for name, content in BUILT.members.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    path = seal(store, f"{store.home}/set.zip", BUILT)
    for text in (path, f"irods:{path}", f"{tmp_path}/local.zip", f"file:{tmp_path}/folder"):
        with open_packet(store, text, open_local=open_local) as packet:
            assert b"".join(packet.chunks(ONE_IMAGE)) == BUILT.members[ONE_IMAGE]


def test_a_local_folder_of_other_things_is_no_packet(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(BadPacket), open_packet(None, str(tmp_path), open_local=open_local):
        pass


# -- many objects, few of them open


def test_nothing_is_opened_before_it_is_read_and_only_a_few_at_once(
    zone: MemoryZone, store: MemoryStore
) -> None:
    opened: list[str] = []

    def count(method: str, path: str) -> None:
        if method == "open_source":
            opened.append(path)

    paths = [put(store, f"{store.home}/{number}", bytes([number])) for number in range(4)]
    zone.hook = count
    with ObjectSources(store, limit=2) as sources:
        found = [store.find(path) for path in paths]
        many = [sources.of(one) for one in found if isinstance(one, DataObject)]
        assert opened == []
        for number in (0, 1, 0):
            assert many[number].read_at(0, 1) == bytes([number])
        assert opened == paths[:2], "what is open is read again"
        many[2].read_at(0, 1)
        many[0].read_at(0, 1)
        assert opened == paths[:3], "the one that was idle longest was closed"
        many[1].read_at(0, 1)
        assert opened == [*paths[:3], paths[1]]


def test_all_that_was_opened_is_closed(store: MemoryStore) -> None:
    paths = [put(store, f"{store.home}/{number}", bytes([number])) for number in range(3)]
    opened = _Counting(store.content)
    with ObjectSources(opened, limit=2) as sources:
        for path in paths:
            found = store.find(path)
            assert isinstance(found, DataObject)
            sources.of(found).read_at(0, 1)
        assert opened.now == 2
    assert opened.now == 0


def test_reading_beyond_the_end_opens_nothing(zone: MemoryZone, store: MemoryStore) -> None:
    path = seal(store, f"{store.home}/set", BUILT, Form.EXPANDED)
    with open_snapshot(store, path) as packet:
        source = packet.source(TWO_IMAGES)
        zone.hook = lambda method, path: pytest.fail(f"{method} of {path}")
        assert source.read_at(source.size, 10) == b""
    zone.hook = None


class _Counting(MemoryStore):
    """Knows how many of its sources are open."""

    now = 0

    @contextmanager
    def open_source(self, path: str, *, streams: int = 1, replica: int | None = None) -> Iterator[ByteSource]:
        with super().open_source(path, streams=streams, replica=replica) as source:
            self.now += 1
            try:
                yield source
            finally:
                self.now -= 1
