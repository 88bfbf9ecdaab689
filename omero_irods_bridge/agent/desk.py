"""Where jobs are handed in and asked after: everybody has his own, an administrator has all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from omero_irods_bridge.agent.auditing import audit
from omero_irods_bridge.agent.identities import WhoIsWho
from omero_irods_bridge.agent.store.days import Day
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.zones import check_zone
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound
from omero_irods_bridge.model.jobs import Job, JobEvent, JobSpec, JobState

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Requester:
    """Who stands at the desk, known to be just that; ``user`` is the name in OMERO.

    An administrator may ask for anybody, and sees the jobs of all. A service, with a token, is no user of
    OMERO, and has to say for whom it asks.
    """

    user: str
    is_admin: bool = False
    is_service: bool = False

    def check_admin(self) -> None:
        """Raises AccessDenied for who is no administrator."""
        if not self.is_admin:
            raise AccessDenied(
                f"{self.user} is no administrator of the agent.",
                hint="Ask one of those whom admins in users.toml names.",
            )


class Desk:
    """Any thread may call any method.

    ``zone`` is the one that jobs may name, "" when it is not known; ``open_per_user`` is how many of one user
    may be there that have not ended, none when it does not matter.
    """

    def __init__(
        self, jobs: Jobs, identities: WhoIsWho, zone: str = "", open_per_user: int | None = None
    ) -> None:
        self._jobs, self._identities, self._zone = jobs, identities, zone
        self._open_per_user = open_per_user

    def submit(self, spec: JobSpec, requester: Requester) -> Job:
        """Take a job; it is durable when this returns. The same request again is the same job.

        Raises:
            AccessDenied: the job names another user, or this one may not use the agent.
            Conflict: this user has asked for something else with the same request id.
            UsageError: it names a place in another zone.
            Busy: its user has too many that have not ended.
        """
        about = {"user": spec.requested_by, "kind": spec.kind.value}
        try:
            self._check(spec, requester)
            job = self._jobs.submit(spec, most_open=self._open_per_user)
        except BridgeError as error:
            audit(requester.user, "submit", **about, refused=error.message)
            raise
        audit(requester.user, "submit", job=job.id, **about)
        return job

    def _check(self, spec: JobSpec, requester: Requester) -> None:
        if spec.requested_by != requester.user and not requester.is_admin:
            raise AccessDenied(
                f"You are {requester.user}, and may not ask for a job of somebody else.",
                hint="Leave out requested_by, or let that user ask.",
            )
        self._identities.irods_user(spec.requested_by)
        if self._zone:
            check_zone(spec.work, self._zone)

    def list_jobs(
        self, wanted: JobFilter, requester: Requester, *, limit: int = 50, before: int | None = None
    ) -> list[Job]:
        """The newest first, of this user alone unless he is an administrator."""
        return self._jobs.list_jobs(_visible(wanted, requester), limit=limit, before=before)

    def count(self, wanted: JobFilter, requester: Requester) -> dict[JobState, int]:
        """How many there are in each state, of this user alone unless he is an administrator."""
        return self._jobs.count(_visible(wanted, requester))

    def days(self, requester: Requester, days: int = 30) -> list[Day]:
        """How jobs ended on each of the last days, of this user alone unless he is an administrator."""
        return self._jobs.days(days, None if requester.is_admin else requester.user)

    def get(self, job: int, requester: Requester) -> Job:
        """Raises NotFound, for a job of somebody else too."""
        found = self._jobs.get(job)
        if found.spec.requested_by != requester.user and not requester.is_admin:
            audit(requester.user, "look", job=job, user=found.spec.requested_by, refused="It is not his.")
            raise NotFound(f"There is no job {job}.")
        return found

    def events(self, job: int, requester: Requester, *, after: int = 0) -> list[JobEvent]:
        """Raises NotFound."""
        self.get(job, requester)
        return self._jobs.events(job, after=after)

    def cancel(self, job: int, requester: Requester) -> Job:
        """Raises NotFound."""
        return self._act("cancel", self._jobs.cancel, job, requester)

    def retry(self, job: int, requester: Requester) -> Job:
        """Raises NotFound; Conflict when it is under way or done."""
        return self._act("retry", self._jobs.retry, job, requester)

    def delete(self, job: int, requester: Requester) -> None:
        """Raises NotFound; Conflict when it has not ended."""
        self._act("delete", self._jobs.delete, job, requester)

    def _act(self, did: str, act: Callable[[int], _T], job: int, requester: Requester) -> _T:
        found = self.get(job, requester)
        try:
            done = act(job)
        except BridgeError as error:
            audit(requester.user, did, job=job, user=found.spec.requested_by, refused=error.message)
            raise
        audit(requester.user, did, job=job, user=found.spec.requested_by)
        return done


def _visible(wanted: JobFilter, requester: Requester) -> JobFilter:
    return wanted if requester.is_admin else replace(wanted, requested_by=requester.user)
