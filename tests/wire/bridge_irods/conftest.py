"""The zone of the iRODS wire tests, and stores to use it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.conftest import (  # noqa: F401
    _no_faults_left,
    home,
    make_user,
    session,
    zone,
)

MakeStore = Callable[..., IrodsStore]

_places = count(1)


def store_of(
    zone: Zone,  # noqa: F811
    user: str | None = None,
    password: str | None = None,
    **options: Any,
) -> IrodsStore:
    """A store of ``user``, the administrator when none is named."""
    who = account(
        zone.host,
        zone.port,
        zone=zone.name,
        user=user or zone.config.admin,
        password=zone.password if password is None else password,
    )
    return IrodsStore(who, **options)


@pytest.fixture
def store(zone: Zone) -> Iterator[IrodsStore]:  # noqa: F811
    """The administrator's."""
    with store_of(zone) as opened:
        yield opened


@pytest.fixture
def place(store: IrodsStore) -> str:
    """A new collection of the administrator's."""
    path = f"{store.home}/bridge-{next(_places)}"
    store.make_collection(path)
    return path


@pytest.fixture
def user_store(zone: Zone, make_user: Callable[[str], iRODSSession]) -> Iterator[IrodsStore]:  # noqa: F811
    """A store of a rodsuser of his own."""
    name = make_user("reader").username
    with store_of(zone, name, f"{name}-pw") as opened:
        yield opened
