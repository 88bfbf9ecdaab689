"""Where a script runs: a folder of its own, an environment without surprises, and a way back to the server.

Source: omero.processor.ProcessI of omero-py.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

_PASSED_ON: Final = (
    "CLASSPATH",
    "DISPLAY",
    "DYLD_LIBRARY_PATH",
    "HOME",
    "JYTHON_HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "MLABRAW_CMD_STR",
    "OMERODIR",
    "OMERO_TEMPDIR",
    "OMERO_TMPDIR",
    "PATH",
    "PYTHONPATH",
)
"""Variables of the server that scripts see; no others."""


class ScriptFolder:
    """A temporary folder only the server's user can read: the configuration in it opens a session."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="omero-process-"))
        self.script = self.path / "script"
        self.config = self.path / "config"
        self.stdout = self.path / "out"
        self.stderr = self.path / "err"

    def configure(self, properties: Mapping[str, str]) -> None:
        """Write what ``omero.client()`` reads."""
        self.config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))

    def remove(self) -> None:
        """Take it away with all that the script left in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def environment(config: Path, home: Path) -> dict[str, str]:
    """The variables of a script's process."""
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = [found.get("PYTHONPATH", ""), str(home / "lib" / "python")]
    return found | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "OMERO_HOME": str(home),
        "ICE_CONFIG": str(config),
    }


def properties(server: OmeroServer, session: Session, job_id: int) -> dict[str, str]:
    """How a script's client finds the server and joins its session."""
    return {
        "omero.job": str(job_id),
        "omero.user": session.uuid,
        "omero.pass": session.uuid,
        "Ice.Default.Router": f"OMERO.Glacier2/router:tcp -p {server.tcp_port} -h {_reachable(server.host)}",
    }


def _reachable(host: str) -> str:
    """An address to connect to where the server may listen on all of them."""
    try:
        listens_on_all = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host
    return "127.0.0.1" if listens_on_all else host
