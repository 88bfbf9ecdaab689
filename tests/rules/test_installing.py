"""``omero-irods rules`` installs what is shipped, leaves what others wrote, and sees what is in the way."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from omero_irods_bridge.cli.main import main
from omero_irods_bridge.doctor.rules import rules_of_this_computer
from omero_irods_bridge.model.errors import StalePlan
from omero_irods_bridge.operations import rule_files
from tests.rules.conftest import RULES

PYTHON: Final = "irods_rule_engine_plugin-python"
NATIVE: Final = "irods_rule_engine_plugin-irods_rule_language"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """Folders and server_config.json of an iRODS server with both rule engines."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (tmp_path / "bin").mkdir()
    (etc / "core.py").write_text("from omero_bridge import *\n")
    (etc / "genquery.py").write_text("")
    (etc / "core.re").write_text("pep_api_coll_create_pre(*A, *B, *C) { *A; }\n")
    write_config(tmp_path, engine(PYTHON), engine(NATIVE, re_rulebase_set=["core"]))
    return tmp_path


def engine(plugin: str, **specific: object) -> dict[str, object]:
    return {
        "plugin_name": plugin,
        "instance_name": f"{plugin}-instance",
        "plugin_specific_configuration": specific,
    }


def write_config(server: Path, *engines: object) -> None:
    config = {"plugin_configuration": {"rule_engines": list(engines)}}
    (server / "etc" / "server_config.json").write_text(json.dumps(config))


def run(server: Path, *arguments: str) -> int:
    places = ["--target", str(server / "etc"), "--programs", str(server / "bin")]
    return main(["rules", arguments[0], *places, *arguments[1:]])


def installed(server: Path, language: str = "python") -> Path:
    """The server with rules, settings that name the agent's account, and a way to wake it."""
    assert run(server, "install", "--language", language) == 0
    (server / "bin" / "omero_bridge_wake.conf").write_text("file=/run/wake\n")
    if language == "python":
        (server / "etc" / "omero_bridge_settings.json").write_text('{"service_users": ["bridge#tempZone"]}')
    else:
        settings = server / "etc" / "omero_bridge_settings.re"
        settings.write_text(settings.read_text().replace('{ ";" }', '{ ";bridge#tempZone;" }'))
        bases = ["omero_bridge_settings", "omero_bridge", "core"]
        write_config(server, engine(NATIVE, re_rulebase_set=bases))
    return server


def checked(server: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and what is not well."""
    capsys.readouterr()
    config = str(server / "etc" / "server_config.json")
    status = run(server, "check", "--server-config", config, "--json", *more)
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is (status == 0)
    return status, [one for one in answer["diagnoses"] if one["verdict"] != "ok"]


@pytest.mark.parametrize("language", ["python", "native"])
def test_what_is_installed_is_what_is_shipped_and_passes_the_check(
    server: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    installed(server, language)
    for path in (RULES / language).iterdir():
        if "settings.json" not in path.name and "settings.re" not in path.name and path.is_file():
            assert (server / "etc" / path.name).read_bytes() == path.read_bytes()
    assert (server / "bin" / "omero_bridge_wake").stat().st_mode & 0o777 == 0o755
    assert checked(server, capsys, "--language", language) == (0, [])


def test_a_dry_run_writes_nothing(server: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(server.rglob("*"))
    assert run(server, "install", "--dry-run") == 0
    assert "to install" in capsys.readouterr().out
    assert sorted(server.rglob("*")) == before


def test_it_says_which_lines_the_administrator_has_to_add(
    server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(server, "install")
    said = capsys.readouterr().out
    assert "from omero_bridge import *" in said
    assert '"instance_name": "irods_rule_engine_plugin-python-instance"' in said
    assert (server / "etc" / "core.py").read_text() == "from omero_bridge import *\n"


def test_a_file_that_somebody_changed_stays_unless_it_is_to_be_replaced(server: Path) -> None:
    installed(server)
    changed = server / "etc" / "omero_bridge.py"
    changed.write_text("# mine\n")
    assert run(server, "install") == 3
    assert changed.read_text() == "# mine\n"
    assert run(server, "install", "--replace") == 0
    assert changed.read_bytes() == (RULES / "python" / "omero_bridge.py").read_bytes()


def test_settings_are_never_replaced(server: Path) -> None:
    installed(server)
    before = (server / "etc" / "omero_bridge_settings.json").read_text()
    assert run(server, "install", "--replace") == 0
    assert (server / "etc" / "omero_bridge_settings.json").read_text() == before


def test_a_plan_that_is_no_longer_true_overwrites_nothing(server: Path) -> None:
    files = rule_files.files_of(rule_files.Language.PYTHON, server / "etc", server / "bin")
    steps = rule_files.plan_install(files)
    (server / "etc" / "omero_bridge.py").write_text("# somebody was faster\n")
    with pytest.raises(StalePlan):
        rule_files.apply(steps)
    assert (server / "etc" / "omero_bridge.py").read_text() == "# somebody was faster\n"


def test_folders_that_are_not_there_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    assert main(["rules", "install", "--target", str(tmp_path / "none")]) == 10
    closed = str(tmp_path / ("x" * 300))  # fails as one that may not be looked into
    assert main(["rules", "install", "--target", closed, "--programs", closed]) == 12


def test_what_cannot_be_written_says_who_can(server: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (server / "etc" / "omero_bridge.py").mkdir()
    assert run(server, "install", "--replace") == 12
    assert "Run the command as the account" in capsys.readouterr().err


# -- check


def remove(name: str) -> Callable[[Path], object]:
    return lambda server: (server / "etc" / name).unlink()


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda server: (server / "etc" / name).write_text(text)


OWN_HOOK: Final = "from omero_bridge import *\ndef pep_api_rm_coll_pre(a, c, r): return 0\n"
TROUBLES: Final[dict[str, tuple[str, str, Callable[[Path], object]]]] = {
    "a file is missing": ("problem", "is not there", remove("omero_bridge_catalog.py")),
    "a file was changed": ("problem", "somebody has changed it", write("omero_bridge.py", 'VERSION = "1"\n')),
    "a file is of another version": (
        "problem",
        "version 0 instead of",
        write("omero_bridge.py", 'VERSION = "0"\n'),
    ),
    "a setting is wrong": ("problem", "tell must be", write("omero_bridge_settings.json", '{"tell": 7}')),
    "no account is named": ("warning", "names no account", write("omero_bridge_settings.json", "{}")),
    "core.py is missing": ("problem", "core.py is not there", remove("core.py")),
    "core.py is no Python": ("problem", "is no Python", write("core.py", "def (:")),
    "core.py does not import them": ("problem", "does not import", write("core.py", "import omero_bridge\n")),
    "core.py hides a hook": (
        "problem",
        "line 2: pep_api_rm_coll_pre takes the place",
        write("core.py", OWN_HOOK),
    ),
    "genquery.py is missing": ("problem", "genquery.py is not there", remove("genquery.py")),
    "no server_config.json": ("warning", "No such file", remove("server_config.json")),
    "server_config.json is no JSON": ("problem", "no list of rule engines", write("server_config.json", "{")),
    "no Python plugin": ("problem", "has no rule engine", lambda s: write_config(s, engine(NATIVE))),
    "Python comes second": (
        "warning",
        "the rule language comes before Python",
        lambda s: write_config(s, engine(NATIVE), engine(PYTHON)),
    ),
    "hooks are kept out": (
        "problem",
        "lets these hooks not through: pep_resource_modified_post",
        lambda s: write_config(
            s, engine(PYTHON, regexes_for_supported_peps=["(", "pep_.*_pre", "pep_api_.*"])
        ),
    ),
    "another instance": (
        "problem",
        "our delayed rules go to",
        lambda s: write_config(s, {**engine(PYTHON), "instance_name": "python"}),
    ),
    "nobody is woken": (
        "warning",
        "says no way to tell",
        lambda s: (s / "bin" / "omero_bridge_wake.conf").write_text("# file=\n"),
    ),
    "the program cannot be run": (
        "problem",
        "cannot be executed",
        lambda s: (s / "bin" / "omero_bridge_wake").chmod(0o644),
    ),
}


@pytest.mark.parametrize("what", TROUBLES)
def test_trouble_is_seen_and_comes_with_a_remedy(
    server: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    verdict, text, make = TROUBLES[what]
    make(installed(server))
    status, found = checked(server, capsys)
    assert status == (1 if verdict == "problem" else 0)
    (one,) = [one for one in found if text in one["text"]]
    assert (one["verdict"], bool(one["remedy"])) == (verdict, True)


def test_a_hook_of_the_site_s_own_that_calls_ours_is_well(
    server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "from omero_bridge import *\nimport omero_bridge\ndef pep_api_rm_coll_pre(a, c, r):\n"
    write("core.py", f"{own}    return omero_bridge.pep_api_rm_coll_pre(a, c, r)\n")(installed(server))
    assert checked(server, capsys) == (0, [])


NATIVE_TROUBLES: Final[dict[str, tuple[str, Callable[[Path], object]]]] = {
    "settings that are none": (
        'omeroBridge_TELL = "yes"',
        write("omero_bridge_settings.re", 'omeroBridge_TELL = "yes"\n'),
    ),
    "settings that are missing": (
        "does not say omeroBridge_PROTECT",
        write("omero_bridge_settings.re", 'omeroBridge_PREFIX { "omero::" }\n'),
    ),
    "rule bases that are missing": (
        "re_rulebase_set lacks omero_bridge_settings, omero_bridge",
        lambda s: write_config(s, engine(NATIVE, re_rulebase_set=["core"])),
    ),
    "a hook of the site's own": (
        "core.re has pep_api_rm_coll_pre too",
        write("core.re", "pep_api_rm_coll_pre(*A, *B, *C, *D) { *A; }\n"),
    ),
}


@pytest.mark.parametrize("what", NATIVE_TROUBLES)
def test_trouble_with_the_native_rules_is_seen(
    server: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    text, make = NATIVE_TROUBLES[what]
    make(installed(server, "native"))
    _, found = checked(server, capsys, "--language", "native")
    assert [one for one in found if text in one["text"]]


def test_doctor_looks_at_the_rules_of_the_server_on_this_computer(server: Path) -> None:
    def verdicts() -> set[str]:
        return {one.verdict.value for one in rules_of_this_computer(server / "etc", server / "bin")}

    assert verdicts() == {"warning"}
    installed(server)
    assert verdicts() == {"ok"}
    (server / "etc" / "omero_bridge_catalog.py").unlink()
    assert verdicts() == {"ok", "problem"}
    (server / "etc" / "server_config.json").unlink()
    assert verdicts() == {"skipped"}


# -- the wheel


def test_the_wheel_has_the_rules(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=RULES.parent, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        program = archive.getinfo("omero_irods_bridge/rules/bin/omero_bridge_wake")
    shipped = {
        path.relative_to(RULES)
        for path in RULES.rglob("*")
        if path.is_file() and "__pycache__" not in str(path)
    }
    assert {f"omero_irods_bridge/rules/{path}" for path in shipped} <= names
    assert program.external_attr >> 16 & 0o111
