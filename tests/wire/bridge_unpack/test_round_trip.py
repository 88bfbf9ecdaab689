"""OMERO A, iRODS, OMERO B: the same graph, the same bytes (rows U1, U3, U5, U8)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.snapshot import Form
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_pack.conftest import make_dataset
from tests.wire.bridge_unpack.canonical import assert_same, canonical
from tests.wire.bridge_unpack.conftest import (
    People,
    Side,
    mounted,
    packed,
    rows_of,
    side_of,
    unpacked,
)


def repository(server: OmeroServer) -> set[tuple[str, bytes]]:
    """Names and bytes; other tests may have left files of the same name in it."""
    root = Path(server.config.data) / "ManagedRepository"
    return {
        (path.name, path.read_bytes()) for path in root.rglob("*") if path.is_file() and path.suffix != ".log"
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
    here = repository(there.omero)
    assert here <= repository(server)
    assert len(here) == 3


def test_two_files_of_one_name_in_two_packets_do_not_mix(
    gateway: Any, omero: OmeroImageServer, store: IrodsStore, place: str, tmp_path: Path, there: Side
) -> None:
    """Row U8."""
    for number, sizes in enumerate(([(20, 20)], [(20, 20), (16, 16)])):
        there_was = make_dataset(gateway, tmp_path, sizes)
        sent = {path.read_bytes() for path in tmp_path.glob("noise-*.tif")}
        store.make_collection(f"{place}/{number}")
        loaded = unpacked(store, packed(omero, store, f"{place}/{number}", (there_was,)), there)
        rows = rows_of(there, loaded.objects.values())
        names = sorted(row["name"] for row in rows if row["@"].startswith("Image:"))
        assert names == [f"noise-{one}.tif" for one in range(len(sizes))]
        assert set(originals(there.omero, rows)) == sent


def everything_packed(
    owner: Any, other: Any, folder: Path, server: OmeroServer, store: IrodsStore, place: str
) -> tuple[str, list[Any]]:
    """A snapshot of a project and a screen with all that there can be, and its graph."""
    built = build_everything(owner, other, folder)
    refs = (ObjectRef(Kind.PROJECT, built.project), ObjectRef(Kind.SCREEN, built.screen))
    rows: list[Any] = []
    with mounted(server, owner) as packing:
        packing.read_graph(refs, rows.append, figures=True)
        return packed(packing, store, place, refs, figures=True), rows


def test_everything_arrives_and_comes_back(
    pair: Any, store: IrodsStore, place: str, hers: Side, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    path, rows = everything_packed(owner, other, tmp_path, server, store, place)
    loaded = unpacked(store, path, hers)
    assert loaded.not_kept["RenderingDef: it is not the image owner's, and would hide his"] == 1
    assert loaded.not_kept["owner of CommentAnnotation: nobody here is known to be the owner"] > 1
    assert unpacked(store, path, hers).was_complete
    arrived = rows_of(hers, loaded.objects.values())
    assert_same(canonical(rows), canonical(arrived))
    assert originals(hers.omero, arrived) >= originals(server, rows)
    assert other_files(hers.omero, arrived) == other_files(server, rows) == Counter([b"1,2", b"old"])
    assert_no_empty_files(arrived)

    refs = tuple(ref for key in loaded.objects.values() for ref in parse_objects([key]))
    store.make_collection(f"{place}/back")
    packing = OmeroImageServer(hers.connection, repository=Path(hers.omero.config.data) / "ManagedRepository")
    back_again = packed(packing, store, f"{place}/back", refs, figures=True)
    back, _ = pair("rwra--")
    mine = side_in_session(server, back)
    returned = unpacked(store, back_again, mine)
    came_back = rows_of(mine, returned.objects.values())
    assert_same(canonical(arrived, pixels_alone=False), canonical(came_back, pixels_alone=False))
    assert_same(canonical(rows), canonical(came_back))
    assert originals(server, came_back) == originals(hers.omero, arrived)
    mine.connection.close()


def test_an_administrator_keeps_whose_everything_is(
    pair: Any, store: IrodsStore, place: str, people: People, tmp_path: Path, server: OmeroServer
) -> None:
    owner, other = pair("rwra--")
    path, rows = everything_packed(owner, other, tmp_path, server, store, place)
    group = people.make_group("lab")
    for gateway in (owner, other):
        people.make_user(gateway.getUser().getOmeName(), group)
    side = people.root_in(group)
    loaded = unpacked(store, path, side, as_owner=True)
    assert unpacked(store, path, side, as_owner=True).was_complete
    arrived = rows_of(side, loaded.objects.values())
    assert_same(
        canonical(rows, owners=True, all_settings=True), canonical(arrived, owners=True, all_settings=True)
    )


def originals(server: OmeroServer, rows: list[Any]) -> Counter[bytes]:
    """What the files of the filesets of a graph hold, as they lie in the repository."""
    files = [row["originalFile"] for row in rows if row["@"].startswith("FilesetEntry:")]
    return Counter(server.storage.path_by_id(int(file.partition(":")[2])).read_bytes() for file in files)


def other_files(server: OmeroServer, rows: list[Any]) -> Counter[bytes]:
    """What the sources of regions, and the files that pixels were made from, hold."""
    keys = [row.get("source") for row in rows if row["@"].startswith("Roi:")]
    keys += [row["parent"] for row in rows if row["@"].startswith("PixelsOriginalFileMap:")]
    ids = [int(key.partition(":")[2]) for key in keys if key]
    return Counter(server.storage.path_by_id(id_).read_bytes() for id_ in ids)


def assert_no_empty_files(rows: list[Any]) -> None:
    """But for the logs of imports, which the embedded server does not measure."""
    logs = {row["child"] for row in rows if row["@"].startswith("JobOriginalFileLink:")}
    files = [row for row in rows if row["@"].startswith("OriginalFile:") and row["@"] not in logs]
    assert [row for row in files if not (row.get("size") and row.get("hash"))] == []


def side_in_session(server: OmeroServer, gateway: Any) -> Side:
    user = gateway.getUser().getOmeName()
    return side_of(server, user, f"{user}-pw")
