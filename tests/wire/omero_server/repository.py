"""What the repository of the embedded OMERO holds on disk: bytes of its own, and links to those of others."""

from __future__ import annotations

from pathlib import Path

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import User


def bytes_kept(server: OmeroServer, of: User | None = None) -> int:
    """Of regular files, but for the logs of imports; on a shared server ask for those ``of`` one user."""
    return sum(
        path.stat().st_size
        for path in _place(server, of).rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".log"
    )


def links(server: OmeroServer, of: User | None = None) -> list[Path]:
    return [path for path in _place(server, of).rglob("*") if path.is_symlink()]


def _place(server: OmeroServer, of: User | None) -> Path:
    """The template of the embedded server begins with the user."""
    return server.storage.managed / (f"{of.name}_{of.id}" if of is not None else "")
