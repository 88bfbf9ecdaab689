"""Connections to one iRODS server, kept for the next request: logging in takes several round trips."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from irods.api_number import api_number
from irods.connection import Connection
from irods.exception import NetworkException
from irods.message import Message, iRODSMessage
from irods.pool import Pool

from omero_irods_bridge.adapters.irods.environment import APPLICATION_NAME, Account
from omero_irods_bridge.adapters.irods.errors import is_answer, translated
from omero_irods_bridge.model.errors import BridgeError

DEFAULT_TIMEOUT_S: Final = 24 * 3600.0
"""How long an answer may take: the checksum of a very large object is one request.

A server that is gone is noticed much sooner, by TCP keep-alive.
"""

DEFAULT_CONNECT_TIMEOUT_S: Final = 60.0
_GOOD_BYE_S: Final = 5.0

_KEEP_ALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)


def exchange(connection: Connection, api: str, body: Message) -> iRODSMessage:
    """Send one request and wait for its answer; ``api`` is the name PRC has for its number."""
    connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=api_number[api]))
    return connection.recv()


class Connections:
    """Logged-in connections of one account. Any thread may take one, and has it alone until it gives it back.

    Args:
        account: whose they are.
        timeout_s: how long to wait for an answer or for a socket to take more.
        connect_timeout_s: how long to wait while connecting and logging in.
    """

    def __init__(
        self,
        account: Account,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S,
    ) -> None:
        self._where = f"{account.host}:{account.port}"
        self._timeout_s = timeout_s
        self._session = account.open_session(connect_timeout_s)
        self._pool = self._session.pool = _LivePool(
            self._session.pool.account, application_name=APPLICATION_NAME, session=self._session
        )
        self._pool.connection_timeout = connect_timeout_s

    @property
    def zone(self) -> str:
        return str(self._session.zone)

    @property
    def user(self) -> str:
        return str(self._session.username)

    @property
    def default_resource(self) -> str:
        """The resource that the environment names for new data; "" leaves it to the server."""
        return str(getattr(self._pool.account, "default_resource", "") or "")

    def take(self) -> Connection:
        """A connection nobody else uses: an idle one that is alive, else a new one.

        Raises:
            Unreachable, AccessDenied: it cannot be made.
        """
        what = f"Logging in to iRODS at {self._where} as {self._pool.account.proxy_user}"
        try:
            with translated(what):
                connection = self._pool.get_connection()
                connection.socket.settimeout(self._timeout_s)
                return connection
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # PRC does not check what it is sent.
            raise BridgeError(
                f"{what}: what answers there is no iRODS server.", hint="Check irods_host and irods_port."
            ) from error

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next one; without effect after :meth:`drop`."""
        self._pool.release_connection(connection)

    def drop(self, connection: Connection) -> None:
        """Close its socket at once, without a word to the server; for the thread that uses it."""
        self._pool.release_connection(connection, destroy=True)
        cut(connection)

    def hang_up(self, connection: Connection) -> None:
        """End the connection under whoever waits for it; the socket stays to be closed by :meth:`drop`.

        From any thread. To close it here would give its number to the next connection, and a thread that was
        waiting for this one could read from that.
        """
        self._pool.release_connection(connection, destroy=True)
        shut_down(connection)

    @contextmanager
    def guard(self, connection: Connection) -> Iterator[None]:
        """Drop the connection when something other than an error of the server comes out.

        The next answer on it might belong to this question then.
        """
        try:
            yield
        except BaseException as error:
            if not is_answer(error):
                self.drop(connection)
            raise

    @contextmanager
    def lease(self) -> Iterator[Connection]:
        """A connection for the length of a block."""
        connection = self.take()
        try:
            with self.guard(connection):
                yield connection
        finally:
            self.give_back(connection)

    def call(self, api: str, body: Message) -> iRODSMessage:
        """One request and its answer, on a connection of its own."""
        with self.lease() as connection:
            return exchange(connection, api, body)

    def close(self) -> None:
        """Log out everywhere; what is still in use is cut off."""
        for connection in self._pool.taken():
            self.hang_up(connection)
        self._pool.log_out()


class _LivePool(Pool):  # type: ignore[misc] # PRC has no types
    """PRC's pool, but an idle connection that the server closed meanwhile is not handed out."""

    def get_connection(self) -> Any:
        self._forget_closed()
        connection = super().get_connection()
        for level, option, value in _KEEP_ALIVE:
            connection.socket.setsockopt(level, option, value)
        if isinstance(connection.socket, ssl.SSLSocket):
            connection.socket = _WholeAnswers(connection.socket)
        return connection

    def taken(self) -> list[Any]:
        with self._lock:
            return list(self.active)

    def log_out(self) -> None:
        """Say good-bye on all idle connections. Not by PRC's cleanup: that ends at the first that fails."""
        with self._lock:
            idle: list[Any] = list(self.idle)
            self.idle.clear()
        for connection in idle:
            with suppress(OSError, NetworkException):  # a peer that is gone cannot answer
                connection.socket.settimeout(_GOOD_BYE_S)
                connection.disconnect()
            cut(connection)

    def _forget_closed(self) -> None:
        with self._lock:
            closed = [connection for connection in self.idle if _says_something(connection)]
            self.idle.difference_update(closed)
        for connection in closed:
            cut(connection)


class _WholeAnswers:
    """A TLS socket that receives what was asked for in one go.

    PRC appends record after record of 16 KiB to a growing copy else, which takes three times as long.
    """

    def __init__(self, channel: ssl.SSLSocket) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """``size`` bytes, fewer only where the connection ends."""
        buffer, done = bytearray(size), 0
        with memoryview(buffer) as view:
            while done < size and (count := self._channel.recv_into(view[done:])):
                done += count
        return bytes(buffer[:done]) if done < size else bytes(buffer)


def _says_something(connection: Connection) -> bool:
    """Whether an idle connection can be read: then it ended, or an answer came that nobody waits for."""
    if connection.socket is None or connection.socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    return bool(poll.poll(0))


def cut(connection: Connection) -> None:
    """Close the socket; PRC says nothing to the server then, not when it collects the object either."""
    shut_down(connection)
    if connection.socket is not None:
        connection.socket.close()


def shut_down(connection: Connection) -> None:
    """Let all who wait for the connection hear that it has ended."""
    if connection.socket is not None:
        with suppress(OSError):  # closed already, or never connected
            connection.socket.shutdown(socket.SHUT_RDWR)
