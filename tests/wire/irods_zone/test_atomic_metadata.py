"""Many AVUs at once through python-irodsclient: all or nothing."""

from __future__ import annotations

from typing import Any, Final

import pytest
from irods.access import iRODSAccess
from irods.exception import (
    CAT_NO_ACCESS_PERMISSION,
)
from irods.meta import AVUOperation, iRODSMeta, iRODSMetaCollection
from irods.models import DataObject
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.avus import avus, triples
from tests.wire.irods_zone.data_objects import failure
from tests.wire.irods_zone.wire_client import WireClient, json_buffer, read_json_buffer

_ATOMIC: Final = 20002


# -- many at once


def atomic(wire: WireClient, path: str, *operations: object, **changes: object) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the reply."""
    request = {
        "admin_mode": False,
        "entity_name": path,
        "entity_type": "data_object",
        "operations": list(operations),
    }
    reply = wire.call(_ATOMIC, json_buffer(request | changes))
    return reply.int_info, read_json_buffer(reply.message)


def change(verb: str, attribute: str, value: str = "value") -> dict[str, str]:
    return {"operation": verb, "attribute": attribute, "value": value}


def test_several_avus_change_in_one_call(carrier: iRODSMetaCollection) -> None:
    carrier.add("old", "value", "unit")
    carrier.apply_atomic_operations(
        AVUOperation(operation="remove", avu=iRODSMeta("old", "value", "unit")),
        AVUOperation(operation="add", avu=iRODSMeta("new", "one")),
        AVUOperation(operation="add", avu=iRODSMeta("new", "two", "unit")),
    )
    assert triples(carrier) == [("new", "one", ""), ("new", "two", "unit")]


def test_no_operations_are_no_error(carrier: iRODSMetaCollection) -> None:
    carrier.apply_atomic_operations()
    assert triples(carrier) == []


def test_what_is_there_or_not_there_already_is_no_error(
    session: iRODSSession, wire: WireClient, path: str
) -> None:
    session.data_objects.get(path).metadata.add("there", "value")
    status, reply = atomic(wire, path, change("add", "there"), change("remove", "missing"))
    assert (status, reply) == (0, {})
    assert avus(session, path) == [("there", "value", "")]


def test_one_bad_operation_undoes_those_before_it(session: iRODSSession, wire: WireClient, path: str) -> None:
    status, _ = atomic(wire, path, change("add", "first"), change("grow", "second"), change("add", "third"))
    assert status == code_of("INVALID_OPERATION")
    assert avus(session, path) == []


def test_the_reply_names_the_operation_that_failed(wire: WireClient, path: str) -> None:
    bad = change("grow", "second")
    _, reply = atomic(wire, path, change("add", "first"), bad)
    assert reply == {
        "operation": bad,
        "operation_index": 1,
        "error_message": "Invalid metadata operation.",
    }


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (change("add", ""), "SYS_INVALID_INPUT_PARAM"),
        (change("add", "attribute", ""), "SYS_INVALID_INPUT_PARAM"),
        ({"operation": "add", "attribute": "attribute"}, "JSON_VALIDATION_ERROR"),
        (change("add", "attribute") | {"value": 5}, "JSON_VALIDATION_ERROR"),
        ("add", "JSON_VALIDATION_ERROR"),
    ],
)
def test_an_operation_must_be_whole(wire: WireClient, path: str, operation: object, error: str) -> None:
    status, reply = atomic(wire, path, operation)
    assert (status, reply["operation_index"]) == (code_of(error), 0)


@pytest.mark.parametrize(
    "changes",
    [{"entity_name": "/tempZone/nothing"}, {"entity_type": "planet"}, {"entity_name": 5}],
)
def test_the_object_must_exist(wire: WireClient, path: str, changes: dict[str, object]) -> None:
    status, reply = atomic(wire, path, change("add", "attribute"), **changes)
    assert status == code_of("SYS_INVALID_INPUT_PARAM")
    assert reply["error_message"]


def test_the_request_must_be_json(wire: WireClient) -> None:
    reply = wire.call(_ATOMIC, b"<BinBytesBuf_PI><buflen>4</buflen><buf>bm90ew==</buf></BinBytesBuf_PI>")
    assert reply.int_info == code_of("INPUT_ARG_NOT_WELL_FORMED_ERR")


def test_atomic_changes_need_the_right_to_write_the_object(
    session: iRODSSession, user: iRODSSession, path: str
) -> None:
    """Though single changes need less: so it is on a real server."""
    session.acls.set(iRODSAccess("delete_metadata", path, user.username))
    operation = AVUOperation(operation="add", avu=iRODSMeta("a", "v"))
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        user.metadata.apply_atomic_operations(DataObject, path, operation)
    session.acls.set(iRODSAccess("write", path, user.username))
    user.metadata.apply_atomic_operations(DataObject, path, operation)
    assert avus(session, path) == [("a", "v", "")]


def test_what_a_user_may_not_see_does_not_exist_for_atomic_changes(user: iRODSSession, path: str) -> None:
    operation = AVUOperation(operation="add", avu=iRODSMeta("a", "v"))
    code = failure(user.metadata.apply_atomic_operations, DataObject, path, operation)
    assert code == code_of("SYS_INVALID_INPUT_PARAM")


def test_a_rodsadmin_in_admin_mode_changes_everything_at_once(
    wire: WireClient, user: iRODSSession, zone: Zone
) -> None:
    own = f"/{zone.name}/home/{user.username}"
    status, _ = atomic(wire, own, change("add", "a"), entity_type="collection", admin_mode=True)
    assert status == 0
    assert triples(user.collections.get(own).metadata) == [("a", "value", "")]
