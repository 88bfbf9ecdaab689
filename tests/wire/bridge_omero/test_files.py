"""Bytes of files: just those that are there, from OMERO or its repository."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero
import pytest
import tifffile

from omero_irods_bridge.adapters.omero import raw_files
from omero_irods_bridge.adapters.omero.connection import OmeroConnection, connect
from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.adapters.omero.files import LARGEST_READ
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import SessionKey, UserPassword
from omero_irods_bridge.model.errors import AccessDenied, BadName, BridgeError, NotFound, Unreachable
from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.ports import FileReader
from omero_irods_sandbox.omero_server.errors import missing_pyramid, resource_error, security_violation
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, MakeUser, User
from tests.wire.omero_server.images import made_image, ramp
from tests.wire.omero_server.import_client import image_ids, import_files


@pytest.fixture
def connection(server: OmeroServer, user: User) -> Iterator[OmeroConnection]:
    with connect(UserPassword(server.host, user.name, user.password, server.ssl_port)) as opened:
        yield opened


@pytest.fixture
def reader(connection: OmeroConnection) -> Iterator[FileReader]:
    with OmeroImageServer(connection).file_reader() as opened:
        yield opened


@pytest.fixture
def connect_gateway(request: pytest.FixtureRequest) -> Connect:
    """A BlitzGateway of a user; ``connect`` is the bridge's here."""
    found: Connect = request.getfixturevalue("connect")
    return found


def attached(server: OmeroServer, user: User, data: bytes) -> SourceFile:
    id_ = content.original_file(server, user.id, user.group_id, data)
    return SourceFile("file_annotations/1/f.txt", FileRole.ATTACHMENT, id_, len(data))


def imported(server: OmeroServer, gateway: Gateway, folder: Path, data: bytes) -> SourceFile:
    """A file of a fileset; its bytes are any, ``.fake`` reads only the name."""
    path = folder / "cells.fake"
    path.write_bytes(data)
    (image,) = image_ids(import_files(gateway.c, [path]))
    entry = gateway.getQueryService().findByQuery(
        "select e from FilesetEntry e join fetch e.originalFile join e.fileset f join f.images i"
        " where i.id = :id", content.params(id=image),
    )  # fmt: skip
    file = entry.originalFile
    where = f"{file.path.val}{file.name.val}"
    return SourceFile(where, FileRole.ORIGINAL, file.id.val, len(data), None, where, 1)


def whole(reader: FileReader, file: SourceFile, piece: int = 1 << 20) -> bytes:
    size = reader.open(file)
    return b"".join(reader.read_at(start, piece) for start in range(0, size, piece))


# -- over the wire


@pytest.mark.parametrize("size", [0, 1, 36, 65_536, 9_000_000])
def test_a_file_is_read_as_it_is(server: OmeroServer, user: User, reader: FileReader, size: int) -> None:
    data = os.urandom(size)
    assert whole(reader, attached(server, user, data), piece=LARGEST_READ) == data


def test_nothing_is_read_past_the_end(server: OmeroServer, user: User, reader: FileReader) -> None:
    """OMERO itself goes on with zeros."""
    file = attached(server, user, b"0123456789")
    assert reader.open(file) == 10
    assert reader.read_at(8, 100) == b"89"
    assert reader.read_at(10, 100) == b""
    assert reader.read_at(50, 1) == b""
    assert reader.read_at(3, 0) == b""


@pytest.mark.parametrize(("offset", "length"), [(0, LARGEST_READ + 1), (-1, 1), (0, -1)])
def test_reads_that_make_no_sense_are_refused(
    server: OmeroServer, user: User, reader: FileReader, offset: int, length: int
) -> None:
    reader.open(attached(server, user, b"abc"))
    with pytest.raises(ValueError, match="cannot be read at once"):
        reader.read_at(offset, length)


def test_one_file_after_the_other_and_no_store_is_left_open(
    server: OmeroServer,
    user: User,
    gateway: Gateway,
    reader: FileReader,
    connection: OmeroConnection,
    tmp_path: Path,
) -> None:
    first, second = attached(server, user, b"one"), imported(server, gateway, tmp_path, b"two" * 1000)
    before = server.counters.all_calls()
    assert [whole(reader, file) for file in (first, second, first)] == [b"one", b"two" * 1000, b"one"]
    after = server.counters.all_calls()

    def count(name: str) -> int:
        return after.get(name, 0) - before.get(name, 0)

    assert count("ServiceFactory.createRawFileStore") == 3
    assert count("RawFileStore.close") == 2  # the third is still open
    assert connection.session.activeServices() == [] or count("RawFileStore.setFileId") == 3


def test_a_file_of_another_group_is_read(server: OmeroServer, make_group: Any, make_user: Any) -> None:
    here, there = make_group(), make_group()
    user = make_user(here, there)
    id_ = content.original_file(server, user.id, there.id, b"over there")
    with (
        connect(UserPassword(server.host, user.name, user.password, server.ssl_port)) as connection,
        OmeroImageServer(connection).file_reader() as reader,
    ):
        assert whole(reader, SourceFile("f", FileRole.ATTACHMENT, id_, 10)) == b"over there"


def test_readers_of_several_threads_do_not_mix(
    server: OmeroServer, user: User, connection: OmeroConnection
) -> None:
    files = {number: os.urandom(300_000) for number in range(4)}
    sources = {number: attached(server, user, data) for number, data in files.items()}
    found: dict[int, bytes] = {}

    def read(number: int) -> None:
        with OmeroImageServer(connection).file_reader() as reader:
            found[number] = whole(reader, sources[number], piece=10_000)

    threads = [threading.Thread(target=read, args=(number,)) for number in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == files


# -- exported images


def test_an_image_without_files_is_exported(
    server: OmeroServer, gateway: Gateway, reader: FileReader
) -> None:
    planes = ramp(1, 1, 2, 5, 7)
    image = made_image(gateway, planes)
    file = SourceFile(f"pixel_images/{image.getId()}.tiff", FileRole.PIXELS, image.getId(), None)
    for _ in range(2):
        data = whole(reader, file, piece=1000)
        assert (tifffile.imread(io.BytesIO(data)).reshape(planes.shape) == planes).all()
        assert reader.read_at(len(data) - 1, 10) == data[-1:]


def test_an_image_that_cannot_be_exported_says_so(
    server: OmeroServer, gateway: Gateway, reader: FileReader
) -> None:
    image = made_image(gateway, ramp(1, 1, 1, 2, 2)).getId()
    server.faults.fail_call("Exporter.generateTiff", missing_pyramid("not ready", 1))
    with pytest.raises(BridgeError, match=f"exporting Image:{image} as OME-TIFF") as caught:
        reader.open(SourceFile("x", FileRole.PIXELS, image, None))
    assert caught.value.retryable


def test_an_image_of_another_group_than_the_session_is_not_exported_and_that_is_said(
    server: OmeroServer, connect_gateway: Connect, make_user: MakeUser, make_group: Any
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    image = made_image(connect_gateway(user), ramp(1, 1, 1, 2, 2)).getId()
    login = UserPassword(server.host, user.name, user.password, server.ssl_port, group=second.name)
    with (
        connect(login) as connection,
        OmeroImageServer(connection).file_reader() as reader,
        pytest.raises(NotFound, match=f"Cannot load image: {image}") as caught,
    ):
        reader.open(SourceFile("x", FileRole.PIXELS, image, None))
    assert "group" in caught.value.hint


def test_an_image_whose_planes_are_too_large_for_an_export_says_so(
    server: OmeroServer, gateway: Gateway, reader: FileReader
) -> None:
    image = made_image(gateway, ramp(1, 1, 1, 3193, 3192, dtype="u1")).getId()
    with pytest.raises(BridgeError, match=f"not export Image:{image}: .* planes that are too large"):
        reader.open(SourceFile("x", FileRole.PIXELS, image, None))


# -- what goes wrong


def test_a_file_that_is_not_there_is_not_found(server: OmeroServer, reader: FileReader) -> None:
    with pytest.raises(NotFound, match=r"gone\.txt \(OriginalFile:999999\)"):
        reader.open(SourceFile("gone.txt", FileRole.ATTACHMENT, 999_999, 1))


def test_a_file_that_is_missing_on_the_disk_is_not_found(
    server: OmeroServer, user: User, gateway: Gateway, reader: FileReader, tmp_path: Path
) -> None:
    for file in (attached(server, user, b"abc"), imported(server, gateway, tmp_path, b"abc")):
        Path(server.storage.path_by_id(file.id)).unlink()
        with pytest.raises(NotFound, match=f"OriginalFile:{file.id}") as caught:
            whole(reader, file)
        assert caught.value.hint


def test_what_somebody_else_keeps_private_is_denied(
    server: OmeroServer, make_user: Any, reader: FileReader
) -> None:
    with pytest.raises(NotFound):
        whole(reader, attached(server, make_user(), b"secret"))


def test_bytes_that_omero_withholds_are_denied_when_read(
    server: OmeroServer, gateway: Gateway, reader: FileReader, tmp_path: Path
) -> None:
    path = tmp_path / "plate&plates=1&plateRows=1&plateCols=1&fields=1.fake"
    path.write_bytes(b"fake")
    import_files(gateway.c, [path])
    entry = gateway.getQueryService().findByQuery(
        "select f from OriginalFile f where f.name like :name",
        omero.sys.ParametersI().addString("name", "plate%fake"),
    )
    file = SourceFile("p.fake", FileRole.ORIGINAL, entry.id.val, 4)
    with pytest.raises(AccessDenied, match=r"p\.fake"):
        whole(reader, file)


@pytest.mark.parametrize(
    ("operation", "error", "expected"),
    [
        ("RawFileStore.read", resource_error("Input/output error"), NotFound),
        ("RawFileStore.setFileId", security_violation("no"), AccessDenied),
        ("RawFileStore.size", None, BridgeError),
        ("ServiceFactory.createRawFileStore", None, BridgeError),
    ],
)
def test_a_call_that_fails_is_translated_and_the_reader_goes_on(
    server: OmeroServer,
    user: User,
    reader: FileReader,
    operation: str,
    error: Any,
    expected: type[BridgeError],
) -> None:
    file = attached(server, user, b"abc")
    server.faults.fail_call(operation, error)
    with pytest.raises(expected, match=r"file_annotations/1/f\.txt"):
        whole(reader, file)
    assert whole(reader, file) == b"abc"


def test_a_connection_that_breaks_within_a_file_is_told_and_the_file_can_be_opened_again(
    server: OmeroServer, user: User, reader: FileReader
) -> None:
    data = os.urandom(200_000)
    file = attached(server, user, data)
    reader.open(file)
    server.faults.cut_file_after(100_000, file_id=file.id)
    reader.read_at(0, 50_000)
    with pytest.raises(Unreachable):
        reader.read_at(50_000, 100_000)
    assert whole(reader, file) == data


def test_a_session_that_ends_within_a_file_is_named(
    server: OmeroServer, user: User, gateway: Gateway
) -> None:
    key = SessionKey(server.host, gateway.c.getSessionId(), server.ssl_port)
    with connect(key) as connection, OmeroImageServer(connection).file_reader() as reader:
        reader.open(attached(server, user, b"abc"))
        server.faults.expire_session(gateway.c.getSessionId())
        with pytest.raises(SessionExpired):
            reader.read_at(0, 3)


def test_short_answers_are_completed(
    server: OmeroServer, user: User, reader: FileReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(10_000)
    file = attached(server, user, data)
    monkeypatch.setattr(raw_files, "READ_BYTES", 999)
    assert whole(reader, file) == data


# -- the repository mounted here


@pytest.fixture
def mounted(server: OmeroServer, connection: OmeroConnection) -> Iterator[FileReader]:
    repository = Path(server.config.data) / "ManagedRepository"
    with OmeroImageServer(connection, repository=repository).file_reader() as opened:
        yield opened


def test_files_of_the_repository_are_read_from_the_disk(
    server: OmeroServer, user: User, gateway: Gateway, mounted: FileReader, tmp_path: Path
) -> None:
    data = os.urandom(100_000)
    file = imported(server, gateway, tmp_path, data)
    before = server.counters.calls("RawFileStore.read")
    assert whole(mounted, file, piece=30_000) == data
    assert mounted.read_at(99_999, 100) == data[-1:]
    assert server.counters.calls("RawFileStore.read") == before
    assert whole(mounted, attached(server, user, b"abc")) == b"abc"


def test_what_is_a_link_in_the_repository_is_read(
    server: OmeroServer, gateway: Gateway, mounted: FileReader, tmp_path: Path
) -> None:
    file = imported(server, gateway, tmp_path, b"abc")
    path = Path(server.storage.path_by_id(file.id))
    moved = tmp_path / "elsewhere"
    path.rename(moved)
    path.symlink_to(moved)
    assert whole(mounted, file) == b"abc"
    moved.unlink()
    with pytest.raises(NotFound, match="is not there"):
        mounted.open(file)


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/../secret", "a/./b", "", "a\0b"])
def test_paths_that_lead_out_of_the_repository_are_refused(mounted: FileReader, path: str) -> None:
    with pytest.raises(BadName):
        mounted.open(SourceFile("x", FileRole.ORIGINAL, 1, 1, None, path, 1))


def test_a_file_that_is_not_in_the_mount_says_what_to_look_at(mounted: FileReader) -> None:
    with pytest.raises(NotFound) as caught:
        mounted.open(SourceFile("x", FileRole.ORIGINAL, 1, 1, None, "user_1/none.tif", 1))
    assert "mounted" in caught.value.hint
