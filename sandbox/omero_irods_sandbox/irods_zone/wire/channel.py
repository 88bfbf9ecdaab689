"""One connection's bytes: exact reads, writes, files, TLS, and a meter on all of it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from typing import Final, Literal

from omero_irods_sandbox.irods_zone.wire.carrying import CAN_SPLICE, BufferCarrier, Carrier, PipeCarrier

Direction = Literal["received", "sent"]
Meter = Callable[[Direction, int], int]

COPY_BYTES: Final = 1 << 20
"""Pieces in which byte streams pass. Less than clients send at once (4 MiB), so that the first of it is
written while the rest still arrives."""

_TLS_FILE_BYTES: Final = 1 << 20
_SPLICE_FROM_BYTES: Final = 64 << 10
"""A pipe costs more to make than so many bytes to copy."""

_CAN_CORK: Final = hasattr(socket, "MSG_MORE")
_DISCARD: Final = socket.MSG_TRUNC if sys.platform == "linux" else 0
"""Let the kernel drop what arrived instead of copying it (tcp(7))."""

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
        _do_not_pace(connection)

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

    def splice_into(self, pipe: int, count: int) -> int:
        """Move at most ``count`` bytes into a pipe, at least one; how many. Plain only. Raises PeerGone."""
        allowed = self._meter("received", count)
        moved = os.splice(self._socket.fileno(), pipe, allowed)
        if moved == 0:
            raise PeerGone
        return moved

    def drop(self, count: int) -> None:
        """Receive exactly ``count`` bytes and forget them. Raises PeerGone."""
        flags = _DISCARD if not self.is_tls else 0
        while count:
            view = self._buffer(self._meter("received", min(count, COPY_BYTES)))
            dropped = self._socket.recv_into(view, 0, flags)
            if dropped == 0:
                raise PeerGone
            count -= dropped

    def carrier(self, count: int) -> Carrier:
        """The cheapest way from here into a file, for ``count`` bytes. One at a time."""
        if CAN_SPLICE and not self.is_tls and count >= _SPLICE_FROM_BYTES:
            return PipeCarrier(self.splice_into)
        return BufferCarrier(self.receive_into, self._buffer(min(count, COPY_BYTES)))

    def _buffer(self, count: int) -> memoryview:
        """Always the same memory: fresh pages for each stream would cost a tenth of a put."""
        if len(self._scratch) < count:
            self._scratch = bytearray(count)
        return memoryview(self._scratch)[:count]

    def send(self, *parts: bytes, more: bool = False) -> None:
        """Send all. With ``more`` they may leave together with what is sent next."""
        data = memoryview(b"".join(parts))
        flags = socket.MSG_MORE if more and _CAN_CORK and not self.is_tls else 0
        while data:
            allowed = self._meter("sent", len(data))
            self._socket.sendall(data[:allowed], flags)
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
        if self._channel is None or not self._left:
            return 0
        start = offset
        with self._channel.carrier(self._left) as carrier:
            while self._left:
                count = min(self._left, COPY_BYTES)
                if room is not None:
                    room(count)
                self._carry(carrier, count, descriptor, offset)
                offset += count
        return offset - start

    def _carry(self, carrier: Carrier, count: int, descriptor: int, offset: int) -> None:
        end = offset + count
        while offset < end:
            loaded = carrier.load(end - offset)
            self._left -= loaded
            carrier.unload(descriptor, offset)
            offset += loaded

    def drain(self) -> None:
        """Read what is left and drop it."""
        if self._channel is not None:
            self._channel.drop(self._left)
            self._left = 0


def _do_not_pace(connection: socket.socket) -> None:
    """Send to this machine as fast as it takes, whatever its congestion control is.

    One made for wide networks, such as BBR, sends at the rate that it measured: a timer and an
    interrupt for every 64 KiB, which took half of a get's processor time in the zone.
    """
    with contextlib.suppress(OSError, AttributeError):  # the peer is gone already; not Linux
        if ipaddress.ip_address(connection.getpeername()[0]).is_loopback:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
