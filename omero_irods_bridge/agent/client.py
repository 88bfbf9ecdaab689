"""The agent from afar: the same questions as to its database, over HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from omero_irods_bridge.agent.job_fields import job_event_of_fields, job_of_fields
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BridgeError,
    Busy,
    Conflict,
    NotFound,
    Unreachable,
    UsageError,
)
from omero_irods_bridge.model.hosts import is_this_computer
from omero_irods_bridge.model.jobs import Job, JobError, JobEvent

if TYPE_CHECKING:
    from omero_irods_bridge.agent.store.jobs import JobFilter

SESSION_HEADER: Final = "X-OMERO-Session"
TIMEOUT_S: Final = 60.0
LARGEST_ANSWER: Final = 64 << 20
_TRIES: Final = 2
"""A question whose answer was lost is asked again: one that changes something names what it asks for, or is
refused when it was done the first time."""

_OF_STATUS: Final[Mapping[int, type[BridgeError]]] = {
    400: UsageError,
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Busy,
    413: UsageError,
    422: UsageError,
    429: Busy,
    502: Unreachable,
    503: Unreachable,
    504: Unreachable,
}


class AgentClient:
    """An agent at ``url``, which believes ``headers``. Any thread may call any method.

    What is in the headers goes to that address alone: no redirect is followed.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Raises UsageError when the headers would cross a network in the clear."""
        _check_private(url)
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json", **headers}
        self._open = opener_for(url, _NoRedirect()).open

    def submit(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Hand in a job; it is durable when this returns. Its fields, with the ``url`` of its page.

        ``asked`` are the fields of a job; its ``request_id`` makes it the same job when it is sent again.
        """
        return self._ask("POST", "/jobs", asked)

    def get(self, job: int) -> Job:
        """Raises NotFound."""
        return job_of_fields(self._ask("GET", f"/jobs/{job}"))

    def list_jobs(self, wanted: JobFilter, *, limit: int = 50, before: int | None = None) -> list[Job]:
        """The newest first; ``before`` is the id of the last job of the page before."""
        asked = {
            "user": wanted.requested_by,
            "state": wanted.states,
            "kind": wanted.kind,
            "batch": wanted.batch,
            "text": wanted.text,
            "limit": limit,
            "before": before,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        found = self._ask("GET", f"/jobs?{urllib.parse.urlencode(given, doseq=True)}")
        return [job_of_fields(one) for one in found["jobs"]]

    def events(self, job: int, *, after: int = 0) -> list[JobEvent]:
        """The log of a job, from behind the event ``after`` on. Raises NotFound."""
        found = self._ask("GET", f"/jobs/{job}/events?after={after}")
        return [job_event_of_fields(one) for one in found["events"]]

    def cancel(self, job: int) -> Job:
        """See to it that a job ends. Raises NotFound."""
        return job_of_fields(self._ask("POST", f"/jobs/{job}/cancel"))

    def retry(self, job: int) -> Job:
        """Let a job be tried again. Raises NotFound; UsageError when it is under way or done."""
        told = self._ask("POST", f"/jobs/{job}/retry", done=Conflict)
        return job_of_fields(told) if told else self.get(job)

    def delete(self, job: int) -> None:
        """Forget a job that has ended. Raises NotFound; UsageError when it has not."""
        self._ask("DELETE", f"/jobs/{job}", done=NotFound)

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        done: type[BridgeError] | None = None,
    ) -> dict[str, Any]:
        """``done`` is how it is refused when it is done already: no refusal after a lost answer."""
        may_be_done = False
        for left in reversed(range(_TRIES)):
            try:
                return self._ask_once(method, path, body)
            except BridgeError as error:
                if may_be_done and done is not None and isinstance(error, done):
                    return {}
                raise
            except (OSError, http.client.HTTPException) as error:
                if not left or isinstance(getattr(error, "reason", error), ssl.SSLError):
                    raise _no_answer(self.url, error) from error
                may_be_done |= not isinstance(error, urllib.error.URLError)  # that one was not sent
        raise AssertionError("the last try returns or raises")

    def _ask_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        headers, data = dict(self._headers), None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 -- http or https: _check_private
            f"{self.url}/api/v1{path}", data, headers, method=method
        )
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                return _fields(answer.read(LARGEST_ANSWER), self.url)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read(LARGEST_ANSWER), self.url) from None


def opener_for(url: str, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """What asks an agent at ``url``; what is not encrypted goes through no proxy."""
    proxies = [] if url.startswith("https:") else [urllib.request.ProxyHandler({})]
    return urllib.request.build_opener(*proxies, *handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like others."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _check_private(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url!r} is not the URL of an agent.", hint="For example: http://127.0.0.1:8640")
    if parts.scheme == "http" and not is_this_computer(parts.hostname):
        raise UsageError(
            f"{url} is not encrypted: everybody on the way could read your OMERO session.",
            hint="Use https, with a proxy before the agent (docs/agent.md).",
        )


def _fields(data: bytes, url: str) -> dict[str, Any]:
    """The JSON object of an answer, an empty one where there is none."""
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(f"What answers at {url} is no agent.", hint="Check the setting agent.url.")
    return found


def _refusal(status: int, data: bytes, url: str) -> BridgeError:
    """What the agent says (RFC 9457), as the error that it had."""
    kind = _OF_STATUS.get(status, BridgeError)
    try:
        said = json.loads(data)
        code, title, hint = said["code"], str(said["title"]), str(said.get("hint", ""))
    except (ValueError, KeyError, TypeError):
        return kind(f"{url} answered with the status {status}.", hint="Check the setting agent.url.")
    found = JobError(str(code), title, hint).to_error()
    return found if found.code == code else kind(title, hint=hint)


def _no_answer(url: str, error: Exception) -> Unreachable:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return Unreachable(f"The certificate of {url} is not trusted here.", hint="Ask its administrator.")
    return Unreachable(
        f"The agent at {url} does not answer.",
        hint="Does it run there? Another address: --agent=URL, or agent.url in the settings.",
    )
