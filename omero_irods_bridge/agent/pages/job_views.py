"""A job as its page shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from omero_irods_bridge.agent.pages import words
from omero_irods_bridge.model.events import Notice, Step
from omero_irods_bridge.model.jobs import (
    GcWork,
    IngestWork,
    Job,
    JobEvent,
    JobState,
    PackWork,
    StateChanged,
    UnpackWork,
    VerifyWork,
)

Fact = tuple[str, str | Markup]
"""A name and what there is to say."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the present step is; ``total`` is none where nobody knows it."""

    done: int
    total: int | None
    told: tuple[str, ...]

    @property
    def percent(self) -> int | None:
        """Whole, and 100 not before the end."""
        if not self.total:
            return None
        return min(100, self.done * 100 // self.total)


def progress(job: Job, since: float | None = None, now: float = 0.0) -> Progress | None:
    """How far a running job is; with the time at which its step began also how quick. None of others."""
    if job.state is not JobState.RUNNING:
        return None
    phase = job.phase
    in_bytes = bool(phase.bytes_total or phase.bytes_done)
    done, total = (phase.bytes_done, phase.bytes_total) if in_bytes else (phase.items_done, phase.items_total)
    texts = [_of(words.size, phase.bytes_done, phase.bytes_total)] if in_bytes else []
    if phase.items_done or phase.items_total:
        texts.append(_of("{:,}".format, phase.items_done, phase.items_total) + " items")
    return Progress(done, total, (*texts, *_pace(done, total, in_bytes, since, now)))


def _of(show: Any, done: int, total: int | None) -> str:
    return f"{show(done)} of {show(total)}" if total else show(done)


def _pace(done: int, total: int | None, in_bytes: bool, since: float | None, now: float) -> Iterator[str]:
    """The rate of the step so far, and how long the rest takes at that rate."""
    if since is None or now - since < 1 or not done:
        return
    rate = done / (now - since)
    if in_bytes:
        yield f"{words.size(rate)}/s"
    if total and total > done:
        yield f"about {words.duration((total - done) / rate)} left"


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step of the present attempt; ``seconds`` is how long it took, none while it is under way."""

    text: str
    at: float
    seconds: float | None


def steps(job: Job, log: Sequence[JobEvent]) -> list[StepShown]:
    """The steps of the last attempt, in order."""
    begun = [
        number
        for number, one in enumerate(log)
        if isinstance(one.event, StateChanged) and one.event.state is JobState.RUNNING
    ]
    attempt = log[begun[-1] :] if begun else log
    taken = [(one.event.text, one.at) for one in attempt if isinstance(one.event, Step)]
    ended = next(
        (one.at for one in reversed(attempt) if isinstance(one.event, StateChanged)), job.finished_at
    )
    end = None if job.state is JobState.RUNNING else ended
    ends = [at for _, at in taken[1:]] + [end]
    return [
        StepShown(text, at, None if until is None else max(0.0, until - at))
        for (text, at), until in zip(taken, ends, strict=False)
    ]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the log; ``kind`` is state, step or notice."""

    at: float
    kind: str
    text: str
    state: JobState | None = None


def lines(log: Sequence[JobEvent]) -> list[Line]:
    """The log of a job, the earliest first."""
    return [_line(one) for one in log]


def _line(one: JobEvent) -> Line:
    event = one.event
    if isinstance(event, StateChanged):
        return Line(one.at, "state", event.text, event.state)
    text = event.text if isinstance(event, Step | Notice) else ""
    return Line(one.at, "step" if isinstance(event, Step) else "notice", text)


def asked(job: Job) -> list[Fact]:
    """What was asked for."""
    work, found = job.spec.work, []
    if isinstance(work, PackWork):
        found = [
            ("Objects", ", ".join(map(str, work.objects))),
            ("Note", work.note),
            ("Goes to", work.target or "where the agent's settings say"),
            ("Kept as", "one zip file" if work.form == "zip" else "a collection of files"),
            ("OMERO group", work.group),
            ("With figures", "yes" if work.figures else ""),
        ]
    elif isinstance(work, UnpackWork):
        found = list(_of_unpack(work))
    elif isinstance(work, VerifyWork):
        share = f"{work.sample * 100:.4g} % of the data" if work.sample else _SCOPES[work.scope]
        found = [("Snapshot", work.path), ("Looks at", share)]
    elif isinstance(work, GcWork):
        old = words.duration(work.older_than_s)
        found = [("Collection", work.collection or "the home collection"), ("Leftovers older than", old)]
    elif isinstance(work, IngestWork):
        where = "what rules told of" if work.hinted else "everything in it that opted in"
        found = [("Collection", work.collection or "the usual one"), ("Looks at", where)]
    return [fact for fact in found if fact[1]]


_SCOPES: Final = {
    "metadata": "descriptions and lists, no image data",
    "data": "all data, of one copy",
    "replicas": "all data, of every copy",
}


def _of_unpack(work: UnpackWork) -> Iterator[Fact]:
    yield "Snapshot", work.path
    yield "Only", ", ".join(map(str, work.only))
    yield "Into", str(work.into or "")
    yield "OMERO group", work.group
    told = {
        "merge": "uses containers of the same name",
        "in_place": "links to the files where they are",
        "as_owner": "keeps owners",
    }
    yield "How", ", ".join(text for name, text in told.items() if getattr(work, name))
    yield "Another copy", work.again


_NAMES: Final = {
    "sha256": "SHA-256",
    "ok": "All is well",
    "bytes": "Size",
    "load": "Name of the load",
    "image_ids": "Images in OMERO",
    "was_complete": "Was there already",
    "imported": "Sets of files imported",
    "images": "Images",
    "again_at": "Looks again at (UTC)",
}
MOST_LISTED: Final = 20
"""Of a list in a result; the JSON of the job has all."""

_APART: Final = frozenset({"path", "findings", "again_job", "new_failures"})


def outcome(result: Mapping[str, Any] | None) -> list[Fact]:
    """What came of it, but for what the page shows apart: the snapshot, and findings."""
    return [
        (_NAMES.get(name, _spaced(name)), _value(name, value))
        for name, value in (result or {}).items()
        if name not in _APART
    ]


@dataclass(frozen=True, slots=True)
class FindingShown:
    """What verify found wrong with a part of a snapshot."""

    problem: str
    where: str
    text: str
    remedy: str


def findings(result: Mapping[str, Any] | None) -> list[FindingShown]:
    """All that a result tells of; a text that it lacks is empty."""
    found = (result or {}).get("findings")
    told = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []
    return [
        FindingShown(
            str(one.get("problem") or ("new" if one.get("new") else "")),
            str(one.get("member") or one.get("path", "")),
            str(one.get("text", "")),
            str(one.get("remedy", "")),
        )
        for one in told
    ]


def _spaced(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{words.size(value)} ({int(value):,} bytes)" if name == "bytes" else f"{value:,}"
    if isinstance(value, Mapping):
        return _listed([f"{key}: {one}" for key, one in value.items()])
    if isinstance(value, list | tuple):
        return _listed([str(one) for one in value])
    return "" if value is None else str(value)


def _listed(texts: Sequence[str]) -> str:
    """A number in a list is an id, and stays as it is."""
    more = len(texts) - MOST_LISTED
    shown = ", ".join(texts[:MOST_LISTED]) or "nothing"
    return f"{shown} and {more:,} more" if more > 0 else shown
