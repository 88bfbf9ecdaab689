"""``omero-irods init``: a settings file that the bridge reads, and nothing overwritten."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.agent.http.tokens import Tokens
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.first_settings import Answers, settings_text
from omero_irods_bridge.model.errors import ExitStatus, UsageError
from omero_irods_bridge.settings import load

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@given(host=TEXT, user=TEXT, folder=TEXT)
def test_what_was_answered_is_what_is_set(host: str, user: str, folder: str) -> None:
    answers = Answers(omero_host=host, omero_user=user, paths={f"/zone/{folder}": f"/mnt/{folder}"})
    found = tomllib.loads(settings_text(answers))
    assert found["omero"] == {name: value for name, value in (("host", host), ("user", user)) if value}
    assert found["paths"] == answers.paths


def test_each_line_that_is_commented_out_could_be_set() -> None:
    text = settings_text(Answers(agent_folder=Path("/etc/bridge")))
    lines = [line.removeprefix("# ") if " = " in line else line for line in text.splitlines()]
    assert tomllib.loads("\n".join(lines))["paths"] == {"demoResc:/var/lib/irods/Vault": "/mnt/vault"}


def test_an_answer_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be"):
        settings_text(Answers(paths={"no path": "/mnt"}))


def test_the_file_is_read_by_the_bridge(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    assert main(["init", "--file", str(file), "--server", "omero.example.org", "--path", "r:/v=/mnt"]) == 0
    settings = load(file).settings
    assert (settings.omero.host, dict(settings.paths)) == ("omero.example.org", {"r:/v": Path("/mnt")})


def test_the_files_of_an_agent_are_what_the_agent_reads(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    assert main(["init", "--file", str(file), "--server", "o", "--user", "bridge", "--agent"]) == 0
    agent = load(file).settings.agent
    assert agent.users is not None
    assert agent.tokens is not None
    assert Identities.read(agent.users).exact == {}
    Tokens.read(agent.tokens)


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    users = tmp_path / "users.toml"
    users.write_text("mine")
    file = tmp_path / "config.toml"
    assert main(["init", "--file", str(file), "--agent"]) == ExitStatus.FAILED
    assert users.read_text() == "mine"
    assert not file.exists()
    assert f"{users} is there already" in capsys.readouterr().err


def test_a_trial_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.toml"
    assert main(["init", "--file", str(file), "--server", "o", "--dry-run"]) == 0
    assert not file.exists()
    assert 'host = "o"' in capsys.readouterr().out


@pytest.mark.parametrize("text", ["nothing", "=x", "x=", ""])
def test_a_mapping_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    arguments = ["init", "--file", str(tmp_path / "config.toml"), "--path", text]
    assert main(arguments) == ExitStatus.USAGE


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("file", "x" * 300):
        assert main(["init", "--file", str(tmp_path / folder / "config.toml")]) == ExitStatus.ACCESS_DENIED
        assert "cannot be written" in capsys.readouterr().err
