"""The embedded server and its users, and an importer on the session of one."""

from __future__ import annotations

import pytest

from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from tests.wire.bridge_import.sources import Look
from tests.wire.omero_server.conftest import (  # noqa: F401
    Client,
    _no_faults_left,
    client,
    connect,
    make_group,
    make_user,
    root,
    server,
    user,
)


@pytest.fixture
def importer(client: Client) -> OmeroImporter:  # noqa: F811
    return OmeroImporter(client)


@pytest.fixture
def look(client: Client) -> Look:  # noqa: F811
    """What is in OMERO, as the user sees it."""
    return Look(client)
