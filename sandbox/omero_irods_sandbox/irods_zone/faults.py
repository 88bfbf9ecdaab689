"""Faults on demand: what goes wrong in a real zone, switched on by a test.

A fault is set from any thread and hits the next calls of any connection.
"""

from __future__ import annotations

import errno
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
from omero_irods_sandbox.irods_zone.wire.channel import Direction

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog


@dataclass
class _Failure:
    api: int
    code: int
    skip: int
    times: int


@dataclass
class _Delay:
    api: int
    seconds: float


@dataclass
class _CutCall:
    api: int
    is_done: bool
    skip: int


@dataclass
class _Cut:
    direction: Direction
    bytes_left: int


@dataclass
class _Flip:
    direction: Direction
    from_end: int
    skip: int


class Counters:
    """Calls by API number and bytes by direction since the zone started (or :meth:`reset`)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[int] = Counter()
        self._bytes: Counter[str] = Counter()

    def count_call(self, api: int) -> None:
        with self._lock:
            self._calls[api] += 1

    def count_bytes(self, direction: Direction, count: int) -> None:
        with self._lock:
            self._bytes[direction] += count

    def calls(self, api: int | None = None) -> int:
        """How often one operation was called, or all of them together."""
        with self._lock:
            return self._calls.total() if api is None else self._calls[api]

    @property
    def bytes_received(self) -> int:
        return self._bytes["received"]

    @property
    def bytes_sent(self) -> int:
        return self._bytes["sent"]

    def reset(self) -> None:
        with self._lock:
            self._calls.clear()
            self._bytes.clear()


class Faults:
    """What shall go wrong. Nothing does until it is asked for; :meth:`clear` ends it all."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """No faults any more; a replica that was damaged stays damaged."""
        with self._lock:
            self._failures: list[_Failure] = []
            self._delays: list[_Delay] = []
            self._cut: _Cut | None = None
            self._cut_calls: list[_CutCall] = []
            self._flips: list[_Flip] = []
            self._free_bytes: int | None = None
            self._refuse_logins = False

    # -- switching on

    def fail_call(self, api: int, error: int | str, *, nth: int = 1, times: int = 1) -> None:
        """Let ``times`` calls of the operation ``api`` fail with ``error``, from the ``nth`` from now on."""
        code = error if isinstance(error, int) else code_of(error)
        with self._lock:
            self._failures.append(_Failure(api, code, nth - 1, times))

    def delay_calls(self, api: int, seconds: float) -> None:
        """Let every call of the operation ``api`` wait first."""
        with self._lock:
            self._delays.append(_Delay(api, seconds))

    def cut_after(self, count: int, *, direction: Direction = "received") -> None:
        """Break the connection that carries the byte after the next ``count``; once."""
        with self._lock:
            self._cut = _Cut(direction, count)

    def cut_call(self, api: int, *, is_done: bool = False, nth: int = 1) -> None:
        """Break the connection of the ``nth`` call of the operation ``api`` from now on; once.

        With ``is_done`` the operation is carried out and only its answer is lost.
        """
        with self._lock:
            self._cut_calls.append(_CutCall(api, is_done, nth - 1))

    def flip_on_wire(self, direction: Direction, *, nth: int = 1, from_end: int = 1) -> None:
        """Change one byte of what the ``nth`` write or read of data carries, by default its last; once.

        ``received`` is what clients write, ``sent`` what they read. Requests with fewer bytes do not
        count.
        """
        with self._lock:
            self._flips.append(_Flip(direction, from_end, nth - 1))

    @property
    def flips_to_come(self) -> int:
        """How many of the flips that were asked for no write or read has met yet."""
        with self._lock:
            return len(self._flips)

    def limit_disk(self, free_bytes: int) -> None:
        """Let writes fail with "no space left on device" once ``free_bytes`` more have been written."""
        with self._lock:
            self._free_bytes = free_bytes

    def refuse_logins(self) -> None:
        """Let every login fail as one with a wrong password does."""
        with self._lock:
            self._refuse_logins = True

    def flip_byte(self, path: str, *, offset: int = 0, replica: int = 0) -> None:
        """Change one byte of a replica's file in the vault; the catalog knows nothing of it."""
        target = self._replica(path, replica)
        with Path(target.physical_path).open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)
            file.seek(offset)
            file.write(bytes([byte[0] ^ 0xFF]))

    def make_stale(self, path: str, *, replica: int = 0) -> None:
        """Mark a replica as out of date."""
        target = self._replica(path, replica)
        self._catalog.data_objects.update(target.data_id, target.number, status=int(ReplicaStatus.STALE))

    def _replica(self, path: str, number: int) -> Replica:
        return next(r for r in self._catalog.data_objects.get(path) if r.number == number)

    # -- being hit

    def before_call(self, api: int) -> None:
        """Raises ZoneError when this call shall fail, ConnectionAbortedError when it is to be cut."""
        with self._lock:
            pause = sum(delay.seconds for delay in self._delays if delay.api == api)
            code = self._failure_of(api)
        if pause:
            time.sleep(pause)
        if code is not None:
            raise ZoneError(code, "Injected fault.")
        self._cut_this(api, is_done=False)

    def before_answer(self, api: int) -> None:
        """Raises ConnectionAbortedError when the answer to this call shall be lost."""
        self._cut_this(api, is_done=True)

    def _cut_this(self, api: int, *, is_done: bool) -> None:
        with self._lock:
            for cut in [one for one in self._cut_calls if (one.api, one.is_done) == (api, is_done)]:
                if cut.skip == 0:
                    self._cut_calls.remove(cut)
                    raise ConnectionAbortedError("injected fault: connection cut")
                cut.skip -= 1

    def _failure_of(self, api: int) -> int | None:
        for failure in [f for f in self._failures if f.api == api]:
            if failure.skip:
                failure.skip -= 1
                continue
            failure.times -= 1
            if failure.times <= 0:
                self._failures.remove(failure)
            return failure.code
        return None

    def before_transfer(self, direction: Direction, count: int) -> int:
        """How many of the next ``count`` bytes may pass.

        Raises:
            ConnectionAbortedError: the connection breaks here.
        """
        with self._lock:
            cut = self._cut
            if cut is None or cut.direction != direction:
                return count
            if cut.bytes_left == 0:
                self._cut = None
                raise ConnectionAbortedError("injected fault: connection cut")
            allowed = min(count, cut.bytes_left)
            cut.bytes_left -= allowed
            return allowed

    def before_write(self, count: int) -> None:
        """Raises OSError ENOSPC when the disk is to be full."""
        with self._lock:
            if self._free_bytes is None:
                return
            if count > self._free_bytes:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._free_bytes -= count

    def flipped(self, direction: Direction, count: int) -> int | None:
        """Which of the ``count`` bytes that a request carries shall be another one, if any."""
        with self._lock:
            for flip in [one for one in self._flips if one.direction == direction and one.from_end <= count]:
                if flip.skip == 0:
                    self._flips.remove(flip)
                    return count - flip.from_end
                flip.skip -= 1
            return None

    def check_login(self) -> None:
        """Raises ZoneError CAT_INVALID_AUTHENTICATION when logins are refused."""
        if self._refuse_logins:
            raise ZoneError("CAT_INVALID_AUTHENTICATION", "Injected fault.")
