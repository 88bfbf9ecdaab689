"""Numbers, times and jobs in words for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from markupsafe import Markup
from rich.filesize import decimal

from omero_irods_bridge.model.jobs import GcWork, IngestWork, JobKind, JobSpec, JobState, PackWork, UnpackWork

KINDS: Final = {
    JobKind.PACK: "Save to iRODS",
    JobKind.UNPACK: "Load into OMERO",
    JobKind.VERIFY: "Verify",
    JobKind.GC: "Clean up",
    JobKind.INGEST: "Take in from iRODS",
}
STATES: Final = {
    JobState.QUEUED: "Queued",
    JobState.RUNNING: "Running",
    JobState.WAITING: "Waiting to retry",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}
JOINED: Final = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""

MOST_NAMED: Final = 3
"""Objects that a title names; the page of the job has all."""


def size(number: float) -> str:
    """``1.5 GB``: powers of 1000, as the command has it."""
    return decimal(int(number)).replace(" ", JOINED)


def count(number: int, noun: str, nouns: str = "") -> str:
    """``1 image``, ``1,200 images``."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def duration(seconds: float) -> str:
    """``45 s``, ``2 min 5 s``, ``3 h 20 min``, ``9 d 4 h``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}{JOINED}s"
    for unit, name, smaller, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit}{JOINED}{name}" + (f" {rest}{JOINED}{below}" if rest else "")
    raise AssertionError(seconds)


def moment(at: float | str | datetime | None) -> Markup | str:
    """A time for machines and for people; the script of the page tells it in the reader's zone."""
    if at is None:
        return ""
    utc = _known(at).astimezone(UTC)
    machine = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(machine, f"{day(utc)}, {utc:%H:%M} UTC")


def _known(at: float | str | datetime) -> datetime:
    if isinstance(at, str):
        return datetime.fromisoformat(at)
    return at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)


def day(of: date) -> str:
    """``28 Nov 2026``."""
    return f"{of.day} {of:%b %Y}"


def title(spec: JobSpec) -> str:
    """What a job is about, in a line."""
    work = spec.work
    if isinstance(work, PackWork):
        return named([str(one) for one in work.objects])
    if isinstance(work, GcWork):
        return work.collection or "leftovers in the home collection"
    if isinstance(work, IngestWork):
        return f"{work.collection or 'all that opted in'}{', what was told of' if work.hinted else ''}"
    if isinstance(work, UnpackWork) and work.only:
        return f"{named([str(one) for one in work.only])} of {last_of(work.path)}"
    return last_of(work.path)


def named(objects: Sequence[str]) -> str:
    """``Dataset:51, Dataset:52 and 8 more``."""
    shown = ", ".join(objects[:MOST_NAMED])
    more = len(objects) - MOST_NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def last_of(path: str) -> str:
    """The name at the end of a path."""
    return path.rstrip("/").rpartition("/")[2] or path
