"""Ids in the typed columns of tables, in files that were uploaded."""

from __future__ import annotations

from typing import Any

import omero
import omero.grid
import pytest

from omero_irods_bridge.adapters.omero import tables
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.raw_files import RawFiles
from omero_irods_bridge.model.errors import AccessDenied, BridgeError
from omero_irods_bridge.model.loads import Remapped
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import Bytes, LogIn
from tests.wire.bridge_write.test_saving import id_of

TYPED = {
    "Dataset": omero.grid.DatasetColumn,
    "Image": omero.grid.ImageColumn,
    "OriginalFile": omero.grid.FileColumn,
    "Plate": omero.grid.PlateColumn,
    "Roi": omero.grid.RoiColumn,
    "Well": omero.grid.WellColumn,
}


def made(connection: OmeroConnection, *columns: Any) -> bytes:
    """The bytes of a table with these columns."""
    table = connection.session.sharedResources().newTable(1, "/made.h5")
    table.initialize(list(columns))
    table.addData(list(columns))
    file = table.getOriginalFile().id.val
    table.close()
    return RawFiles(connection.session, {}).read_all(file, 1 << 24)


def uploaded(writer: OmeroGraphWriter, data: bytes) -> int:
    draft = {
        "@": "OriginalFile:_1",
        "name": "t.h5",
        "path": "t.h5",
        "mimetype": "OMERO.tables",
        "hasher": "ChecksumAlgorithm=SHA1-160",
    }
    file = id_of(writer.save([draft])["OriginalFile:_1"])
    writer.write_file(file, Bytes(data))
    return file


def values(connection: OmeroConnection, file: int) -> dict[str, list[Any]]:
    table = connection.session.sharedResources().openTable(omero.model.OriginalFileI(file, False))
    data = table.read(list(range(len(table.getHeaders()))), 0, table.getNumberOfRows())
    table.close()
    return {column.name: list(column.values) for column in data.columns}


@pytest.fixture
def table(connection: OmeroConnection) -> bytes:
    """A typed column of every class with ids 1 to 5, none, and an unknown one; and plain columns."""
    ids = [1, 2, 3, 4, 5, -1, 99]
    typed = [kind(name, "", ids) for name, kind in TYPED.items()]
    plain = [omero.grid.LongColumn("image", "", ids), omero.grid.StringColumn("text", "", 8, ["ä"] * 7)]
    return made(connection, *typed, *plain)


def mapping(kind: str, offset: int = 100) -> dict[str, dict[int, int]]:
    return {kind: {id_: id_ + offset for id_ in range(1, 6)}}


@pytest.mark.parametrize("kind", TYPED)
def test_ids_of_each_class_are_replaced_in_its_columns_only(
    writer: OmeroGraphWriter, connection: OmeroConnection, table: bytes, kind: str
) -> None:
    file = uploaded(writer, table)
    before = values(connection, file)
    told = writer.remap_table(file, mapping(kind))
    after = values(connection, file)
    assert after.pop(kind) == [101, 102, 103, 104, 105, -1, 99]
    before.pop(kind)
    assert after == before
    assert told.changed == 5
    assert told.unknown[kind] == {99}
    assert told.unknown.keys() == TYPED.keys()


@pytest.mark.parametrize("at_once", [1, 2, 3, 7, 8, 100])
def test_all_rows_are_replaced_in_parts_of_any_size(
    writer: OmeroGraphWriter,
    connection: OmeroConnection,
    table: bytes,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", at_once)
    file = uploaded(writer, table)
    writer.remap_table(file, {kind: ids for name in TYPED for kind, ids in mapping(name).items()})
    found = values(connection, file)
    assert {name: found[name] for name in TYPED} == {
        name: [101, 102, 103, 104, 105, -1, 99] for name in TYPED
    }


def test_a_new_id_that_is_also_an_old_one_is_replaced_once(
    writer: OmeroGraphWriter, connection: OmeroConnection, table: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 2)
    file = uploaded(writer, table)
    turned = {"Image": {1: 2, 2: 3, 3: 4, 4: 5, 5: 1}}
    for _time in range(2):
        writer.write_file(file, Bytes(table))
        writer.remap_table(file, turned)
        assert values(connection, file)["Image"] == [2, 3, 4, 5, 1, -1, 99]


def test_the_checksum_of_the_changed_table_is_recorded(
    server: OmeroServer, writer: OmeroGraphWriter, connection: OmeroConnection, table: bytes
) -> None:
    import hashlib

    file = uploaded(writer, table)
    writer.remap_table(file, mapping("Image"))
    data = RawFiles(connection.session, {}).read_all(file, 1 << 24)
    row: Any = server.store.row("OriginalFile", file)
    assert data != table
    assert (row["size"], row["hash"]) == (len(data), hashlib.sha1(data).hexdigest())


def test_a_table_with_nothing_to_replace_is_left_byte_for_byte(
    writer: OmeroGraphWriter, connection: OmeroConnection
) -> None:
    data = made(connection, omero.grid.LongColumn("n", "", [1, 2]))
    file = uploaded(writer, data)
    assert writer.remap_table(file, mapping("Image")) == Remapped(0)
    assert RawFiles(connection.session, {}).read_all(file, 1 << 24) == data


def test_a_table_with_unknown_ids_only_is_not_written_to(
    server: OmeroServer, writer: OmeroGraphWriter, table: bytes
) -> None:
    file = uploaded(writer, table)
    server.counters.reset()
    assert writer.remap_table(file, {"Image": {7: 8, 1: 1}}).changed == 0
    assert server.counters.calls("Table.update") == 0


def test_columns_of_masks_are_told_of_and_stay(writer: OmeroGraphWriter, connection: OmeroConnection) -> None:
    masks = omero.grid.MaskColumn("m", "", [1], [0], [0], [0.0], [0.0], [1.0], [1.0], [b"\x01"])
    file = uploaded(writer, made(connection, omero.grid.ImageColumn("image", "", [1]), masks))
    assert writer.remap_table(file, mapping("Image")) == Remapped(1, left=("m",))


def test_a_table_without_rows_has_nothing_to_replace(
    writer: OmeroGraphWriter, connection: OmeroConnection
) -> None:
    file = uploaded(writer, made(connection, omero.grid.ImageColumn("image", "", [])))
    assert writer.remap_table(file, mapping("Image")) == Remapped(0)


def test_what_is_no_table_is_refused(writer: OmeroGraphWriter) -> None:
    file = uploaded(writer, b"this is no HDF5")
    with pytest.raises(BridgeError, match=f"OriginalFile:{file}"):
        writer.remap_table(file, mapping("Image"))


def test_the_table_of_another_user_stays(connect_as: LogIn, make_group: Any, make_user: Any) -> None:
    group = make_group("rwr---")
    mine, other = connect_as(make_user(group)), connect_as(make_user(group))
    writer = OmeroGraphWriter(mine)
    data = made(mine, omero.grid.ImageColumn("image", "", [1]))
    file = uploaded(writer, data)
    with pytest.raises(AccessDenied):
        OmeroGraphWriter(other).remap_table(file, mapping("Image"))
    assert RawFiles(mine.session, {}).read_all(file, 1 << 24) == data


@pytest.mark.parametrize("operation", ["Table.read", "Table.update", "Table.getHeaders", "Table.close"])
def test_a_call_that_fails_is_mended_by_writing_the_file_again(
    server: OmeroServer, writer: OmeroGraphWriter, connection: OmeroConnection, table: bytes, operation: str
) -> None:
    file = uploaded(writer, table)
    server.faults.fail_call(operation)
    with pytest.raises(BridgeError, match="injected fault"):
        writer.remap_table(file, mapping("Image"))
    server.faults.clear()
    writer.write_file(file, Bytes(table))
    writer.remap_table(file, mapping("Image"))
    assert values(connection, file)["Image"][:5] == [101, 102, 103, 104, 105]
