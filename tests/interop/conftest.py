"""The server and users of the wire tests, and the stock commands to use them with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.omero_command import OmeroCommand
from tests.wire.omero_server.conftest import (  # noqa: F401
    MakeUser,
    User,
    client,
    connect,
    gateway,
    make_group,
    make_user,
    root,
    server,
    user,
)

LogIn = Callable[[User], OmeroCommand]


@pytest.fixture(scope="session", autouse=True)
def _temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """omero-py makes a folder for them when it is imported: in the user's home, unless told otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMERO_TMPDIR", str(tmp_path_factory.mktemp("omero-temporary")))
        yield


@pytest.fixture
def log_in(server: OmeroServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogIn]:  # noqa: F811
    """Log in with ``omero login``; the command of that user, in a folder of its own."""
    commands: list[OmeroCommand] = []

    def make(user: User) -> OmeroCommand:  # noqa: F811
        command = OmeroCommand(tmp_path_factory.mktemp("omero-command"))
        command(
            "login", "-s", server.host, "-p", server.ssl_port, "-u", user.name, OMERO_PASSWORD=user.password
        )
        commands.append(command)
        return command

    yield make
    for command in commands:
        command.run("logout")


@pytest.fixture
def omero(log_in: LogIn, user: User) -> OmeroCommand:  # noqa: F811
    """The command, where ``user`` is logged in."""
    return log_in(user)


@pytest.fixture
def as_root(log_in: LogIn, server: OmeroServer) -> OmeroCommand:  # noqa: F811
    """The command, where root is logged in."""
    return log_in(User(0, "root", server.root_password, 0))


@pytest.fixture(scope="session")
def shared_packets() -> Path:
    """The folder of the published packets, which stays outside the repository."""
    folder = Path(__file__).parents[3] / "shared" / "data" / "packets"
    if not folder.is_dir():
        pytest.skip(f"needs the published packets in {folder}")
    return folder
