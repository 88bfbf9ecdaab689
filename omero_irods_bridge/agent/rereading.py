"""Files that an administrator changes while the agent runs: who may use it, and with which tokens."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from omero_irods_bridge.agent.http.tokens import Service, Tokens
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.model.errors import BridgeError

log = logging.getLogger(__name__)

AT_REST_S: Final = 1.0
"""What was written within this time may be half of it; nobody writes a small file for longer."""

_T = TypeVar("_T")
_Mark: TypeAlias = "tuple[int, int, int] | None"
"""By which a change is seen: time of change in ns, size, inode; none where there is no file."""


class Reread(Generic[_T]):
    """What a file says now. Any thread may call any method.

    One that has become wrong, or is gone, changes nothing: what it said before holds until it is right again.
    """

    def __init__(self, file: Path, read: Callable[[Path], _T], now: Callable[[], float] = time.time) -> None:
        """Raises what ``read`` does when the file is wrong: BridgeError."""
        self._file, self._read, self._now = file, read, now
        self._lock = threading.Lock()
        self._mark = _mark_of(file)  # before it is read: a change meanwhile is seen the next time
        self._present = read(file)
        self._problem: BridgeError | None = None

    def present(self) -> _T:
        """Whole, as it was before a change or as it is after it."""
        mark = _mark_of(self._file)
        if mark != self._mark and self._is_at_rest(mark):
            with self._lock:
                if mark != self._mark:
                    self._read_again(mark)
        return self._present

    def check(self) -> None:
        """Raises BridgeError while what the file says is not what holds."""
        self.present()
        problem = self._problem
        if problem is not None:
            raise BridgeError(_text(self._file, problem), hint=problem.hint)

    def _is_at_rest(self, mark: _Mark) -> bool:
        return mark is None or not 0 <= self._now() - mark[0] / 1e9 < AT_REST_S

    def _read_again(self, mark: _Mark) -> None:
        try:
            self._present, self._problem = self._read(self._file), None
            log.info("%s has changed and was read again", self._file)
        except BridgeError as error:
            self._problem = error
            log.warning("%s", _text(self._file, error))
        self._mark = mark


def _mark_of(file: Path) -> _Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(file: Path, problem: BridgeError) -> str:
    return f"{file} has changed and cannot be used; what it said before holds. {problem.message}"


class UsersFile(Reread[Identities]):
    """The lines of users.toml as they are now."""

    def irods_user(self, omero_user: str) -> str:
        return self.present().irods_user(omero_user)

    def omero_user(self, irods_user: str) -> str:
        return self.present().omero_user(irods_user)

    def is_same(self, irods_user: str, omero_user: str) -> bool:
        return self.present().is_same(irods_user, omero_user)

    def is_admin(self, omero_user: str) -> bool:
        return self.present().is_admin(omero_user)


class TokensFile(Reread[Tokens]):
    """The tokens of services as they are now."""

    def service_of(self, token: str) -> Service | None:
        return self.present().service_of(token)
