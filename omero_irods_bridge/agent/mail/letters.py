"""Letters from templates: subject, plain text, HTML. A folder of the site goes before ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from omero_irods_bridge.agent.mail.news import News
from omero_irods_bridge.agent.mail.telling import Told, moment, one_line, tell
from omero_irods_bridge.agent.pages.words import count
from omero_irods_bridge.agent.store.endings import ADMINS
from omero_irods_bridge.model.errors import NotFound, UsageError
from omero_irods_bridge.model.jobs import Job, JobError, JobSpec, JobState, VerifyWork

LONGEST_SUBJECT: Final = 150
_PACKAGE: Final = "omero_irods_bridge.agent.mail"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says; ``subject`` is one line."""

    subject: str
    text: str
    html: str


class Letters:
    """Writes letters. Any thread may call it."""

    def __init__(self, public_url: str, folder: Path | None = None) -> None:
        """``folder`` may have any of ``user`` and ``admins`` with ``.subject``, ``.txt`` and ``.html``.

        Raises:
            NotFound: the folder is not there.
            UsageError: a template in it is wrong: says which, and why.
        """
        if folder is not None and not folder.is_dir():
            raise NotFound(f"{folder} is not there.", hint="Make it, or set agent.mail.templates.")
        own = PackageLoader(_PACKAGE)
        loader = own if folder is None else ChoiceLoader([FileSystemLoader(folder), own])
        self._public_url = public_url.rstrip("/")
        self._templates = ImmutableSandboxedEnvironment(
            loader=loader,
            autoescape=lambda name: bool(name and name.endswith(".html")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["count"] = count
        for recipient in (ADMINS, "ada"):
            self.write(_SAMPLE, recipient)

    def write(self, news: News, recipient: str) -> Letter:
        """The letter to a user, or to ADMINS."""
        name, values = "user" if recipient else "admins", self._values(news, recipient)
        subject = one_line(self._render(f"{name}.subject", values).strip())[:LONGEST_SUBJECT]
        return Letter(subject, self._render(f"{name}.txt", values), self._render(f"{name}.html", values))

    def _render(self, name: str, values: dict[str, Any]) -> str:
        try:
            return self._templates.get_template(name).render(values)
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise UsageError(
                f"The template {name} is wrong: {type(error).__name__}: {error}.",
                hint="Mend it in the folder of agent.mail.templates, or remove it there.",
            ) from error

    def _values(self, news: News, recipient: str) -> dict[str, Any]:
        told: tuple[Told, ...] = tuple(tell(job, self._public_url, recipient) for job in news.jobs)
        return {
            "name": one_line(recipient),
            "jobs": told,
            "total": news.total,
            "more": news.total - len(told),
            "is_digest": news.is_digest,
            "since": moment(news.since),
            "url": f"{self._public_url}/jobs",
            **{state.value: news.counts.get(state, 0) for state in JobState if state.is_final},
        }


_SPEC: Final = JobSpec(VerifyWork("/zone/home/ada/a.zip"), "ada", "sample")
_DONE: Final = Job(
    1, "", _SPEC, JobState.DONE, created_at=0.0, finished_at=0.0, result={"members_checked": 3}
)
_FAILED: Final = replace(_DONE, state=JobState.FAILED, error=JobError("unreachable", "A sample."))
_SAMPLE: Final = News({JobState.FAILED: 9, JobState.DONE: 9}, (_FAILED, _DONE), 0.0, is_digest=True)
"""With which templates are tried when the agent starts: what is wrong in them is told then."""
