"""Requests that mean no good, or come from programs that are broken: over real sockets."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.connections import Connection
from omero_irods_bridge.agent.http.limits import LARGEST_BODY, LARGEST_HEAD, Limits
from omero_irods_bridge.agent.http.sign_in import FAILURES_FROM_AN_ADDRESS
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.jobs import LARGEST_SPEC
from tests.agent.answers import (
    TOKENS,
    USERS,
    KnownUsers,
    answering,
    assert_problem,
    by,
    key_of,
    session_of,
    signing_in,
    tokens,
)
from tests.agent.conftest import until

JSON = {"Content-Type": "application/json"}
ADA = session_of("ada")
ZONE = "tempZone"
FAR = "/otherZone/home/ada/a.zip"


@pytest.fixture
def users() -> KnownUsers:
    return KnownUsers()


@pytest.fixture
def api(jobs: Jobs, users: KnownUsers) -> Iterator[httpx.Client]:
    app = create_app(Desk(jobs, USERS, ZONE), tokens(), Site(sign_in=signing_in(users)))
    with answering(app) as client:
        yield client


def post(api: httpx.Client, content: Any, **headers: str) -> httpx.Response:
    return api.post("/api/v1/jobs", content=content, headers={**ADA, **JSON, **headers})


def gc(**more: Any) -> dict[str, Any]:
    return {"kind": "gc", **more}


def is_well(api: httpx.Client) -> bool:
    """Others go on being served."""
    return api.get("/api/v1/jobs", headers=by("read")).status_code == 200


# -- bodies


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: httpx.Client, jobs: Jobs) -> None:
    for path in ("/api/v1/jobs", "/api/v1/session"):
        answer = api.post(path, content=iter([b" " * 65536] * 40), headers={**ADA, **JSON})
        assert_problem(answer, 413, "http")
    assert_problem(post(api, b'{"kind": "gc", "work": {"collection": "' + b"a" * LARGEST_SPEC), 422, "usage")
    assert_problem(post(api, "é" * (LARGEST_SPEC + 1)), 422, "usage")
    assert_problem(post(api, b" " * (LARGEST_BODY + 1)), 413, "http")
    assert is_well(api)
    assert jobs.list_jobs(JobFilter()) == []


WRONG = {
    "nothing": b"",
    "no JSON": b"{",
    "two": b"{} {}",
    "not UTF-8": b'{"kind": "\xff"}',
    "UTF-16": '{"kind": "gc"}'.encode("utf-16"),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 20_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "a list": b"[]",
    "a text": b'"gc"',
    "null": b"null",
    "no number": b'{"kind": "gc", "work": {"older_than_s": NaN}}',
    "endless": b'{"kind": "gc", "work": {"older_than_s": Infinity}}',
    "too large a number": b'{"kind": "gc", "work": {"older_than_s": 1e999}}',
    "a long number": b'{"kind": "gc", "priority": ' + b"9" * 5000 + b"}",
    "a long integer": b'{"kind": "gc", "work": {"older_than_s": ' + b"9" * 4000 + b"}}",
    "part of a number": b'{"kind": "gc", "priority": 1.5}',
    "a yes for a number": b'{"kind": "gc", "priority": true}',
    "unknown": b'{"kind": "gc", "command": "rm"}',
    "unknown below": b'{"kind": "gc", "work": {"path": "/a"}}',
    "a kind that is none": b'{"kind": "shell"}',
    "a kind that is a list": b'{"kind": ["gc"]}',
    "no work": b'{"kind": "pack"}',
    "work that is a text": b'{"kind": "gc", "work": "x"}',
    "a null": b'{"kind": "gc", "work": null}',
    "a NUL": b'{"kind": "gc", "work": {"collection": "/tempZone/a\\u0000b"}}',
    "half a pair": b'{"kind": "pack", "work": {"objects": ["Image:1"], "note": "\\ud800"}}',
    "half a pair in a path": b'{"kind": "gc", "work": {"collection": "/tempZone/\\udfff"}}',
    "half a pair in a name": b'{"kind": "gc", "\\ud800": 1}',
    "a line break": b'{"kind": "gc", "batch": "a\\nb"}',
    "up and away": b'{"kind": "gc", "work": {"collection": "/tempZone/home/../../etc"}}',
    "a relative path": b'{"kind": "verify", "work": {"path": "a.zip"}}',
    "no object": b'{"kind": "pack", "work": {"objects": []}}',
    "a million objects": b'{"kind": "pack", "work": {"objects": ["Image:1-999999"]}}',
    "a range of all": b'{"kind": "pack", "work": {"objects": ["Image:1-999999999999999999"]}}',
    "an empty request id": b'{"kind": "gc", "request_id": ""}',
    "another zone": json.dumps({"kind": "verify", "work": {"path": FAR}}).encode(),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_body_that_is_wrong_is_refused_in_words(api: httpx.Client, jobs: Jobs, name: str) -> None:
    answer = post(api, WRONG[name])
    assert_problem(answer, 422, "usage")
    assert len(answer.content) < 1_000
    assert "Traceback" not in answer.text
    assert jobs.list_jobs(JobFilter()) == []
    assert is_well(api)


@pytest.mark.parametrize(
    "work",
    [
        {"kind": "pack", "work": {"objects": ["Image:1"], "target": FAR}},
        {"kind": "unpack", "work": {"path": FAR}},
        {"kind": "verify", "work": {"path": FAR}},
        {"kind": "gc", "work": {"collection": "/otherZone/home/ada"}},
        {"kind": "gc", "work": {"collection": "/"}},
        {"kind": "gc", "work": {"collection": "//tempZone/home"}},
    ],
)
def test_a_place_in_another_zone_is_refused_and_says_which_zone_it_has_to_be(
    api: httpx.Client, work: Any
) -> None:
    answer = api.post("/api/v1/jobs", json=work, headers=ADA)
    assert_problem(answer, 422, "usage")
    assert "is not in the zone tempZone" in answer.json()["title"]
    assert answer.json()["hint"] == "Name a path that begins with /tempZone/."
    template = {"kind": "pack", "work": {"objects": ["Image:1"], "target": "/{zone}/home/{irods_user}/x.zip"}}
    assert api.post("/api/v1/jobs", json=template, headers=ADA).status_code == 202


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_form_of_another_page_can_send_is_no_job(api: httpx.Client, kind: str) -> None:
    answer = api.post("/api/v1/jobs", content=b'{"kind": "gc"}', headers={**ADA, "Content-Type": kind})
    assert_problem(answer, 415, "http")


# -- who


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("bob", 403),
        ("eve", 403),
        ("ADA", 403),
        ("ada ", 403),
        ("root", 403),
        ("token:all", 403),
        ("", 422),
        (7, 422),
    ],
)
def test_nobody_names_somebody_else(
    api: httpx.Client, jobs: Jobs, name: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "omero_irods_bridge.audit")
    answer = api.post("/api/v1/jobs", json=gc(requested_by=name), headers=ADA)
    assert answer.status_code == status, answer.text
    assert jobs.list_jobs(JobFilter()) == []
    assert status == 422 or "refused" in caplog.text


def test_headers_that_claim_a_user_are_worth_nothing(api: httpx.Client) -> None:
    claims = {"X-Forwarded-User": "ada", "Remote-User": "ada", "X-User": "root-of-lab", "From": "ada"}
    assert_problem(api.get("/api/v1/jobs", headers=claims), 401, "not-signed-in")
    found = api.get("/api/v1/session", headers={**session_of("bob"), **claims}).json()
    assert found == {"user": "bob", "admin": False}


def test_a_bad_token_is_not_made_good_by_a_session(api: httpx.Client) -> None:
    for value in ("Bearer x", "Bearer", "Basic YWRhOmFkYS1wdw==", f"Bearer {TOKENS['read']} x", ""):
        headers = {**ADA, "Authorization": value}
        assert_problem(api.get("/api/v1/jobs", headers=headers), 401, "not-signed-in")


def test_a_token_gets_what_its_scopes_say_and_no_more(api: httpx.Client) -> None:
    job = api.post("/api/v1/jobs", json=gc(requested_by="ada", request_id="r"), headers=by("submit")).json()
    calls = {
        "submit": [("POST", "/api/v1/jobs")],
        "read": [
            ("GET", f"/api/v1/{one}")
            for one in (
                "jobs",
                f"jobs/{job['id']}",
                "days",
                "schedules",
                "session",
                f"jobs/{job['id']}/events",
            )
        ],
        "manage": [("POST", f"/api/v1/jobs/{job['id']}/cancel"), ("POST", "/api/v1/queues/gc/pause")],
    }
    for scope, some in calls.items():
        for other in {"submit", "read", "manage"} - {scope}:
            for method, path in some:
                assert api.request(method, path, headers=by(other)).status_code == 403 or "queues" in path


def test_keys_that_are_guessed_are_not_even_asked_for_after_a_while(
    api: httpx.Client, users: KnownUsers
) -> None:
    for number in range(FAILURES_FROM_AN_ADDRESS):
        guess = {"X-OMERO-Session": key_of(f"guess {number}")}
        assert_problem(api.get("/api/v1/jobs", headers=guess), 401, "not-signed-in")
    asked = len(users.asked)
    assert_problem(
        api.get("/api/v1/jobs", headers={"X-OMERO-Session": key_of("one more")}), 429, "too-many-attempts"
    )
    assert len(users.asked) == asked
    assert is_well(api)


def test_the_same_request_again_is_the_same_job_and_another_one_is_refused(
    api: httpx.Client, jobs: Jobs
) -> None:
    first = api.post("/api/v1/jobs", json=gc(request_id="r1"), headers=ADA)
    again = api.post("/api/v1/jobs", json=gc(request_id="r1", work={}), headers=ADA)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    changed = api.post("/api/v1/jobs", json=gc(request_id="r1", priority=0), headers=ADA)
    assert_problem(changed, 409, "conflict")
    assert f"job {first.json()['id']}" in changed.json()["title"]
    theirs = api.post("/api/v1/jobs", json=gc(request_id="r1"), headers=session_of("bob"))
    assert theirs.json()["id"] != first.json()["id"]
    assert len(jobs.list_jobs(JobFilter())) == 2


# -- many, slow, broken


def test_hundreds_of_submissions_at_once_are_each_kept_once(api: httpx.Client, jobs: Jobs) -> None:
    def submit(number: int) -> int:
        answer = api.post("/api/v1/jobs", json=gc(request_id=f"r{number % 150}"), headers=ADA)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(submit, range(300)))
    assert len(set(ids)) == 150
    assert len(jobs.list_jobs(JobFilter(), limit=1000)) == 150


def test_a_database_that_is_away_is_said_everywhere_without_its_words(
    api: httpx.Client, database: Database
) -> None:
    with database.writing() as connection:
        connection.execute(sa.text("DROP TABLE bridge_jobs"))
    for answer in (
        api.post("/api/v1/jobs", json=gc(), headers=ADA),
        api.get("/api/v1/jobs", headers=ADA),
        api.get("/api/v1/jobs/1/events", headers={**ADA, "Accept": "text/event-stream"}),
        api.post("/api/v1/jobs/1/cancel", headers=ADA),
        api.get("/api/v1/days", headers=ADA),
        api.get("/healthz"),
    ):
        assert_problem(answer, 503, "unreachable")
        assert "bridge_jobs" not in answer.text


def raw(api: httpx.Client) -> socket.socket:
    made = socket.create_connection((api.base_url.host, api.base_url.port or 0))
    made.settimeout(60)
    return made


def everything(one: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    found = b""
    try:
        while data := one.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return found


def to_the_end(one: socket.socket) -> bytes:
    """An answer that is an object of JSON."""
    found = b""
    while not found.endswith(b"}"):
        data = one.recv(65536)
        assert data, found
        found += data
    return found


def test_who_is_silent_or_slow_is_hung_up_on(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_within_s", 0.3)
    with answering(create_app(Desk(jobs, USERS), tokens())) as api:
        silent, slow = raw(api), raw(api)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        assert everything(silent) == b""
        assert everything(slow) == b""
        kept = raw(api)
        for _ in range(2):  # one that does ask keeps its connection
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert to_the_end(kept).startswith(b"HTTP/1.1 200")
        kept.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert everything(kept) == b""
        assert is_well(api)


def test_a_body_that_does_not_come_is_not_waited_for_for_ever(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits.__init__, "__defaults__", (0.3,))
    with answering(create_app(Desk(jobs, USERS), tokens())) as api:
        waiting = [raw(api) for _ in range(20)]
        head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS['submit']}\r\n"
        for one in waiting:
            one.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert is_well(api)
        for one in waiting:
            answer = to_the_end(one)
            assert answer.startswith(b"HTTP/1.1 408"), answer
            assert b"application/problem+json" in answer
            one.close()
    assert jobs.list_jobs(JobFilter()) == []


@pytest.mark.parametrize(
    "text",
    [
        b"\0\1\2\3\r\n\r\n",
        b"GET / HTTP\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_with_400_and_the_end(api: httpx.Client, text: bytes) -> None:
    one = raw(api)
    one.sendall(text)
    assert everything(one).startswith(b"HTTP/1.1 400")
    assert is_well(api)


def test_a_head_that_is_too_large_is_refused_whole_or_not(api: httpx.Client) -> None:
    for path, headers in (("/healthz", {"A": "a" * LARGEST_HEAD}), (f"/{'a' * LARGEST_HEAD}", {})):
        assert_problem(api.get(path, headers=headers), 431, "http")
    endless = raw(api)
    endless.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * (LARGEST_HEAD + 1))
    assert everything(endless).startswith(b"HTTP/1.1 400")
    assert is_well(api)


def test_who_leaves_in_the_middle_leaves_nothing(api: httpx.Client, jobs: Jobs) -> None:
    job = api.post("/api/v1/jobs", json=gc(), headers=ADA).json()["id"]
    head = f"X-OMERO-Session: {key_of('ada')}\r\nHost: x\r\n"
    for text in (
        f"POST /api/v1/jobs HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{{",
        f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\n{head}Accept: text/event-stream\r\n\r\n",
    ):
        for _ in range(10):
            one = raw(api)
            one.sendall(text.encode())
            one.close()
    assert is_well(api)
    assert [found.id for found in jobs.list_jobs(JobFilter())] == [job]


# -- answers


def test_every_answer_has_the_headers_that_keep_it_to_its_reader(api: httpx.Client) -> None:
    job = api.post("/api/v1/jobs", json=gc(), headers=ADA)
    for answer in (
        job,
        api.get("/api/v1/jobs", headers=ADA),
        api.get("/api/v1/jobs"),
        api.get("/nowhere"),
        api.put("/api/v1/jobs"),
        api.get("/healthz"),
        post(api, b"{"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "Cookie" in answer.headers["vary"]
        assert "server" not in answer.headers
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_mistake_of_ours_is_a_problem_without_its_words(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(Desk(jobs, USERS), tokens())

    def breaks() -> None:
        raise ZeroDivisionError("secret")

    app.add_api_route("/breaks", breaks)
    with answering(app) as api:
        answer = api.get("/breaks")
        assert_problem(answer, 500, "failed")
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    until(lambda: "ZeroDivisionError" in caplog.text)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/healthz", "/openapi.json"])
def test_head_is_get_without_the_body(api: httpx.Client, path: str) -> None:
    got, head = api.get(path, headers=ADA), api.head(path, headers=ADA)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_a_stream_ends(api: httpx.Client) -> None:
    job = api.post("/api/v1/jobs", json=gc(), headers=ADA).headers["location"]
    started = time.monotonic()
    answer = api.head(f"{job}/events", headers={**ADA, "Accept": "text/event-stream"})
    assert answer.headers["content-type"] == "application/json", time.monotonic() - started


def test_head_changes_nothing_and_options_tells_what_there_is(api: httpx.Client, jobs: Jobs) -> None:
    job = api.post("/api/v1/jobs", json=gc(), headers=ADA).headers["location"]
    assert api.head(f"{job}/cancel", headers=ADA).status_code == 405
    for path, wanted in (("/api/v1/jobs", "GET, POST, HEAD, OPTIONS"), (job, "GET, DELETE, HEAD, OPTIONS")):
        answer = api.options(path)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (204, wanted, b"")
        refused = api.patch(path, headers=ADA)
        assert_problem(refused, 405, "http")
        assert refused.headers["allow"] == wanted
    assert api.options("/nowhere").status_code == 404
    assert api.request("TRACE", "/api/v1/jobs", headers=ADA).status_code == 405
    assert api.get("/api/v1/jobs/", headers=ADA, follow_redirects=False).status_code == 404
    assert len(jobs.list_jobs(JobFilter())) == 1


PATHS_ELSEWHERE = (
    "/../../../../etc/passwd",
    "/static/../../settings.py",
    "/static/%2e%2e/routes.py",
    "/static/..%2froutes.py",
    "//etc/passwd",
)


@pytest.mark.parametrize("path", PATHS_ELSEWHERE)
def test_files_of_the_computer_are_not_served(api: httpx.Client, path: str) -> None:
    one = raw(api)
    one.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert everything(one).startswith(b"HTTP/1.1 404")
