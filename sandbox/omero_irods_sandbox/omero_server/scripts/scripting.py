"""What a server keeps for its scripts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omero_irods_sandbox.omero_server.scripts.acceptance import Processors
from omero_irods_sandbox.omero_server.scripts.official import OfficialScripts

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

_lock = threading.Lock()
_by_server: dict[OmeroServer, Scripting] = {}


@dataclass(frozen=True)
class Scripting:
    """Made when a server starts."""

    official: OfficialScripts
    processors: Processors
    params: dict[tuple[int, str], Any] = field(default_factory=dict)
    """JobParams by script and its checksum (ParamsCache)."""


def begin_scripting(server: OmeroServer) -> Scripting:
    """Called once a start."""
    official = OfficialScripts(server)
    made = Scripting(official, Processors(server, official))
    with _lock:
        _by_server[server] = made
    return made


def end_scripting(server: OmeroServer) -> None:
    """Nothing happens when it never began."""
    with _lock:
        _by_server.pop(server, None)


def scripting_of(server: OmeroServer) -> Scripting:
    """The scripts of a server that has started."""
    with _lock:
        return _by_server[server]
