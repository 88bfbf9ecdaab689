"""Packets as tests look at them, and plates to pack."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.snapshot import Form, Snapshot
from omero_irods_bridge.packet.reading import GRAPH
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_pack.test_pack import members
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any

BINARY_ACCESS: Final = "omero.policy.binary_access"
PLATE: Final = "assay&plates=1&plateRows=1&plateCols=2&fields=1&plateAcqs=1&sizeX=16&sizeY=16.fake"


def asked(
    objects: Iterable[ObjectRef], place: str, form: Form = Form.ZIP, name: str = "packet", **more: Any
) -> PackRequest:
    """Pack these into ``place``, under a name that suits the form."""
    return PackRequest(tuple(objects), target(place, form, name), form, **more)


def target(place: str, form: Form, name: str = "packet") -> str:
    return f"{place}/{name}.zip" if form is Form.ZIP else f"{place}/{name}"


def form_of(snapshot: Snapshot) -> Form:
    return Form.ZIP if snapshot.path.endswith(".zip") else Form.EXPANDED


def contents(store: IrodsStore, snapshot: Snapshot) -> dict[str, bytes]:
    """All members, by name."""
    return members(store, snapshot, form_of(snapshot))


def packed_rows(store: IrodsStore, snapshot: Snapshot) -> dict[str, Any]:
    """The rows of ``bridge/omero.jsonl``, by their keys."""
    _header, *lines = contents(store, snapshot)[GRAPH].splitlines()
    rows = [json.loads(line) for line in lines]
    found = {row["@"]: row for row in rows}
    assert len(found) == len(rows)
    return found


@contextmanager
def binary_access(server: OmeroServer, policy: str) -> Iterator[None]:
    """Let OMERO's policy be this one for a while."""
    default = server.settings.get(BINARY_ACCESS)
    server.settings.set(BINARY_ACCESS, policy)
    try:
        yield
    finally:
        server.settings.set(BINARY_ACCESS, default)


def imported(gateway: Gateway, folder: Path, name: str, data: bytes = b"") -> list[int]:
    """Import a file of this name; the ids of its images."""
    path = folder / name
    path.write_bytes(data)
    return image_ids(import_files(gateway.c, [path]))


def imported_plate(gateway: Gateway, folder: Path) -> ObjectRef:
    """A plate of two wells with a field each, all of one file."""
    path = folder / PLATE
    path.touch()
    (plate,) = import_files(gateway.c, [path]).objects
    return ObjectRef(Kind.PLATE, plate.id.val)
