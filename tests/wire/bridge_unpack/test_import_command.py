"""The second engine: a site that prefers ``omero import`` gets the same images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import BridgeError, NotFound
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.wiring import receiver_on
from tests.interop.omero_command import OmeroCommand
from tests.wire.bridge_import.test_command import RUN
from tests.wire.bridge_unpack.conftest import Side, packed, row_counts, unpacked


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """``omero`` as root may run it, with the shim of the interoperability tests in place of Java."""
    script = tmp_path / "bin" / "omero"
    script.parent.mkdir()
    variables = OmeroCommand(tmp_path)._environment()  # prepares a class path, so that none is downloaded
    exports = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
    run = tmp_path / "run.py"
    run.write_text(RUN)
    script.write_text(f'#!/bin/sh\n{exports}exec "{sys.executable}" "{run}" "$@"\n')
    script.chmod(0o755)
    return script


def with_command(side: Side, command: Path) -> Side:
    return Side(side.omero, side.connection, receiver_on(side.connection, import_command=command))


def test_a_dataset_is_imported_by_the_command_and_found_again(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, hers: Side, command: Path
) -> None:
    path = packed(omero, store, place, (dataset,))
    side = with_command(hers, command)
    loaded = unpacked(store, path, side)
    assert loaded.made["Image"] == 3
    assert unpacked(store, path, hers).was_complete
    found = side.receiver.importer.find_marked(loaded.load)
    assert [one.complete for one in found] == [True] * 3


def test_a_command_that_is_not_there_is_named(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, hers: Side, tmp_path: Path
) -> None:
    path = packed(omero, store, place, (dataset,))
    with pytest.raises(NotFound, match="no-omero"):
        unpacked(store, path, with_command(hers, tmp_path / "no-omero"))


def test_what_is_damaged_is_not_given_to_the_command(
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    hers: Side,
    command: Path,
    zone: Any,
) -> None:
    path = packed(omero, store, place, (dataset,))
    zone.faults.flip_byte(path, offset=5_000)
    with pytest.raises(BridgeError, match=r"noise-0\.tif is not what was packed"):
        unpacked(store, path, with_command(hers, command))
    assert row_counts(hers.omero)["Image"] == 0
