"""What a message says of a job, in words. Every text is one line, whatever a name has in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from omero_irods_bridge.agent.pages.words import KINDS, STATES, count, size, title
from omero_irods_bridge.model.jobs import Job, JobKind, JobState

LONGEST_LINE: Final = 1_000
MOST_TOLD: Final = 3
"""Files that failed, in a line; the job has them all, and each says so in iRODS."""

_NO_REMEDY: Final = "Open the job, read its log, and have it tried again there when the cause is gone."


@dataclass(frozen=True, slots=True)
class Told:
    """A job as templates get it."""

    id: int
    user: str
    state: str
    kind: str
    title: str
    done: str
    place: str
    problem: str
    remedy: str
    ended: str
    url: str

    @property
    def failed(self) -> bool:
        return self.state == JobState.FAILED


def tell(job: Job, public_url: str, recipient: str = "") -> Told:
    """Say what was done, where the result is, or what failed and what to do next.

    Whom an ingest for all has failed files of reads of his own alone; "" is for who may read all.
    """
    result = dict(job.result or {})
    is_done, has_failed = job.state is JobState.DONE, job.state is JobState.FAILED
    error = job.error if has_failed else None
    return Told(
        id=job.id,
        user=one_line(job.spec.requested_by),
        state=job.state.value,
        kind=KINDS[job.spec.kind],
        title=one_line(title(job.spec)),
        done=one_line(_done(job, result, recipient)) if is_done else STATES[job.state],
        place=one_line(_place(job, result)) if is_done else "",
        problem=one_line(error.message) if error else "",
        remedy=one_line(error.hint or _NO_REMEDY) if error else "",
        ended=moment(job.finished_at),
        url=f"{public_url}/jobs/{job.id}",
    )


def one_line(text: str) -> str:
    """Without what could begin a line or a header, or hide what is there; too long a text is cut."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return clean if len(clean) <= LONGEST_LINE else clean[: LONGEST_LINE - 1] + "…"


def moment(at: float | None) -> str:
    """``2026-11-28 17:05 UTC``."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def _done(job: Job, result: dict[str, Any], recipient: str) -> str:
    kind = job.spec.kind
    if kind is JobKind.INGEST:
        is_others = recipient not in {"", job.spec.requested_by}
        return _ingested(result, recipient if is_others else "")
    if kind is JobKind.PACK:
        files, total = count(_number(result, "files"), "file"), size(_number(result, "bytes"))
        return f"{_images(result)} in {files}, {total}, verified"
    if kind is JobKind.UNPACK:
        return f"{_images(result)} loaded into OMERO"
    if kind is JobKind.VERIFY:
        return f"{count(_number(result, 'members_checked'), 'file')} as packed"
    return f"{count(_number(result, 'removed'), 'leftover')} removed, {size(_number(result, 'bytes'))}"


def _ingested(result: dict[str, Any], of_user: str) -> str:
    """How many there are, and what failed and is not known yet; of a user his own alone."""
    found = [one for one in result.get("findings", ()) if one["new"] and of_user in {"", one["user"]}]
    failed = _number(result, "new_failures") if not of_user else len(found)
    parts = [] if of_user else [f"{_images(result)} in OMERO"]
    parts += [f"{count(failed, 'file')} failed"] if failed else []
    told = " ".join(f"{one['path']}: {one['text']} {one['remedy']}".rstrip() for one in found[:MOST_TOLD])
    return ", ".join(parts) + (f": {told}" if told else "")


def _place(job: Job, result: dict[str, Any]) -> str:
    """Where in iRODS it is, or was read from."""
    found = result.get("path") or result.get("collection") or getattr(job.spec.work, "path", "")
    return str(found)


def _images(result: dict[str, Any]) -> str:
    return count(_number(result, "images"), "image")


def _number(result: dict[str, Any], name: str) -> int:
    found = result.get(name)
    return found if type(found) is int else 0
