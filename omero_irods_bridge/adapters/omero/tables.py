"""Ids in the typed columns of OMERO.tables."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import omero
import omero.clients
import omero.grid
import omero.model

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import FOREIGN, omero_errors
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.loads import Remapped

ROWS_AT_ONCE: Final = 20_000

_CLASSES: Final = {
    omero.grid.DatasetColumn: "Dataset",
    omero.grid.FileColumn: "OriginalFile",
    omero.grid.ImageColumn: "Image",
    omero.grid.PlateColumn: "Plate",
    omero.grid.RoiColumn: "Roi",
    omero.grid.WellColumn: "Well",
}
_NO_OBJECT: Final = -1
"""What clients write where a row is about no object."""


def remap_table(connection: OmeroConnection, file: int, ids: Mapping[str, Mapping[int, int]]) -> Remapped:
    """See ``GraphWriter.remap_table``. OMERO notes the new checksum of the file when the table is closed.

    Columns of masks hold the id of an image, but OMERO cannot change them (omero-py, HdfStorage.update).
    """
    with (
        omero_errors(f"replacing the ids in the table OriginalFile:{file}"),
        _open(connection, file) as table,
    ):
        headers = table.getHeaders()
        columns = {
            index: _CLASSES[kind] for index, one in enumerate(headers) if (kind := _kind(one)) is not None
        }
        masks = tuple(one.name for one in headers if isinstance(one, omero.grid.MaskColumn))
        seen = _Seen(ids)
        for start in range(0, table.getNumberOfRows() if columns else 0, ROWS_AT_ONCE):
            _remap_rows(table, columns, start, seen)
    return Remapped(seen.changed, {kind: frozenset(some) for kind, some in seen.unknown.items()}, masks)


@contextlib.contextmanager
def _open(connection: OmeroConnection, file: int) -> Iterator[Any]:
    context = connection.client.getContext(group=connection.identity.group_id)
    resources = connection.session.sharedResources()
    table = resources.openTable(omero.model.OriginalFileI(file, False), context)
    if table is None:
        raise BridgeError(
            f"OMERO does not open the table OriginalFile:{file}.",
            hint="See whether OMERO.tables runs: omero admin diagnostics.",
        )
    try:
        yield table
    except BaseException:
        with contextlib.suppress(*FOREIGN):
            table.close()
        raise
    table.close()


def _kind(column: Any) -> Any:
    return next((kind for kind in _CLASSES if isinstance(column, kind)), None)


class _Seen:
    """Replaces ids and remembers what it met."""

    def __init__(self, ids: Mapping[str, Mapping[int, int]]) -> None:
        self._ids = ids
        self.changed = 0
        self.unknown: dict[str, set[int]] = defaultdict(set)

    def replace(self, kind: str, values: list[int]) -> list[int]:
        known = self._ids.get(kind, {})
        self.unknown[kind].update(one for one in values if one not in known and one != _NO_OBJECT)
        if not self.unknown[kind]:
            del self.unknown[kind]
        self.changed += sum(one in known and known[one] != one for one in values)
        return [known.get(one, one) for one in values]


def _remap_rows(table: Any, columns: Mapping[int, str], start: int, seen: _Seen) -> None:
    """Rows from ``start`` on; what stays as it is is not written."""
    stop = min(start + ROWS_AT_ONCE, table.getNumberOfRows())
    data = table.read(list(columns), start, stop)
    before = seen.changed
    for kind, column in zip(columns.values(), data.columns, strict=True):
        column.values = seen.replace(kind, column.values)
    if seen.changed != before:
        table.update(data)
