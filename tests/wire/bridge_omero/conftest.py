"""The server and users of the wire tests, for tests of the bridge's OMERO adapter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.omero_server.conftest import (  # noqa: F401
    _no_faults_left,
    client,
    connect,
    gateway,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)


@pytest.fixture(scope="session", autouse=True)
def _temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """omero-py makes a folder for them when it is imported: in the user's home, unless told otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMERO_TMPDIR", str(tmp_path_factory.mktemp("omero-temporary")))
        patch.setenv("OMERO_USERDIR", str(tmp_path_factory.mktemp("omero-user")))
        yield
