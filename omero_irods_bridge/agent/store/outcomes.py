"""How an attempt at a job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.jobs import JobError


class End(StrEnum):
    """In which way."""

    DONE = "done"
    FAILED = "failed"
    """As ``error`` says; tried again later when that can help."""
    CANCELLED = "cancelled"
    HANDED_BACK = "handed back"
    """The worker stops; another attempt may begin at once, anywhere."""
    LOST = "lost"
    """The job is somebody else's by now; nothing is to be written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. A failed one may have a result too: what verify found."""

    end: End
    result: Mapping[str, Any] | None = None
    error: JobError | None = None

    @classmethod
    def failed(cls, error: BridgeError, result: Mapping[str, Any] | None = None) -> Self:
        return cls(End.FAILED, result, JobError.of(error))

    def to_fields(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def from_fields(cls, found: Mapping[str, Any]) -> Self:
        error = found["error"]
        return cls(End(found["end"]), found["result"], JobError(**error) if error else None)
