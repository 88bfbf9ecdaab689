"""Touching data objects and collections, through python-irodsclient."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from irods.access import iRODSAccess
from irods.message import JSON_Message, iRODSMessage
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import GOOD, failure, replicas, states, storage, tree, write

_numbers = count(1)
TOUCH = 20007
LONG_AGO = 1_400_000_000


def touch(session: iRODSSession, message: dict[str, Any]) -> None:
    """Without the checks that PRC makes first."""
    with session.pool.get_connection() as connection:
        body = JSON_Message(message, connection.server_version)
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=TOUCH))
        connection.recv()


def times(zone: Zone, path: str) -> list[int]:
    return [int(replica.modify_time) for replica in replicas(zone, path)]


@pytest.fixture
def resource(session: iRODSSession, zone: Zone, home: str) -> Iterator[str]:
    with storage(session, zone, f"touched{next(_numbers)}") as name:
        yield name


def test_touching_makes_an_empty_data_object(session: iRODSSession, zone: Zone, home: str) -> None:
    session.data_objects.touch(f"{home}/x")
    assert session.data_objects.get(f"{home}/x").size == 0
    assert states(zone, f"{home}/x") == [GOOD]


def test_a_new_data_object_gets_the_time_asked_for(session: iRODSSession, zone: Zone, home: str) -> None:
    session.data_objects.touch(f"{home}/x", seconds_since_epoch=LONG_AGO)
    assert times(zone, f"{home}/x") == [LONG_AGO]


def test_nothing_is_made_with_no_create(session: iRODSSession, home: str) -> None:
    session.data_objects.touch(f"{home}/x", no_create=True)
    assert not session.data_objects.exists(f"{home}/x")


def test_touching_sets_the_time_to_now(session: iRODSSession, zone: Zone, home: str) -> None:
    start = int(time.time())
    write(session, f"{home}/x", b"x")
    session.data_objects.touch(f"{home}/x", seconds_since_epoch=LONG_AGO)
    session.data_objects.touch(f"{home}/x")
    assert times(zone, f"{home}/x")[0] >= start


def test_a_reference_lends_its_time(session: iRODSSession, zone: Zone, home: str) -> None:
    session.collections.touch(home, seconds_since_epoch=LONG_AGO)
    session.data_objects.touch(f"/{zone.name}/home/public/x", reference=home)
    assert times(zone, f"/{zone.name}/home/public/x") == [LONG_AGO]
    session.data_objects.unlink(f"/{zone.name}/home/public/x", force=True)


def test_a_reference_must_be_there(session: iRODSSession, home: str) -> None:
    code = failure(session.data_objects.touch, f"{home}/x", reference=f"{home}/nothing")
    assert code == code_of("OBJ_PATH_DOES_NOT_EXIST")
    assert not session.data_objects.exists(f"{home}/x")


def test_only_the_named_replica_is_touched(
    session: iRODSSession, zone: Zone, home: str, resource: str
) -> None:
    write(session, f"{home}/x", b"x")
    session.data_objects.replicate(f"{home}/x", resource=resource)
    session.data_objects.touch(f"{home}/x", replica_number=1, seconds_since_epoch=LONG_AGO)
    session.data_objects.touch(f"{home}/x", leaf_resource_name="demoResc", seconds_since_epoch=LONG_AGO + 1)
    assert times(zone, f"{home}/x") == [LONG_AGO + 1, LONG_AGO]
    session.data_objects.unlink(f"{home}/x", force=True)


def test_the_newest_good_replica_is_touched_when_none_is_named(
    session: iRODSSession, zone: Zone, home: str, resource: str
) -> None:
    write(session, f"{home}/x", b"x")
    session.data_objects.replicate(f"{home}/x", resource=resource)
    session.data_objects.touch(f"{home}/x", replica_number=0, seconds_since_epoch=LONG_AGO)
    session.data_objects.touch(f"{home}/x", replica_number=1, seconds_since_epoch=LONG_AGO + 5)
    session.data_objects.touch(f"{home}/x", seconds_since_epoch=LONG_AGO + 9)
    assert times(zone, f"{home}/x") == [LONG_AGO, LONG_AGO + 9]
    session.data_objects.unlink(f"{home}/x", force=True)


def test_a_new_data_object_goes_to_the_leaf_that_is_named(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    number = next(_numbers)
    with tree(session, zone, "passthru", f"above{number}", f"below{number}") as root:
        code = failure(session.data_objects.touch, f"{home}/x", leaf_resource_name=root)
        assert code == code_of("USER_INVALID_RESC_INPUT")
        session.data_objects.touch(f"{home}/x", leaf_resource_name=f"below{number}")
        assert session.data_objects.get(f"{home}/x").replicas[0].resource_name == f"below{number}"
        session.data_objects.unlink(f"{home}/x", force=True)


def test_a_collection_is_touched_and_never_made(session: iRODSSession, home: str) -> None:
    session.collections.touch(home, seconds_since_epoch=LONG_AGO)
    assert int(session.collections.get(home).modify_time.timestamp()) == LONG_AGO


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"replica_number": 7}, "SYS_REPLICA_DOES_NOT_EXIST"),
        ({"leaf_resource_name": "nothing"}, "SYS_RESC_DOES_NOT_EXIST"),
        ({"leaf_resource_name": "bundleResc"}, "SYS_REPLICA_DOES_NOT_EXIST"),
        ({"replica_number": -1}, "INPUT_ARG_NOT_WELL_FORMED_ERR"),
        ({"seconds_since_epoch": -1}, "INPUT_ARG_NOT_WELL_FORMED_ERR"),
        ({"leaf_resource_name": ""}, "INPUT_ARG_NOT_WELL_FORMED_ERR"),
        ({"seconds_since_epoch": "now"}, "SYS_INVALID_INPUT_PARAM"),
        ({"replica_number": True}, "SYS_INVALID_INPUT_PARAM"),
        ({"replica_number": 0, "leaf_resource_name": "demoResc"}, "USER_INCOMPATIBLE_PARAMS"),
        ({"reference": "/", "seconds_since_epoch": 1}, "USER_INCOMPATIBLE_PARAMS"),
    ],
)
def test_touching_says_what_is_wrong(
    session: iRODSSession, home: str, options: dict[str, Any], error: str
) -> None:
    write(session, f"{home}/x", b"x")
    assert failure(session.data_objects.touch, f"{home}/x", **options) == code_of(error)


@pytest.mark.parametrize(
    "message", [{}, {"logical_path": ""}, {"logical_path": 7}, {"logical_path": "/x", "options": []}]
)
def test_a_message_without_a_path_or_with_other_options_is_refused(
    session: iRODSSession, message: dict[str, Any]
) -> None:
    assert failure(touch, session, message) == code_of("INPUT_ARG_NOT_WELL_FORMED_ERR")


def test_a_collection_has_no_replicas_to_touch(session: iRODSSession, home: str) -> None:
    message = {"logical_path": home, "options": {"replica_number": 0}}
    assert failure(touch, session, message) == code_of("USER_INCOMPATIBLE_PARAMS")


def test_a_replica_number_makes_no_data_object(session: iRODSSession, home: str) -> None:
    code = failure(session.data_objects.touch, f"{home}/x", replica_number=0)
    assert code == code_of("OBJ_PATH_DOES_NOT_EXIST")


def test_touching_takes_the_right_to_write(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    write(session, f"{home}/x", b"x")
    session.acls.set(iRODSAccess("read", f"{home}/x", alice.username))
    session.acls.set(iRODSAccess("read", home, alice.username))
    for path in (f"{home}/x", home, f"{home}/new"):
        message = {"logical_path": path, "options": {}}
        assert failure(touch, alice, message) == code_of("CAT_NO_ACCESS_PERMISSION")
