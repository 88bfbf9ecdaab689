"""What the repository of the embedded OMERO holds on disk: bytes of its own, and links to those of others."""

from __future__ import annotations

from pathlib import Path

from omero_irods_sandbox.omero_server.server import OmeroServer


def bytes_kept(server: OmeroServer) -> int:
    """Of regular files, but for the logs of imports."""
    return sum(
        path.stat().st_size
        for path in server.storage.managed.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".log"
    )


def links(server: OmeroServer) -> list[Path]:
    return [path for path in server.storage.managed.rglob("*") if path.is_symlink()]
