"""``[agent]``: settings of the service that runs jobs."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from omero_irods_bridge.mail_settings import MailSettings
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import JobKind, JobSpec
from omero_irods_bridge.setting_types import AbsolutePath

APPLICATION: Final = "omero-irods-bridge"
WEEK_S: Final = 7 * 24 * 3600.0

Count = Annotated[int, Field(ge=1, le=1000)]
Interval = Annotated[float, Field(gt=0, le=WEEK_S)]
ScheduleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,50}$")]
WorkerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


def _database(text: str) -> str:
    if text.startswith("/"):
        return text
    if not text.startswith("postgresql"):
        raise ValueError('must be the absolute path of a file, or "postgresql://user@host/database"')
    if ":" in text.partition("://")[2].rpartition("@")[0] or "password=" in text:
        raise ValueError("must not hold a password; PostgreSQL reads it from ~/.pgpass or PGPASSFILE")
    return text


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        colon = ""
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError('must be an IP address and a port, such as "127.0.0.1:8640" or "[::1]:8640"')
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError('must be a URL such as "https://omero.example.org/irods"')
    if parts.username or parts.password:
        raise ValueError("must not hold a user or a password")
    return text.rstrip("/")


def url_at(host: str, port: int) -> str:
    """Of what answers at this address, which may be one of IPv6."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cron(text: str) -> str:
    from croniter import CroniterError, croniter  # noqa: PLC0415 -- only who has schedules waits for it

    if len(text.split()) != 5:
        raise ValueError('must be five fields, minute to day of the week, such as "0 2 * * *"')
    try:
        croniter(text).get_next(float)
    except CroniterError as error:
        raise ValueError(f"is no schedule: {error}") from error
    return text


def _default_database() -> str:
    return str(platformdirs.user_state_path(APPLICATION) / "agent.db")


class ScheduleSettings(BaseModel):
    """A job that is asked for again and again, at the minutes that ``cron`` tells, in UTC, for ``user``.

    ``work`` is as in a job that is handed in over HTTP.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cron: Annotated[str, AfterValidator(_cron)]
    kind: JobKind
    user: str
    work: dict[str, Any] = {}
    priority: int = 5

    @model_validator(mode="after")
    def _is_a_job(self) -> Self:
        try:
            self.spec("schedule")
        except UsageError as error:
            raise ValueError(error.message) from error
        return self

    def spec(self, request_id: str) -> JobSpec:
        """The job that it asks for."""
        asked = {"requested_by": self.user, "request_id": request_id, "priority": self.priority}
        return JobSpec.from_fields({"kind": self.kind, "work": self.work, **asked})


class AgentSettings(BaseModel):
    """How many jobs run at once, how often they are tried, and where they are kept.

    With ``tokens``, the file of those who may, it answers at ``listen``: an IP address and a port, 0 for a
    free one; links to it begin with ``public_url``, by default ``http://`` and that address. ``limits`` are
    of single kinds of jobs; of one user ``open_per_user`` may be there that have not ended.
    ``retry_after_s`` is how long to wait after the first failed attempt, the second, and so on; after the
    last the job has failed. Jobs that ended are forgotten after ``keep_days``, failed ones never.
    ``schedules`` are by name. Who touches ``wake_file`` has those of ingest look at once.

    Commands ask the agent at ``url``, those that can be jobs hand over to it with ``submit``; they show the
    token in ``token_file``, or the session that they have in OMERO.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: Annotated[str, AfterValidator(_database)] = Field(default_factory=_default_database)
    users: AbsolutePath | None = None
    tokens: AbsolutePath | None = None
    listen: Annotated[str, AfterValidator(_address)] = "127.0.0.1:8640"
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    worker: WorkerName = Field(default_factory=lambda: f"{socket.gethostname()}-1")
    limit: Count = 4
    limit_per_user: Count = 2
    open_per_user: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    limits: dict[JobKind, Count] = {}
    retry_after_s: list[Interval] = [30.0, 120.0, 600.0, 3600.0, 4 * 3600.0]
    keep_days: Annotated[float, Field(gt=0)] = 90.0
    log_format: Literal["text", "json"] = "text"
    audit: AbsolutePath | None = None
    url: Annotated[str, AfterValidator(_url)] | None = None
    submit: bool = False
    token_file: AbsolutePath | None = None
    schedules: dict[ScheduleName, ScheduleSettings] = {}
    wake_file: AbsolutePath | None = None
    mail: MailSettings = MailSettings()

    @property
    def address(self) -> tuple[str, int]:
        """Of ``listen``."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def listening_url(self) -> str:
        """Where it answers on its own computer."""
        return url_at(*self.address)

    @property
    def page_url(self) -> str:
        """What links to it begin with, without a slash at the end."""
        return self.public_url or self.listening_url

    @property
    def client_url(self) -> str:
        """Where commands find the agent."""
        return self.url or self.page_url

    def limit_of(self, kind: JobKind) -> int:
        """How many jobs of this kind run at once."""
        return self.limits.get(kind, self.limit)

    @property
    def limits_of_kinds(self) -> Mapping[JobKind, int]:
        return {kind: self.limit_of(kind) for kind in JobKind}
