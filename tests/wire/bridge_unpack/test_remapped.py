"""Row P10: ids inside of tables and figures are those of the new objects; exported pixels are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BridgeError, ChecksumMismatch
from omero_irods_bridge.model.events import Event, Notice
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_pack.test_rows import attach
from tests.wire.bridge_unpack.conftest import People, Side, packed, rows_of, unpacked
from tests.wire.bridge_unpack.content import varied_project
from tests.wire.omero_server.conftest import User


@pytest.mark.parametrize("form", Form)
def test_tables_and_figures_show_the_new_images_and_pixels_without_files_are_the_same(
    form: Form, gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    people: People, alice: User,
) -> None:  # fmt: skip
    project = varied_project(gateway, tmp_path)
    for number in range(3):  # so that ids here are others than there
        people.make_group(f"none {number}")
    side, hers = people.log_in(alice), people.gateway(alice)
    unpacked(store, packed(omero, store, place, (project,), form), side, again="before")
    loaded = unpacked(store, f"{place}/{'snapshot.zip' if form is Form.ZIP else 'snapshot'}", side)
    ids = image_ids(side, loaded.load)
    assert len(ids) == 4
    assert not ids.keys() & ids.values() or ids.keys() != ids.values()
    rows = {row["@"]: row for row in rows_of(side, loaded.objects.values())}
    files = {rows[row["file"]]["name"]: row["file"] for row in rows.values() if row.get("file")}
    assert shown_by_figure(hers, files["fig.json"]) == [ids[one] for one in sorted(ids)]
    assert rows_of_table(hers, files["measured"]) == [
        (ids[one], float(number)) for number, one in enumerate(sorted(ids))
    ]
    assert content_of(hers, files["notes.txt"]) == b"some notes"
    for there, here in ids.items():
        assert np.array_equal(plane(gateway, there), plane(hers, here))


@pytest.mark.parametrize("call", ["SharedResources.openTable", "Table.update", "Table.close"])
def test_a_load_that_broke_off_before_the_ids_of_a_table_were_replaced_replaces_them_when_it_goes_on(
    call: str, store: IrodsStore, snapshot: str, people: People, alice: User
) -> None:
    side, hers = people.log_in(alice), people.gateway(alice)
    have_other_ids_here(store, snapshot, side)
    side.omero.faults.fail_call(call)
    with pytest.raises(BridgeError):
        unpacked(store, snapshot, side)
    side.omero.faults.clear()
    loaded = unpacked(store, snapshot, side)
    ids = image_ids(side, loaded.load)
    assert ids.keys() != set(ids.values())
    rows = {row["@"]: row for row in rows_of(side, loaded.objects.values())}
    (table,) = [
        row["file"] for row in rows.values() if rows.get(row.get("file"), {}).get("name") == "measured"
    ]
    assert [one for one, _ in rows_of_table(hers, table)] == [ids[one] for one in sorted(ids)]


def test_a_figure_that_is_no_json_is_kept_as_it_is_and_that_is_told(
    gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path, people: People, alice: User
) -> None:
    project = varied_project(gateway, tmp_path)
    attach(gateway, project, tmp_path / "odd.json", b"{", ns=FIGURE_NAMESPACE)
    path = packed(omero, store, place, (project,))
    side, told = people.log_in(alice), list[Event]()
    with open_snapshot(store, path) as packet:
        plan = unpack.plan(UnpackRequest(path), packet, side.receiver)
        loaded = unpack.apply(plan, packet, side.receiver, clock=SystemClock(), report=told.append)
    assert any("no JSON" in one.text for one in told if isinstance(one, Notice))
    rows = {row["@"]: row for row in rows_of(side, loaded.objects.values())}
    (file,) = [
        row["file"] for row in rows.values() if rows.get(row.get("file"), {}).get("name") == "odd.json"
    ]
    assert content_of(people.gateway(alice), file) == b"{"


@pytest.mark.parametrize("name", ["notes.txt", "Figure_"])
def test_an_attachment_of_an_expanded_packet_that_is_damaged_does_not_get_into_omero(
    name: str, gateway: Any, omero: Any, store: IrodsStore, place: str, tmp_path: Path,
    people: People, alice: User, zone: Zone,
) -> None:  # fmt: skip
    path = packed(omero, store, place, (varied_project(gateway, tmp_path),), Form.EXPANDED)
    (member,) = [
        one.path for one in store.children(path, recursive=True) if name in one.path.rpartition("/")[2]
    ]
    zone.faults.flip_byte(member, offset=3)
    side = people.log_in(alice)
    with pytest.raises(ChecksumMismatch, match=f"{name}.* is not what was packed"):
        unpacked(store, path, side)
    zone.faults.flip_byte(member, offset=3)
    unpacked(store, path, side)


def have_other_ids_here(store: IrodsStore, snapshot: str, side: Side) -> None:
    """Load until the ids that the next load gets are not those of the packet."""
    for number in range(2):
        ids = image_ids(side, unpacked(store, snapshot, side, again=f"before {number}").load)
        if max(ids.values()) + 1 != min(ids):
            return


def image_ids(side: Side, load: str) -> dict[int, int]:
    found = side.receiver.book.read_id_map(load)
    return {int(there[6:]): int(here[6:]) for there, here in found if there.startswith("Image:")}


def content_of(gateway: Any, file: str) -> bytes:
    found = gateway.getObject("OriginalFile", int(file.partition(":")[2]))
    return b"".join(found.getFileInChunks())


def shown_by_figure(gateway: Any, file: str) -> list[int]:
    told = json.loads(content_of(gateway, file))
    return [panel["imageId"] for panel in told["panels"]]


def rows_of_table(gateway: Any, file: str) -> list[tuple[int, float]]:
    found = gateway.getObject("OriginalFile", int(file.partition(":")[2]))
    table = gateway.c.sf.sharedResources().openTable(found._obj)
    try:
        images, areas = table.read([0, 1], 0, table.getNumberOfRows()).columns
        return list(zip(images.values, areas.values, strict=True))
    finally:
        table.close()


def plane(gateway: Any, image: int) -> Any:
    return gateway.getObject("Image", image).getPrimaryPixels().getPlane()
