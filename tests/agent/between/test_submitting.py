"""``--agent``: people hand work over to an agent, as whom they are in OMERO, and see what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.agent.client import AgentClient
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import ExitStatus, Unreachable, UsageError
from omero_irods_bridge.model.jobs import JobState
from omero_irods_bridge.model.objects import ObjectRef
from tests.agent.between.site import TOKEN, MakeUser, Site, User
from tests.wire.cli.conftest import Person


def person(site: Site, folder: Path, user: User, **agent: Any) -> Person:
    """Somebody with his own settings and OMERO password, and no iRODS."""
    folder.mkdir()
    config = folder / "config.toml"
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in agent.items())
    config.write_text(
        f'[omero]\nhost = "{site.server.host}"\nport = {site.server.ssl_port}\nuser = "{user.name}"\n'
        f"[agent]\n{settings}"
    )
    nowhere = {"IRODS_ENVIRONMENT_FILE": str(folder / "nowhere"), "OMERO_IRODS_CONFIG": str(config)}
    return Person(folder, {**nowhere, "OMERO_PASSWORD": user.password})


def test_a_person_hands_over_walks_away_and_comes_back(
    site: Site, make_user: MakeUser, tmp_path: Path
) -> None:
    site.start()
    ada = person(site, tmp_path / "ada", site.user, url=site.address, submit=True)
    packing = ada("pack", site.dataset, "--note", "by hand over")
    assert "Job 1 is queued." in packing.out
    assert f"{site.address}/jobs/1" in packing.out
    watched = ada("jobs", "watch", 1, "--json")
    made = watched.json["job"]["result"]
    assert any(one.get("text") == "Copying" for one in watched.events)
    assert site.jobs.get(1).spec.requested_by == site.user.name

    checked = ada("verify", made["path"], "--data", "--wait", "--json")
    assert checked.json["job"]["result"]["complete"] is True
    other = ada.run("unpack", made["path"], "--group", "system", "--wait", "--json")
    assert other.status == ExitStatus.ACCESS_DENIED
    loaded = ada("unpack", f"irods:{made['path']}", "--wait", "--json")
    assert loaded.json["job"]["result"]["images"] > 0
    cleaned = ada("gc", "--older-than", "1w", "--priority", "0", "--json")
    assert (watched.json["job"]["priority"], cleaned.json["job"]["priority"]) == (5, 0)
    assert (cleaned.json["job"]["kind"], cleaned.json["job"]["work"]["older_than_s"]) == ("gc", 604800)
    assert cleaned.json["job"]["url"].startswith(site.address)
    site.ends(site.jobs.get(cleaned.json["job"]["id"]))

    assert len(ada("jobs", "list", "--json").json["jobs"]) == 5
    assert ada.run("jobs", "retry", 1).status == ExitStatus.USAGE
    ada("jobs", "delete", 1)
    assert ada.run("jobs", "show", 1).status == ExitStatus.NOT_FOUND

    stranger = person(site, tmp_path / "eve", make_user(), url=site.address)
    assert stranger.run("jobs", "show", 2).status == ExitStatus.ACCESS_DENIED
    assert stranger.run("gc", "--agent").status == ExitStatus.ACCESS_DENIED


def test_how_a_job_ends_is_how_the_command_ends(site: Site, tmp_path: Path) -> None:
    site.start()
    ada = person(site, tmp_path / "ada", site.user)
    missing = ada.run("verify", f"/{site.zone.name}/home/none.zip", "--agent", site.address, "--wait")
    assert missing.status == ExitStatus.NOT_FOUND
    assert "none.zip" in missing.err
    here = ada.run("jobs", "show", 1, f"--agent={site.address}", "--json")
    assert (here.json["job"]["state"], here.json["job"]["error"]["code"]) == ("failed", "not-found")
    forged = ada.run("unpack", "file:/tmp/x.zip", "--agent", site.address)
    assert forged.status == ExitStatus.USAGE
    planned = ada.run("pack", ObjectRef(site.dataset.kind, 1), "--agent", site.address, "--dry-run")
    assert planned.status == ExitStatus.USAGE
    assert ada.run("gc", "--wait").status == ExitStatus.USAGE


def test_a_service_hands_over_for_somebody_with_its_token(site: Site, tmp_path: Path) -> None:
    site.start()
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    service = person(site, tmp_path / "service", site.user, url=site.address, token_file=str(token))
    del service.environment["OMERO_PASSWORD"]
    job = service("gc", "--agent", "--json").json["job"]
    assert job["requested_by"] == site.user.name
    site.ends(site.jobs.get(job["id"]))
    assert service.run("jobs", "cancel", job["id"]).status == ExitStatus.ACCESS_DENIED


def test_a_lost_answer_makes_no_second_job(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of the first question is cut off behind its head."""
    site.start()
    client = AgentClient(site.address, {"Authorization": f"Bearer {TOKEN}"})
    asked = {"kind": "gc", "work": {}, "requested_by": site.user.name, "request_id": "once"}
    opened = client._open
    lost: list[bytes] = []

    def lose_first(*given: Any, **more: Any) -> Any:
        answer = opened(*given, **more)
        if not lost:
            lost.append(answer.read())
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(client, "_open", lose_first)
    made = client.submit(asked)
    assert json.loads(lost[0])["id"] == made["id"]
    assert site.ends(site.jobs.get(made["id"])).state is JobState.DONE


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["pack", "Image:1", "--priority", "0"], "--priority is for work that the agent does."),
        (["verify", "/zone/a.zip", "--agent=no", "--priority", "0"], "--priority is for work that"),
        (["unpack", "/zone/a.zip", "--agent", "--priority", "10"], "from 0, the first, to 9"),
        (["pack", "Image:1", "--agent", "--priority", "high"], "valid integer"),
    ],
)
def test_a_priority_is_that_of_a_job_and_a_number(
    arguments: list[str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(arguments) == ExitStatus.USAGE
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://agent.example.org", "ftp://localhost", "agent", "http://10.0.0.1:8640"]
)
def test_a_session_is_sent_to_nobody_in_the_clear(url: str) -> None:
    with pytest.raises(UsageError):
        AgentClient(url, {})


def test_an_agent_that_is_not_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        AgentClient("http://127.0.0.1:9", {}).get(1)


@pytest.mark.parametrize(
    "arguments", [["pack", "Image:1", "--agent"], ["gc", "--agent", "http://h", "--wait"]]
)
def test_an_agent_beyond_a_network_in_the_clear_is_refused_before_omero_is_asked(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OMERO_IRODS_AGENT__URL", "http://agent.example.org:8640")
    assert main(arguments) == ExitStatus.USAGE
    assert "not encrypted" in capsys.readouterr().err
