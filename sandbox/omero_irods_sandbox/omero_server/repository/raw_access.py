"""omero.grid.RawAccessRequest: an administrator's hands on the files of a repository.

``omero fs`` checks and moves filesets with it. Source: RawAccessRequestI of omero-blitz.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import omero.cmd
import omero.grid

from omero_irods_sandbox.omero_server.errors import api_usage, message_of, resource_error
from omero_irods_sandbox.omero_server.repository.tree import RepositoryTree
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed, command
from omero_irods_sandbox.omero_server.storage.checksums import checksum, is_known

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.requests.registry import Progress


@command(omero.grid.RawAccessRequest)
def raw_access(request: Any, call: Call, _progress: Progress) -> Any:
    """Run one command on the disk; the database knows nothing of it."""
    if not call.caller.is_admin:
        raise CommandFailed("not-admin", "raw access to a repository needs an administrator")
    known = {repository.uuid: repository for repository in call.server.storage.repositories}
    if request.repoUuid not in known:
        raise CommandFailed("unknown-repo", f"No repository with UUID: {request.repoUuid}")
    tree = RepositoryTree(call.server, known[request.repoUuid])
    try:
        _run(request.command, tree, request.args)
    except (omero.ServerError, OSError) as error:
        parameters = {"command": request.command}
        raise CommandFailed("raw-access", message_of(error), parameters=parameters) from error
    return omero.cmd.OK()


def _run(name: str, tree: RepositoryTree, arguments: Sequence[str]) -> None:
    run = _COMMANDS.get(name)
    if run is None:
        raise api_usage(f"Unknown command: {name}")
    run(tree, arguments)


def _place(tree: RepositoryTree, argument: str) -> Path:
    return tree.on_disk(tree.checked(argument))


def _touch(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    for argument in arguments:
        place = _place(tree, argument)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()


def _exists(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    if not _place(tree, arguments[0]).exists():
        raise resource_error(f"file does not exist: {arguments[0]}")


def _make_directories(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    parents = "-p" in arguments
    for argument in arguments:
        if argument != "-p":
            _place(tree, argument).mkdir(parents=parents, exist_ok=True)


def _remove(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    _check_count("rm", arguments, 1)
    place = _place(tree, arguments[0])
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()


def _move(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    _check_count("mv", arguments, 2)
    source, target = (_place(tree, argument) for argument in arguments)
    source.rename(target / source.name if target.is_dir() else target)


def _checksum(tree: RepositoryTree, arguments: Sequence[str]) -> None:
    _check_count("checksum", arguments, 3)
    algorithm, expected, path = arguments
    if not is_known(algorithm):
        raise api_usage(f"unknown checksum algorithm: {algorithm}")
    found = checksum(_place(tree, path), algorithm)
    if found != expected:
        raise resource_error(f"Checksum mismatch ({algorithm}): expected={expected} found={found}")


def _check_count(name: str, arguments: Sequence[str], count: int) -> None:
    if len(arguments) != count:
        raise api_usage(f"Command: {name} takes {count} argument(s), not {len(arguments)}")


_COMMANDS: Final[Mapping[str, Callable[[RepositoryTree, Sequence[str]], None]]] = {
    "checksum": _checksum,
    "exists": _exists,
    "mkdir": _make_directories,
    "mv": _move,
    "rm": _remove,
    "touch": _touch,
}
