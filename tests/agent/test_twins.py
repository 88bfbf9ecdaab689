"""What the page shows, for programs: snapshots as iRODS lets each user see them, queues, health, days."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.memory import MemoryStore, MemoryZone
from omero_irods_bridge.agent.answering import application, secret_file
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.health import KEPT_S, Health
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.site import Site
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.parts import opened
from omero_irods_bridge.agent.snapshots import Snapshots, with_text
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.agent_settings import AgentSettings
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import to_avus
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.operations.find import Criteria
from omero_irods_bridge.ports import ObjectStore
from omero_irods_bridge.settings import IrodsSettings, OmeroSettings, Settings
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.agent.answers import (
    USERS,
    KnownUsers,
    answering,
    assert_problem,
    by,
    session_of,
    signing_in,
    tokens,
)
from tests.agent.conftest import Hands
from tests.agent.pages.world import World, described, world_in
from tests.ingest.conftest import renamed
from tests.wire.bridge_irods.conftest import store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import _no_faults_in_the_zone  # noqa: F401
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.irods_zone.conftest import make_user as make_irods_user  # noqa: F401

ADMIN = session_of("root-of-lab")


@pytest.fixture
def world(memory: Path) -> Iterator[World]:
    with world_in(memory) as made:
        yield made


@pytest.fixture
def api(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.address, headers=session_of("ada"), timeout=30) as client:
        yield client


# -- snapshots, of a real zone


@pytest.fixture
def shared(
    jobs: Jobs,
    zone: Zone,  # noqa: F811
    make_irods_user: Callable[[str], iRODSSession],  # noqa: F811
) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """An agent on a zone in which ada and bob have a snapshot each; and where these are."""
    names = {one: make_irods_user(one).username for one in ("ada", "bob")}
    identities = Identities({**names, "root-of-lab": "nobody"}, (), admins=frozenset({"root-of-lab"}))

    @contextmanager
    def opened(user: str) -> Iterator[ObjectStore]:
        with IrodsStore(as_user(zone, identities.irods_user(user))) as found:
            yield found

    paths = {}
    for user in names:
        with opened(user) as found:
            paths[user] = snapshot_in(found, f"{user}'s %_cells", user)
    known = signing_in(KnownUsers())
    known._identities = identities
    site = Site(sign_in=known, snapshots=Snapshots(opened))
    with answering(create_app(Desk(jobs, identities), tokens(), site)) as client:
        yield client, paths


def as_user(zone: Zone, name: str) -> Any:  # noqa: F811
    config = zone.config
    return account(
        "127.0.0.1", zone.port, zone=zone.name, user=config.admin, password=zone.password, client_user=name
    )


def snapshot_in(found: ObjectStore, name: str, owner: str) -> str:
    path = f"{found.home}/{owner}.zip"
    writer = found.open_writer(path)
    writer.write_at(0, 0, b"packet")
    writer.close()
    found.change_avus(path, add=to_avus(described(name, owner)))
    return path


def test_each_sees_the_snapshots_that_irods_lets_him_see(shared: tuple[httpx.Client, dict[str, str]]) -> None:
    api, paths = shared
    for user, path in paths.items():
        found = api.get("/api/v1/snapshots", headers=session_of(user)).json()
        assert [one["path"] for one in found["snapshots"]] == [path]
        assert found["next"] is None
    assert_problem(api.get("/api/v1/snapshots?user=bob", headers=session_of("ada")), 403, "access-denied")
    assert_problem(api.get("/api/v1/snapshots", headers=by("read")), 422, "usage")
    as_bob = api.get("/api/v1/snapshots", params={"user": "bob"}, headers=by("read")).json()
    assert [one["owner"] for one in as_bob["snapshots"]] == ["bob"]
    assert_problem(api.get("/api/v1/snapshots?user=eve", headers=by("read")), 403, "access-denied")
    mine = api.get("/api/v1/snapshots/at", params={"path": paths["ada"]}, headers=session_of("ada")).json()
    assert (mine["path"], mine["owner"], mine["bytes"]) == (paths["ada"], "ada", 1_480_000_000)
    foreign = {"path": paths["bob"]}
    assert_problem(
        api.get("/api/v1/snapshots/at", params=foreign, headers=session_of("ada")), 404, "not-found"
    )


def test_a_path_that_irods_cannot_be_asked_for_is_refused_in_words(
    shared: tuple[httpx.Client, dict[str, str]],
) -> None:
    api, paths = shared
    wrong = f"{paths['ada'].rpartition('/')[0]}/../a.zip"
    for asked in ({"path": wrong}, {"path": "/a//b"}):
        assert_problem(
            api.get("/api/v1/snapshots/at", params=asked, headers=session_of("ada")), 422, "bad-name"
        )
    assert_problem(
        api.get("/api/v1/snapshots", params={"below": wrong}, headers=session_of("ada")), 422, "bad-name"
    )


def test_avus_and_names_that_somebody_made_up_keep_nobody_from_his_snapshots(
    shared: tuple[httpx.Client, dict[str, str]],
    zone: Zone,  # noqa: F811
) -> None:
    api, paths = shared
    place = paths["ada"].rpartition("/")[0]
    with IrodsStore(as_user(zone, place.rpartition("/")[2])) as found:
        for number, (name, value) in enumerate(
            (("images", "-5"), ("bytes", "9" * 400), ("image", "9" * 400))
        ):
            forged = snapshot_in(found, "forged", f"forged-{number}")
            told = [one for one in found.avus(forged) if one.attribute == f"omero::{name}"]
            found.change_avus(forged, add=[Avu(f"omero::{name}", value)], remove=told)
        found.make_collection(f"{place}/unsayable")
        found.move(snapshot_in(found, "lost", "lost"), f"{place}/unsayable/lost.zip")
    renamed(zone, f"{place}/unsayable", f"{place}/two\nlines")
    page = {**session_of("ada"), "Accept": "text/html"}
    assert api.get("/snapshots", headers=page).status_code == 200
    answer = api.get("/api/v1/snapshots", headers=session_of("ada"))
    assert [one["path"] for one in answer.json()["snapshots"]] == [paths["ada"]]


HOSTILE = ["'", '"', "%", "_", "\\", "%' OR '1'='1", "ä€😀", "a" * 1000, "*?[", "`$(x)`", "</x>", " x "]


def test_what_users_type_is_text_and_no_query(shared: tuple[httpx.Client, dict[str, str]]) -> None:
    api, paths = shared
    ada = session_of("ada")
    for text in HOSTILE:
        for field in ("q", "name", "owner", "group", "note"):
            answer = api.get("/api/v1/snapshots", params={field: text}, headers=ada)
            assert answer.status_code == 200, (field, text, answer.text)
            hit = field in {"q", "name"} and text.strip() in "ada's %_cells"
            assert bool(answer.json()["snapshots"]) == hit, (field, text)
        place = f"/{text[:900]}"
        answer = api.get("/api/v1/snapshots", params={"below": place}, headers=ada)
        assert answer.json() == {"snapshots": [], "next": None}, (place, answer.text)
        assert_problem(api.get("/api/v1/snapshots/at", params={"path": place}, headers=ada), 404, "not-found")
    found = api.get("/api/v1/snapshots", params={"q": "s %_ce"}, headers=ada).json()["snapshots"]
    assert [one["path"] for one in found] == [paths["ada"]]


@pytest.mark.parametrize(
    "query",
    [
        "since=20260101",
        "since=0",
        "since=2026-02-30",
        "until=tomorrow",
        "source=Dataset",
        "source=dataset:1",
        "image=-1",
        "min_size=9&max_size=1",
        "since=2026-02-01&until=2026-01-01",
        "below=relative",
        "name=",
        "name=a%00b",
        "limit=0",
        "limit=1001",
        "skip=-1",
        "state=lost",
        "colour=blue",
    ],
)
def test_a_search_that_is_wrong_is_said(api: httpx.Client, query: str) -> None:
    assert_problem(api.get(f"/api/v1/snapshots?{query}"), 422, "usage")


def test_pages_of_snapshots_follow_each_other(api: httpx.Client, world: World) -> None:
    paths = [world.snapshot("ada", f"s{number}") for number in range(5)]
    found: list[str] = []
    skip: int | None = 0
    while skip is not None:
        page = api.get("/api/v1/snapshots", params={"limit": 2, "skip": skip}).json()
        found += [one["path"] for one in page["snapshots"]]
        skip = page["next"]
    assert found == sorted(paths)


def test_days_of_a_search_include_both_ends(api: httpx.Client, world: World) -> None:
    world.snapshot("ada", "one")
    for since, until, number in (("2026-11-20", "2026-11-20", 1), ("2026-11-21", "2026-12-01", 0)):
        found = api.get("/api/v1/snapshots", params={"since": since, "until": until}).json()
        assert len(found["snapshots"]) == number


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Dataset:51", Criteria(source=ObjectRef(Kind.DATASET, 51))),
        ("image:7", Criteria(image=7)),
        (" HeLa ", Criteria(name="HeLa")),
        ("Image:1-3", Criteria(name="Image:1-3")),
        ("note: x", Criteria(name="note: x")),
        ("  ", Criteria()),
    ],
)
def test_what_somebody_types_is_an_object_or_a_part_of_a_name(text: str, wanted: Criteria) -> None:
    assert with_text(Criteria(), text) == wanted


def test_an_irods_that_hangs_keeps_nobody_waiting_for_ever(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    @contextmanager
    def hangs(user: str) -> Iterator[ObjectStore]:
        over.wait()
        yield MemoryStore(MemoryZone(), user)

    monkeypatch.setattr("omero_irods_bridge.agent.http.view_routes.PATIENCE_S", 0.2)
    site = Site(sign_in=signing_in(KnownUsers()), snapshots=Snapshots(hangs))
    with answering(create_app(Desk(jobs, USERS), tokens(), site)) as api:
        assert_problem(api.get("/api/v1/snapshots", headers=session_of("ada")), 503, "unreachable")
        assert api.get("/healthz").status_code == 200
        over.set()


# -- queues, days, schedules


def test_queues_are_for_all_to_see_and_for_administrators_to_pause(api: httpx.Client, world: World) -> None:
    api.post("/api/v1/jobs", json={"kind": "gc"})
    (gc,) = (one for one in api.get("/api/v1/queues").json()["queues"] if one["kind"] == "gc")
    assert gc.pop("paused_at") is None
    assert gc == {
        "kind": "gc", "paused": False, "paused_by": "", "limit": 4, "running": 0, "queued": 1, "waiting": 0,
    }  # fmt: skip
    assert len(api.get("/api/v1/queues").json()["queues"]) == len(JobKind)
    assert_problem(api.post("/api/v1/queues/gc/pause"), 403, "access-denied")
    assert world.jobs.paused() == {}
    for who, name in ((ADMIN, "root-of-lab"), (by("manage"), "token:manage")):
        paused = api.post("/api/v1/queues/gc/pause", headers=who).json()
        assert (paused["paused"], paused["paused_by"]) == (True, name)
        assert datetime.fromisoformat(paused["paused_at"]) <= datetime.now(UTC)
        assert set(world.jobs.paused()) == {JobKind.GC}
        assert api.post("/api/v1/queues/gc/resume", headers=who).json()["paused"] is False
    assert_problem(api.post("/api/v1/queues/x/pause", headers=ADMIN), 422, "usage")
    assert_problem(api.post("/api/v1/queues/gc/pause", headers=by("read")), 403, "access-denied")


def test_days_and_schedules_are_of_who_asks(api: httpx.Client, world: World) -> None:
    job = api.post("/api/v1/jobs", json={"kind": "gc"}).json()
    api.post(f"/api/v1/jobs/{job['id']}/cancel")
    for who, number in ((session_of("ada"), 1), (session_of("bob"), 0), (ADMIN, 1)):
        days = api.get("/api/v1/days", params={"days": 3}, headers=who).json()["days"]
        assert [one["cancelled"] for one in days] == [0, 0, number]
    usual = {"kind": "gc", "cron": "0 2 * * *", "last_at": None, "next_at": None, "overdue": False}
    world.schedules += [{"name": "a", "user": "ada", **usual}, {"name": "b", "user": "bob", **usual}]
    for who, names in ((session_of("ada"), ["a"]), (session_of("eve"), []), (ADMIN, ["a", "b"])):
        found = api.get("/api/v1/schedules", headers=who).json()
        assert [one["name"] for one in found.get("schedules", ())] == names


def test_the_answer_to_a_submission_links_to_its_page(jobs: Jobs) -> None:
    site = Site("https://omero.example.org/irods/", signing_in(KnownUsers()))
    with answering(create_app(Desk(jobs, USERS), tokens(), site)) as api:
        job = api.post("/api/v1/jobs", json={"kind": "gc"}, headers=session_of("ada")).json()
        assert job["url"] == f"https://omero.example.org/irods/jobs/{job['id']}"
    assert AgentSettings().page_url == "http://127.0.0.1:8640"
    assert [AgentSettings(listen=f"{host}:1").page_url for host in ("::1", "[::1]")] == ["http://[::1]:1"] * 2
    assert AgentSettings(public_url="https://a.example/b/").page_url == "https://a.example/b"


# -- health


def test_what_is_not_reachable_is_named(api: httpx.Client, world: World) -> None:
    assert api.get("/readyz").json() == {"ok": True}
    world.away |= {"OMERO", "iRODS"}
    answer = api.get("/readyz", headers={"X-OMERO-Session": ""})
    assert_problem(answer, 503, "unreachable")
    assert answer.json()["title"] == "Not reachable: OMERO, iRODS."
    health = api.get("/api/v1/health").json()
    assert health["ok"] is False
    assert {one["name"]: one["ok"] for one in health["checks"]} == {
        "database": True,
        "OMERO": False,
        "iRODS": False,
    }
    assert "example.org" in health["checks"][1]["text"]
    assert "example.org" not in answer.text


def test_servers_are_looked_at_no_more_than_every_ten_seconds(hands: Hands) -> None:
    looked: list[float] = []
    health = Health({"OMERO": lambda: looked.append(hands.at)}, hands.now)
    for seconds in (0, KEPT_S - 1, 2):
        hands.at += seconds
        assert health.checks()[0].ok
    assert len(looked) == 2


def test_a_server_that_hangs_is_said_so_and_waited_for_by_one_thread(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_irods_bridge.agent.health.PATIENCE_S", 0.05)
    over, begun = threading.Event(), []

    def hangs() -> None:
        begun.append(1)
        over.wait()

    health = Health({"OMERO": hangs, "iRODS": lambda: None}, hands.now)
    for _ in range(3):
        omero, irods = health.checks()
        assert (omero.ok, omero.text, irods.ok) == (False, "Does not answer.", True)
        hands.at += KEPT_S + 1
    assert len(begun) == 1
    over.set()
    while not health.checks()[0].ok:
        hands.at += KEPT_S + 1
        time.sleep(0.01)


def test_while_one_waits_for_a_server_that_hangs_others_get_what_is_known(hands: Hands) -> None:
    """Else those who ask whether it is ready would fill the threads that answer everybody."""
    over, begun = threading.Event(), threading.Event()
    over.set()

    def hangs() -> None:
        begun.set()
        over.wait()

    health = Health({"OMERO": hangs}, hands.now)
    known = health.checks()
    over.clear()
    begun.clear()
    hands.at += KEPT_S + 1
    first = threading.Thread(target=health.checks)
    first.start()
    begun.wait()
    assert health.checks() is known
    over.set()
    first.join()
    assert health.checks() is not known


def test_a_look_that_breaks_is_no_answer(hands: Hands) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("secret")

    (check,) = Health({"OMERO": breaks}, hands.now).checks()
    assert (check.ok, "ZeroDivisionError" in check.text, "secret" in check.text) == (False, True, False)


def test_an_agent_whose_servers_are_away_still_starts_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path, monkeypatch)
    settings = settings.model_copy(update={"agent": settings.agent.model_copy(update={"open_per_user": 1})})
    with opened(settings) as parts, answering(app := application(parts)) as api:
        assert secret_file(settings.agent).stat().st_mode & 0o777 == 0o600
        answer = api.get("/readyz")
        assert_problem(answer, 503, "unreachable")
        assert answer.json()["title"] == "Not reachable: OMERO, iRODS."
        assert api.get("/healthz").status_code == 200
        foreign = {"kind": "verify", "work": {"path": "/otherZone/home/ada/a.zip"}}
        api.cookies.set("omero_irods", cookie_by(app, "ada"))
        answer = api.post("/api/v1/jobs", json=foreign, headers={"Sec-Fetch-Site": "same-origin"})
        assert_problem(answer, 422, "usage")
        assert "/otherZone/home/ada/a.zip is not in the zone labZone" in answer.json()["title"]
        for status in (202, 409):
            answer = api.post("/api/v1/jobs", json={"kind": "gc"}, headers={"Sec-Fetch-Site": "same-origin"})
            assert answer.status_code == status, answer.text
        copied = {"Cookie": f"omero_irods={api.cookies['omero_irods']}"}
        assert api.delete("/api/v1/session", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    with opened(settings) as parts, answering(application(parts)) as again:
        assert_problem(again.get("/api/v1/session", headers=copied), 401, "not-signed-in")


def cookie_by(app: FastAPI, user: str) -> str:
    answer = Response()
    app.state.sign_in.cookies.set(answer, user)
    return SimpleCookie(answer.headers["set-cookie"])["omero_irods"].value


def settings_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of an agent whose two servers are not there."""
    place = {"irods_host": "127.0.0.1", "irods_port": 1}
    environment = {**place, "irods_user_name": "agent", "irods_zone_name": "labZone"}
    (folder / "environment.json").write_text(json.dumps(environment))
    (folder / "users.toml").write_text('[users]\nada = "ada"')
    for name, text in (("password", "x\n"), (".irodsA", encode("x"))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(folder / ".irodsA"))
    omero = OmeroSettings(host="127.0.0.1", port=1, user="agent", password_file=folder / "password")
    irods = IrodsSettings(environment_file=folder / "environment.json")
    agent = AgentSettings(database=str(folder / "agent.db"), users=folder / "users.toml")
    return Settings(omero=omero, irods=irods, agent=agent)
