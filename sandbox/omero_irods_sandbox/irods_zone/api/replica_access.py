"""Who has which replica open for writing.

Source: ``replica_access_table.cpp`` and ``logical_locking.cpp`` of iRODS: the first to open a
replica for writing gets a token, which lets further connections open the same replica; the states
that the replicas had before are kept until the data object is at rest again.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass

from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import ZoneError

_Key = tuple[int, int]


@dataclass
class _Entry:
    token: str
    before: dict[int, ReplicaStatus]
    holders: int = 1


class ReplicaAccess:
    """The tokens of one zone, by data id and replica number. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[_Key, _Entry] = {}

    @property
    def count(self) -> int:
        """How many replicas are open for writing."""
        with self._lock:
            return len(self._entries)

    def begin(self, data_id: int, number: int, replicas: list[Replica]) -> str:
        """A new token, held once. ``replicas`` are all of the data object, as they were before.

        Raises:
            ZoneError: INTERMEDIATE_REPLICA_ACCESS when somebody has the replica open for writing.
        """
        with self._lock:
            if (data_id, number) in self._entries:
                raise ZoneError("INTERMEDIATE_REPLICA_ACCESS")
            entry = _Entry(str(uuid.uuid4()), {replica.number: replica.status for replica in replicas})
            self._entries[data_id, number] = entry
            return entry.token

    def join(self, data_id: int, number: int, token: str) -> None:
        """Hold the token once more.

        Raises:
            ZoneError: INTERMEDIATE_REPLICA_ACCESS when it is not the replica's token.
        """
        with self._lock:
            if not self._is_valid(data_id, number, token):
                raise ZoneError("INTERMEDIATE_REPLICA_ACCESS")
            self._entries[data_id, number].holders += 1

    def is_valid(self, data_id: int, number: int, token: str) -> bool:
        """Whether ``token`` is the one of a replica that is open for writing."""
        with self._lock:
            return self._is_valid(data_id, number, token)

    def _is_valid(self, data_id: int, number: int, token: str) -> bool:
        entry = self._entries.get((data_id, number))
        return entry is not None and entry.token == token

    def before(self, data_id: int, number: int) -> dict[int, ReplicaStatus]:
        """The states to go back to when nothing was written, by replica number; empty when nobody writes."""
        with self._lock:
            entry = self._entries.get((data_id, number))
            return dict(entry.before) if entry else {}

    def has_changed(self, data_id: int, number: int) -> None:
        """There is no way back from now on: the replica is good and its siblings are stale.

        Several holders may close one after the other; a later one that wrote nothing
        itself must not bring back the states from before.
        """
        with self._lock:
            entry = self._entries.get((data_id, number))
            if entry is not None:
                entry.before = dict.fromkeys(entry.before, ReplicaStatus.STALE) | {number: ReplicaStatus.GOOD}

    def holders(self, data_id: int, number: int) -> int:
        """How often the token is held; 0 when nobody writes."""
        with self._lock:
            entry = self._entries.get((data_id, number))
            return entry.holders if entry else 0

    def leave(self, data_id: int, number: int) -> None:
        """Give the token back once; the last one ends it."""
        with self._lock:
            entry = self._entries.get((data_id, number))
            if entry is None:
                return
            entry.holders -= 1
            if entry.holders <= 0:
                del self._entries[data_id, number]
