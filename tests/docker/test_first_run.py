"""The first run of the sandbox makes the accounts that the agent needs; played with the embedded servers."""

from __future__ import annotations

import importlib.util
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import omero.gateway
import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.operations.install_scripts import list_installed
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.irods_zone.conftest import zone  # noqa: F401
from tests.wire.omero_server.conftest import server  # noqa: F401

FILE = Path(__file__).parents[2] / "sandbox" / "docker" / "first_run" / "first_run.py"
PASSWORD = "a password"


@pytest.fixture(scope="module")
def first_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("first_run", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["first_run"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(
    first_run: ModuleType,
    zone: Zone,  # noqa: F811
    server: OmeroServer,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """After two runs, the second of which found everything."""
    made = first_run.Site(
        irods_host=zone.host,
        irods_port=zone.port,
        zone=zone.name,
        irods_admin=zone.config.admin,
        irods_password=zone.password,
        omero_host=server.host,
        omero_port=server.ssl_port,
        omero_password=server.root_password,
        password=PASSWORD,
        folder=tmp_path_factory.mktemp("agent"),
        agent="http://agent:8640",
    )
    first_run.set_up(made)
    first_run.set_up(made)
    return made


def test_the_agents_account_in_omero_may_become_somebody_and_nothing_else(
    site: Any, first_run: ModuleType
) -> None:
    gateway = omero.gateway.BlitzGateway(
        first_run.SERVICE, PASSWORD, host=site.omero_host, port=site.omero_port, secure=True
    )
    assert gateway.connect()
    try:
        assert gateway.getCurrentAdminPrivileges() == ["Sudo"]
        ada = gateway.suConn(first_run.PEOPLE[0])
        assert ada.getUser().getName() == first_run.PEOPLE[0]
        ada.close()
    finally:
        gateway.close()


def test_the_agents_account_in_irods_may_act_for_the_owner_of_the_inbox(
    site: Any, first_run: ModuleType
) -> None:
    with iRODSSession(
        host=site.irods_host,
        port=site.irods_port,
        user=first_run.SERVICE,
        password=PASSWORD,
        zone=site.zone,
        client_user=first_run.PEOPLE[0],
    ) as session:
        avus = session.collections.get(site.inbox).metadata.items()
    told = {(one.name, one.value) for one in avus}
    assert told == {("omero::ingest", "in-place"), ("omero::ingest_user", first_run.PEOPLE[0])}


def test_who_did_not_exist_before_can_log_in_afterwards(site: Any, first_run: ModuleType) -> None:
    for name in first_run.PEOPLE:
        gateway = omero.gateway.BlitzGateway(
            name, PASSWORD, host=site.omero_host, port=site.omero_port, secure=True
        )
        assert gateway.connect()
        assert gateway.getGroupFromContext().getName() == first_run.GROUP
        gateway.close()


def test_the_scripts_are_there_and_lead_to_the_agent(site: Any) -> None:
    login = UserPassword(site.omero_host, "root", site.omero_password, site.omero_port)
    with connect(login, secure=False) as connection:
        found = list_installed(OmeroScripts(connection))
    assert len(found) == 3
    assert {(one.agent, one.is_changed) for one in found} == {("http://agent:8640", False)}


def test_the_first_person_looks_after_the_agent(site: Any, first_run: ModuleType) -> None:
    identities = Identities.read(site.folder / "users.toml")
    assert identities.is_admin(first_run.PEOPLE[0])
    assert not identities.is_admin(first_run.PEOPLE[1])


def test_secrets_of_the_agent_are_for_its_own_eyes(site: Any) -> None:
    for name in ("omero-password", "irodsA", "pgpass"):
        assert stat.S_IMODE((site.folder / name).stat().st_mode) == 0o600


def test_a_server_that_is_not_up_yet_is_asked_again(first_run: ModuleType) -> None:
    answers = iter([ConnectionError("not yet"), None])
    asked = []

    def act() -> None:
        asked.append(1)
        answer = next(answers)
        if answer is not None:
            raise answer

    first_run.patiently(act, pause_s=0)
    assert len(asked) == 2


def test_a_server_that_stays_away_is_told_as_it_is(first_run: ModuleType) -> None:
    def act() -> None:
        raise ConnectionError("nobody there")

    with pytest.raises(ConnectionError, match="nobody there"):
        first_run.patiently(act, patience_s=0, pause_s=0)
