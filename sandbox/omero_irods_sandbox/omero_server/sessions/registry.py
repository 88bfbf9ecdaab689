"""All sessions of a server: made, found, joined, left, expired."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import Ice

from omero_irods_sandbox.omero_server.errors import removed_session, session_timeout
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
_CLIENT_IDLE_MS: Final = 600_000
"""Glacier2.SessionTimeout in OMERO's templates.xml: of one client, whatever the others of its session do."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a new session shall be."""

    user_id: int
    group_id: int
    limits: Limits
    agent: str = ""
    sudoer_id: int | None = None
    permitted_groups: frozenset[int] | None = None
    event_type: str = "User"
    has_password: bool = False


class SessionRegistry:
    """Sessions live in memory; their rows say when they began and ended."""

    def __init__(self, server: OmeroServer) -> None:
        self._server = server
        self._lock = threading.RLock()
        self._sessions: dict[str, Session] = {}
        self._by_client: dict[str, Session] = {}
        self._used_ms: dict[str, int] = {}
        """When each client called last."""
        self._timed_out: set[str] = set()
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="omero-sessions", daemon=True)

    def start(self) -> None:
        """Begin to look for sessions whose time is over. Those of an earlier run are over."""
        now = self._server.clock.now_ms()
        self._server.store.database.execute('update "Session" set closed = ? where closed is null', now)
        self._watcher.start()

    def stop(self) -> None:
        """End all sessions."""
        self._stopped.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self.close_all()

    # -- making and finding

    def create(self, wanted: SessionRequest) -> Session:
        """A new session, with its row in the database."""
        now, key = self._server.clock.now_ms(), str(uuid.uuid4())
        session = Session(
            self._server,
            key,
            self._insert(wanted, key, now),
            wanted.user_id,
            wanted.group_id,
            wanted.limits,
            started_ms=now,
            agent=wanted.agent,
            sudoer_id=wanted.sudoer_id,
            permitted_groups=wanted.permitted_groups,
            event_type=wanted.event_type,
            has_password=wanted.has_password,
            last_used_ms=now,
        )
        with self._lock:
            self._sessions[key] = session
        return session

    def _insert(self, wanted: SessionRequest, key: str, now_ms: int) -> int:
        with self._server.store.work(self._server.internal_caller()) as work:
            row = work.insert(
                "Session",
                owner_id=wanted.user_id,
                group_id=wanted.group_id,
                uuid=key,
                node_id=0,
                sudoer_id=wanted.sudoer_id,
                timeToIdle=wanted.limits.idle_ms,
                timeToLive=wanted.limits.live_ms,
                started=now_ms,
                defaultEventType=wanted.event_type,
                userAgent=wanted.agent,
            )
            # The column of Session.owner, not of its details.
            work.update("Session", row, owner_id=wanted.user_id)
        return row

    def find(self, key: str) -> Session | None:
        """A session that is alive; to look is not to use."""
        with self._lock:
            session = self._sessions.get(key)
        if session is not None and self._is_over(session):
            self.expire(key)
            return None
        return session

    def used(self, key: str, client_id: str = "") -> Session:
        """A session that is alive and now in use, by a client of it if one is named.

        Raises:
            ObjectNotExistException: the router has ended this client, which was idle.
            SessionTimeoutException: its time was over.
            RemovedSessionException: it was closed, or never was.
        """
        session = self.find(key)
        if session is None:
            if key in self._timed_out:
                raise session_timeout(f"Session (id={key}) timed out.")
            raise removed_session(f"No session with uuid: {key}")
        session.last_used_ms = self._server.clock.now_ms()
        self._note_use(client_id, session.last_used_ms)
        return session

    def _note_use(self, client_id: str, now_ms: int) -> None:
        with self._lock:
            before = self._used_ms.get(client_id)
            if before is None:
                return
            self._used_ms[client_id] = now_ms
        if now_ms - before > _CLIENT_IDLE_MS:
            self.leave(client_id)
            raise Ice.ObjectNotExistException

    def all(self) -> list[Session]:
        with self._lock:
            return list(self._sessions.values())

    # -- clients

    def join(self, session: Session, client_id: str) -> None:
        """Let a client work in a session."""
        with self._lock:
            session.clients.add(client_id)
            self._by_client[client_id] = session
            self._used_ms[client_id] = self._server.clock.now_ms()

    def leave(self, client_id: str) -> bool:
        """A client goes, False when it was in no session.

        A session ends with its last client, unless that one detached.
        """
        with self._lock:
            session = self._by_client.pop(client_id, None)
            self._used_ms.pop(client_id, None)
            if session is None:
                return False
            session.clients.discard(client_id)
            session.callbacks.pop(client_id, None)
        session.withdraw_all(client_id)
        self._server.unpublish(self._server.door(session, client_id))
        ends = client_id in session.closing or not (session.clients or client_id in session.detached)
        if ends:
            self.close(session.uuid)
        return True

    def refresh(self, client_id: str) -> None:
        """A client says that it is still there."""
        with self._lock:
            session = self._by_client.get(client_id)
        if session is not None:
            self.used(session.uuid, client_id)

    # -- ending

    def close(self, key: str) -> bool:
        """End a session; calls to it are answered that it was removed. False when there was none."""
        return self._end(key)

    def expire(self, key: str) -> None:
        """End a session; calls to it are answered that its time was over."""
        self._timed_out.add(key)
        self._end(key)

    def _end(self, key: str) -> bool:
        with self._lock:
            session = self._sessions.pop(key, None)
        if session is None:
            return False
        session.is_closed = True
        if session.clients:
            session.end_services()  # their doors stay until the clients leave
        else:
            session.withdraw_all()
        self._server.store.database.update("Session", session.id, closed=self._server.clock.now_ms())
        return True

    def close_all(self) -> None:
        for session in self.all():
            self.close(session.uuid)

    def _is_over(self, session: Session) -> bool:
        now, limits = self._server.clock.now_ms(), session.limits
        is_idle = 0 < limits.idle_ms < now - session.last_used_ms
        return is_idle or 0 < limits.live_ms < now - session.started_ms

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY_S):
            for session in self.all():
                if self._is_over(session):
                    log.info("session %d timed out", session.id)
                    self.expire(session.uuid)
