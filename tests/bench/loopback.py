"""What two processes can move between two files over loopback, with no protocol at all.

The same pieces, streams and turns as a put or get of python-irodsclient: what a server could at best reach
on this machine, whatever it is written in.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 4 << 20
_STREAMS: Final = 2
_Way = Callable[[socket.socket, Path, int, int], None]


@contextmanager
def peer(path: Path) -> Iterator[tuple[str, int]]:
    """The address of a process that takes bytes into ``path``, or sends them from it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.get_context("fork").Process(
            target=_serve, args=(listener, path), daemon=True
        )
        process.start()
        try:
            yield listener.getsockname()
        finally:
            process.terminate()
            process.join()


def put(address: tuple[str, int], source: Path) -> None:
    """Send a file."""
    _run(address, source, source.stat().st_size, b"p", _send)


def get(address: tuple[str, int], target: Path, size: int) -> None:
    """Fetch ``size`` bytes into a file."""
    target.touch()
    _run(address, target, size, b"g", _receive)


def _run(address: tuple[str, int], path: Path, size: int, way: bytes, act: _Way) -> None:
    with ThreadPoolExecutor(_STREAMS) as pool:
        for part in [pool.submit(_stream, address, path, way, act, *span) for span in _spans(size)]:
            part.result()


def _spans(size: int) -> Iterator[tuple[int, int]]:
    half = size // _STREAMS
    for number in range(_STREAMS):
        start = number * half
        yield start, (size if number == _STREAMS - 1 else start + half) - start


def _stream(address: tuple[str, int], path: Path, way: bytes, act: _Way, start: int, count: int) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(way + start.to_bytes(8) + count.to_bytes(8))
        act(connection, path, start, count)
        if way == b"p":
            connection.recv(1)


def _serve(listener: socket.socket, path: Path) -> None:
    with ThreadPoolExecutor(_STREAMS) as pool:
        while True:
            pool.submit(_answer, listener.accept()[0], path)


def _answer(connection: socket.socket, path: Path) -> None:
    with connection:
        request = connection.recv(17, socket.MSG_WAITALL)
        start, count = int.from_bytes(request[1:9]), int.from_bytes(request[9:])
        if request[:1] == b"g":
            _do_not_pace(connection)
            _send(connection, path, start, count)
            return
        path.touch()
        _receive(connection, path, start, count)
        connection.sendall(b"!")


def _do_not_pace(connection: socket.socket) -> None:
    """As the zone does, and for its reasons."""
    with contextlib.suppress(AttributeError):  # not Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")


def _send(connection: socket.socket, path: Path, start: int, count: int) -> None:
    with path.open("rb") as file:
        connection.sendfile(file, start, count)


def _receive(connection: socket.socket, path: Path, start: int, count: int) -> None:
    buffer = memoryview(bytearray(_PIECE_BYTES))
    descriptor = os.open(path, os.O_WRONLY)
    try:
        while count:
            got = connection.recv_into(buffer, min(count, _PIECE_BYTES), socket.MSG_WAITALL)
            if not got:
                raise ConnectionError("the other side is gone")
            os.pwrite(descriptor, buffer[:got], start)
            start, count = start + got, count - got
    finally:
        os.close(descriptor)
