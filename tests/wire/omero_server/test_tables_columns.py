"""omero.grid.Table over the wire: every type of column, and the ways to read and write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import omero
import omero.grid
import pytest
import tables
from omero.rtypes import rdouble, rint, rlong, rstring

from omero_irods_sandbox.omero_server.server import OmeroServer

Table = Any

COLUMNS = [
    (omero.grid.FileColumn, (), [11, 12, 13]),
    (omero.grid.ImageColumn, (), [1, 2, 3]),
    (omero.grid.WellColumn, (), [4, 5, 6]),
    (omero.grid.PlateColumn, (), [7, 8, 9]),
    (omero.grid.DatasetColumn, (), [21, 22, 23]),
    (omero.grid.RoiColumn, (), [31, 32, -1]),
    (omero.grid.BoolColumn, (), [True, False, True]),
    (omero.grid.DoubleColumn, (), [0.5, -1e300, 2.25]),
    (omero.grid.LongColumn, (), [0, 2**62, -(2**62)]),
    (omero.grid.StringColumn, (16,), ["", "plain", "µm and 細胞"]),
    (omero.grid.FloatArrayColumn, (2,), [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]]),
    (omero.grid.DoubleArrayColumn, (3,), [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]),
    (omero.grid.LongArrayColumn, (2,), [[1, 2], [3, 4], [2**60, -1]]),
    (omero.grid.LongArrayColumn, (1,), [[1], [2], [3]]),
]


@pytest.fixture
def resources(client: Any) -> Any:
    return client.getSession().sharedResources()


@pytest.fixture
def table(resources: Any) -> Iterator[Table]:
    """A table with the numbers 0 to 9 and their squares and names."""
    made = resources.newTable(1, "/numbers.h5")
    columns = [
        omero.grid.LongColumn("n", "the number", []),
        omero.grid.DoubleColumn("square", "", []),
        omero.grid.StringColumn("name", "", 8, []),
    ]
    made.initialize(columns)
    columns[0].values = list(range(10))
    columns[1].values = [float(n * n) for n in range(10)]
    columns[2].values = [f"no. {n}" for n in range(10)]
    made.addData(columns)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "size", "values"), COLUMNS, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_type_of_column_comes_back_as_it_was_written(
    resources: Any, kind: Any, size: tuple[int, ...], values: list[Any]
) -> None:
    table = resources.newTable(1, "one.h5")
    table.initialize([kind("x", "about x", *size, [])])
    table.addData([kind("x", "about x", *size, values)])
    file = table.getOriginalFile()
    table.close()

    again = resources.openTable(file)
    (header,) = again.getHeaders()
    (read,) = again.read([0], 0, 0).columns
    (picked,) = again.readCoordinates([2, 0]).columns
    again.close()

    assert (header.ice_id(), header.name, header.description) == (kind.ice_staticId(), "x", "about x")
    if size:
        assert header.size == size[0]
    if size == (1,):
        values = [value[0] for value in values]  # PyTables stores these as plain numbers
        read.values = [_only(value) for value in read.values]
        picked.values = [_only(value) for value in picked.values]
    assert read.values == values
    assert picked.values == [values[2], values[0]]


def _only(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def test_masks_keep_their_boxes_and_their_bytes(resources: Any) -> None:
    table = resources.newTable(1, "masks.h5")
    table.initialize([omero.grid.MaskColumn("m", "")])
    given = omero.grid.MaskColumn(
        "m",
        "",
        [1, 2],
        [0, 1],
        [2, 3],
        [0.5, 1.5],
        [2.5, 3.5],
        [4.0, 5.0],
        [6.0, 7.0],
        [b"\x01\xff", b"\x00"],
    )
    table.addData([given])

    (read,) = table.read([0], 0, 2).columns
    table.close()

    assert (read.imageId, read.theZ, read.theT) == ([1, 2], [0, 1], [2, 3])
    assert (list(read.x), list(read.y)) == ([0.5, 1.5], [2.5, 3.5])
    assert (list(read.w), list(read.h)) == ([4.0, 5.0], [6.0, 7.0])
    assert [bytes(mask) for mask in read.bytes] == [b"\x01\xff", b"\x00"]


def test_read_takes_some_columns_of_a_range_of_rows(table: Table) -> None:
    data = table.read([2, 0], 3, 5)

    assert [column.name for column in data.columns] == ["name", "n"]
    assert [column.values for column in data.columns] == [["no. 3", "no. 4"], [3, 4]]
    assert data.rowNumbers == [3, 4]


def test_slice_without_columns_or_rows_is_all(table: Table) -> None:
    assert table.getNumberOfRows() == 10
    assert len(table.slice([], []).columns) == 3
    assert table.slice([1], [9, 1]).columns[0].values == [81.0, 1.0]


def test_row_numbers_are_left_out_for_clients_that_ask_for_that(table: Table) -> None:
    data = table.read([0], 0, 2, {"omero.tables.include_row_numbers": "false"})

    assert data.columns[0].values == [0, 1]
    assert not data.rowNumbers


def test_rows_are_found_by_conditions_with_variables_and_steps(table: Table) -> None:
    assert table.getWhereList("(n > 2) & (square < 50)", None, 0, 10, 1) == [3, 4, 5, 6, 7]
    assert table.getWhereList("n >= least", {"least": rlong(8)}, 0, 0, 1) == [8, 9]
    assert table.getWhereList("square == wanted", {"wanted": rdouble(9.0)}, 0, 0, 1) == [3]
    assert table.getWhereList("n >= 0", None, 2, 8, 3) == [2, 5]
    assert table.getWhereList("name == b'no. 7'", None, 0, 0, 1) == [7]


def test_a_start_without_stop_and_step_looks_at_one_row_as_pytables_does(table: Table) -> None:
    assert table.getWhereList("n >= 0", None, 4, 0, 0) == [4]


@pytest.mark.parametrize("condition", ["n >", "unknown > 1", "import os"])
def test_a_bad_condition_is_named(table: Table, condition: str) -> None:
    with pytest.raises(omero.ApiUsageException, match="Bad condition"):
        table.getWhereList(condition, None, 0, 0, 0)


def test_update_overwrites_single_values(table: Table) -> None:
    data = table.readCoordinates([4, 6])
    data.columns[1].values = [-4.0, -6.0]
    data.columns[2].values = ["four", "six"]
    table.update(data)

    after = table.read([1, 2], 3, 7)
    assert after.columns[0].values == [9.0, -4.0, 25.0, -6.0]
    assert after.columns[1].values == ["no. 3", "four", "no. 5", "six"]


@pytest.mark.parametrize(("columns", "rows"), [([3], [0]), ([0], [10])])
def test_columns_and_rows_past_the_end_are_refused(table: Table, columns: list[int], rows: list[int]) -> None:
    with pytest.raises(omero.ApiUsageException, match="overflow"):
        table.slice(columns, rows)


def test_columns_of_different_lengths_are_refused_and_nothing_is_added(table: Table) -> None:
    columns = [
        omero.grid.LongColumn("n", "", [1, 2]),
        omero.grid.DoubleColumn("square", "", [1.0]),
        omero.grid.StringColumn("name", "", 8, ["a", "b"]),
    ]
    with pytest.raises(omero.ValidationException):
        table.addData(columns)
    assert table.getNumberOfRows() == 10


def test_a_string_longer_than_its_column_is_refused(table: Table) -> None:
    columns = [
        omero.grid.LongColumn("n", "", [1]),
        omero.grid.DoubleColumn("square", "", [1.0]),
        omero.grid.StringColumn("name", "", 8, ["nine byte"]),
    ]
    with pytest.raises(omero.ValidationException, match="Maximum string"):
        table.addData(columns)


def test_a_table_is_initialized_once_with_names_that_differ(resources: Any, table: Table) -> None:
    with pytest.raises(omero.ValidationException, match="Already initialized"):
        table.initialize([omero.grid.LongColumn("again", "", [])])
    other = resources.newTable(1, "other.h5")
    for names, message in (
        (["a", "a"], "Duplicate"),
        ([""], "unnamed"),
        (["__mine"], "Reserved"),
        ([], "No columns"),
    ):
        with pytest.raises(omero.ApiUsageException, match=message):
            other.initialize([omero.grid.LongColumn(name, "", []) for name in names])
    with pytest.raises(omero.ApiUsageException, match="Not yet initialized"):
        other.getHeaders()
    other.close()


def test_metadata_keep_their_types_and_leave_the_servers_own_alone(table: Table) -> None:
    table.setMetadata("text", rstring("µ"))
    table.setMetadata("number", rint(7))
    assert (table.getMetadata("text").val, table.getMetadata("number").val) == ("µ", 7)
    assert table.getMetadata("missing") is None

    table.setAllMetadata({"only": rlong(1)})
    kept = table.getAllMetadata()
    assert kept["only"].val == 1
    assert "text" not in kept
    assert kept["__version"].val == "2"
    with pytest.raises(omero.ApiUsageException, match="Reserved"):
        table.setMetadata("__version", rstring("3"))


def test_the_file_is_laid_out_as_omero_tables_does(server: OmeroServer, resources: Any) -> None:
    table = resources.newTable(1, "layout.h5")
    table.initialize([omero.grid.ImageColumn("image", "which", []), omero.grid.BoolColumn("ok", "", [])])
    table.addData([omero.grid.ImageColumn("image", "which", [5]), omero.grid.BoolColumn("ok", "", [True])])
    file_id = table.getOriginalFile().id.val
    table.close()

    with tables.open_file(str(server.storage.path_by_id(file_id))) as file:
        assert [bytes(name) for name in file.root.OME.ColumnTypes[:]] == [
            b"::omero::grid::ImageColumn",
            b"::omero::grid::BoolColumn",
        ]
        assert [bytes(text) for text in file.root.OME.ColumnDescriptions[:]] == [b"which", b""]
        assert file.root.OME.Measurements.colnames == ["image", "ok"]
        assert file.root.OME.Measurements.attrs["__version"] == "2"
