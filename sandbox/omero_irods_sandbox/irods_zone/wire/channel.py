"""One connection's bytes: exact reads, writes, files, TLS, and a meter on all of it."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final, Literal

Direction = Literal["received", "sent"]
Meter = Callable[[Direction, int], int]

COPY_BYTES: Final = 1 << 20
"""Pieces in which byte streams pass. Less than clients send at once (4 MiB), so that the first of it is
written while the rest still arrives."""

_TLS_FILE_BYTES: Final = 1 << 20
_NO_LINGERING: Final = struct.pack("ii", 1, 0)


class PeerGone(Exception):
    """The other side closed the connection in the middle of something."""


def unmetered(_direction: Direction, count: int) -> int:
    """Let everything pass."""
    return count


class Channel:
    """A socket, plain or TLS.

    ``meter`` is asked before every transfer how many of the next bytes may pass
    and may raise ConnectionError to break the connection there; that is how
    tests cut a connection after exactly n bytes.
    """

    def __init__(self, connection: socket.socket, meter: Meter = unmetered) -> None:
        self._socket = connection
        self._meter = meter
        self._is_broken = False
        self._scratch = bytearray()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def is_tls(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    @property
    def socket_number(self) -> int:
        return self._socket.fileno()

    def start_tls(self, context: ssl.SSLContext) -> None:
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def end_tls(self, timeout_s: float = 2.0) -> None:
        """Answer the client's close_notify; python-irodsclient raises SSLEOFError without it."""
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.settimeout(timeout_s)
            self._socket = self._socket.unwrap()

    def set_timeout(self, seconds: float | None) -> None:
        self._socket.settimeout(seconds)

    def break_off(self) -> None:
        """Break the connection, from any thread, as a failing network does: the peer gets a reset, no end.

        After an orderly end in the middle of a byte stream python-irodsclient would ask for more for ever
        (``_recv_message_into`` in ``irods/message/__init__.py``). A thread that is blocked in a read here
        wakes up; the reset leaves when it calls :meth:`close`.
        """
        self._is_broken = True
        with contextlib.suppress(OSError):  # closed already
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
            self._shut(socket.SHUT_RD)

    def stop_sending(self) -> None:
        """Wake a thread that is blocked because the peer does not read."""
        self._shut(socket.SHUT_WR)

    def close(self) -> None:
        """Close at once."""
        if not self._is_broken:
            self._shut(socket.SHUT_RDWR)
        self._socket.close()

    def _shut(self, how: int) -> None:
        """Of the plain socket: TLS would be taken from under a thread that reads."""
        with contextlib.suppress(OSError):  # the peer was faster
            socket.socket.shutdown(self._socket, how)

    def scratch(self, count: int) -> memoryview:
        """A buffer of ``count`` bytes, good until the next call.

        Always the same memory: fresh pages for each piece would cost a tenth of a put.
        """
        if len(self._scratch) < count:
            self._scratch = bytearray(count)
        return memoryview(self._scratch)[:count]

    def receive(self, count: int) -> bytes:
        """Exactly ``count`` bytes. Raises PeerGone when they do not come."""
        buffer = bytearray(count)
        self.receive_into(memoryview(buffer))
        return bytes(buffer)

    def receive_into(self, view: memoryview) -> None:
        """Fill ``view``. Raises PeerGone."""
        filled = 0
        while filled < len(view):
            allowed = self._meter("received", len(view) - filled)
            count = self._socket.recv_into(view[filled : filled + allowed])
            if count == 0:
                raise PeerGone
            filled += count

    def send(self, *parts: bytes) -> None:
        data = memoryview(b"".join(parts))
        while data:
            allowed = self._meter("sent", len(data))
            self._socket.sendall(data[:allowed])
            data = data[allowed:]

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Send ``count`` bytes of an open file; they must be there."""
        while count:
            allowed = self._meter("sent", count)
            sent = self._send_file_part(descriptor, offset, allowed)
            if sent == 0:
                raise PeerGone("the file became shorter while it was sent")
            offset += sent
            count -= sent

    def _send_file_part(self, descriptor: int, offset: int, count: int) -> int:
        if self.is_tls:
            data = os.pread(descriptor, min(count, _TLS_FILE_BYTES), offset)
            self._socket.sendall(data)
            return len(data)
        return os.sendfile(self._socket.fileno(), descriptor, offset, count)


class ByteStream:
    """The bytes that follow a message. What an operation leaves is read and dropped after it."""

    def __init__(self, channel: Channel | None, length: int) -> None:
        self._channel = channel
        self.length = length
        self._left = length

    def read_all(self) -> bytes:
        """What is left, in memory."""
        if self._channel is None or not self._left:
            return b""
        count, self._left = self._left, 0
        return self._channel.receive(count)

    def copy_to(self, descriptor: int, offset: int, room: Callable[[int], None] | None = None) -> int:
        """Write what is left into an open file at ``offset``; the number of bytes.

        ``room`` is told before each piece how many bytes will be written and may
        raise OSError, as a full disk does.
        """
        written = 0
        while self._left and self._channel is not None:
            piece = self._channel.scratch(min(self._left, COPY_BYTES))
            self._channel.receive_into(piece)
            self._left -= len(piece)
            if room is not None:
                room(len(piece))
            written += _write_at(descriptor, piece, offset + written)
        return written

    def drain(self) -> None:
        """Read what is left and drop it."""
        while self._left and self._channel is not None:
            count = min(self._left, COPY_BYTES)
            self._left -= count
            self._channel.receive(count)


def _write_at(descriptor: int, data: memoryview, offset: int) -> int:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)
    return done
