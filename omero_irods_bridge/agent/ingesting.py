"""Ingest jobs: a scan, or many small ones where rules say that something waits.

A bad file fails alone, and says so in iRODS and in the result of the job. When a server is away the job is
tried again later. What is not at rest yet is looked at again by a job of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.agent.accounts import SessionBroken
from omero_irods_bridge.agent.job_fields import moment
from omero_irods_bridge.agent.store.attempts import Begun
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.zones import check_zone
from omero_irods_bridge.ingest_wiring import options_of
from omero_irods_bridge.model.errors import BridgeError, NotFound
from omero_irods_bridge.model.events import CancelToken, Notice, Report
from omero_irods_bridge.model.ingest import IngestFailure, IngestResult, IngestState
from omero_irods_bridge.model.jobs import IngestWork, Job, JobSpec
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingest import Hands, IngestPlan
from omero_irods_bridge.operations.ingesting.attributes import error_text
from omero_irods_bridge.operations.ingesting.opt_ins import is_trash, topmost, whole_of
from omero_irods_bridge.ports import Clock, TreeStore
from omero_irods_bridge.settings import Settings

MOST_FINDINGS: Final = 100
"""Failures that a result tells of one by one, new ones first; AVUs and ``ingest status`` tell of all."""

MOST_IMAGES: Final = 1_000
SOONEST_S: Final = 2.0
LATEST_S: Final = 3600.0
"""Of the next look at what waits."""

OpenScan: TypeAlias = Callable[[str], AbstractContextManager[tuple[TreeStore, Hands, str]]]
"""The zone, connections, and the usual collection of a user: all for an administrator, who is the service."""

Later: TypeAlias = Callable[[JobSpec, float], Job]
"""Hands in a job that begins after so many seconds, unless there is one."""


@dataclass(slots=True)
class _Sum:
    """What came of all scans of a job."""

    imported: int = 0
    images: list[int] = field(default_factory=list)
    waiting: int = 0
    failed_before: int = 0
    packets: int = 0
    released: int = 0
    cards: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    again_s: float | None = None
    stopped: BridgeError | None = None

    def add(self, done: IngestResult, findings: Iterable[dict[str, Any]]) -> None:
        self.imported += len(done.done)
        self.images += [image for one in done.done for image in one.images]
        self.waiting += len(done.waiting)
        self.failed_before += len(done.failed_before)
        self.packets += len(done.packets)
        self.released += len(done.released)
        self.cards += len(done.cards)
        self.findings += findings
        times = [one.again_s for one in done.waiting if one.again_s is not None]
        self.again_s = min((*times, *([] if self.again_s is None else [self.again_s])), default=None)
        self.stopped = self.stopped or done.stopped


class Ingester:
    """Does the work of ingest jobs. Any thread may call it."""

    def __init__(self, settings: Settings, open_scan: OpenScan, clock: Clock, later: Later) -> None:
        self._options, self._open_scan = options_of(settings), open_scan
        self._clock, self._later = clock, later

    def __call__(self, begun: Begun, work: IngestWork, report: Report, cancel: CancelToken) -> Outcome:
        """Carry out ``work``. Safe to repeat after any interruption, and beside others that do the same.

        Raises:
            BridgeError: nothing could be done.
        """
        with self._open_scan(begun.job.spec.requested_by) as (store, hands, usual):
            check_zone(work, store.zone)
            place = (work.collection or usual).rstrip("/")
            found = _Sum()
            for collection in self._places(work, place, store, hands):
                with suppress(NotFound) if work.hinted else nullcontext():  # it may have been moved since
                    self._scan(collection, store, hands, found, report, cancel)
                if found.stopped is not None:
                    break
        return self._outcome(begun, work, place, found)

    def _places(self, work: IngestWork, place: str, store: TreeStore, hands: Hands) -> list[str]:
        if not work.hinted:
            return [place]
        hinted = [one for one in ingest.hinted(store, self._options, below=place) if not is_trash(one)]
        return topmost({whole_of(store, one, hands, self._options) for one in hinted})

    def _scan(
        self,
        collection: str,
        store: TreeStore,
        hands: Hands,
        found: _Sum,
        report: Report,
        cancel: CancelToken,
    ) -> None:
        more: dict[str, Any] = {"clock": self._clock, "report": report, "cancel": cancel}
        plan = ingest.plan(store, collection, hands, self._options, **more)
        done = ingest.apply(plan, store, hands, **more)
        findings = [_finding(one, plan, hands) for one in done.failed]
        for one in findings:
            if one["new"]:
                report(Notice(f"{one['path']} failed: {one['text']}"))
        found.add(done, findings)

    def _outcome(self, begun: Begun, work: IngestWork, place: str, found: _Sum) -> Outcome:
        result = _result(place, found, begun.job.result or {})
        if found.stopped is not None:
            return Outcome.failed(_of_agent(found.stopped, begun.job.spec.requested_by), result)
        if found.again_s is not None:
            again = self._look_again(begun.job.spec, work, found.again_s)
            result |= {"again_at": moment(again.run_after), "again_job": again.id}
        return Outcome(End.DONE, result)

    def _look_again(self, spec: JobSpec, work: IngestWork, seconds: float) -> Job:
        following = replace(spec, work=replace(work, hinted=True), batch="")
        return self._later(following, min(max(seconds, SOONEST_S), LATEST_S))


def _of_agent(error: BridgeError, user: str) -> BridgeError:
    """What stopped the scans. A session of OMERO that is over is the agent's own: it begins another one."""
    return SessionBroken.of(user) if isinstance(error, SessionExpired) else error


def _finding(failure: IngestFailure, plan: IngestPlan, hands: Hands) -> dict[str, Any]:
    """``new`` when iRODS did not say so before; ``user`` is who owns the object, in OMERO, "" for nobody."""
    known, found = plan.known(failure.path), plan.objects.get(failure.path)
    is_known = known.state == IngestState.FAILED and known.error == error_text(failure.error)
    return {
        "path": failure.path,
        "text": failure.error.message,
        "remedy": failure.error.hint,
        "user": "" if found is None else hands.user_of(found.owner),
        "new": not is_known,
    }


def _result(place: str, found: _Sum, before: Mapping[str, Any]) -> dict[str, Any]:
    """``before`` is that of the attempt before, which had to stop: what it imported counts too."""
    findings = sorted(found.findings, key=lambda one: not one["new"])
    images = [*before.get("image_ids", []), *found.images]
    return {
        "collection": place,
        "imported": before.get("imported", 0) + found.imported,
        "images": before.get("images", 0) + len(found.images),
        "image_ids": images[:MOST_IMAGES],
        "waiting": found.waiting,
        "failed": len(findings),
        "failed_before": found.failed_before,
        "new_failures": sum(one["new"] for one in findings),
        "packets": found.packets,
        "released": found.released,
        "cards": found.cards,
        "findings": findings[:MOST_FINDINGS],
    }
