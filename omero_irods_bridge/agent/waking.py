"""Wake-ups: somebody says that something arrived in iRODS, not what. The job that follows finds out.

A wake-up that is lost does no harm, nor one too many: marks in the catalog stay, schedules look at all now
and then, and a job that has not begun does for all wake-ups until then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from omero_irods_bridge.agent.store.pending import Pending
from omero_irods_bridge.agent_settings import ScheduleSettings
from omero_irods_bridge.model.errors import Conflict
from omero_irods_bridge.model.jobs import IngestWork, Job, JobSpec

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How often a worker looks at the file."""


class Waking:
    """Hands in, for each schedule of ingest, a job that looks where objects say that they wait."""

    def __init__(self, pending: Pending, schedules: Mapping[str, ScheduleSettings]) -> None:
        asked = [one.spec("wake") for one in schedules.values()]
        self._specs = [_hinted(spec, spec.work) for spec in asked if isinstance(spec.work, IngestWork)]
        self._pending = pending

    @property
    def is_of_use(self) -> bool:
        """Whether there is a schedule of ingest."""
        return bool(self._specs)

    def wake(self) -> list[Job]:
        """The jobs that will look; each begins after this call. Looks at the database alone.

        Raises:
            Conflict: no schedule says for whom and where.
        """
        if not self._specs:
            raise Conflict(
                "This agent has no schedule of ingest, and so nothing to wake.",
                hint='Set [agent.schedules.ingest] with kind = "ingest", cron and user.',
            )
        return [self._pending.submit(spec) for spec in self._specs]


def _hinted(spec: JobSpec, work: IngestWork) -> JobSpec:
    return replace(spec, work=replace(work, hinted=True))


class WakeFile:
    """A file that the rules touch, on the computer of the worker."""

    def __init__(self, file: Path | None, wake: Callable[[], object]) -> None:
        self._file, self._wake = file, wake
        self._seen: int | None = -1

    def look(self) -> None:
        """Wake when the file was touched since the last look; the first look does in any case.

        So what arrived while nobody worked is looked for when somebody does again.
        """
        touched = self._touched_at()
        if touched != self._seen:
            self._wake()
        self._seen = touched

    def _touched_at(self) -> int | None:
        if self._file is None:
            return None
        try:
            return self._file.stat().st_mtime_ns
        except OSError as error:
            if self._seen is not None:
                log.info("nobody has touched %s yet: %s", self._file, error.strerror)
            return None
