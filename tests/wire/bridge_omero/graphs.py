"""Graphs read by the bridge, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import SessionKey
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_sandbox.omero_server.server import OmeroServer

Gateway = Any
Rows = dict[str, Any]


@contextmanager
def image_server(server: OmeroServer, gateway: Gateway) -> Iterator[OmeroImageServer]:
    """The bridge, in the session of a gateway."""
    key = SessionKey(server.host, gateway.c.getSessionId(), server.ssl_port)
    with connect(key) as connection:
        yield OmeroImageServer(connection)


def graph(server: OmeroServer, gateway: Gateway, *objects: str, **options: Any) -> Rows:
    """The rows of a graph by their keys; each comes once."""
    rows: list[Any] = []
    with image_server(server, gateway) as reading:
        reading.read_graph(parse_objects(objects), rows.append, **options)
    found = {row["@"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def kinds(rows: Rows) -> Counter[str]:
    """How many rows of each class there are."""
    return Counter(key.partition(":")[0] for key in rows)


def of_kind(rows: Rows, kind: str) -> list[Any]:
    return [row for key, row in rows.items() if key.partition(":")[0] == kind]
