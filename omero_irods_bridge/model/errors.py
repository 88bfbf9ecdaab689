"""What can go wrong, told the same way to people, to scripts and to the agent.

Adapters translate foreign exceptions into these at the border, with ``from``; above them only ``BridgeError``
exists. The exit statuses are a promise to scripts: a number keeps its meaning
(docs/decisions/0006-exit-statuses.md).
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """How ``omero-irods`` ends, as the shell sees it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    CHECKSUM_MISMATCH = 4
    DIFFERENT = 5
    NOT_FOUND = 10
    BUSY = 11
    ACCESS_DENIED = 12
    STALE_PLAN = 13
    UNREACHABLE = 14
    INTERRUPTED = 130


class BridgeError(Exception):
    """Something failed, and the person who asked for it can be told what to do.

    Args:
        message: what failed and for which object, in words for the person who asked.
        hint: what to do next, a sentence of its own; empty when nothing useful can be said.

    Attributes:
        code: a stable name for logs, JSON and the agent.
        exit_status: how a command that ends with this error exits.
        retryable: whether the same attempt, later and unchanged, can succeed.
    """

    code: ClassVar[str] = "failed"
    exit_status: ClassVar[ExitStatus] = ExitStatus.FAILED
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BridgeError):
    """What was asked for cannot be understood or contradicts itself; nothing was done."""

    code = "usage"
    exit_status = ExitStatus.USAGE


class Conflict(UsageError):
    """What was asked for contradicts what was asked for before, under the same name; nothing was done."""

    code = "conflict"


class PartialFailure(BridgeError):
    """Some items failed, the others are done."""

    code = "partial-failure"
    exit_status = ExitStatus.PARTIAL


class ChecksumMismatch(BridgeError):
    """Data is not what its checksum says; trying again reads the same data."""

    code = "checksum-mismatch"
    exit_status = ExitStatus.CHECKSUM_MISMATCH


class NotFound(BridgeError):
    """The object does not exist, or this user may not see it."""

    code = "not-found"
    exit_status = ExitStatus.NOT_FOUND


class TargetExists(BridgeError):
    """There is something at the place where new data were to appear; it was left as it is."""

    code = "target-exists"


class BadName(BridgeError):
    """A name cannot be carried safely: other systems would read it differently, or not at all."""

    code = "bad-name"


class BadPacket(BridgeError):
    """A packet is damaged, hostile, or of an unknown form; nothing was taken from it."""

    code = "bad-packet"


class ImportFailed(BridgeError):
    """OMERO has the files and made no images of them."""

    code = "import-failed"


class UnreadableImage(ImportFailed):
    """OMERO cannot read the files as images; it will not later either."""

    code = "unreadable-image"


class InArchive(BridgeError):
    """A replica is in an archive, which iRODS reads by way of its cache only."""

    code = "in-archive"


class NotInPlace(BridgeError):
    """OMERO cannot use a file where it is; nothing was linked."""

    code = "not-in-place"


class NoSpace(BridgeError):
    """A disk or a quota is full."""

    code = "no-space"


class Busy(BridgeError):
    """Somebody else holds the object at the moment."""

    code = "busy"
    exit_status = ExitStatus.BUSY
    retryable = True


class AccessDenied(BridgeError):
    """The server knows the user and refuses, or refuses to know the user."""

    code = "access-denied"
    exit_status = ExitStatus.ACCESS_DENIED


class StalePlan(BridgeError):
    """The target is no longer what the plan was made for; a new plan is needed."""

    code = "stale-plan"
    exit_status = ExitStatus.STALE_PLAN


class Unreachable(BridgeError):
    """A server did not answer, or the connection broke."""

    code = "unreachable"
    exit_status = ExitStatus.UNREACHABLE
    retryable = True


class Interrupted(BridgeError):
    """A person or a signal stopped the work; what was sealed before stays."""

    code = "interrupted"
    exit_status = ExitStatus.INTERRUPTED
