"""The agent over HTTP, by real sockets: who may do what, what is refused, and how a job is followed."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http import streaming
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.limits import LARGEST_BODY
from omero_irods_bridge.agent.http.serving import _listening, served
from omero_irods_bridge.agent.http.tokens import Tokens, digest_of, new_token
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.store.attempts import Attempts
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import Busy, NotFound, UsageError
from omero_irods_bridge.model.events import Step
from omero_irods_bridge.model.jobs import Job, JobEvent, JobSpec, JobState, Phase
from tests.agent.answers import assert_problem
from tests.agent.conftest import NO_LIMITS, Hands

TOKENS = {scope: new_token() for scope in ("submit", "read", "manage")}
USERS = Identities.parse('[users]\nada = "ada"')


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    sections = (
        f'[tokens.{scope}]\nsha256 = "{digest_of(token)}"\nscopes = ["{scope}"]\n'
        for scope, token in TOKENS.items()
    )
    file = tmp_path / "tokens.toml"
    file.write_text("".join(sections))
    return Tokens.read(file)


@pytest.fixture
def address(jobs: Jobs, tokens: Tokens) -> Iterator[tuple[str, int]]:
    with served(create_app(Desk(jobs, USERS), tokens), "127.0.0.1", 0) as found:
        yield found


@pytest.fixture
def api(address: tuple[str, int]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url="http://{}:{}".format(*address)) as client:
        yield client


def by(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[scope]}"}


def body(request_id: str = "r1", **more: Any) -> dict[str, Any]:
    return {"kind": "gc", "work": {}, "requested_by": "ada", "request_id": request_id, **more}


def submit(api: httpx.Client, **more: Any) -> httpx.Response:
    return api.post("/api/v1/jobs", json=body(**more), headers=by("submit"))


def test_who_follows_a_quiet_job_hears_now_and_then_that_somebody_is_there(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.submit(JobSpec.from_fields(body()))
    seconds = itertools.count()
    monkeypatch.setattr(streaming, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(streaming, "LOOK_S", 0)
    looks = 0

    async def look(after: int) -> tuple[Job, list[JobEvent]]:
        nonlocal looks
        looks += 1
        return jobs.get(job.id), jobs.events(job.id, after=after)

    async def follow() -> int:
        told = streaming.stream(look, 0)
        kinds = [(await anext(told)).partition("\n")[0] for _ in range(5)]
        await told.aclose()  # type: ignore[attr-defined]
        assert kinds == ["id: 1", "event: progress", *[": still here"] * 3]
        return looks

    assert anyio.run(follow) > 3 * streaming.KEEP_ALIVE_S


def test_a_job_is_handed_in_looked_at_cancelled_tried_again_and_deleted(api: httpx.Client) -> None:
    answer = submit(api)
    assert answer.status_code == 202
    path = answer.headers["location"]
    assert submit(api).json()["id"] == answer.json()["id"]
    assert api.get(path, headers=by("read")).json() == answer.json()
    assert api.post(f"{path}/cancel", headers=by("manage")).json()["state"] == "cancelled"
    assert api.post(f"{path}/retry", headers=by("manage")).json()["state"] == "queued"
    assert_problem(api.delete(path, headers=by("manage")), 409, "conflict")
    api.post(f"{path}/cancel", headers=by("manage"))
    log = api.get(f"{path}/events", headers=by("read")).json()["events"]
    assert [one["state"] for one in log] == ["queued", "cancelled", "queued", "cancelled"]
    assert api.delete(path, headers=by("manage")).status_code == 204
    assert_problem(api.get(path, headers=by("read")), 404, "not-found")


def test_pages_and_filters(api: httpx.Client, jobs: Jobs) -> None:
    ids = [submit(api, request_id=f"r{number}").json()["id"] for number in range(7)]
    jobs.cancel(ids[0])
    first = api.get("/api/v1/jobs", params={"limit": 4}, headers=by("read")).json()
    second = api.get("/api/v1/jobs", params={"limit": 4, "before": first["next"]}, headers=by("read")).json()
    assert [one["id"] for one in (*first["jobs"], *second["jobs"])] == ids[::-1]
    assert second["next"] is None
    queued = api.get("/api/v1/jobs", params={"state": "cancelled"}, headers=by("read")).json()
    assert [one["id"] for one in queued["jobs"]] == [ids[0]]
    assert api.get("/api/v1/jobs", params={"user": "eve"}, headers=by("read")).json()["jobs"] == []


@pytest.mark.parametrize("name", ["user", "batch", "text"])
def test_nothing_is_looked_for_that_postgresql_cannot_hold(api: httpx.Client, name: str) -> None:
    answer = api.get("/api/v1/jobs", params={name: "a\0"}, headers=by("read"))
    assert_problem(answer, 422, "usage")


def test_a_hundred_who_ask_at_once_get_their_jobs(api: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: submit(api, request_id=f"r{number % 50}"), range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 50


CALLS = [
    ("POST", "/api/v1/jobs", "submit"),
    ("GET", "/api/v1/jobs", "read"),
    ("GET", "/api/v1/jobs/1", "read"),
    ("GET", "/api/v1/jobs/1/events", "read"),
    ("POST", "/api/v1/jobs/1/cancel", "manage"),
    ("POST", "/api/v1/jobs/1/retry", "manage"),
    ("DELETE", "/api/v1/jobs/1", "manage"),
]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_nothing_without_a_token_of_the_right_scope(
    api: httpx.Client, jobs: Jobs, method: str, path: str, scope: str
) -> None:
    submit(api)
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKENS[scope]}, {"X-Token": "x"}):
        answer = api.request(method, path, headers=headers)
        assert_problem(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"] == "Bearer"
    for other in {"submit", "read", "manage"} - {scope}:
        assert_problem(api.request(method, path, headers=by(other)), 403, "access-denied")
    assert jobs.get(1).state is JobState.QUEUED


def test_a_token_is_good_for_users_whom_the_agent_lets_in(api: httpx.Client) -> None:
    assert_problem(submit(api, requested_by="eve"), 403, "access-denied")
    assert_problem(submit(api, request_id="r r"), 422, "usage")
    submit(api)
    assert_problem(submit(api, priority=0), 409, "conflict")


def test_bad_requests_are_refused_in_words(api: httpx.Client) -> None:
    def post(content: Any, **headers: str) -> httpx.Response:
        kind = {"Content-Type": "application/json", **headers}
        return api.post("/api/v1/jobs", content=content, headers={**by("submit"), **kind})

    assert_problem(post(b"{"), 422, "usage")
    assert_problem(post(b"\xff\xfe"), 422, "usage")
    assert_problem(post(b'{"kind": "gc", "x": 1}'), 422, "usage")
    assert_problem(post(b" " * (LARGEST_BODY + 1)), 413, "http")
    assert_problem(post(iter([b" " * 65536] * 40)), 413, "http")
    assert_problem(post(b"{}", **{"Content-Type": "text/plain"}), 415, "http")
    for rest in ("?limit=0", "?state=x", "?before=-1", "/one", "/-1", f"/{10**30}"):
        assert_problem(api.get(f"/api/v1/jobs{rest}", headers=by("read")), 422, "usage")
    for path in ("/api/v1/jobs/99", "/api/v2", "/docs"):
        assert api.get(path, headers=by("read")).status_code == 404
    assert_problem(api.put("/api/v1/jobs", headers=by("submit")), 405, "http")


def test_a_job_is_followed_to_its_end_and_from_where_the_stream_broke_off(
    api: httpx.Client, jobs: Jobs, attempts: Attempts, hands: Hands
) -> None:
    number = submit(api).json()["id"]
    (attempt,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    attempts.begin(attempt, "one")
    stream = {**by("read"), "Accept": "text/event-stream"}
    with api.stream("GET", f"/api/v1/jobs/{number}/events", headers=stream) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        messages = parsed(answer.iter_lines())
        assert [next(messages)[0] for _ in range(2)] == ["1", "2"]
        attempts.record(attempt, Phase("a\n\nid: 7", 5), [(hands.at, Step("a\n\nid: 7"))])
        step = next(one for one in messages if one[1] == "step")
        assert (step[0], step[2]["text"]) == ("3", "a\n\nid: 7")
        progress = next(messages)
        assert (progress[0], progress[1], progress[2]["bytes_done"]) == ("", "progress", 5)
        attempts.finish(attempt, Outcome(End.DONE, {"removed": 0}))
        rest = list(messages)
    assert [one[1] for one in rest] == ["state", "end"]
    assert rest[-1][2]["result"] == {"removed": 0}
    with api.stream(
        "GET", f"/api/v1/jobs/{number}/events", headers={**stream, "Last-Event-ID": "3"}
    ) as answer:
        assert [one[0] for one in parsed(answer.iter_lines()) if one[0]] == ["4"]


def test_who_follows_a_job_that_is_deleted_hears_the_end(
    api: httpx.Client, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    number = submit(api).json()["id"]
    stream = {**by("read"), "Accept": "text/event-stream"}
    with api.stream("GET", f"/api/v1/jobs/{number}/events", headers=stream) as answer:
        messages = parsed(answer.iter_lines())
        assert next(messages)[0] == "1"
        jobs.cancel(number)
        jobs.delete(number)
        list(messages)
    assert not [record for record in caplog.records if record.exc_info]
    assert_problem(api.get(f"/api/v1/jobs/{number}/events", headers=stream), 404, "not-found")


def test_a_job_tells_of_names_that_are_no_text(api: httpx.Client, attempts: Attempts, hands: Hands) -> None:
    path = f"/api/v1/jobs/{submit(api).json()['id']}"
    (attempt,) = attempts.admit(NO_LIMITS, lambda *_: None, room=1)
    attempts.begin(attempt, "one")
    name = "M\udcfcller 😀.tif"  # as iRODS tells of a name in Latin-1
    attempts.record(attempt, Phase(name), [(hands.at, Step(name))])
    attempts.finish(attempt, Outcome.failed(NotFound(name), {"findings": [{"path": name}]}))
    for place in ("/api/v1/jobs", path, f"{path}/events"):
        assert "M\\\\udcfcller 😀.tif" in api.get(place, headers=by("read")).text
    for place in ("/jobs", path.removeprefix("/api/v1")):
        assert "M\\udcfcller 😀.tif" in api.get(place, headers=by("read")).text


def parsed(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Id, event and data of each message."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
            fields = {}


def test_health_is_told_to_everybody_and_nothing_else(api: httpx.Client) -> None:
    assert api.get("/healthz").json() == {"ok": True}
    described = api.get("/openapi.json").json()["paths"]
    assert {path.replace("/1", "/{job}") for _, path, _ in CALLS} <= set(described)


def test_a_database_that_fails_is_said_without_its_words(api: httpx.Client, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("DROP TABLE bridge_jobs"))
    answer = api.get("/healthz")
    assert_problem(answer, 503, "unreachable")
    assert "bridge_jobs" not in answer.text


def test_an_address_that_is_taken_is_said(api: httpx.Client, address: tuple[str, int], jobs: Jobs) -> None:
    app = create_app(Desk(jobs, USERS), Tokens(()))
    with pytest.raises(Busy, match="cannot answer"), served(app, *address):
        pass


def test_a_client_that_says_nothing_keeps_nobody_else_waiting(
    api: httpx.Client, address: tuple[str, int]
) -> None:
    silent = [socket.create_connection(address) for _ in range(50)]
    assert submit(api).status_code == 202
    for one in silent:
        one.close()


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "tokens = 1",
        "[tokens]\nrules = 1",
        "[tokens.rules]\n",
        '[tokens.rules]\nsha256 = "abc"\nscopes = []',
        f'[tokens.rules]\nsha256 = "{"a" * 64}"\nscopes = ["all"]',
        f'[tokens.rules]\nsha256 = "{"a" * 64}"\nscopes = "read"',
        f'[tokens.rules]\nsha256 = "{"a" * 64}"\nscopes = []\ntoken = "x"',
        f'[tokens."a b"]\nsha256 = "{"a" * 64}"\nscopes = []',
    ],
)
def test_a_file_of_tokens_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens.toml").write_text(text)
    with pytest.raises(UsageError):
        Tokens.read(tmp_path / "tokens.toml")
    with pytest.raises(NotFound):
        Tokens.read(tmp_path / "none.toml")


def test_a_token_that_the_command_makes_lets_its_service_in(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["agent", "token", "rules"]) == 0
    shown = capsys.readouterr()
    token = shown.out.strip()
    assert token not in shown.err
    (tmp_path / "tokens.toml").write_text(shown.err.partition("\n")[2])
    service = Tokens.read(tmp_path / "tokens.toml").service_of(token)
    assert service is not None
    assert service.name == "rules"


def test_an_answer_is_not_held_back_for_an_acknowledgement() -> None:
    """Connections have it from the socket that listens; asyncio forgets it for sockets made elsewhere."""
    with _listening("127.0.0.1", 0) as channel, socket.create_connection(channel.getsockname()):
        accepted, _ = channel.accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()
