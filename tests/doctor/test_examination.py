"""Each line of ``omero-irods doctor``: what it says when all is well, and when the thing is broken."""

from __future__ import annotations

import json
import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from irods.models import DataObject
from irods.session import iRODSSession

from omero_irods_bridge.doctor import server as server_checks
from omero_irods_bridge.doctor import zone as zone_checks
from omero_irods_bridge.doctor.diagnosis import Verdict
from omero_irods_bridge.doctor.folders import PROBE
from omero_irods_bridge.operations.official_scripts import FOLDER, NAMES
from omero_irods_bridge.wiring import open_connection
from tests.doctor.conftest import Site, answering, is_problem, is_warning
from tests.wire.omero_server.conftest import MakeUser

Usage = namedtuple("Usage", "total used free")
NOBODY = 1  # a port at which nobody listens


def test_a_site_that_is_well_gets_no_remedy(site: Site) -> None:
    found = site.examine()
    assert [one for one in found if one.remedy] == []
    well = {one.check for one in found if one.verdict is Verdict.OK}
    assert well >= {
        "users file", "irods", "irods version", "irods encryption", "irods checksums", "omero",
        "omero version", "omero disk", "clocks", "agent", "agent in omero", "agent in irods", "users",
        "agent disk", "paths", "omero repository", "scripts",
    }  # fmt: skip


def test_nothing_stays_in_irods(site: Site, session: iRODSSession) -> None:
    site.examine()
    names = [row[DataObject.name] for row in session.query(DataObject.name)]
    assert [name for name in names if PROBE in name] == []


def test_without_an_agent_its_lines_are_left_out(site: Site) -> None:
    del site.tree["agent"]
    assert {one.verdict for one in site.of("agent")} == {Verdict.SKIPPED}
    assert site.of("agent in omero") == []


# -- iRODS


def test_a_missing_environment_is_a_problem(site: Site) -> None:
    site.environment.unlink()
    assert is_problem(site.only("irods"))
    assert "iinit" in site.only("irods").remedy


def test_a_wrong_password_of_irods_is_a_problem(site: Site) -> None:
    site.as_in_irods(site.zone.config.admin, "wrong")
    assert is_problem(site.only("irods"))


def test_an_irods_that_is_down_is_a_problem_and_the_rest_is_still_looked_at(site: Site) -> None:
    known = json.loads(site.environment.read_text())
    site.environment.write_text(json.dumps({**known, "irods_port": NOBODY}))
    found = {one.check: one for one in site.examine()}
    assert is_problem(found["irods"])
    assert found["omero"].verdict is Verdict.OK
    assert found["paths"].verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((4, 2, 8), Verdict.PROBLEM),
        ((4, 2, 12), Verdict.WARNING),
        ((4, 3, 1), Verdict.WARNING),
        ((4, 3, 2), Verdict.OK),
        ((5, 0, 2), Verdict.OK),
    ],
)
def test_an_old_irods_is_told(version: tuple[int, ...], verdict: Verdict) -> None:
    (found,) = zone_checks.version(version)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("host", "is_encrypted", "verdict"),
    [
        ("irods.example.org", False, Verdict.WARNING),
        ("10.0.0.7", False, Verdict.WARNING),
        ("irods.example.org", True, Verdict.OK),
        ("localhost", False, Verdict.OK),
        ("127.0.0.1", False, Verdict.OK),
        ("::1", False, Verdict.OK),
    ],
)
def test_what_leaves_this_computer_should_be_encrypted(
    host: str, is_encrypted: bool, verdict: Verdict
) -> None:
    (found,) = zone_checks.encryption(host, is_encrypted=is_encrypted)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("scheme", "verdict"), [("SHA256", Verdict.OK), ("MD5", Verdict.WARNING), ("", Verdict.WARNING)]
)
def test_a_zone_that_computes_other_checksums_is_told(scheme: str, verdict: Verdict) -> None:
    (found,) = zone_checks.checksums(scheme)
    assert found.verdict is verdict


# -- OMERO


def test_a_wrong_password_of_omero_is_a_problem(site: Site) -> None:
    site.password_file.write_text("wrong")
    assert is_problem(site.only("omero"))


def test_a_password_that_others_can_read_is_a_problem(site: Site) -> None:
    site.password_file.chmod(0o644)
    assert "chmod 600" in site.only("omero").remedy


def test_an_omero_that_is_down_is_a_problem_and_the_rest_is_still_looked_at(site: Site) -> None:
    site.tree["omero"]["port"] = NOBODY
    found = {one.check: one for one in site.examine()}
    assert is_problem(found["omero"])
    assert found["paths"].verdict is Verdict.OK
    assert "omero repository" not in found


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("5.5.1-ice36", Verdict.PROBLEM), ("5.6.16-ice36", Verdict.OK), ("6.0.0", Verdict.WARNING)],
)
def test_an_omero_that_the_bridge_does_not_know_is_told(version: str, verdict: Verdict) -> None:
    (found,) = server_checks.version(version)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("free", "verdict"), [(10**8, Verdict.PROBLEM), (5 * 10**9, Verdict.WARNING), (10**12, Verdict.OK)]
)
def test_a_full_disk_of_omero_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    usage = Usage(10**13, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)  # the embedded server asks it too
    assert site.only("omero disk").verdict is verdict
    assert site.only("agent disk").verdict is verdict


# -- clocks


def test_a_clock_of_omero_that_is_wrong_is_told(site: Site) -> None:
    site.server.clock.advance(3600)
    (found,) = site.of("clocks")
    assert is_warning(found)
    assert "OMERO is 3,60" in found.text
    assert "ahead" in found.text


def test_a_clock_of_irods_that_is_wrong_is_told() -> None:
    (found,) = server_checks.clocks({"iRODS": -120.0})
    assert is_warning(found)
    assert "iRODS is 120 s behind" in found.text


def test_how_long_somebody_takes_to_type_a_password_is_no_fault_of_a_clock(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time

    def slowly(*arguments: Any) -> Any:
        """The same clock for all, five minutes later."""
        monkeypatch.setattr("time.time", lambda: real() + 300)
        return open_connection(*arguments)

    monkeypatch.setattr("omero_irods_bridge.doctor.examination.open_connection", slowly)
    assert site.only("clocks").verdict is Verdict.OK


# -- the agent's accounts


def test_an_account_that_may_not_act_for_others_in_omero_is_a_problem(
    site: Site, make_user: MakeUser
) -> None:
    ordinary = make_user()
    site.tree["omero"]["user"] = ordinary.name
    site.password_file.write_text(ordinary.password)
    assert is_problem(site.only("agent in omero"))


def test_an_account_that_may_do_more_in_omero_is_told(site: Site, make_user: MakeUser) -> None:
    mighty = make_user(privileges=["Sudo", "DeleteOwned"])
    site.tree["omero"]["user"] = mighty.name
    site.password_file.write_text(mighty.password)
    found = site.only("agent in omero")
    assert is_warning(found)
    assert "DeleteOwned" in found.text


def test_an_account_that_may_not_act_for_others_in_irods_is_a_problem(
    site: Site, session: iRODSSession
) -> None:
    session.users.create("plain", "rodsuser")
    session.users.modify("plain", "password", "a password")
    site.as_in_irods("plain", "a password")
    assert is_problem(site.only("agent in irods"))
    session.users.remove("plain")


def test_a_users_file_that_is_wrong_is_a_problem(site: Site) -> None:
    Path(site.tree["agent"]["users"]).write_text("[users]\nada = 7\n")
    assert is_problem(site.only("users file"))


def test_a_users_file_that_lets_nobody_in_is_a_problem(site: Site) -> None:
    Path(site.tree["agent"]["users"]).write_text("[users]\n")
    assert is_problem(site.only("users"))


def test_names_that_one_side_does_not_know_are_told(site: Site) -> None:
    lines = f'{site.user} = "nobody-in-irods"\nnobody-in-omero = "{site.user}"\n'
    Path(site.tree["agent"]["users"]).write_text(f"[users]\n{lines}")
    found = site.of("users")
    assert all(is_warning(one) for one in found)
    assert [one.text for one in found] == [
        "nobody-in-omero is no user of OMERO",
        "nobody-in-irods is no user of iRODS",
    ]


# -- paths


def mapped(site: Site, folder: Path) -> None:
    site.tree["paths"] = {rule: str(folder) for rule in site.tree["paths"]}


def test_a_mapping_to_a_folder_without_the_files_is_a_problem(site: Site, tmp_path: Path) -> None:
    mapped(site, tmp_path)
    found = site.only("paths")
    assert is_problem(found)
    assert "does not appear" in found.text


def test_a_mapping_to_other_files_of_the_same_names_is_a_problem(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hex:
        hex = "same"

    home = tmp_path / "home" / site.zone.config.admin
    home.mkdir(parents=True)
    (home / f"{PROBE}same").write_text("another")
    monkeypatch.setattr("omero_irods_bridge.doctor.folders.uuid.uuid4", Hex)
    mapped(site, tmp_path)
    found = site.only("paths")
    assert is_problem(found)
    assert "another file" in found.text


def test_a_mapping_that_cannot_be_read_is_a_problem(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = site.only("paths")
    assert is_problem(found)
    assert "Permission denied" in found.text


def test_a_mapping_of_a_resource_that_gets_nothing_is_told(site: Site, tmp_path: Path) -> None:
    site.tree["paths"] = {"anotherResc:/vault": str(tmp_path)}
    found = site.only("paths")
    assert is_warning(found)
    assert "not proved" in found.text


def test_a_logical_mapping_is_proved_too(site: Site, tmp_path: Path) -> None:
    vault = next(iter(site.tree["paths"].values()))
    site.tree["paths"] = {f"/{site.zone.name}/home": str(Path(vault) / "home")}
    assert site.only("paths").verdict is Verdict.OK


def test_a_mount_at_another_path_is_looked_at_there(site: Site) -> None:
    vault = next(iter(site.tree["paths"].values()))
    mapped(site, Path("/on/the/server"))
    assert is_problem(site.only("paths"))
    site.tree["mounts"] = {"/on/the/server": vault}
    assert site.only("paths").verdict is Verdict.OK


def test_a_repository_that_is_not_mounted_is_a_problem(site: Site, tmp_path: Path) -> None:
    site.tree["omero"]["managed_repository"] = str(tmp_path / "not here")
    found = site.only("omero repository")
    assert is_problem(found)
    assert "is not there" in found.text


def test_a_repository_that_may_not_be_written_is_a_problem(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_irods_bridge.doctor.folders.os.access", lambda *_: False)
    found = site.only("omero repository")
    assert is_problem(found)
    assert "may not be written" in found.text


# -- the agent here


def test_a_database_that_cannot_be_written_is_a_problem(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omero_irods_bridge.doctor.local.os.access", lambda *_: False)
    assert is_problem(site.only("agent disk"))


def test_a_database_in_postgresql_is_left_to_itself(site: Site) -> None:
    site.tree["agent"]["database"] = "postgresql://bridge@db/bridge"
    assert site.only("agent disk").verdict is Verdict.SKIPPED


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.OK), (503, Verdict.PROBLEM)])
def test_it_is_told_whether_the_agent_is_well(site: Site, status: int, verdict: Verdict) -> None:
    with answering(status) as there:
        site.tree["agent"]["listen"] = f"127.0.0.1:{there.server_port}"
        assert site.only("agent").verdict is verdict
        there.shutdown()


def test_an_agent_that_does_not_run_is_told_without_tokens_too(site: Site) -> None:
    assert "tokens" not in site.tree["agent"]
    site.tree["agent"]["listen"] = f"127.0.0.1:{NOBODY}"
    found = site.only("agent")
    assert is_warning(found)
    assert found.text.startswith(f"nobody answers at http://127.0.0.1:{NOBODY} (")
    assert "omero-irods agent run" in found.remedy


def test_who_only_asks_an_agent_learns_that_nobody_answers(site: Site, agent_address: str) -> None:
    site.tree["agent"] = {"url": f"http://{agent_address}"}
    assert site.only("agent").verdict is Verdict.OK
    site.tree["agent"] = {"url": f"http://127.0.0.1:{NOBODY}/irods"}
    found = site.only("agent")
    assert is_warning(found)
    assert f"http://127.0.0.1:{NOBODY}/irods" in found.text
    assert "agent.url" in found.remedy


# -- the scripts


def test_scripts_that_are_not_installed_are_told(site: Site) -> None:
    for name in NAMES[:2]:
        site.scripts.remove(FOLDER + name)
    found = site.only("scripts")
    assert is_warning(found)
    assert "lacks 2 of 3" in found.text


def test_scripts_that_lead_to_another_agent_are_told(site: Site) -> None:
    site.install_scripts("https://old.example.org")
    found = site.of("scripts")
    assert all(is_warning(one) for one in found)
    assert all("leads to https://old.example.org" in one.text for one in found)
    assert len(found) == 3


def test_a_script_that_somebody_has_changed_is_told(site: Site) -> None:
    path = FOLDER + NAMES[0]
    site.scripts.write(path, f"{site.scripts.read(path)}\n# mine\n")
    found = site.only("scripts")
    assert is_warning(found)
    assert f"somebody has changed {path}" in found.text


def test_a_script_of_another_version_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omero_irods_bridge.doctor.scripts.__version__", "99")
    found = site.of("scripts")
    assert all(is_warning(one) for one in found)
    assert "this is 99" in found[0].text


def test_without_omero_nobody_looks_for_scripts(site: Site) -> None:
    site.tree["omero"]["port"] = NOBODY
    assert site.only("scripts").verdict is Verdict.SKIPPED
