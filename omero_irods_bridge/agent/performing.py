"""Does the work of a job with the use cases, as the user who asked. What a job says of itself is JSON."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

from omero_irods_bridge.agent.checking import Checker
from omero_irods_bridge.agent.ingesting import Ingester, Later
from omero_irods_bridge.agent.loading import Loader
from omero_irods_bridge.agent.store.attempts import Begun
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.agent.zones import check_zone
from omero_irods_bridge.model.events import CancelToken, Notice, Report
from omero_irods_bridge.model.jobs import GcWork, IngestWork, PackWork, UnpackWork, VerifyWork
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Snapshot, from_avus
from omero_irods_bridge.operations import gc, pack
from omero_irods_bridge.operations.ingest import Hands
from omero_irods_bridge.operations.targets import choose
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.ports import AvuCondition, Clock, ImageServer, ObjectStore, TreeStore
from omero_irods_bridge.settings import Settings


class Doors(Protocol):
    """Connections on behalf of a user, by his name in OMERO; each lasts as long as its block."""

    def image_server(self, user: str, group: str = "") -> AbstractContextManager[ImageServer]: ...
    def receiver(self, user: str, group: str = "") -> AbstractContextManager[Receiver]: ...
    def object_store(self, user: str) -> AbstractContextManager[ObjectStore]: ...
    def scan(self, user: str) -> AbstractContextManager[tuple[TreeStore, Hands, str]]: ...


class Performer:
    """Does the work of jobs; each opens connections of its own. Any thread may call it."""

    def __init__(self, settings: Settings, doors: Doors, clock: Clock, later: Later) -> None:
        """``later`` hands in a job that is to begin after so many seconds."""
        self._settings, self._doors, self._clock = settings, doors, clock
        self._prefix = settings.snapshots.prefix
        self._check = Checker(clock, self._prefix)
        self._load = Loader(settings, doors.receiver, clock)
        self._ingest = Ingester(settings, doors.scan, clock, later)

    def __call__(self, begun: Begun, report: Report, cancel: CancelToken) -> Outcome:
        """Safe to repeat after any interruption; a snapshot is made once, a packet loaded once.

        Raises:
            BridgeError: what failed.
        """
        spec = begun.job.spec
        if isinstance(spec.work, IngestWork):
            return self._ingest(begun, spec.work, report, cancel)
        with self._doors.object_store(spec.requested_by) as store:
            check_zone(spec.work, store.zone)  # jobs come by other ways than HTTP too
            if isinstance(spec.work, PackWork):
                return self._pack(begun, spec.work, store, report, cancel)
            if isinstance(spec.work, VerifyWork):
                return self._check(spec.work, store, report, cancel)
            if isinstance(spec.work, UnpackWork):
                result = self._load(spec.requested_by, spec.work, store, report, cancel)
                return Outcome(End.DONE, result)
            return self._gc(spec.work, store, report, cancel)

    def _pack(
        self, begun: Begun, work: PackWork, store: ObjectStore, report: Report, cancel: CancelToken
    ) -> Outcome:
        made = self._made_before(begun, store)
        if made is not None:
            return Outcome(End.DONE, snapshot_fields(made))
        target = choose(work.target or None, self._settings.snapshots.target, store, work.form)
        request = PackRequest(
            work.objects, target, work.form, work.existing, work.note, work.figures, begun.job.uuid
        )
        with self._doors.image_server(begun.job.spec.requested_by, work.group) as server:
            clock = _Stopped(begun.moment)
            plan = pack.plan(request, server, store, clock=clock, report=report, cancel=cancel)
            for text in plan.notices:
                report(Notice(text))
            options = self._settings.transfer.options()
            snapshot = pack.apply(
                plan, server, store, options=options, prefix=self._prefix, report=report, cancel=cancel
            )
        return Outcome(End.DONE, snapshot_fields(snapshot))

    def _made_before(self, begun: Begun, store: ObjectStore) -> Snapshot | None:
        """What an earlier run of this job had sealed when it was killed, or when the answer was lost."""
        if begun.runs == 1 and begun.job.attempt == 1:
            return None
        condition = AvuCondition(f"{self._prefix}job", equals=begun.job.uuid)
        for path in store.find_by_avus([condition], limit=1):
            description = from_avus(store.avus(path), self._prefix)
            if description is not None:
                return Snapshot(path, description)
        return None

    def _gc(self, work: GcWork, store: ObjectStore, report: Report, cancel: CancelToken) -> Outcome:
        place = work.collection or store.home
        plan = gc.plan(store, place, clock=self._clock, older_than_s=work.older_than_s)
        done = gc.apply(plan, store, report=report, cancel=cancel)
        result = {
            "collection": place,
            "removed": len(done.removed),
            "bytes": done.size,
            "kept": len(done.kept),
        }
        return Outcome(End.DONE, result)


class _Stopped:
    """A clock that always says the same: an attempt that goes on after a kill gives the same names."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment


def snapshot_fields(snapshot: Snapshot) -> dict[str, Any]:
    """What a job tells of the snapshot that it made."""
    about = snapshot.description
    return {
        "path": snapshot.path,
        "bytes": about.size,
        "images": about.images,
        "files": about.files,
        "sha256": about.sha256,
    }
