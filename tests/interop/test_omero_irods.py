"""Row S2: ``omero irods ...`` does what ``omero-irods ...`` does, over the session of the omero command."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from irods.password_obfuscation import encode

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.cli.omero_session import VERBS
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.snapshot import from_avus
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.images import write_tiff
from tests.interop.omero_command import Finished, OmeroCommand
from tests.wire.bridge_irods.conftest import store  # noqa: F401
from tests.wire.irods_zone.conftest import zone  # noqa: F401
from tests.wire.omero_server.conftest import User

Run = Callable[..., Finished]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def irods(omero: OmeroCommand, zone: Zone) -> Run:  # noqa: F811
    """``omero irods ARGUMENTS``, whatever it ends with."""
    password = omero.folder / "irodsA"
    password.write_text(encode(zone.password))

    def run(*arguments: object, **environment: str) -> Finished:
        return omero.run(
            "irods",
            *arguments,
            IRODS_ENVIRONMENT_FILE=str(zone.environment_file),
            IRODS_AUTHENTICATION_FILE=str(password),
            XDG_CONFIG_HOME=str(omero.folder / "config"),
            **environment,
        )

    return run


def imported(omero: OmeroCommand, name: str) -> str:
    return omero("import", write_tiff(omero.folder / name)).out.strip()


def test_the_verbs_work_over_the_session_of_omero_login_which_stays_open(
    omero: OmeroCommand,
    irods: Run,
    store: IrodsStore,  # noqa: F811
    server: OmeroServer,
    user: User,
) -> None:
    image = imported(omero, "one.tif")
    sessions = len(server.sessions.all())
    # a password in the environment is for omero-irods: here the session counts
    packed = irods("pack", image, "--to", f"{store.home}/verbs.zip", "--json", OMERO_PASSWORD="wrong")
    assert packed.status == ExitStatus.DONE, packed
    path = json.loads(packed.out)["snapshot"]["path"]
    description = from_avus(store.avus(path))
    assert description is not None
    assert (description.packed_by, description.sources) == (user.name, (image,))

    assert path in irods("list").out
    assert irods("verify", path).status == ExitStatus.DONE
    loaded = irods("unpack", path, "--json")
    assert loaded.status == ExitStatus.DONE, loaded
    load = json.loads(loaded.out)["loaded"]["load"]
    # nor does a file of it count, such as that of an agent, which its users may not read
    assert load in irods("loads", OMERO_IRODS_OMERO__PASSWORD_FILE="/none/of/ours").out
    assert irods("undo", load).status == ExitStatus.DONE
    assert len(server.sessions.all()) == sessions
    omero("hql", "select count(i) from Image i", "-q")  # the session is as good as before


def test_errors_have_the_statuses_of_omero_irods_and_name_this_command(irods: Run) -> None:
    missing = irods("show", "/no/such/snapshot.zip")
    assert missing.status == ExitStatus.NOT_FOUND
    wrong = irods("pack", "Nothing")
    assert wrong.status == ExitStatus.USAGE
    unknown = irods("pack", "--colour")
    assert unknown.status == ExitStatus.USAGE
    assert "omero irods pack --help" in unknown.errors
    for others in ("agent", "jobs", "settings"):
        assert irods(others).status == ExitStatus.USAGE
    elsewhere = irods("pack", "Image:1", "--server", "elsewhere.example.org")
    assert elsewhere.status == ExitStatus.USAGE
    assert "omero irods -s HOST" in elsewhere.errors


def test_help_names_the_command_and_all_verbs(irods: Run) -> None:
    assert "Usage: omero irods pack" in irods("pack", "--help").out
    for told in (irods("--help").out, irods().out):
        assert [verb for verb in VERBS if verb not in told] == []


def test_who_is_not_logged_in_gets_the_words_of_the_omero_command(omero: OmeroCommand, irods: Run) -> None:
    omero("logout")
    finished = irods("loads")
    assert finished.status != ExitStatus.DONE
    assert "Traceback" not in finished.errors
    assert "cannot request server" in finished.errors


def test_the_wheel_brings_the_plugin_and_nothing_else_of_omero(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.startswith("omero/")] == ["omero/plugins/irods.py"]
    assert "omero_irods_bridge/omero_scripts/Save_to_iRODS.py" in names
