"""``omero-irods ingest`` in a process of its own: as a person, and as a service for everybody."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.ingest_wiring import (
    MOST_IDLE,
    People,
    hands_of_person,
    open_hands,
    open_tree_store,
    options_of,
)
from omero_irods_bridge.model.errors import AccessDenied, ExitStatus
from omero_irods_bridge.model.ingest import IngestResult
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.settings import load
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.agent.conftest import until
from tests.ingest.conftest import Drop, png, renamed, vault_of
from tests.wire.bridge_irods.conftest import store_of
from tests.wire.cli.conftest import Person, set_up_irods
from tests.wire.omero_server.conftest import MakeUser, User


def config_of(drop: Drop, user: User, vault: Path, folder: Path, zone: Zone, extra: str = "") -> Path:
    secret = folder / "password"
    secret.write_text(f"{user.password}\n")
    secret.chmod(0o600)
    environment = folder / ".irods" / "irods_environment.json"
    file = folder / "config.toml"
    file.write_text(
        f'[omero]\nhost = "{drop.server.host}"\nport = {drop.server.ssl_port}\nuser = "{user.name}"\n'
        f'password_file = "{secret}"\n[irods]\nenvironment_file = "{environment}"\n'
        f'[paths]\n"demoResc:{vault_of(zone)}" = "{vault}"\n[ingest]\nquiet_s = 0\n{extra}'
    )
    return file


@pytest.fixture
def person(drop: Drop, zone: Zone, vault: Path, tmp_path: Path) -> Person:
    set_up_irods(tmp_path, zone)
    file = config_of(drop, drop.user, vault, tmp_path, zone)
    return Person(tmp_path, {"OMERO_IRODS_CONFIG": str(file)})


def test_a_person_scans_sees_and_tries_again(drop: Drop, person: Person) -> None:
    drop.opt_in()
    good, bad = drop.put("good.png"), drop.put("bad.tif", b"no image")
    planned = person("ingest", "scan", drop.collection, "--dry-run")
    assert good in planned.out
    assert drop.images() == []
    done = person.run("ingest", "scan", drop.collection, "--json")
    assert done.status == ExitStatus.PARTIAL
    assert [one["path"] for one in done.json["done"]] == [good]
    assert "is in OMERO as Image:" in person("ingest", "status", good).out
    failed = person("ingest", "status", drop.collection, "--json").json["failed"]
    assert [one["path"] for one in failed] == [bad]
    assert failed[0]["reason"] == drop.avus(bad)["ingest_error"][0]
    assert person("ingest", "retry", bad, "--json").json == {"tried": [bad]}
    assert person("ingest", "check", drop.collection, "--json").json["checked"] == 1


def test_a_second_scan_says_what_failed_before_and_how_to_see_and_retry_it(
    drop: Drop, person: Person
) -> None:
    drop.opt_in()
    bad = drop.put("a bad day/x.tif", b"no image")
    assert person.run("ingest", "scan", drop.collection).status == ExitStatus.PARTIAL
    again = person("ingest", "scan", drop.collection)
    assert "0 sets imported, 1 left that failed before." in again.out
    assert f"omero-irods ingest retry {drop.collection}" in again.out
    assert f"omero-irods ingest status {drop.collection}" in again.out
    told = person("ingest", "scan", drop.collection, "--json").json
    assert [(one["path"], one["reason"]) for one in told["failed_before"]] == [
        (bad, drop.avus(bad)["ingest_error"][0])
    ]
    assert "omero-irods ingest retry" in told["hint"]
    assert f"{bad} failed before" in person("ingest", "scan", drop.collection, "--dry-run").out
    place = bad.removesuffix("/x.tif")
    assert f"ingest retry '{place}'\n" in person("ingest", "scan", place).out
    person("ingest", "retry", bad)
    assert person.run("ingest", "scan", drop.collection, "--json").json["failed_before"] == []


def test_a_name_of_two_lines_is_one_line_and_says_how_to_mend_it(
    drop: Drop, person: Person, zone: Zone
) -> None:
    drop.opt_in()
    drop.put("bad.png")
    renamed(zone, "bad.png", "it's\nlines.png")
    escaped = f"{drop.collection}/it's\\nlines.png"
    for command in (("scan", "--dry-run"), ("scan",), ("status",)):
        told = person.run("ingest", command[0], drop.collection, *command[1:])
        (line,) = (one for one in told.out.splitlines() if "cannot come into OMERO" in one)
        assert line.startswith(f"{escaped} failed: ")
        assert f"imv $'{drop.collection}/it\\'s\\x0alines.png' NEW_PATH" in told.out
        assert "lines.png" not in told.err


def test_watching_takes_what_comes_later_and_ends_when_it_is_asked_to(drop: Drop, person: Person) -> None:
    drop.opt_in()
    process = person.start("ingest", "watch", drop.collection, "--every", "1s", "--json")
    try:
        path = drop.put("a.png")
        end = time.monotonic() + 60
        while "fileset" not in drop.avus(path):
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.2)
    finally:
        process.terminate()
        _out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert drop.images() == ["a.png"]


# -- a service


@pytest.fixture
def new_account(zone: Zone, session: iRODSSession) -> Iterator[Callable[[str], IrodsStore]]:
    """Makes a rodsuser of this name; his store is closed after the test."""
    opened: list[IrodsStore] = []

    def make(name: str) -> IrodsStore:
        session.users.create(name, "rodsuser")
        session.users.modify(name, "password", f"{name}-pw")
        opened.append(store_of(zone, name, f"{name}-pw"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def put(store: IrodsStore, name: str, content: bytes) -> str:
    path = f"{store.home}/{name}"
    writer = store.open_writer(path)
    writer.write_at(0, 0, content)
    writer.close()
    return path


def test_a_service_imports_for_owners_and_lets_nobody_name_others(
    drop: Drop,
    zone: Zone,
    vault: Path,
    tmp_path: Path,
    make_user: MakeUser,
    new_account: Callable[[str], IrodsStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, alice, bob = make_user(privileges=["Sudo"]), drop.user, make_user()
    hers, his = new_account(alice.name), new_account(bob.name)
    set_up_irods(tmp_path, zone)
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(tmp_path / ".irods" / ".irodsA"))
    settings = load(config_of(drop, service, vault, tmp_path, zone)).settings
    put(hers, "card.toml", b'dataset = "mine"')
    mine = put(hers, "a.png", png())
    put(his, "card.toml", f'dataset = "stolen"\nuser = "{alice.name}"'.encode())
    forged = put(his, "b.png", png())
    copied = f"{his.home}/copy"
    his.make_collection(copied)
    put(his, "copy/card.toml", f'dataset = "his"\nuser = "{bob.name}"\nmode = "copy"'.encode())
    own = put(his, "copy/c.png", png())
    with (
        open_tree_store(settings, is_service=True) as store,
        open_hands(settings, store, is_service=True) as hands,
    ):

        def scan(home: str) -> IngestResult:
            return ingest.scan(store, home, hands, options_of(settings), clock=SystemClock())

        assert [one.path for one in scan(hers.home).done] == [mine]
        result = scan(his.home)
        assert [one.path for one in result.done] == [own]
        assert [one.path for one in result.failed] == [forged]
        assert scan(hers.home).done == scan(his.home).done == ()
    assert drop.images() == ["a.png"]
    owners = drop.rows("select i.details.owner.omeName from Image i")
    assert owners == [[alice.name]]
    told = {one.attribute: one.value for one in his.avus(forged)}
    assert alice.name in told["omero::ingest_error"]


def test_a_service_shows_nobody_what_he_may_not_read_in_irods(
    drop: Drop,
    zone: Zone,
    session: iRODSSession,
    vault: Path,
    tmp_path: Path,
    make_user: MakeUser,
    new_account: Callable[[str], IrodsStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, alice, bob = make_user(privileges=["Sudo"]), drop.user, make_user()
    hers, his = new_account(alice.name), new_account(bob.name)
    set_up_irods(tmp_path, zone)
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(tmp_path / ".irods" / ".irodsA"))
    settings = load(config_of(drop, service, vault, tmp_path, zone)).settings
    put(hers, "card.toml", b'dataset = "ours"')
    session.acls.set(iRODSAccess("write", hers.home, bob.name, zone.name), admin=True)
    path = f"{hers.home}/secret.png"
    writer = his.open_writer(path)
    writer.write_at(0, 0, png())
    writer.close()
    with (
        open_tree_store(settings, is_service=True) as store,
        open_hands(settings, store, is_service=True) as hands,
    ):

        def scan() -> IngestResult:
            return ingest.scan(store, hers.home, hands, options_of(settings), clock=SystemClock())

        (failure,) = scan().failed
        assert (failure.path, "may not read it" in failure.error.message) == (path, True)
        assert drop.images() == []
        session.acls.set(iRODSAccess("read", path, alice.name, zone.name), admin=True)
        assert [one.path for one in scan().done] == [path]


def test_a_service_keeps_few_connections_however_many_owners_there_are(
    drop: Drop,
    zone: Zone,
    vault: Path,
    tmp_path: Path,
    make_user: MakeUser,
    new_account: Callable[[str], IrodsStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [new_account(f"owner-{number}").user for number in range(MOST_IDLE + 4)]
    set_up_irods(tmp_path, zone)
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(tmp_path / ".irods" / ".irodsA"))
    settings = load(config_of(drop, make_user(privileges=["Sudo"]), vault, tmp_path, zone)).settings
    before = len(zone._agents)
    with (
        open_tree_store(settings, is_service=True) as store,
        open_hands(settings, store, is_service=True) as hands,
        hands.irods(f"{names[0]}#{zone.name}") as first,
    ):
        assert first.find(first.home)
        for name in names * 2:
            with hands.irods(f"{name}#{zone.name}") as his:
                assert (his.user, his.find(his.home) is not None) == (name, True)
        until(lambda: len(zone._agents) - before <= MOST_IDLE + 2)  # and the scan, and the first
        assert first.find(first.home)
    until(lambda: len(zone._agents) <= before)


def test_a_person_gets_nothing_that_he_may_not_read_in_irods_himself(
    drop: Drop, zone: Zone, session: iRODSSession, new_account: Callable[[str], IrodsStore]
) -> None:
    """A mount of the vault shows all, and zones may list what one may not read."""
    drop.opt_in()
    path, eve = drop.put("secret.png"), new_account("eve")
    drop.store.compute_checksum(path)
    for place in (drop.collection, path):
        session.acls.set(iRODSAccess("read", place, eve.user, zone.name), admin=True)
    hands = hands_of_person(drop.user.name, lambda _group: drop.sides(), eve)
    plan = ingest.plan(eve, drop.collection, hands, drop.options, clock=SystemClock())
    assert [item.files.path for item in plan.items] == [path]
    session.acls.set(iRODSAccess("null", path, eve.user, zone.name), admin=True)
    assert ingest.apply(plan, eve, hands, clock=SystemClock()).done == ()
    assert drop.images() == []


@pytest.mark.parametrize("name", ["root", "guest", ""])
def test_nobody_is_an_account_of_omero_because_of_his_name(name: str) -> None:
    assert People().user_of(name) == ""
    assert not People().is_same(name, name)


def test_who_is_no_rodsadmin_is_no_service(
    drop: Drop,
    zone: Zone,
    vault: Path,
    tmp_path: Path,
    new_account: Callable[[str], IrodsStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_account("plain")
    set_up_irods(tmp_path, zone, "plain-pw")
    environment = tmp_path / ".irods" / "irods_environment.json"
    environment.write_text(json.dumps({**zone.environment(), "irods_user_name": "plain"}))
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(tmp_path / ".irods" / ".irodsA"))
    settings = load(config_of(drop, drop.user, vault, tmp_path, zone)).settings
    with (
        pytest.raises(AccessDenied, match="plain is a rodsuser in iRODS"),
        open_tree_store(settings, is_service=True),
    ):
        pass
    with open_tree_store(settings) as store:
        assert store.user == "plain"
