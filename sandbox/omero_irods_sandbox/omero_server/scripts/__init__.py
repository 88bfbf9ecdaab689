"""Scripts: the server's own and users', their parameters, and the processors that run them.

omero.grid.SharedResources passes on to ``acquire_processor``, ``add_processor`` and ``remove_processor``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.repository import publish_tree
from omero_irods_sandbox.omero_server.scripts.interactive import InteractiveProcessor, acquire
from omero_irods_sandbox.omero_server.scripts.official import REPOSITORY_UUID
from omero_irods_sandbox.omero_server.scripts.scripting import begin_scripting, end_scripting, scripting_of

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer

__all__ = [
    "InteractiveProcessor",
    "acquire_processor",
    "add_processor",
    "install",
    "remove_processor",
    "uninstall",
]


def install(server: OmeroServer) -> None:
    """Serve the repository of scripts. Called when the server starts."""
    scripting = begin_scripting(server)
    publish_tree(server, REPOSITORY_UUID, scripting.official.root)
    scripting.official.refresh()


def uninstall(server: OmeroServer) -> None:
    """Called when the server stops; scripts that ran have ended with their sessions."""
    end_scripting(server)


def acquire_processor(call: Call, job: IObject, seconds: int) -> Proxy:
    """An omero.grid.InteractiveProcessor for a job that is saved now.

    Raises:
        NoProcessorAvailable: none took it within ``seconds``; the job says so too.
        ValidationException: the job has no script, or several.
    """
    return acquire(call, job, seconds).proxy


def add_processor(call: Call, processor: Proxy) -> None:
    """Ask this processor too, as long as the client that brings it is there."""
    scripting_of(call.server).processors.add(processor, call)


def remove_processor(call: Call, processor: Proxy) -> None:
    """Ask it no more."""
    scripting_of(call.server).processors.remove(processor)
