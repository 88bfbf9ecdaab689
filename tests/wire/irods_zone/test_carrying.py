"""From a connection into a file: through a pipe in the kernel, or through memory."""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.wire import channel as channels
from omero_irods_sandbox.irods_zone.wire.channel import COPY_BYTES, ByteStream, Channel, PeerGone
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone import data_objects as do

_NEXT: Final = b"the next message"
_SIZES: Final = (1, 65_535, 65_536, COPY_BYTES, COPY_BYTES + 1, 9 * COPY_BYTES // 2)


@pytest.fixture(params=[True, False], ids=["through a pipe", "through memory"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether bytes go through a pipe."""
    monkeypatch.setattr(channels, "CAN_SPLICE", request.param)
    return bool(request.param)


@contextmanager
def _arriving(data: bytes) -> Iterator[Channel]:
    """A connection on which ``data`` arrives, and then its end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    sender = Thread(target=_send_all, args=(near, data))
    sender.start()
    channel = Channel(far)
    try:
        yield channel
    finally:
        channel.close()
        sender.join()


def _send_all(connection: socket.socket, data: bytes) -> None:
    with connection:
        connection.sendall(data)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", _SIZES)
def test_a_stream_is_in_the_file_at_its_offset_and_the_next_message_is_untouched(
    size: int, tmp_path: Path
) -> None:
    data = os.urandom(size)
    target = tmp_path / "file"
    with _arriving(data + _NEXT) as channel, target.open("wb") as file:
        stream = ByteStream(channel, size)
        assert stream.copy_to(file.fileno(), 7) == size
        assert channel.receive(len(_NEXT)) == _NEXT
    assert target.read_bytes() == bytes(7) + data


@pytest.mark.usefixtures("way")
def test_what_could_not_be_written_is_dropped_and_the_next_message_is_untouched(tmp_path: Path) -> None:
    size = 3 * COPY_BYTES
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with _arriving(bytes(size) + _NEXT) as channel, target.open("rb") as read_only:
        stream = ByteStream(channel, size)
        with pytest.raises(OSError, match="Bad file descriptor"):
            stream.copy_to(read_only.fileno(), 0)
        stream.drain()
        assert channel.receive(len(_NEXT)) == _NEXT
    assert target.read_bytes() == b"old"


@pytest.mark.usefixtures("way")
def test_a_peer_that_leaves_in_the_middle_of_a_stream_is_noticed(tmp_path: Path) -> None:
    leaving = _arriving(bytes(COPY_BYTES))
    with leaving as channel, (tmp_path / "file").open("wb") as file, pytest.raises(PeerGone):
        ByteStream(channel, 2 * COPY_BYTES).copy_to(file.fileno(), 0)


def test_a_peer_that_leaves_while_a_stream_is_dropped_is_noticed() -> None:
    with _arriving(bytes(COPY_BYTES)) as channel, pytest.raises(PeerGone):
        ByteStream(channel, 2 * COPY_BYTES).drain()


@pytest.mark.usefixtures("way")
def test_a_write_that_the_file_system_takes_in_part_is_an_error_and_the_connection_goes_on(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    path = f"{home}/object"
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY)
        with _largest_file(20 * COPY_BYTES + 1):
            connection.seek_file(number, 20 * COPY_BYTES, os.SEEK_SET)
            do.failure(connection.write_file, number, bytes(4 * COPY_BYTES))
        connection.seek_file(number, 0, os.SEEK_SET)
        assert connection.write_file(number, b"CONTENT") == len(b"CONTENT")
        connection.close_file(number)
    assert do.vault_bytes(zone, path).startswith(b"CONTENT")


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """Files of this process, the zone's too, grow no further than ``size``."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a program choose")
def test_what_is_sent_to_this_machine_is_not_paced() -> None:
    with _arriving(b"") as channel, socket.socket(fileno=os.dup(channel.socket_number)) as duplicate:
        chosen = duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    assert chosen.rstrip(b"\0") == b"reno"
