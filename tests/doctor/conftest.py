"""A site that is well; tests break one thing of it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_bridge.adapters.omero.connection import connect as log_in
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.doctor.diagnosis import Diagnosis, Verdict
from omero_irods_bridge.doctor.examination import examine
from omero_irods_bridge.operations.install_scripts import apply, plan_install
from omero_irods_bridge.operations.official_scripts import AgentAddress, script_texts
from omero_irods_bridge.settings import Settings
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.irods_zone.conftest import _no_faults_left as _no_faults_in_the_zone  # noqa: F401
from tests.wire.irods_zone.conftest import session, zone  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    MakeUser,
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    root,
    server,
    user,
)


@dataclass
class Site:
    """Settings as a tree, to be changed before :meth:`examine`."""

    folder: Path
    zone: Zone
    server: OmeroServer
    tree: dict[str, Any]
    user: str
    password_file: Path
    doors: ExitStack

    @property
    def environment(self) -> Path:
        return self.folder / "irods_environment.json"

    @property
    def secret(self) -> Path:
        return self.folder / "irodsA"

    @property
    def scripts(self) -> OmeroScripts:
        """Those of the server, as an administrator may change them."""
        login = UserPassword(self.server.host, "root", self.server.root_password, self.server.ssl_port)
        return OmeroScripts(self.doors.enter_context(log_in(login, secure=False)))

    def install_scripts(self, agent: str | None = None) -> None:
        agent = agent or f"http://{self.tree['agent']['listen']}"
        texts = script_texts(AgentAddress.parse(agent))
        apply(plan_install(texts, self.scripts, replace=True), self.scripts)

    def as_in_irods(self, name: str, password: str) -> None:
        """The account of iRODS is this one."""
        known = json.loads(self.environment.read_text())
        self.environment.write_text(json.dumps({**known, "irods_user_name": name}))
        self.secret.write_text(encode(password))

    def examine(self) -> list[Diagnosis]:
        return list(examine(Settings.model_validate(self.tree)))

    def of(self, check: str) -> list[Diagnosis]:
        """All that is said of one thing."""
        return [one for one in self.examine() if one.check == check]

    def only(self, check: str) -> Diagnosis:
        (found,) = self.of(check)
        return found


def answering(status: int) -> http.server.HTTPServer:
    """An agent that answers whether it is well, and nothing else; to be shut down."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    made = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


@pytest.fixture(scope="module")
def agent_address() -> Iterator[str]:
    """Where an agent answers that is well."""
    with answering(200) as there:
        yield f"127.0.0.1:{there.server_port}"
        there.shutdown()


@pytest.fixture
def site(
    tmp_path: Path,
    zone: Zone,  # noqa: F811
    server: OmeroServer,  # noqa: F811
    make_user: MakeUser,  # noqa: F811
    user: User,  # noqa: F811
    session: iRODSSession,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    agent_address: str,
) -> Iterator[Site]:
    """With an agent, one user who is known on both sides, and the vault mounted where OMERO has it."""
    service = make_user(privileges=["Sudo"])
    password_file = tmp_path / "omero-password"
    password_file.touch(mode=0o600)
    password_file.write_text(service.password)
    environment, secret = tmp_path / "irods_environment.json", tmp_path / "irodsA"
    environment.write_text(json.dumps(zone.environment()))
    secret.touch(mode=0o600)
    secret.write_text(encode(zone.password))
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(secret))
    session.users.create(user.name, "rodsuser")
    users = tmp_path / "users.toml"
    users.write_text(f'[users]\n{user.name} = "{{name}}"\n')
    vault = session.resources.get(zone.catalog.resources.default).vault_path
    tree = {
        "omero": {
            "host": server.host,
            "port": server.ssl_port,
            "user": service.name,
            "password_file": str(password_file),
        },
        "irods": {"environment_file": str(environment)},
        "paths": {f"{zone.catalog.resources.default}:{vault}": vault},
        "agent": {
            "users": str(users),
            "database": str(tmp_path / "state" / "agent.db"),
            "listen": agent_address,
        },
    }
    with ExitStack() as doors:
        made = Site(tmp_path, zone, server, tree, user.name, password_file, doors)
        made.install_scripts()
        yield made
    session.users.remove(user.name)


def is_problem(one: Diagnosis) -> bool:
    return one.verdict is Verdict.PROBLEM and bool(one.remedy)


def is_warning(one: Diagnosis) -> bool:
    return one.verdict is Verdict.WARNING and bool(one.remedy)
