"""OMERO A, iRODS, OMERO B: the same graph, the same bytes (rows U1, U3, U5, U8)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Form
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_unpack.conftest import Side, mounted, packed, unpacked


def repository(server: OmeroServer) -> dict[str, bytes]:
    root = Path(server.config.data) / "ManagedRepository"
    return {
        path.name: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.suffix != ".log"
    }


@pytest.mark.parametrize("form", Form)
def test_a_dataset_arrives_with_its_files_byte_for_byte(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    there: Side,
    server: OmeroServer,
) -> None:
    path = packed(omero, store, place, (dataset,), form)
    loaded = unpacked(store, path, there)
    assert list(loaded.objects) == [str(dataset)]
    here, originals = repository(there.omero), repository(server)
    assert {name: here[name] for name in here} == {name: originals[name] for name in here}
    assert len(here) == 3


def test_everything_arrives(
    pair: Any, store: IrodsStore, place: str, there: Side, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, tmp_path)
    refs = (ObjectRef(Kind.PROJECT, built.project), ObjectRef(Kind.SCREEN, built.screen))
    with mounted(server, owner) as packing:
        path = packed(packing, store, place, refs, Form.ZIP, figures=True)
    loaded = unpacked(store, path, there)
    again = unpacked(store, path, there)
    assert again.was_complete
