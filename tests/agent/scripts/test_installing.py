"""``omero-irods scripts``: into OMERO and out of it again, without losing what somebody has changed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_irods_bridge import __version__
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import ExitStatus, StalePlan, UsageError
from omero_irods_bridge.operations import install_scripts
from omero_irods_bridge.operations.official_scripts import (
    FOLDER,
    AgentAddress,
    agent_of,
    is_as_installed,
    script_texts,
    version_of,
)
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.between.site import MakeUser, User
from tests.wire.cli.conftest import Finished

URL = "https://irods-agent.example.org/omero"
SAVE = f"{FOLDER}Save_to_iRODS.py"


Run = Callable[..., Finished]


@pytest.fixture
def run(
    server: OmeroServer,
    tmp_path: Path,
    scripts: OmeroScripts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """``omero-irods scripts ARGUMENTS``, as root unless another one is named; whatever it ends with."""
    config = tmp_path / "config.toml"
    config.write_text(f'[omero]\nhost = "{server.host}"\nport = {server.ssl_port}\n')
    monkeypatch.setenv("OMERO_IRODS_CONFIG", str(config))

    def command(*arguments: str, user: str = "root", password: str = server.root_password) -> Finished:
        monkeypatch.setenv("OMERO_PASSWORD", password)
        status = main(["scripts", *arguments, "--user", user])
        said = capsys.readouterr()
        return Finished(status, said.out, said.err)

    return command


def actions(finished: Finished) -> list[str]:
    return [one["action"] for one in finished.json["scripts"]]


def test_they_are_installed_once_updated_and_removed(run: Run, scripts: OmeroScripts) -> None:
    assert actions(run("install", "--agent", URL, "--dry-run", "--json")) == ["install"] * 3
    assert scripts.read(SAVE) is None
    first = run("install", "--agent", URL)
    assert first.out.splitlines()[0] == f"{SAVE}: installed"
    assert actions(run("install", "--agent", URL, "--json")) == ["keep"] * 3
    listed = run("list", "--json").json["scripts"]
    assert [(one["version"], one["agent"], one["is_changed"]) for one in listed] == [
        (__version__, URL, False)
    ] * 3

    assert actions(run("install", "--agent", URL + "2", "--json")) == ["update"] * 3
    assert agent_of(scripts.read(SAVE) or "") == URL + "2"
    assert actions(run("remove", "--json")) == ["remove"] * 3
    assert scripts.read(SAVE) is None
    assert run("remove", "--json").json["scripts"] == []
    assert "None of our scripts" in run("list").err


def test_what_somebody_has_changed_stays_until_it_is_named(run: Run, scripts: OmeroScripts) -> None:
    run("install", "--agent", URL)
    theirs = (scripts.read(SAVE) or "").replace("Follow the job", "Follow our job")
    scripts.write(SAVE, theirs)

    again = run("install", "--agent", URL, "--json")
    assert (again.status, actions(again)) == (ExitStatus.PARTIAL, ["leave", "keep", "keep"])
    removed = run("remove", "--json")
    assert (removed.status, actions(removed)) == (ExitStatus.PARTIAL, ["leave", "remove", "remove"])
    assert scripts.read(SAVE) == theirs

    assert actions(run("install", "--agent", URL, "--replace", "--json"))[0] == "replace"
    assert is_as_installed(scripts.read(SAVE) or "")


def test_a_script_that_changes_under_the_plan_is_not_overwritten(scripts: OmeroScripts) -> None:
    texts = script_texts(AgentAddress(URL))
    steps = install_scripts.plan_install(texts, scripts)
    scripts.write(SAVE, texts[SAVE] + "# theirs\n")
    with pytest.raises(StalePlan):
        install_scripts.apply(steps, scripts)
    assert (scripts.read(SAVE) or "").endswith("# theirs\n")


def test_an_ordinary_user_is_told_who_may(run: Run, user: User) -> None:
    finished = run("install", "--agent", URL, user=user.name, password=user.password)
    assert finished.status == ExitStatus.ACCESS_DENIED
    assert "WriteScriptRepo" in finished.err


def test_a_light_administrator_with_these_privileges_may(
    run: Run, make_user: MakeUser, scripts: OmeroScripts
) -> None:
    light = make_user(privileges=["WriteScriptRepo", "DeleteScriptRepo"])
    theirs = {"user": light.name, "password": light.password}
    assert actions(run("install", "--agent", URL, "--json", **theirs)) == ["install"] * 3
    assert actions(run("remove", "--json", **theirs)) == ["remove"] * 3


# -- the text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agent.example.org",
        "ftp://a",
        "https://",
        "https://a:99999",
        "https://a:0",
        "https://user:secret@a",
        "https://a/?x=1",
        "https://a/#x",
        'https://a/"\nimport os',
        "https://a/{x}",
        "https://a\\",
        "https://[::1",
        "https://ä.example",
        "http://agent.example.org",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1:8640",
    ],
)
def test_what_could_end_the_line_or_leak_a_session_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        AgentAddress.parse(text)


def test_addresses_with_tls_of_this_computer_or_allowed_are_taken() -> None:
    for text in (
        URL,
        "http://localhost:8640",
        "http://127.0.0.1:8640/",
        "http://[::1]:8640",
        "https://10.0.0.1",
    ):
        assert AgentAddress.parse(text).url == text.rstrip("/")
    assert AgentAddress.parse("http://agent:8640", allow_http=True).url == "http://agent:8640"


def test_each_script_is_one_file_of_the_standard_library_and_omero_for_older_pythons() -> None:
    for text in script_texts(AgentAddress(URL)).values():
        text.encode("ascii")
        tree = ast.parse(text, feature_version=(3, 9))
        imported = {
            (one.module if isinstance(one, ast.ImportFrom) else one.names[0].name) or ""
            for one in ast.walk(tree)
            if isinstance(one, (ast.Import, ast.ImportFrom))
        }
        roots = {name.partition(".")[0] for name in imported}
        assert roots - {"omero"} <= sys.stdlib_module_names
        assert (agent_of(text), version_of(text)) == (URL, __version__)
        assert text.count('VERSION = "') == 1


def test_a_text_is_ours_as_long_as_nobody_changes_it() -> None:
    text = script_texts(AgentAddress(URL))[SAVE]
    assert is_as_installed(text)
    assert is_as_installed(text.replace("\n", "\r\n") + "\n\n")
    assert not is_as_installed(text.replace(URL, "https://elsewhere.example.org"))
    assert not is_as_installed(text + "x = 1\n")
    assert not is_as_installed(text.partition("\n")[2])
    assert (version_of("# theirs\n"), agent_of("")) == ("", "")
