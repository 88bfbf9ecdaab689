"""What verify looks at, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.snapshot import State


class Scope(StrEnum):
    """How much is looked at; each one includes those before it."""

    METADATA = "metadata"
    """AVUs, catalog, manifest and the directory of the packet."""
    DATA = "data"
    """The bytes of one good replica of each object, or of a sample of the members."""
    REPLICAS = "replicas"
    """The bytes of every replica of each object."""


class Problem(StrEnum):
    """In which way something is not as it should be."""

    DAMAGED = "damaged"
    """Bytes are not those that were packed."""
    DIFFERS = "differs"
    """AVUs, catalog, manifest and packet contradict each other."""
    MISSING = "missing"
    """Something is not there, or this user may not see it."""
    UNPROVEN = "unproven"
    """Nothing is known to be wrong, but what would prove it right is missing."""
    STALE = "stale"
    """A replica is not up to date, or is open for writing."""


_STATUSES: Final = {
    Problem.DAMAGED: ExitStatus.CHECKSUM_MISMATCH,
    Problem.DIFFERS: ExitStatus.CHECKSUM_MISMATCH,
    Problem.MISSING: ExitStatus.NOT_FOUND,
    Problem.UNPROVEN: ExitStatus.FAILED,
    Problem.STALE: ExitStatus.FAILED,
}
"""In the order of their weight: the first one that was found decides."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    ``path`` is of the data object or collection. ``text`` says what is wrong and ``remedy`` what to do, in
    sentences. ``replica`` and ``resource`` are set where it is about one replica, ``member`` where it is
    about one member of the packet; ``images`` are the ids of the images that need it, in the OMERO that they
    were packed from.
    """

    problem: Problem
    path: str
    text: str
    remedy: str = ""
    replica: int | None = None
    resource: str = ""
    member: str | None = None
    images: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out.

    ``members`` is how many members are in the packet, ``members_checked`` the bytes of how many were compared
    with what was packed. ``bytes_checked`` were read by the iRODS server, of all replicas together, and
    ``bytes_read`` came over the network. ``complete`` says that all bytes of a whole snapshot were compared.
    ``state`` is what the AVUs say now; none when they do not describe a snapshot.
    """

    path: str
    scope: Scope
    findings: tuple[Finding, ...] = ()
    members: int = 0
    members_checked: int = 0
    bytes_checked: int = 0
    bytes_read: int = 0
    complete: bool = False
    state: State | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def exit_status(self) -> ExitStatus:
        """How the command ends: damage weighs most, then what is missing, then what is not proven."""
        found = {finding.problem for finding in self.findings}
        return next((_STATUSES[problem] for problem in _STATUSES if problem in found), ExitStatus.DONE)
