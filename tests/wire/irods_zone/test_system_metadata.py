"""System metadata of data objects and collections, through python-irodsclient."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from irods.access import iRODSAccess
from irods.message import FileOpenRequest, StringStringMap, iRODSMessage
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import failure, replicas, storage, write

_numbers = count(1)
OBJ_STAT = 633


def obj_stat(session: iRODSSession, path: str) -> tuple[int, dict[str, str]]:
    """(status, members) of an operation that PRC has no method for."""
    body = FileOpenRequest(
        objPath=path,
        createMode=0,
        openFlags=0,
        offset=0,
        dataSize=0,
        numThreads=0,
        oprType=0,
        KeyValPair_PI=StringStringMap({}),
    )
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=OBJ_STAT))
        reply = connection.recv()
    return reply.int_info, dict(re.findall(r"<(\w+)>([^<]*)</\1>", reply.msg.decode()))


@pytest.fixture
def path(session: iRODSSession, home: str) -> str:
    write(session, f"{home}/x", b"bytes")
    return f"{home}/x"


@pytest.fixture
def replicated(session: iRODSSession, zone: Zone, path: str) -> Iterator[tuple[str, str]]:
    """A data object with a second replica, and the resource that is on."""
    with storage(session, zone, f"described{next(_numbers)}") as resource:
        session.data_objects.replicate(path, resource=resource)
        yield path, resource
        session.data_objects.unlink(path, force=True)


def test_columns_of_a_replica_change(session: iRODSSession, zone: Zone, path: str) -> None:
    changes = {"dataSize": 1024, "dataModify": 4096, "dataType": "xml", "chksum": "sha2:x", "replStatus": 0}
    session.data_objects.modDataObjMeta({"objPath": path}, changes)
    (replica,) = replicas(zone, path)
    assert (replica.size, replica.modify_time, replica.type) == (1024, "00000004096", "xml")
    assert (replica.checksum, int(replica.status)) == ("sha2:x", 0)


def test_all_replicas_change_when_none_is_named(
    session: iRODSSession, zone: Zone, replicated: tuple[str, str]
) -> None:
    path, _ = replicated
    session.data_objects.modDataObjMeta({"objPath": path}, {"dataModify": 4096})
    assert [replica.modify_time for replica in replicas(zone, path)] == ["00000004096"] * 2


@pytest.mark.parametrize("how", ["rescHier", "rescName", "replNum"])
def test_only_the_named_replica_changes(session: iRODSSession, replicated: tuple[str, str], how: str) -> None:
    path, resource = replicated
    name = 1 if how == "replNum" else resource
    session.data_objects.modDataObjMeta({"objPath": path, how: name}, {"dataComments": "noted"})
    comments = [replica.comments for replica in session.data_objects.get(path).replicas]
    assert comments == ["", "noted"] or comments == [None, "noted"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"dataType": "no such type"}, "CAT_INVALID_DATA_TYPE"),
        ({"no such column": "x"}, "USER_BAD_KEYWORD_ERR"),
        ({"replStatus": 9}, "SYS_INVALID_INPUT_PARAM"),
        ({"dataSize": "many"}, "USER_PACKSTRUCT_INPUT_ERR"),
        ({"rescId": 7}, "SYS_RESC_DOES_NOT_EXIST"),
    ],
)
def test_a_value_that_would_spoil_the_catalog_is_refused(
    session: iRODSSession, zone: Zone, path: str, changes: dict[str, object], error: str
) -> None:
    before = replicas(zone, path)
    code = failure(session.data_objects.modDataObjMeta, {"objPath": path}, changes)
    assert code == code_of(error)
    assert replicas(zone, path) == before


@pytest.mark.parametrize("target", [{"replNum": 7}, {"rescName": "nothing"}])
def test_a_replica_that_is_not_there_does_not_change(
    session: iRODSSession, path: str, target: dict[str, object]
) -> None:
    code = failure(session.data_objects.modDataObjMeta, {"objPath": path, **target}, {"dataModify": 1})
    assert code == code_of("SYS_REPLICA_DOES_NOT_EXIST")


def test_a_data_object_that_is_not_there_does_not_change(session: iRODSSession, home: str) -> None:
    code = failure(session.data_objects.modDataObjMeta, {"objPath": f"{home}/nothing"}, {"dataModify": 1})
    assert code == code_of("CAT_UNKNOWN_FILE")


def test_changing_takes_the_right_to_modify_metadata_and_expiry_that_to_remove(
    session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    target = {"objPath": path, "replNum": 0}
    session.acls.set(iRODSAccess("read", path, alice.username))
    code = failure(alice.data_objects.modDataObjMeta, target, {"dataComments": "noted"})
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")
    session.acls.set(iRODSAccess("write", path, alice.username))
    alice.data_objects.modDataObjMeta(target, {"dataComments": "noted"})
    code = failure(alice.data_objects.modDataObjMeta, target, {"dataExpiry": "1"})
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")


def test_only_an_administrator_acts_as_one(path: str, make_user: Callable[[str], iRODSSession]) -> None:
    alice = make_user("alice")
    changes = {"dataComments": "noted", "irodsAdmin": ""}
    code = failure(alice.data_objects.modDataObjMeta, {"objPath": path}, changes)
    assert code == code_of("CAT_INSUFFICIENT_PRIVILEGE_LEVEL")


def test_a_path_tells_whether_it_is_a_data_object_or_a_collection(
    session: iRODSSession, path: str, home: str
) -> None:
    kind, members = obj_stat(session, path)
    assert (kind, members["objType"], members["objSize"], members["ownerName"]) == (1, "1", "5", "rods")
    kind, members = obj_stat(session, home)
    assert (kind, members["objType"]) == (2, "2")
    assert members["dataId"] == str(session.collections.get(home).id)


def test_a_good_replica_speaks_for_a_data_object(
    session: iRODSSession, zone: Zone, replicated: tuple[str, str]
) -> None:
    path, resource = replicated
    zone.faults.make_stale(path, replica=0)
    assert obj_stat(session, path)[1]["rescHier"] == resource


def test_who_may_not_read_sees_no_path(
    path: str, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    for hidden in (path, home):
        assert failure(obj_stat, alice, hidden) == code_of("USER_FILE_DOES_NOT_EXIST")
    assert obj_stat(alice, f"/{alice.zone}/home/{alice.username}")[0] == 2


def test_a_path_that_is_not_there_has_no_stat(session: iRODSSession, home: str) -> None:
    assert failure(obj_stat, session, f"{home}/nothing") == code_of("USER_FILE_DOES_NOT_EXIST")
