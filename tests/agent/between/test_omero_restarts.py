"""An OMERO server that is stopped and started again, on its ports and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.agent.between.site import READ, Site
from tests.agent.between.test_outages import be_patient, told
from tests.agent.conftest import until

Restart = Callable[[], None]


@pytest.fixture(scope="module")
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def server(servers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> OmeroServer:
    """One of its own, that the test may stop."""
    data = tmp_path_factory.mktemp("omero")
    return servers.enter_context(running_server(ServerConfig(data=data)))


@pytest.fixture
def start_again(servers: ExitStack, server: OmeroServer) -> Restart:
    """The same server, on the same ports and data."""

    def start() -> None:
        servers.pop_all()  # the first one was stopped by the test
        config = replace(server.config, ssl=server.ssl_port, tcp=server.tcp_port)
        servers.enter_context(running_server(config))

    return start


def test_jobs_wait_for_an_omero_that_is_stopped_and_started_again(
    site: Site, server: OmeroServer, start_again: Restart
) -> None:
    be_patient(site)
    server.faults.delay_calls(READ, 0.3)
    site.start()
    caught = site.pack(note="in the middle")
    site.copying(caught)
    server.stop()
    later = site.pack(note="meanwhile")
    until(lambda: all(site.jobs.get(job.id).tries > 1 for job in (caught, later)))
    start_again()
    made = [site.done(job)["path"] for job in (caught, later)]
    assert sorted(site.snapshots()) == sorted(made)
    assert any("did not answer" in text for text in told(site, later))
