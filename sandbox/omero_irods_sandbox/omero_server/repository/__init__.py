"""Repositories: trees of files that clients see, and the managed one, which imports go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import Ice
import omero.grid

from omero_irods_sandbox.omero_server.model.types import Proxy
from omero_irods_sandbox.omero_server.repository import raw_access  # noqa: F401  # registers a command
from omero_irods_sandbox.omero_server.repository.managed import ManagedRepository
from omero_irods_sandbox.omero_server.repository.public import PublicRepository

if TYPE_CHECKING:
    from pathlib import Path

    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.storage.files import Repository


def install(server: OmeroServer) -> None:
    """Publish the managed repository. Called when the server starts."""
    managed = server.storage.repository(server.storage.managed_uuid)
    server.publish(omero.grid.ManagedRepository, ManagedRepository(server, managed), identity_of(managed))


def uninstall(server: OmeroServer) -> None:
    """Nothing is held: imports end with their sessions."""


def publish_tree(server: OmeroServer, uuid: str, root: Path) -> Proxy:
    """Serve another tree of files, e.g. the scripts of the server; its proxy."""
    root.mkdir(parents=True, exist_ok=True)
    repository = server.storage.add_repository(uuid, root)
    server.publish(omero.grid.Repository, PublicRepository(server, repository), identity_of(repository))
    return proxy_of(server, repository)


def identity_of(repository: Repository) -> Ice.Identity:
    """The name of a repository on the wire (AbstractRepositoryI.handleServants)."""
    return Ice.Identity(f"PublicRepository-{repository.uuid}", "")


def proxy_of(server: OmeroServer, repository: Repository) -> Proxy:
    """The proxy that ``SharedResources.repositories`` gives out."""
    return omero.grid.RepositoryPrx.uncheckedCast(server.proxy(identity_of(repository)))
