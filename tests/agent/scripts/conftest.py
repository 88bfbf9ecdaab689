"""Scripts installed on the embedded OMERO server, and agents that they hand over to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from omero.rtypes import rlist, rlong, rstring, unwrap

from omero_irods_bridge.adapters.omero.connection import connect as connect_bridge
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.adapters.omero.scripts import OmeroScripts
from omero_irods_bridge.agent.desk import Desk
from omero_irods_bridge.agent.http.app import create_app
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.http.sign_in import SignIn
from omero_irods_bridge.agent.http.site import Site as Behind
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.omero_users import OmeroUsers
from omero_irods_bridge.agent.store.jobs import Jobs
from omero_irods_bridge.operations import install_scripts
from omero_irods_bridge.operations.official_scripts import FOLDER, AgentAddress, script_texts
from omero_irods_bridge.settings import OmeroSettings
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.answers import local_cookies, tokens
from tests.agent.between.site import *  # noqa: F403
from tests.agent.between.site import Gateway

Install = Callable[..., None]


@pytest.fixture
def scripts(server: OmeroServer) -> Iterator[OmeroScripts]:
    """The server's scripts, as root; ours are gone after the test."""
    login = UserPassword(server.host, "root", server.root_password, server.ssl_port)
    with connect_bridge(login) as connection:
        repository = OmeroScripts(connection)
        yield repository
        for path in script_texts(AgentAddress("http://127.0.0.1:1")):
            repository.remove(path)


@pytest.fixture
def install(scripts: OmeroScripts) -> Install:
    """Install the scripts of these names, for the agent at this address."""

    def put(url: str, *names: str) -> None:
        paths = {f"{FOLDER}{name}.py" for name in names}
        texts = {path: text for path, text in script_texts(AgentAddress.parse(url)).items() if path in paths}
        assert len(texts) == len(names)
        install_scripts.apply(install_scripts.plan_install(texts, scripts, replace=True), scripts)

    return put


@dataclass(frozen=True)
class Ran:
    """What a person at OMERO sees."""

    message: str
    link: Mapping[str, str]
    out: str
    errors: str

    @property
    def job(self) -> int:
        return int(self.link["href"].rpartition("/")[2])


def run(gateway: Gateway, name: str, kind: str = "", ids: tuple[int, ...] = (), **texts: str) -> Ran:
    """Run a script as OMERO.web does."""
    inputs: dict[str, Any] = {key: rstring(text) for key, text in texts.items()}
    if kind:
        inputs |= {"Data_Type": rstring(kind), "IDs": rlist([rlong(one) for one in ids])}
    service = gateway.getScriptService()
    process = service.runScript(service.getScriptID(f"{FOLDER}{name}.py"), inputs, None)
    status = process.wait()
    results = process.getResults(0)
    process.close(False)
    out, errors = (_text(gateway, results.get(stream)) for stream in ("stdout", "stderr"))
    assert status == 0, errors
    return Ran(unwrap(results["Message"]), unwrap(results.get("URL")) or {}, out, errors)


def _text(gateway: Gateway, file: Any) -> str:
    if file is None:
        return ""
    return b"".join(gateway.getObject("OriginalFile", file.val.id.val).getFileInChunks()).decode()


@pytest.fixture
def agent_url(server: OmeroServer, jobs: Jobs) -> Iterator[str]:
    """An agent that lets every user of the server in, under his own name; without a worker."""
    identities = Identities.parse('[users]\n"user-*" = "{name}"')
    omero = OmeroSettings(host=server.host, port=server.ssl_port)
    known = SignIn(OmeroUsers(omero), identities, local_cookies())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with served(create_app(Desk(jobs, identities), tokens(), Behind(url, known)), "127.0.0.1", port):
        yield url


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as channel:
        return int(channel.getsockname()[1])
