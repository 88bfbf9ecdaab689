"""What rules see of requests, users and replicas: PREP's objects, their quirks included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.api import policy_arguments
from omero_irods_sandbox.irods_zone.api.registry import Request
from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus, User
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.values import (
    BytesBuf,
    CharArray,
    DataObjInfo,
    KeyValPair,
    UserInfo,
)
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.channel import ByteStream
from omero_irods_sandbox.irods_zone.wire.xml import parse


def request(body: bytes) -> Request:
    return Request(0, parse(body), ByteStream(None, 0))


def data_object(path: str, **fields: int) -> bytes:
    builder = structs.Builder().open("DataObjInp_PI").add("objPath", path)
    for name, value in fields.items():
        builder.add(name, value)
    structs.key_values({"filePath": "/vault/x"}, builder)
    return builder.close("DataObjInp_PI").bytes()


def test_a_char_array_equals_no_string_until_str_is_taken_of_it() -> None:
    path: object = CharArray("/tempZone/a")
    assert path != "/tempZone/a"
    assert isinstance(path, CharArray)
    assert (str(path), f"{path}", len(path), path[1]) == ("/tempZone/a", "/tempZone/a", 11, "t")


def test_a_missing_key_of_a_key_value_pair_raises_key_error() -> None:
    pairs = KeyValPair({"filePath": "/vault/x"})
    assert pairs["filePath"] == "/vault/x"
    assert [str(key) for key in pairs.key] == ["filePath"]
    with pytest.raises(KeyError, match="regChksum was not found"):
        pairs["regChksum"]


@given(st.binary(max_size=50))
def test_the_bytes_of_a_buffer_come_back(data: bytes) -> None:
    buffer = BytesBuf(data)
    assert bytes(buffer.get_bytes()) == data
    assert buffer.len == len(data)
    assert str(buffer.buf).encode("latin-1") == data


def test_a_data_object_input_shows_what_the_client_sent() -> None:
    (shown,) = policy_arguments.data_object_input(
        request(data_object("/tempZone/a", openFlags=577, dataSize=7))
    )
    assert (str(shown.objPath), shown.openFlags, shown.dataSize, shown.numThreads) == (
        "/tempZone/a",
        577,
        7,
        0,
    )
    assert shown.condInput["filePath"] == "/vault/x"


def test_a_rename_shows_source_and_destination() -> None:
    body = b"<DataObjCopyInp_PI>" + data_object("/z/old") + data_object("/z/new") + b"</DataObjCopyInp_PI>"
    (shown,) = policy_arguments.copy_input(request(body))
    assert (str(shown.srcDataObjInp.objPath), str(shown.destDataObjInp.objPath)) == ("/z/old", "/z/new")


def test_a_rename_without_a_destination_is_a_malformed_request() -> None:
    body = b"<DataObjCopyInp_PI>" + data_object("/z/old") + b"</DataObjCopyInp_PI>"
    with pytest.raises(ZoneError, match="source and a destination"):
        policy_arguments.copy_input(request(body))


def test_arguments_that_a_metadata_request_has_not_are_not_in_the_dictionary() -> None:
    body = structs.struct(
        "ModAVUMetadataInp_PI",
        ("arg0", "add"),
        ("arg1", "-d"),
        ("arg2", "/z/a"),
        ("arg3", "n"),
        ("arg4", "v"),
    )
    assert policy_arguments.avu_input(request(body)) == (
        {"arg0": "add", "arg1": "-d", "arg2": "/z/a", "arg3": "n", "arg4": "v"},
    )


def test_json_of_a_request_arrives_as_the_bytes_that_were_sent() -> None:
    (shown,) = policy_arguments.buffer_input(request(structs.json_buffer({"logical_path": "/z/a"})))
    assert bytes(shown.get_bytes()) == b'{"logical_path": "/z/a"}\0'


def test_a_close_shows_a_descriptor_and_no_path() -> None:
    body = structs.struct("OpenedDataObjInp_PI", ("l1descInx", 3), ("len", 10), ("bytesWritten", 5))
    (shown,) = policy_arguments.opened_input(request(body))
    assert (shown.l1descInx, shown.len, shown.bytesWritten) == (3, 10, 5)
    assert not hasattr(shown, "objPath")


@pytest.mark.parametrize(("user_type", "flag"), [("rodsadmin", 5), ("rodsuser", 3), ("groupadmin", 3)])
def test_only_a_rodsadmin_has_the_privileged_flag(user_type: str, flag: int) -> None:
    shown = UserInfo.of(User(1, "ann", user_type, "tempZone"))
    assert (str(shown.userName), shown.authInfo.authFlag) == ("ann", flag)


def test_before_login_there_is_a_user_without_a_name() -> None:
    assert (str(UserInfo.of(None).userName), UserInfo.of(None).authInfo.authFlag) == ("", 0)


def test_a_replica_is_shown_with_its_leaf_as_resource() -> None:
    replica = Replica(
        data_id=10,
        number=1,
        collection_path="/z/c",
        name="a",
        type="generic",
        size=7,
        physical_path="/vault/a",
        owner_name="ann",
        owner_zone="z",
        status=ReplicaStatus.GOOD,
        checksum="sha2:x",
        mode="0",
        create_time="1",
        modify_time="2",
        access_time="",
        resource_id=1,
    )
    shown = DataObjInfo.of(replica, "repl;leaf")
    assert (str(shown.objPath), str(shown.rescName), str(shown.rescHier)) == ("/z/c/a", "leaf", "repl;leaf")
    assert (shown.replNum, shown.replStatus, shown.dataSize, shown.dataId) == (1, 1, 7, 10)
