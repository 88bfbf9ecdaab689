"""What the catalog has of a data object, held against what it should have. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.stored import DataObject, Replica, ReplicaStatus
from omero_irods_bridge.model.verification import Finding, Problem, Scope

_WRITTEN: Final = frozenset(
    {ReplicaStatus.INTERMEDIATE, ReplicaStatus.READ_LOCKED, ReplicaStatus.WRITE_LOCKED}
)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a data object should be. ``member`` is none for a zip; ``size``, ``sha256``: none when unknown."""

    path: str
    size: int | None
    sha256: Sha256 | None
    member: str | None = None

    @property
    def what(self) -> str:
        """As the subject of a sentence."""
        return self.path if self.member is None else f"{self.member} in {self.path}"


@dataclass(frozen=True, slots=True)
class Target:
    """A data object whose bytes are to be compared: what it should be, and what the catalog has."""

    expected: Expected
    found: DataObject

    @property
    def _good(self) -> tuple[Replica, ...]:
        return tuple(one for one in self.found.replicas if one.status is ReplicaStatus.GOOD)

    @property
    def has_one_good(self) -> bool:
        return len(self._good) == 1

    def replicas(self, scope: Scope) -> tuple[Replica, ...]:
        """Those whose bytes are compared: every good one, or the first; any where none is good."""
        chosen = self._good or self.found.replicas[:1]
        return chosen if scope is Scope.REPLICAS else chosen[:1]

    def is_covered(self, scope: Scope) -> bool:
        """Whether that is every replica that a reader may get."""
        return set(self._good) <= set(self.replicas(scope))


def check_catalog(expected: Expected, found: DataObject, scope: Scope) -> Iterator[Finding]:
    """What is wrong with the replicas of ``found``, as the catalog has them.

    A stale replica beside a good one counts only in the scope REPLICAS: readers get the good one.
    """
    if found.good is None:
        yield _finding(
            expected,
            found.replicas[0],
            Problem.STALE,
            f"{expected.what} has no good replica.",
            "Somebody may be writing to it: try again later. Otherwise tell the administrator of iRODS.",
        )
    for replica in found.replicas:
        if replica.status is ReplicaStatus.GOOD:
            yield from _check_good(expected, replica)
        elif scope is Scope.REPLICAS and found.good is not None:
            yield _not_good(expected, replica)


def _check_good(expected: Expected, replica: Replica) -> Iterator[Finding]:
    where = f"{expected.what}, {named(replica)},"
    if expected.size is not None and replica.size != expected.size:
        yield _finding(
            expected,
            replica,
            Problem.DIFFERS,
            f"{where} has {replica.size:,} bytes, not {expected.size:,}.",
            "It is not what was packed. Use another replica or pack the objects again.",
        )
    if not replica.checksum:
        yield _finding(
            expected,
            replica,
            Problem.UNPROVEN,
            f"{where} has no recorded checksum.",
            "Let iRODS compute it: omero-irods verify --data, or ichksum.",
        )
    elif replica.sha256 is None:
        yield _finding(
            expected,
            replica,
            Problem.UNPROVEN,
            f"{where} has a recorded checksum that is not SHA-256: {replica.checksum}.",
            "Run: omero-irods verify --data. To have it compared from now on, ichksum -f.",
        )
    elif expected.sha256 is not None and replica.sha256 != expected.sha256:
        yield _finding(
            expected,
            replica,
            Problem.DIFFERS,
            f"{where} has the recorded SHA-256 {replica.sha256}, not {expected.sha256}.",
            "Either it was written over or a record was changed by hand; omero-irods verify --data reads it.",
        )


def _not_good(expected: Expected, replica: Replica) -> Finding:
    is_written = replica.status in _WRITTEN
    state = "is open for writing" if is_written else "is stale"
    hint = (
        "Try again later."
        if is_written
        else f"Bring it up to date: irepl -U -R {quote(replica.resource)} {quote(expected.path)}"
    )
    return _finding(
        expected, replica, Problem.STALE, f"{expected.what}, {named(replica)}, {state}.", f"{hint}"
    )


def named(replica: Replica) -> str:
    """How people find it: ``replica 1 on archiveResc``."""
    return f"replica {replica.number} on {replica.resource}"


def remedy(found: DataObject, bad: Replica, whole: Collection[int]) -> str:
    """What to do about a replica with wrong bytes; those of the numbers ``whole`` have the right ones."""
    path = quote(found.path)
    good = next((one for one in found.replicas if one.number in whole), None)
    if good is not None:
        return (
            f"There is a whole one, {named(good)}. Remove the damaged one and make it anew: "
            f"itrim -N 1 -n {bad.number} {path} and then irepl -R {quote(bad.resource)} {path}"
        )
    others = [one for one in found.replicas if one.number != bad.number]
    if any(one.status is ReplicaStatus.GOOD for one in others):
        return "There are other replicas. See which are whole: omero-irods verify --replicas"
    return "No whole replica is known. Pack the objects again while OMERO has them."


def _finding(expected: Expected, replica: Replica, problem: Problem, text: str, hint: str) -> Finding:
    return Finding(
        problem, expected.path, text, hint, replica.number, replica.resource, member=expected.member
    )
