"""What other modules find in Ice's modules once the adapter was imported."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["connection", "errors", "graph_writing", "login"])
def test_the_exception_of_a_session_that_is_gone_is_one_of_ice(module: str) -> None:
    """Else it passes through all ``except`` of omero-py when a connection is closed."""
    code = (
        f"import omero_irods_bridge.adapters.omero.{module}, Glacier2, Ice;"
        "raise SystemExit(not issubclass(Glacier2.SessionNotExistException, Ice.UserException))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
