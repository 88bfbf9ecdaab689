"""Faults on demand, seen by an unmodified client."""

from __future__ import annotations

import time

import Ice
import omero
import pytest

from omero_irods_sandbox.omero_server.errors import resource_error
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client


def test_the_nth_call_fails_and_only_that(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    server.faults.fail_call("IQuery.findAll", nth=2)
    query.findAll("Image", None)
    with pytest.raises(omero.InternalException, match="injected fault"):
        query.findAll("Image", None)
    query.findAll("Image", None)


def test_calls_fail_as_often_and_as_what_they_are_told(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    server.faults.fail_call("IQuery.findAll", resource_error("no disk"), times=2)
    for _ in range(2):
        with pytest.raises(omero.ResourceError, match="no disk"):
            query.findAll("Image", None)
    query.findAll("Image", None)


def test_a_call_can_be_made_to_wait(server: OmeroServer, client: Client) -> None:
    query = client.getSession().getQueryService()
    server.faults.delay_calls("IQuery.findAll", 0.2)
    started = time.monotonic()
    query.findAll("Image", None)
    assert time.monotonic() - started >= 0.2


def test_clear_ends_all_faults(server: OmeroServer, client: Client) -> None:
    server.faults.fail_call("IQuery.findAll", times=10)
    server.faults.clear()
    client.getSession().getQueryService().findAll("Image", None)


def test_calls_are_counted_by_operation(server: OmeroServer, client: Client) -> None:
    before = server.counters.calls("IQuery.findAll")
    client.getSession().getQueryService().findAll("Image", None)
    assert server.counters.calls("IQuery.findAll") == before + 1


def test_a_connection_breaks_within_a_file(server: OmeroServer, client: Client) -> None:
    file = omero.model.OriginalFileI()
    file.name, file.path = omero.rtypes.rstring("f"), omero.rtypes.rstring("/")
    saved = client.getSession().getUpdateService().saveAndReturnObject(file)
    store = client.getSession().createRawFileStore()
    store.setFileId(saved.id.val)
    server.faults.cut_file_after(10, "write", file_id=saved.id.val)
    store.write(b"0123456789", 0, 10)
    with pytest.raises(Ice.ConnectionLostException):
        store.write(b"x", 10, 1)
    store.write(b"x", 10, 1)
    assert store.read(0, 11) == b"0123456789x"
    store.close()


def test_a_byte_is_flipped_on_the_way_of_the_nth_read_or_write(server: OmeroServer, client: Client) -> None:
    file = omero.model.OriginalFileI()
    file.name, file.path = omero.rtypes.rstring("f"), omero.rtypes.rstring("/")
    saved = client.getSession().getUpdateService().saveAndReturnObject(file)
    store = client.getSession().createRawFileStore()
    store.setFileId(saved.id.val)
    server.faults.flip_on_wire("write", nth=2)
    store.write(b"0123", 0, 4)
    store.write(b"4567", 4, 4)
    assert store.read(0, 8) == b"0123456\xc8"
    server.faults.flip_on_wire("read", file_id=saved.id.val)
    assert store.read(4, 4) == b"4567"  # flipped back
    assert store.read(4, 4) == b"456\xc8"
    store.close()


def test_what_the_server_does_not_do_is_named(client: Client) -> None:
    with pytest.raises(omero.InternalException, match=r"IQuery\.findAllByFullText is not implemented"):
        client.getSession().getQueryService().findAllByFullText("Image", "text", None)
