"""What the scripts share: one question to the agent, as the user who runs the script, and an answer in words.

It becomes a part of each script when that is installed. The session key goes to ``AGENT`` in a header and
nowhere else: no redirect and no proxy is followed.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from omero import scripts
from omero.rtypes import rlong, rstring, wrap

AGENT = "http://127.0.0.1:8640"
VERSION = "development"
TIMEOUT_S = 40
LARGEST_ANSWER = 16 << 20
MOST = 1000
LONGEST_TEXT = 500
KINDS = ("Project", "Dataset", "Image", "Screen", "Plate", "Well")

_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]{1,500}", re.ASCII)
_TELL = "Tell the administrator of the iRODS agent."


class Refused(Exception):
    """Nothing came of it; the message tells the person why, and what to do."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like others: the session key is for the agent alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Agent:
    """The agent, as the user whose session this is."""

    def __init__(self, session_key: str) -> None:
        self._headers = {"X-OMERO-Session": session_key, "Accept": "application/json"}
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect()).open

    def submit(self, kind: str, work: dict[str, Any]) -> dict[str, Any]:
        """Hand in a job; the agent's answer. Raises Refused."""
        body = json.dumps({"kind": kind, "work": work}).encode()
        return self._ask("/api/v1/jobs", body)

    def snapshots(self, **wanted: Any) -> list[dict[str, Any]]:
        """Snapshots that the user may read, the newest first, ``MOST`` at most. Raises Refused."""
        query = urllib.parse.urlencode({"limit": MOST, **wanted})
        found = self._ask("/api/v1/snapshots?" + query).get("snapshots")
        told = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return newest_first(told)

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(AGENT + path, body, headers)  # noqa: S310 -- checked at installation
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                return _fields(answer)
        except urllib.error.HTTPError as error:
            raise Refused(_refusal(error.code, _problem(error))) from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(_no_answer(error)) from None


def snapshots_of(client: Any, agent: Agent, kind: str, number: int, **more: Any) -> list[dict[str, Any]]:
    """Snapshots of an object of this OMERO server; of an image those of its containers too. Raises Refused.

    Snapshots of other servers may have the same ids.
    """
    wanted = {"image": number} if kind == "Image" else {"source": f"{kind}:{number}"}
    server = client.getSession().getConfigService().getDatabaseUuid()
    return [one for one in agent.snapshots(**wanted, **more) if one.get("server") == server]


def newest_first(snapshots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The agent tells them in the order of their paths."""
    return sorted(snapshots, key=lambda one: str(one.get("packed_at")), reverse=True)


def _fields(answer: Any) -> dict[str, Any]:
    """The JSON object of an answer. Raises Refused when it is none."""
    try:
        found = json.loads(answer.read(LARGEST_ANSWER).decode("utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(
            f"What {AGENT} answered cannot be read: it is not the iRODS agent, or the answer broke off. "
            "Look at the agent's page before you try again."
        )
    return found


def _problem(error: Any) -> dict[str, Any]:
    """What the agent says of an error (RFC 9457); nothing when somebody else answers."""
    try:
        found = json.loads(error.read(LARGEST_ANSWER).decode("utf-8"))
    except (ValueError, OSError, http.client.HTTPException):
        return {}
    return found if isinstance(found, dict) and "code" in found else {}


def _refusal(status: int, problem: dict[str, Any]) -> str:
    if status == 401:
        return (
            "The agent does not know your OMERO session; it may be over. Log in to OMERO again, then retry."
        )
    if not problem:
        return f"The iRODS agent at {AGENT} answered with HTTP status {status}. {_TELL}"
    said = plain(f"{problem.get('title', '')} {problem.get('hint', '')}")
    return f"The iRODS agent says: {said}"  # words first: Java takes a text that begins with <html> for that


def _no_answer(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return f"The certificate of the iRODS agent at {AGENT} is not trusted here. {_TELL}"
    if isinstance(error, urllib.error.URLError):  # it was not sent
        return f"The iRODS agent at {AGENT} cannot be reached. Nothing was done. Try again later."
    return (
        f"The iRODS agent at {AGENT} did not answer in time. Look at its page before you try again: "
        "it may have taken the job."
    )


def plain(text: object) -> str:
    """One line, without what moves cursors; names come from anybody."""
    shown = "".join(char if char.isprintable() else " " for char in str(text))
    shown = " ".join(shown.split())
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - 3] + "..."


def link(url: object) -> str:
    """``url`` when a browser may be given it, else "": OMERO.web writes it into JavaScript."""
    return url if isinstance(url, str) and _LINK.fullmatch(url) else ""


def selection(which: str, *, optional: bool = True) -> tuple[Any, Any]:
    """The inputs that OMERO's clients fill in with what is selected."""
    kind = scripts.String(
        "Data_Type",
        optional=optional,
        grouping="1",
        description="What is selected.",
        values=[rstring(one) for one in KINDS],
        default="Dataset",
    )
    return kind, scripts.List("IDs", optional=optional, grouping="2", description=which).ofType(rlong(0))


def chosen(client: Any, name: str, default: Any = "") -> Any:
    """An input of the script, ``default`` where the person left it out."""
    value = client.getInput(name, unwrap=True)
    return default if value is None else value


def group_of(client: Any) -> str:
    """The group that the script runs in: that of the selection."""
    return str(client.getSession().getAdminService().getEventContext().groupName)


def run_script(
    name: str, about: str, *inputs: Any, act: Callable[[Any, Agent], tuple[str, object, str]]
) -> None:
    """What OMERO runs: tells it the inputs, or runs ``act(client, agent)`` and shows what that gives."""
    client = scripts.client(
        name, about, *inputs, version=VERSION, authors=["OMERO-iRODS bridge"], institutions=[""]
    )
    try:
        answer(client, act)
    finally:
        client.closeSession()


def answer(client: Any, act: Callable[[Any, Agent], tuple[str, object, str]]) -> None:
    """Run ``act(client, agent)``, and show the message and the link that it gives, or why it could not.

    OMERO.web shows "Message", and a button for a map whose type is URL.
    """
    try:
        message, url, title = act(client, Agent(client.getSessionId()))
        if link(url):
            wanted = {"type": "URL", "href": link(url), "title": title}
            client.setOutput("URL", wrap(wanted))
            message = f"{message} {link(url)}"
    except Refused as error:
        message = str(error)
        print(message, file=sys.stderr)  # noqa: T201 -- OMERO shows that there was an error
    client.setOutput("Message", rstring(message))
