"""Row P10: ids inside of tables and figures are those of the new objects; exported pixels are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.snapshot import Form
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
