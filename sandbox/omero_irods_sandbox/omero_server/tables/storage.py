"""The HDF file of a table, kept by omero-py's own storage class as OMERO.tables keeps it.

``omero.hdfstorageV2`` decides the layout: ``/OME/Measurements``, ``/OME/ColumnTypes``,
``/OME/ColumnDescriptions``, ``/OME/Measurements_masks``, and metadata as attributes. It shares one open
file among all who use it, and one lock among all files, for HDF5 is not made for threads.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import omero.columns
import tables
from omero.hdfstorageV2 import HDFLIST

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.types import RType

_COLUMN_CLASSES: Final = {made.ice_staticId(): made for made in omero.columns.ObjectFactories}


@dataclass(frozen=True, slots=True)
class _Factory:
    """An Ice object factory: makes the columns that know how to read themselves."""

    def create(self, type_id: str) -> Any:
        return _COLUMN_CLASSES[type_id]()


class _Communicator:
    """As much of an Ice communicator as the storage asks for."""

    def findObjectFactory(self, type_id: str) -> _Factory | None:
        return _Factory() if type_id in _COLUMN_CLASSES else None

    def getCommunicator(self) -> _Communicator:
        return self


@dataclass(frozen=True, slots=True)
class _Current:
    """As much of an Ice.Current as the storage asks for."""

    ctx: Mapping[str, str]
    adapter: _Communicator


def _storable(column: Any) -> Any:
    """A column as the storage needs it; what came over the wire knows its values only."""
    made = _COLUMN_CLASSES[column.ice_staticId()]()
    vars(made).update(vars(column))
    return made


@contextmanager
def _hdf_errors() -> Iterator[None]:
    """What HDF5 refuses is the caller's mistake (omero.tables.TableI.read)."""
    try:
        yield
    except tables.HDF5ExtError as error:
        raise api_usage("Error reading coordinates. Most likely out of range") from error


class TableFile:
    """One user's hold on a table's file. :meth:`close` it exactly once."""

    def __init__(self, path: Path) -> None:
        """Open, and make the file when it is not there.

        Raises:
            ValidationException: it is no HDF file.
            LockTimeout: another process has it open.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._storage = HDFLIST.getOrCreate(str(path), self)
        self._opened_s = time.time()

    @property
    def is_modified(self) -> bool:
        """Whether anybody has written since the file was opened."""
        return bool(self._storage.modified())

    def close(self) -> None:
        """Let go; the last one to do so closes the file."""
        self._storage.decr(self)

    # -- reading

    def headers(self, context: Mapping[str, str]) -> list[Any]:
        """The columns, without values."""
        return list(self._storage.cols(None, _Current(context, _Communicator())))

    def row_count(self) -> int:
        return int(self._storage.rows())

    def where(self, condition: str, variables: dict[str, Any], start: int, stop: int, step: int) -> list[int]:
        """The numbers of the rows that a PyTables condition holds for.

        A ``stop`` or ``step`` of 0 is none; without both of them PyTables looks at the row ``start`` only.
        """
        found = self._storage.getWhereList(
            self._opened_s, condition, variables, None, start, stop or None, step or None
        )
        return [int(row) for row in found]

    def coordinates(self, rows: Sequence[int], context: Mapping[str, str]) -> Any:
        """All columns of these rows."""
        with _hdf_errors():
            return self._storage.readCoordinates(self._opened_s, rows, _Current(context, _Communicator()))

    def read(self, columns: Sequence[int], start: int, stop: int | None, context: Mapping[str, str]) -> Any:
        """Some columns of the rows from ``start`` to before ``stop``, or to the end."""
        with _hdf_errors():
            return self._storage.read(
                self._opened_s, columns, start, stop, _Current(context, _Communicator())
            )

    def slice(self, columns: Sequence[int], rows: Sequence[int], context: Mapping[str, str]) -> Any:
        """Some columns of some rows; none named are all."""
        return self._storage.slice(self._opened_s, columns, rows, _Current(context, _Communicator()))

    # -- writing

    def initialize(self, columns: Sequence[Any]) -> None:
        """Give a new table its columns."""
        self._storage.initialize([_storable(column) for column in columns])

    def append(self, columns: Sequence[Any]) -> None:
        """Add rows."""
        self._storage.append([_storable(column) for column in columns])

    def update(self, data: Any) -> None:
        """Overwrite values of rows that are there."""
        self._storage.update(self._opened_s, data)

    # -- metadata

    def metadata(self) -> dict[str, RType]:
        """All of it, with OMERO's own, whose names begin with ``__``."""
        return dict(self._storage.get_meta_map())

    def set_metadata(self, values: Mapping[str, RType], *, replace: bool) -> None:
        """Set values; with ``replace``, drop all others but OMERO's own."""
        self._storage.add_meta_map(dict(values), replace=replace)
