"""A store of its own for each test, and callers of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

import omero_irods_sandbox.omero_server  # noqa: F401  # omero.clients comes first
from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.security.caller import Caller, permission_bits
from omero_irods_sandbox.omero_server.security.directory import Directory
from omero_irods_sandbox.omero_server.security.roles import SYSTEM_GROUP, USER_GROUP
from omero_irods_sandbox.omero_server.store.store import Store

_numbers = count(1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "omero.sqlite", Clock())
    yield opened
    opened.close()


@pytest.fixture
def directory(store: Store) -> Directory:
    return Directory(store)


@pytest.fixture
def internal(directory: Directory) -> Caller:
    """The server itself, in the group system."""
    return Caller.internal(directory.groups(), SYSTEM_GROUP)


@pytest.fixture
def root(directory: Directory) -> Caller:
    """root, in the group system."""
    return directory.caller(0, SYSTEM_GROUP, session_id=0)


@pytest.fixture
def make_group(store: Store, internal: Caller) -> Callable[[str], int]:
    """A group with these permissions."""

    def make(permissions: str) -> int:
        with store.work(internal) as work:
            name = f"group {next(_numbers)}"
            return work.insert(
                "ExperimenterGroup", name=name, ldap=0, d_permissions=permission_bits(permissions)
            )

    return make


MakeCaller = Callable[..., Caller]


@pytest.fixture
def make_caller(store: Store, internal: Caller, directory: Directory) -> MakeCaller:
    """A user of one group, acting in it."""

    def make(group_id: int, *, owner: bool = False, admin: bool = False) -> Caller:
        with store.work(internal) as work:
            name = f"user {next(_numbers)}"
            user = work.insert("Experimenter", omeName=name, firstName=name, lastName=name, ldap=0)
            groups = [group_id, USER_GROUP, *([SYSTEM_GROUP] if admin else [])]
            for position, group in enumerate(groups):
                is_owner = int(owner and group == group_id)
                work.insert(
                    "GroupExperimenterMap",
                    parent_id=group,
                    child_id=user,
                    owner=is_owner,
                    child_index=position,
                )
        return directory.caller(user, group_id, session_id=0)

    return make
