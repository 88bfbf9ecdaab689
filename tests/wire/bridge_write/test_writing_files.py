"""Bytes of OriginalFiles: what OMERO recorded is what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from omero_irods_bridge.adapters.omero import file_writing
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.raw_files import RawFiles
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, ChecksumMismatch, NotFound
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import Bytes, LogIn
from tests.wire.bridge_write.test_saving import id_of


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_writing, "BLOCK_BYTES", 1000)


def new_file(writer: OmeroGraphWriter, hasher: str | None = "SHA1-160") -> int:
    draft = {"@": "OriginalFile:_1", "name": "f.bin", "path": "somewhere/"}
    if hasher:
        draft["hasher"] = f"ChecksumAlgorithm={hasher}"
    return id_of(writer.save([draft])["OriginalFile:_1"])


@pytest.fixture
def read(connection: OmeroConnection) -> Callable[[int], bytes]:
    return lambda file: RawFiles(connection.session, {}).read_all(file, 1 << 20)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
@pytest.mark.parametrize("hasher", ["SHA1-160", "MD5-128", "CRC-32", None])
def test_all_bytes_arrive_and_are_recorded(
    server: OmeroServer, writer: OmeroGraphWriter, read: Any, size: int, hasher: str | None
) -> None:
    data = bytes(number % 251 for number in range(size))
    file = new_file(writer, hasher)
    writer.write_file(file, Bytes(data))
    assert read(file) == data
    row: Any = server.store.row("OriginalFile", file)
    expected = hashlib.md5(data) if hasher == "MD5-128" else hashlib.sha1(data)
    assert (row["size"], row["hash"]) == (size, expected.hexdigest())


def test_writing_again_leaves_nothing_of_longer_bytes(
    server: OmeroServer, writer: OmeroGraphWriter, read: Any
) -> None:
    file = new_file(writer)
    for data in (b"x" * 5000, b"y" * 1500, b"", b"z" * 1500, b"z" * 1500):
        writer.write_file(file, Bytes(data))
        assert read(file) == data
        row: Any = server.store.row("OriginalFile", file)
        assert (row["size"], row["hash"]) == (len(data), hashlib.sha1(data).hexdigest())


def test_name_and_path_of_the_file_stay(server: OmeroServer, writer: OmeroGraphWriter) -> None:
    file = new_file(writer, None)
    writer.write_file(file, Bytes(b"abc"))
    row: Any = server.store.row("OriginalFile", file)
    assert (row["name"], row["path"]) == ("f.bin", "somewhere/")


def test_bytes_that_change_in_omero_are_noticed(
    server: OmeroServer, writer: OmeroGraphWriter, read: Any
) -> None:
    file = new_file(writer)
    server.faults.wrong_hash()
    with pytest.raises(ChecksumMismatch, match=f"OMERO has OriginalFile:{file} with 3 bytes"):
        writer.write_file(file, Bytes(b"abc"))
    writer.write_file(file, Bytes(b"abc"))
    assert read(file) == b"abc"


def test_a_source_that_ends_early_is_noticed(writer: OmeroGraphWriter) -> None:
    with pytest.raises(ChecksumMismatch, match="ends after 1,500 of 2,000 bytes"):
        writer.write_file(new_file(writer), Bytes(b"x" * 1500, said=2000))


def test_a_source_that_breaks_can_be_tried_again(writer: OmeroGraphWriter, read: Any) -> None:
    class Broken(Bytes):
        def read_at(self, offset: int, length: int) -> bytes:
            if offset:
                raise BridgeError("the zone is gone")
            return super().read_at(offset, length)

    file = new_file(writer)
    with pytest.raises(BridgeError, match="the zone is gone"):
        writer.write_file(file, Broken(b"x" * 3000))
    writer.write_file(file, Bytes(b"x" * 3000))
    assert read(file) == b"x" * 3000


def test_a_connection_that_breaks_between_bytes_can_be_tried_again(
    server: OmeroServer, connect_as: LogIn, make_user: Any
) -> None:
    user = make_user()
    writer = OmeroGraphWriter(connect_as(user))
    file = new_file(writer)
    server.faults.cut_file_after(1700, "write")
    with pytest.raises(BridgeError, match=f"writing OriginalFile:{file}"):
        writer.write_file(file, Bytes(b"x" * 5000))
    again = connect_as(user)
    OmeroGraphWriter(again).write_file(file, Bytes(b"x" * 5000))
    assert RawFiles(again.session, {}).read_all(file, 1 << 20) == b"x" * 5000


def test_a_file_that_is_not_there_is_not_found(writer: OmeroGraphWriter) -> None:
    with pytest.raises(NotFound, match="OriginalFile:987654"):
        writer.write_file(987654, Bytes(b"abc"))


def test_the_file_of_another_user_cannot_be_written(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group("rwr---")
    mine, other = connect_as(make_user(group)), connect_as(make_user(group))
    file = new_file(OmeroGraphWriter(mine))
    OmeroGraphWriter(mine).write_file(file, Bytes(b"mine"))
    with pytest.raises(AccessDenied):
        OmeroGraphWriter(other).write_file(file, Bytes(b"other"))
    assert RawFiles(mine.session, {}).read_all(file, 100) == b"mine"
