"""Who may use the agent, and with which tokens, is what the files say now; a broken one changes nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from omero_irods_bridge.agent.answering import application
from omero_irods_bridge.agent.http.tokens import Tokens, digest_of, new_token
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.parts import opened
from omero_irods_bridge.agent.rereading import AT_REST_S, TokensFile, UsersFile
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, UsageError
from tests.agent.answers import answering, assert_problem
from tests.agent.test_twins import cookie_by, settings_in

LONG_AGO = 1_000_000_000
ADA, BOTH = '[users]\nada = "ada"\n', '[users]\nada = "ada"\nbob = "bob"\n'


def written(file: Path, text: str) -> None:
    """At rest, and at another time than before."""
    before = file.stat().st_mtime if file.exists() else LONG_AGO
    file.write_text(text)
    os.utime(file, (before + 10, before + 10))


@pytest.fixture
def users(tmp_path: Path) -> UsersFile:
    written(tmp_path / "users.toml", ADA)
    return UsersFile(tmp_path / "users.toml", Identities.read)


@pytest.fixture
def file(users: UsersFile, tmp_path: Path) -> Path:
    return tmp_path / "users.toml"


def test_a_line_that_is_added_lets_in_and_one_that_is_taken_away_does_not(
    users: UsersFile, file: Path
) -> None:
    with pytest.raises(AccessDenied):
        users.irods_user("bob")
    written(file, f'admins = ["bob"]\n{BOTH}')
    assert users.irods_user("bob") == "bob"
    assert users.is_admin("bob")
    assert users.omero_user("bob") == "bob"
    written(file, ADA)
    assert not users.is_same("bob", "bob")
    users.check()


def test_a_file_of_the_same_size_and_time_in_its_place_is_seen(users: UsersFile, file: Path) -> None:
    other = file.with_name("new")
    other.write_text(ADA.replace("ada", "eva"))
    os.utime(other, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))
    other.rename(file)
    assert users.irods_user("eva") == "eva"


@pytest.mark.parametrize("broken", ["[users", '[users]\nada = 7\nbob = "bob"', "\0", None])
def test_a_broken_file_keeps_what_was_and_says_so_until_it_is_mended(
    users: UsersFile, file: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "omero_irods_bridge")
    if broken is None:
        file.unlink()
    else:
        written(file, broken)
    for _ in range(3):
        assert users.irods_user("ada") == "ada"
    with pytest.raises(AccessDenied):
        users.irods_user("bob")
    with pytest.raises(BridgeError, match=r"cannot be used; what it said before holds\. .*users\.toml"):
        users.check()
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert str(file) in warnings[0]
    written(file, BOTH)
    assert users.irods_user("bob") == "bob"
    users.check()


def test_a_file_that_may_still_be_written_is_left_until_it_is_at_rest(tmp_path: Path) -> None:
    written(file := tmp_path / "users.toml", BOTH)
    now = [0.0]
    users = UsersFile(file, Identities.read, lambda: now[0])
    written(file, "[users]\n")  # half of it
    now[0] = file.stat().st_mtime + AT_REST_S / 2
    assert users.irods_user("ada") == "ada"
    now[0] += AT_REST_S
    with pytest.raises(AccessDenied):
        users.irods_user("ada")


def test_at_the_start_a_broken_file_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "tokens.toml", "[tokens.x]\n")
    with pytest.raises(UsageError):
        TokensFile(tmp_path / "tokens.toml", Tokens.read)


def lines(name: str, token: str) -> str:
    return f'[tokens.{name}]\nsha256 = "{digest_of(token)}"\nscopes = ["read"]\n'


@contextmanager
def agent(folder: Path, tokens: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """As it is at a site, whose two servers are not there; a user ada has signed in."""
    settings = settings_in(folder, monkeypatch)
    written(folder / "tokens.toml", tokens)
    written(folder / "users.toml", BOTH)
    about = settings.agent.model_copy(update={"tokens": folder / "tokens.toml"})
    monkeypatch.setattr("omero_irods_bridge.agent.health.KEPT_S", 0.0)
    with opened(settings.model_copy(update={"agent": about})) as parts:
        app = application(parts)
        with answering(app) as api:
            api.cookies.set("omero_irods", cookie_by(app, "ada"))
            yield api


def test_a_running_agent_follows_both_files_and_tells_of_a_broken_one_in_its_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_token(), new_token()

    def asked_with(token: str) -> int:
        return api.get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}).status_code

    def wrong() -> set[str]:
        answer = api.get("/api/v1/health").json()
        return {one["name"] for one in answer["checks"] if not one["ok"]} - {"OMERO", "iRODS"}

    with agent(tmp_path, lines("first", first), monkeypatch) as api:
        assert (asked_with(first), asked_with(second)) == (200, 401)
        written(tmp_path / "tokens.toml", lines("second", second))
        assert (asked_with(first), asked_with(second)) == (401, 200)
        assert wrong() == set()
        written(tmp_path / "tokens.toml", "[tokens.")
        written(tmp_path / "users.toml", "[users.")
        assert asked_with(second) == 200
        assert wrong() == {"users file", "tokens file"}
        assert "users file" not in api.get("/readyz").json()["title"]
        page = api.get("/health").text
        assert "what it said before holds" in page
        assert "2 files cannot be used" in page
        written(tmp_path / "users.toml", '[users]\nbob = "bob"\n')
        assert_problem(api.get("/api/v1/health"), 403, "access-denied")
