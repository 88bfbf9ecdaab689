"""A zone that runs the rule files as they are shipped, beside hooks of a site's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from irods.meta import iRODSMeta
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.conftest import connect, home, make_user, sample, session

__all__ = ["home", "make_user", "sample", "session"]

RULES = Path(__file__).parents[2] / "rules"
SERVICE = "bridge#tempZone"
CORE = """\
from omero_bridge import *

import omero_bridge

def pep_api_coll_create_pre(rule_args, callback, rei):
    return 5000000

def pep_api_data_obj_unlink_pre(rule_args, callback, rei):
    if str(rule_args[2].objPath).endswith("site-keeps-this"):
        callback.msiExit("-818000", "the site says no")
    return omero_bridge.pep_api_data_obj_unlink_pre(rule_args, callback, rei)
"""


def ruled(root: Path, *, core: str = CORE, settings: str | None = None) -> ZoneConfig:
    """A zone with its own copy of the rules, as an administrator installs them."""
    etc, programs = root / "etc", root / "msiExecCmd_bin"
    shutil.copytree(RULES / "python", etc)
    shutil.copytree(RULES / "bin", programs)
    (etc / "core.py").write_text(core)
    own = json.dumps({"service_users": [SERVICE], "wake_after_s": 1})
    (etc / "omero_bridge_settings.json").write_text(own if settings is None else settings)
    (programs / "omero_bridge_wake.conf").write_text(f"file={root}/woken\n")
    return ZoneConfig(root=root / "zone", rules=etc / "core.py", exec_bin=programs, delay_interval_s=0.05)


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    with running_zone(ruled(tmp_path_factory.mktemp("bridge"))) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults_left(zone: Zone) -> Iterator[None]:
    yield
    zone.faults.clear()


@pytest.fixture
def inbox(session: iRODSSession, home: str) -> str:
    """A collection that opted in."""
    session.collections.get(home).metadata.add("omero::ingest", "in-place")
    return home


@pytest.fixture
def linked(session: iRODSSession, home: str) -> str:
    """A data object that OMERO links in place."""
    path = f"{home}/below/linked"
    session.collections.create(f"{home}/below")
    do.write(session, path, b"kept")
    add_avus(session, path, linked="in-place", image="12")
    return path


@pytest.fixture
def service(zone: Zone, session: iRODSSession) -> Iterator[iRODSSession]:
    """The bridge's own account."""
    if not zone.catalog.users.find("bridge", zone.name):
        session.users.create("bridge", "rodsadmin")
        session.users.modify("bridge", "password", "bridge-pw")
    with connect(zone, "bridge", "bridge-pw") as opened:
        yield opened


def add_avus(session: iRODSSession, path: str, **values: str) -> None:
    metadata = session.data_objects.get(path).metadata
    for name, value in values.items():
        metadata.add(iRODSMeta(f"omero::{name}", value))


def states(zone: Zone, path: str) -> list[str]:
    """Values of ``omero::ingest_state`` of a data object."""
    return [value for name, value, _ in avus(zone, path) if name == "omero::ingest_state"]


def avus(zone: Zone, path: str) -> list[tuple[str, str, str]]:
    """From the catalog: clients cannot ask for every name."""
    return zone.catalog.metadata.of(zone.catalog.object_id(path))
