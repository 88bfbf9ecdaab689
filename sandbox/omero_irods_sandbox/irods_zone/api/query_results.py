"""GenQueryOut_PI: the rows of a query, column by column.

Source: ``general_query.cpp`` (chl_gen_query_impl) and ``rsGenQuery.cpp``
(add_resc_hier_name_to_query_out); recorded: tests/data/irods-5.0.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from omero_irods_sandbox.irods_zone.wire.structs import Builder
from omero_irods_sandbox.irods_zone.wire.xml import encoded

# MAX_SQL_ATTR: the array of columns has a fixed length, those not asked for follow empty.
_MAX_COLUMNS: Final = 50
_MINIMUM_WIDTH: Final = 50

# The server fills this column in when the rows are there, and gives it a width of its own.
_HIERARCHY_COLUMN: Final = 422


def encode(
    columns: Sequence[int],
    rows: Sequence[Sequence[object]],
    *,
    continue_index: int = 0,
    total: int = 0,
) -> bytes:
    """The reply with ``rows``, whose values are in the order of the column numbers ``columns``."""
    table = [[_text(value) for value in row] for row in rows]
    numbers = columns if table else ()
    builder = Builder().open("GenQueryOut_PI")
    builder.add("rowCnt", len(table)).add("attriCnt", len(numbers))
    builder.add("continueInx", continue_index).add("totalRowCount", total)
    width = _common_width(numbers, table)
    for position, number in enumerate(numbers):
        values = [row[position] for row in table]
        is_hierarchy = number == _HIERARCHY_COLUMN
        _add_column(builder, number, _longest(values) + 1 if is_hierarchy else width, values)
    for _ in range(_MAX_COLUMNS - len(numbers)):
        _add_column(builder, 0, 0, ())
    return builder.close("GenQueryOut_PI").bytes()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _longest(values: Iterable[str]) -> int:
    return max((len(encoded(value)) for value in values), default=0)


def _common_width(numbers: Sequence[int], table: Sequence[Sequence[str]]) -> int:
    """Bytes that the server reserves for a value: they grow in steps while it reads the rows."""
    width = 0
    for row in table:
        shown = (value for number, value in zip(numbers, row, strict=True) if number != _HIERARCHY_COLUMN)
        needed = max(_MINIMUM_WIDTH, _longest(shown) + 1)
        if needed > width:
            width = needed + _MINIMUM_WIDTH if width else needed
    return width


def _add_column(builder: Builder, number: int, width: int, values: Iterable[str]) -> None:
    builder.open("SqlResult_PI").add("attriInx", number).add("reslen", width)
    for value in values:
        builder.add("value", value)
    builder.close("SqlResult_PI")
