"""Who asks the agent: sessions and passwords of an OMERO server, cookies, and those that are not good."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Response

from omero_irods_bridge.agent.auditing import audit_fields
from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.http import streaming
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.cookies import COOKIE, LASTS_S, Cookies, secret_in
from omero_irods_bridge.agent.http.sign_in import (
    FAILURES_FROM_AN_ADDRESS,
    FAILURES_OF_A_USER,
    KNOWN_S,
    WITHIN_S,
    SignIn,
)
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.http.throttle import MOST_KEYS, Throttle, TooManyAttempts
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.omero_users import OmeroUsers
from omero_irods_bridge.agent.rereading import UsersFile
from omero_irods_bridge.agent.store.database import Database
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.agent.store.signed_out import SignedOut
from omero_irods_bridge.model.errors import AccessDenied, UsageError
from omero_irods_bridge.model.jobs import JobEvent, JobState
from omero_irods_bridge.settings import OmeroSettings
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.answers import (
    SECRET,
    USERS,
    KnownUsers,
    answering,
    assert_problem,
    by,
    key_of,
    local_cookies,
    session_of,
    signing_in,
    tokens,
)
from tests.agent.conftest import Hands, until
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    Connect,
    MakeUser,
    User,
    _no_faults_left,
    connect,
    make_group,
    make_user,
    root,
    server,
    user,
)

GC = {"kind": "gc"}
HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def users() -> KnownUsers:
    return KnownUsers()


@pytest.fixture
def api(jobs: Jobs, users: KnownUsers, hands: Hands) -> Iterator[httpx.Client]:
    app = create_app(Desk(jobs, USERS), tokens(), Site(sign_in=signing_in(users, now=hands.now)))
    with answering(app) as client:
        yield client


def sign_in(api: httpx.Client, name: str = "ada", password: str = "", **headers: str) -> httpx.Response:
    body = {"user": name, "password": password or f"{name}-pw"}
    return api.post("/api/v1/session", json=body, headers=headers)


# -- against OMERO


@pytest.fixture
def over_omero(server: OmeroServer, jobs: Jobs, user: User, hands: Hands) -> Iterator[httpx.Client]:  # noqa: F811
    omero = OmeroSettings(host=server.host, port=server.ssl_port)
    identities = Identities.parse('[users]\n"*" = "{name}"')
    known = SignIn(OmeroUsers(omero), identities, local_cookies(), hands.now)
    with answering(create_app(Desk(jobs, identities), tokens(), Site(sign_in=known))) as client:
        yield client


def test_a_session_of_omero_says_who_asks_until_it_is_over(
    over_omero: httpx.Client,
    connect: Connect,  # noqa: F811
    user: User,  # noqa: F811
    hands: Hands,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "omero_irods_bridge")
    gateway = connect(user)
    key = gateway.getSession().getUuid().val
    mine = {"X-OMERO-Session": key}
    answer = over_omero.post("/api/v1/jobs", json=GC, headers=mine)
    assert answer.status_code == 202, answer.text
    assert answer.json()["requested_by"] == user.name
    assert gateway.isConnected()
    assert gateway.getObject("Experimenter", user.id).getName() == user.name
    gateway.close(hard=True)
    hands.at += KNOWN_S - 1
    assert over_omero.get("/api/v1/session", headers=mine).json() == {"user": user.name, "admin": False}
    hands.at += 2
    assert_problem(over_omero.get("/api/v1/jobs", headers=mine), 401, "not-signed-in")
    assert key not in caplog.text
    assert key not in answer.text


def test_a_password_is_asked_of_omero_once_and_no_session_is_left(
    over_omero: httpx.Client,
    server: OmeroServer,  # noqa: F811
    user: User,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "omero_irods_bridge")
    before = {one.uuid for one in server.sessions.all()}
    answer = sign_in(over_omero, user.name, user.password)
    assert (answer.status_code, answer.json()) == (200, {"user": user.name, "admin": False})
    assert {one.uuid for one in server.sessions.all()} <= before
    assert over_omero.get("/api/v1/session").json()["user"] == user.name
    assert_problem(sign_in(over_omero, user.name, "wrong"), 401, "not-signed-in")
    assert_problem(sign_in(over_omero, user.name, "\0"), 401, "not-signed-in")
    assert_problem(sign_in(over_omero, "nobody-of-this-name", "wrong"), 401, "not-signed-in")
    assert user.password not in caplog.text


def test_a_session_by_sudo_is_good_for_nobody(
    over_omero: httpx.Client,
    connect: Connect,  # noqa: F811
    user: User,  # noqa: F811
    make_user: MakeUser,  # noqa: F811
) -> None:
    admin = connect(make_user(admin=True))
    as_user = admin.suConn(user.name)
    key = as_user.getSession().getUuid().val
    answer = over_omero.get("/api/v1/jobs", headers={"X-OMERO-Session": key})
    assert_problem(answer, 401, "not-signed-in")
    assert "Somebody else" in answer.json()["title"]
    as_user.close()


def test_while_omero_is_away_tokens_and_cookies_go_on(jobs: Jobs) -> None:
    known = SignIn(OmeroUsers(OmeroSettings(host="127.0.0.1", port=1)), USERS, local_cookies())
    with answering(create_app(Desk(jobs, USERS), tokens(), Site(sign_in=known))) as api:
        assert_problem(api.get("/api/v1/jobs", headers=session_of("ada")), 503, "unreachable")
        assert_problem(sign_in(api), 503, "unreachable")
        assert api.get("/api/v1/jobs", headers=by("read")).status_code == 200
        api.cookies.set(COOKIE, cookie_of("ada"))
        assert api.get("/api/v1/jobs").status_code == 200


# -- what becomes of it


def following(api: httpx.Client, job: int, headers: dict[str, str] | None = None) -> Any:
    stream = {**(headers or {}), "Accept": "text/event-stream"}
    return api.stream("GET", f"/api/v1/jobs/{job}/events", headers=stream)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """users.toml, which lets in ada and bob."""
    path = tmp_path / "users.toml"
    path.write_text('[users]\nada = "ada"\nbob = "bob"')
    return path


@contextmanager
def reading(file: Path, jobs: Jobs) -> Iterator[httpx.Client]:
    """The agent, which sees at once when ``file`` changes."""
    people = UsersFile(file, Identities.read, lambda: time.time() + 60)
    site = Site(sign_in=SignIn(KnownUsers(), people, local_cookies()))
    with answering(create_app(Desk(jobs, people), tokens(), site)) as api:
        yield api


def test_who_signs_out_or_is_let_in_no_more_hears_nothing_more_of_a_job(jobs: Jobs, file: Path) -> None:
    with reading(file, jobs) as api:

        def heard_after(leaves: Callable[[], object]) -> str:
            sign_in(api)
            job = api.post("/api/v1/jobs", json=GC, headers=HERE).json()["id"]
            with following(api, job) as answer:
                lines = answer.iter_lines()
                next(lines)
                leaves()
                jobs.cancel(job)
                return "".join(lines)

        assert '"cancelled"' in heard_after(lambda: None)
        assert '"cancelled"' not in heard_after(lambda: api.delete("/api/v1/session", headers=HERE))
        assert '"cancelled"' not in heard_after(lambda: file.write_text('[users]\nbob = "bob"'))


def test_what_was_read_while_the_listener_was_let_out_is_not_told_him(
    jobs: Jobs, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Desk.events

    def meanwhile(desk: Desk, job: int, asker: Requester, *, after: int = 0) -> list[JobEvent]:
        file.write_text('[users]\nbob = "bob"')
        jobs.cancel(job)
        return read(desk, job, asker, after=after)

    with reading(file, jobs) as api:
        sign_in(api)
        job = api.post("/api/v1/jobs", json=GC, headers=HERE).json()["id"]
        monkeypatch.setattr(Desk, "events", meanwhile)
        with following(api, job) as answer:
            assert "".join(answer.iter_lines()) == ""
    assert jobs.get(job).state is JobState.CANCELLED


def test_a_user_follows_so_many_jobs_at_once_and_no_more(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_OF_A_USER", 2)
    ada, boss = session_of("ada"), session_of("root-of-lab")
    job = api.post("/api/v1/jobs", json=GC, headers=ada).json()["id"]
    with ExitStack() as open_ones:
        for headers in (ada, boss, ada, boss, *[by("read")] * 3):
            assert open_ones.enter_context(following(api, job, headers)).status_code == 200
        with following(api, job, ada) as refused:
            assert refused.status_code == 429
            refused.read()
            assert_problem(refused, 429, "http")
            assert "ada follows 2 jobs at once already" in refused.json()["title"]
            assert int(refused.headers["Retry-After"]) > 0

    def is_let_in() -> bool:
        with following(api, job, ada) as answer:
            return bool(answer.status_code == 200)

    until(is_let_in)


def cookie_of(name: str, secret: str = SECRET, now: float | None = None) -> str:
    answer = Response()
    local_cookies(secret, now=time.time if now is None else lambda: now).set(answer, name)
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE].value


def test_a_user_sees_and_touches_only_his_own_and_an_administrator_all(api: httpx.Client, jobs: Jobs) -> None:
    job = api.post("/api/v1/jobs", json=GC, headers=session_of("ada")).json()
    assert (job["requested_by"], len(job["request_id"])) == ("ada", 32)
    path = f"/api/v1/jobs/{job['id']}"
    for method, rest in (
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("DELETE", ""),
    ):
        assert_problem(api.request(method, path + rest, headers=session_of("bob")), 404, "not-found")
    for name, seen in (("ada", 1), ("bob", 0), ("root-of-lab", 1)):
        found = api.get("/api/v1/jobs", params={"user": "ada"}, headers=session_of(name)).json()
        assert len(found["jobs"]) == seen
    assert api.post(f"{path}/cancel", headers=session_of("root-of-lab")).json()["state"] == "cancelled"
    assert api.delete(path, headers=session_of("ada")).status_code == 204


def test_who_names_somebody_else_is_refused_and_it_is_noted(
    api: httpx.Client, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    forged = {**GC, "requested_by": "ada", "request_id": "r1"}
    with caplog.at_level(logging.WARNING, "omero_irods_bridge.audit"):
        assert_problem(api.post("/api/v1/jobs", json=forged, headers=session_of("bob")), 403, "access-denied")
    (noted,) = (audit_fields(one) for one in caplog.records)
    assert (noted["who"], noted["did"], noted["user"], noted["from"]) == ("bob", "submit", "ada", "127.0.0.1")
    assert "somebody else" in noted["refused"]
    assert jobs.list_jobs(JobFilter()) == []
    named = api.post("/api/v1/jobs", json=forged, headers=session_of("root-of-lab"))
    assert named.json()["requested_by"] == "ada"


def test_a_service_has_to_say_for_whom_it_asks(api: httpx.Client) -> None:
    assert_problem(api.post("/api/v1/jobs", json=GC, headers=by("submit")), 422, "usage")


def test_a_user_whom_the_agent_does_not_let_in_is_told_so(api: httpx.Client) -> None:
    assert_problem(api.get("/api/v1/jobs", headers=session_of("stranger")), 403, "access-denied")
    assert_problem(sign_in(api, "stranger"), 403, "access-denied")
    assert COOKIE not in api.cookies


def test_a_session_that_omero_confirmed_is_not_asked_for_again_within_a_minute(
    api: httpx.Client, users: KnownUsers, hands: Hands
) -> None:
    for _ in range(3):
        api.get("/api/v1/jobs", headers=session_of("ada"))
    assert users.asked == ["ada"]
    assert KNOWN_S <= 60
    hands.at += KNOWN_S + 1
    api.get("/api/v1/jobs", headers=session_of("ada"))
    assert users.asked == ["ada", "ada"]


@pytest.mark.parametrize("key", ["", "x", "a" * 65, "abc def ghi", "../../../etc/passwd", key_of("nobody")])
def test_a_key_that_is_none_is_refused(api: httpx.Client, key: str) -> None:
    assert_problem(api.get("/api/v1/jobs", headers={"X-OMERO-Session": key}), 401, "not-signed-in")


def test_the_cookie_is_for_this_page_alone_and_ends_with_the_day_or_before(api: httpx.Client) -> None:
    answer = sign_in(api)
    attributes = answer.headers["set-cookie"].lower()
    assert all(one in attributes for one in ("httponly", "samesite=strict", "path=/", f"max-age={LASTS_S}"))
    assert "secure" not in attributes
    assert "ada-pw" not in attributes
    assert api.get("/api/v1/jobs").status_code == 200
    copied = {"Cookie": f"{COOKIE}={api.cookies[COOKIE]}"}
    assert api.delete("/api/v1/session", headers=HERE).status_code == 204
    assert COOKIE not in api.cookies
    assert_problem(api.get("/api/v1/jobs"), 401, "not-signed-in")
    assert_problem(api.get("/api/v1/jobs", headers=copied), 401, "not-signed-in")


def test_who_signed_out_is_out_at_each_agent_on_the_database_and_after_a_restart(
    database: Database, hands: Hands
) -> None:
    """Another sign-in of the same user, in the same second, is not ended by it."""

    def cookies() -> Cookies:
        ended = SignedOut(database, hands)
        return Cookies(SECRET, is_secure=False, now=hands.now, ended=ended)

    held, other = ({COOKIE: cookie_of("ada", now=hands.at)} for _ in range(2))
    assert cookies().user_of(held) == "ada"
    assert cookies().end(held, Response()) == "ada"
    assert cookies().user_of(held) is None
    assert cookies().user_of(other) == "ada"
    cookies().end(held, Response())
    hands.at += LASTS_S + 3600
    cookies().end({COOKIE: cookie_of("bob", now=hands.at)}, Response())
    hands.at -= LASTS_S
    assert cookies().user_of(held) is None  # what is over stays over when a clock is set back


def test_what_is_over_for_long_is_not_kept(database: Database, hands: Hands) -> None:
    ended = SignedOut(database, hands)
    ended.end("old", hands.at + LASTS_S)
    hands.at += 3 * 24 * 3600
    ended.end("new", hands.at + LASTS_S)
    assert (ended.has_ended("old"), ended.has_ended("new")) == (False, True)


def test_the_cookie_goes_over_tls_alone_where_there_is_tls(jobs: Jobs, users: KnownUsers) -> None:
    known = SignIn(users, USERS, local_cookies(is_secure=True))
    with answering(create_app(Desk(jobs, USERS), tokens(), Site(sign_in=known))) as api:
        assert "; secure" in sign_in(api).headers["set-cookie"].lower()


def test_a_cookie_that_is_over_changed_or_of_another_agent_is_refused(api: httpx.Client) -> None:
    good = cookie_of("ada")
    payload, _, signature = good.partition(".")
    forged = (
        base64.urlsafe_b64encode(json.dumps({"user": "bob", "expires": 9e9}).encode()).decode().rstrip("=")
    )
    bad = (
        cookie_of("ada", now=0),
        cookie_of("ada", secret="x" * 40),
        f"{forged}.{signature}",
        payload,
        "a" * 5000,
    )
    assert api.get("/api/v1/jobs", headers={"Cookie": f"{COOKIE}={good}"}).status_code == 200
    for one in bad:
        assert_problem(api.get("/api/v1/jobs", headers={"Cookie": f"{COOKIE}={one}"}), 401, "not-signed-in")


def test_with_a_cookie_only_a_page_of_this_agent_changes_anything(api: httpx.Client, jobs: Jobs) -> None:
    sign_in(api)
    host = api.base_url.netloc.decode()
    for foreign in (
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": f"http://{host}"},
        {"Origin": f"http://{host}.evil.example"},
        {"Origin": "http://["},
    ):
        assert_problem(api.post("/api/v1/jobs", json=GC, headers=foreign), 403, "access-denied")
    for ours in (HERE, {"Origin": f"http://{host}"}, {"Origin": "http://127.0.0.1:8640"}):
        assert api.post("/api/v1/jobs", json=GC, headers=ours).status_code == 202
    api.cookies.clear()
    assert api.post("/api/v1/jobs", json=GC, headers=session_of("ada")).status_code == 202
    assert_problem(sign_in(api, Origin="https://evil.example"), 403, "access-denied")


def test_who_guesses_passwords_is_slowed_down_and_nobody_else(
    api: httpx.Client, users: KnownUsers, hands: Hands
) -> None:
    for _ in range(FAILURES_OF_A_USER):
        assert_problem(sign_in(api, "ada", "wrong"), 401, "not-signed-in")
    asked = len(users.asked)
    answer = sign_in(api)
    assert_problem(answer, 429, "too-many-attempts")
    assert 0 < int(answer.headers["retry-after"]) <= WITHIN_S
    assert len(users.asked) == asked
    assert sign_in(api, "bob").status_code == 200
    hands.at += WITHIN_S + 1
    assert sign_in(api).status_code == 200


def test_omero_that_is_away_uses_up_no_attempts(api: httpx.Client, users: KnownUsers) -> None:
    users.is_away = True
    for _ in range(FAILURES_OF_A_USER + 1):
        assert_problem(sign_in(api), 503, "unreachable")
    users.is_away = False
    assert sign_in(api).status_code == 200


def test_failures_are_forgotten_with_time_and_never_fill_the_memory(hands: Hands) -> None:
    throttle = Throttle(2, 10, hands.now)

    def fail(key: str) -> None:
        with suppress(AccessDenied), throttle.attempt(key):
            raise AccessDenied("no")

    for number in range(MOST_KEYS + 5):
        fail(str(number))
    assert len(throttle._failures) == MOST_KEYS
    fail("a")
    hands.at += 5
    fail("a")
    with pytest.raises(TooManyAttempts) as refused:
        fail("a")
    assert refused.value.wait_s == 5
    hands.at += 5.1
    fail("a")


def test_many_who_come_at_once_with_good_sessions_are_all_let_in(
    api: httpx.Client, users: KnownUsers
) -> None:
    """Scripts of all users come from the address of one OMERO server."""
    names = tuple(f"lab-{number}" for number in range(3 * FAILURES_FROM_AN_ADDRESS))
    users.names, users.takes_s = names, 0.02
    with ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(lambda name: api.get("/api/v1/jobs", headers=session_of(name)), names))
    assert {one.status_code for one in found} == {403}
    assert {one.json()["title"] for one in found} == {f"{name} may not use the agent." for name in names}


def test_workers_that_start_at_once_have_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(lambda _: secret_in(tmp_path / "secret"), range(40)))) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"user": "ada"},
        {"user": "ada", "password": ""},
        {"user": "ada", "password": "very secret" * 200},
        {"user": 1, "password": "very secret"},
        {"user": "ada\nroot: has signed in", "password": "very secret"},
        {"user": "ada", "password": "very secret", "more": 1},
    ],
)
def test_what_is_wrong_with_a_sign_in_is_said_without_the_password(api: httpx.Client, body: Any) -> None:
    answer = api.post("/api/v1/session", json=body)
    assert_problem(answer, 422, "usage")
    assert "very secret" not in answer.text


def test_only_json_signs_in(api: httpx.Client) -> None:
    """A form of another site could send anything else without asking the browser."""
    text = '{"user": "ada", "password": "ada-pw"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert api.post("/api/v1/session", content=text, headers={"Content-Type": kind}).status_code == 422
    assert COOKIE not in api.cookies


def test_the_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "agent.db.secret"
    first = secret_in(file)
    assert len(first) >= 40
    assert secret_in(file) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == [file.name]
    file.chmod(0o644)
    with pytest.raises(AccessDenied, match="read by others"):
        secret_in(file)


@pytest.mark.parametrize("lines", ['admins = "ada"', "admins = [1]", 'admins = ["bob"]', 'admins = [""]'])
def test_a_list_of_administrators_that_is_wrong_is_refused(lines: str) -> None:
    with pytest.raises(UsageError):
        Identities.parse(f'{lines}\n[users]\nada = "ada"')
    assert Identities.parse('admins = ["ada"]\n[users]\nada = "ada"').is_admin("ada")


def test_patterns_make_nobody_an_administrator() -> None:
    identities = Identities.parse('admins = ["lab-a"]\n[users]\n"lab-*" = "{name}"')
    assert identities.is_admin("lab-a")
    assert not identities.is_admin("lab-b")
