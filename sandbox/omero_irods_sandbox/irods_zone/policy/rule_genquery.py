"""The module that rule files import as ``genquery``.

Equivalent to ``genquery.py``, which the packages of the Python rule engine plugin put into
``/etc/irods``: the same public names, arguments and results, over the same microservices.
It works with any ``callback`` that has those.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Any, Final, TypeVar

from omero_irods_sandbox.irods_zone.policy.values import GenQueryInp, GenQueryOut

__all__ = ["AS_DICT", "AS_LIST", "AS_TUPLE", "Query", "paged_iterator", "row_iterator"]

MAX_SQL_ROWS: Final = 256
_END_OF_RESULTSET: Final = "Error__Code:-408000]"
_Item = TypeVar("_Item")


class _RowForm:
    """A mark for how rows are returned; never made."""


class AS_DICT(_RowForm):  # noqa: N801 - the name rules import
    """Rows are dictionaries, column name to value."""


class AS_LIST(_RowForm):  # noqa: N801
    """Rows are lists."""


class AS_TUPLE(_RowForm):  # noqa: N801
    """Rows are tuples; of a single column, strings."""


class Option:
    """Bits of ``options``; ``rodsGenQuery.h``."""

    RETURN_TOTAL_ROW_COUNT = 0x020
    NO_DISTINCT = 0x040
    QUOTA_QUERY = 0x080
    AUTO_CLOSE = 0x100
    UPPER_CASE_WHERE = 0x200


class Parser(Enum):
    """The two languages."""

    GENQUERY1 = 1
    GENQUERY2 = 2


class Query:
    """A query, run when its first row or its total is asked for; iterating yields its rows.

    ``columns`` is a list, or a text with commas. With ``case_sensitive`` False
    the whole condition is compared in capitals. GenQuery 2 takes ``order_by``
    and always returns lists.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the signature rules know
        self,
        callback: Any,
        columns: str | Iterable[str],
        conditions: str = "",
        output: type[_RowForm] = AS_TUPLE,
        offset: int = 0,
        limit: int | None = None,
        case_sensitive: bool = True,
        options: int = 0,
        parser: Parser = Parser.GENQUERY1,
        order_by: str = "",
    ) -> None:
        named = columns.split(",") if isinstance(columns, str) else columns
        self.callback = callback
        self.columns = [column.strip() for column in named if column.strip()]
        self.conditions = conditions
        self.output = output
        self.offset = offset
        self.limit = limit
        self.case_sensitive = case_sensitive
        self.options = (
            options & ~Option.UPPER_CASE_WHERE if case_sensitive else options | Option.UPPER_CASE_WHERE
        )
        self.parser = parser
        self.order_by = order_by
        self._input: Any = None
        self._page: Any = None
        self._handle = ""

    @property
    def parameters(self) -> dict[str, Any]:
        """What the query was made with, apart from the callback."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def copy(self, **changes: Any) -> Query:
        """The same query, not run yet, with other parameters."""
        return Query(self.callback, **{**self.parameters, **changes})

    def total_rows(self) -> int | None:
        """How many rows match, whatever offset and limit say; None with GenQuery 2."""
        if self.parser is Parser.GENQUERY2:
            return None
        if self.offset:
            return self.copy(offset=0, limit=0).total_rows()
        self._execute()
        return int(self._page.totalRowCount)

    def first(self) -> Any:
        """One row, None when there is none."""
        rows = iter(self)
        try:
            return next(rows, None)
        finally:
            rows.close()

    def close(self) -> None:
        """Let the server forget what has not been read."""
        if self._handle:
            self.callback.msi_genquery2_free(self._handle)
            self._handle = ""
        while self._page is not None and self._page.continueInx > 0:
            self._input.options |= Option.AUTO_CLOSE
            self._next_page()
        self._input = self._page = None

    def __iter__(self) -> Generator[Any, None, None]:
        rows = self._rows2() if self.parser is Parser.GENQUERY2 else islice(self._rows1(), self.limit)
        try:
            yield from rows
        finally:
            self.close()

    # -- GenQuery 1

    def _execute(self) -> None:
        if self._page is not None:
            return
        where = self.conditions if self.case_sensitive else self.conditions.upper()
        made = self.callback.msiMakeGenQuery(", ".join(self.columns), where, GenQueryInp())
        self._input = made["arguments"][2]
        self._input.rowOffset = self.offset
        counts = 0 if self.offset else Option.RETURN_TOTAL_ROW_COUNT
        self._input.options |= self.options | counts
        self._page = self.callback.msiExecGenQuery(self._input, GenQueryOut())["arguments"][1]

    def _next_page(self) -> None:
        self._page = self.callback.msiGetMoreRows(self._input, self._page, 0)["arguments"][1]

    def _rows1(self) -> Iterator[Any]:
        self._execute()
        while True:
            for number in range(self._page.rowCnt):
                yield self._formed([column.row(number) for column in self._page.sqlResult])
            if self._page.continueInx <= 0:
                return
            self._next_page()

    def _formed(self, row: list[str]) -> Any:
        if self.output is AS_LIST:
            return row
        if self.output is AS_DICT:
            return dict(zip(self.columns, row, strict=True))
        return row[0] if len(row) == 1 else tuple(row)

    # -- GenQuery 2

    def _text2(self) -> str:
        clauses = {
            "where": self.conditions,
            "order by": self.order_by,
            "offset": self.offset or "",
            "limit": "" if self.limit is None else self.limit,
        }
        return f"select {', '.join(self.columns)}" + "".join(
            f" {keyword} {value}" for keyword, value in clauses.items() if value != ""
        )

    def _rows2(self) -> Iterator[list[str]]:
        self._handle = self.callback.msi_genquery2_execute("", self._text2())["arguments"][0]
        while self._has_next():
            yield [
                self.callback.msi_genquery2_column(self._handle, str(number), "")["arguments"][2]
                for number in range(len(self.columns))
            ]

    def _has_next(self) -> bool:
        try:
            self.callback.msi_genquery2_next_row(self._handle)
        except RuntimeError as error:
            if _END_OF_RESULTSET in str(error):
                return False
            raise
        return True


_PARAMETERS: Final = (
    "columns",
    "conditions",
    "output",
    "offset",
    "limit",
    "case_sensitive",
    "options",
    "parser",
    "order_by",
)


def row_iterator(
    columns: str | Iterable[str], conditions: str, row_return: type[_RowForm], callback: Any
) -> Query:
    """The rows of a query, as ``row_return`` says."""
    return Query(callback, columns, conditions, output=row_return)


def row_generator(
    columns: str | Iterable[str], conditions: str, row_return: type[_RowForm], callback: Any
) -> Iterator[Any]:
    """The same, for ``next()``."""
    return iter(row_iterator(columns, conditions, row_return, callback))


class paged_iterator(Iterator[list[Any]]):  # noqa: N801 - the name rules import
    """The rows of a query in lists of up to ``N_rows_per_page``."""

    def __init__(
        self,
        columns: str | Iterable[str],
        conditions: str,
        row_return: type[_RowForm],
        callback: Any,
        N_rows_per_page: int = MAX_SQL_ROWS,  # noqa: N803 - the name rules use
    ) -> None:
        self.callback = callback
        self.generator = row_generator(columns, conditions, row_return, callback)
        self.set_rows_per_page(N_rows_per_page, hard_limit_at_default=True)

    def set_rows_per_page(self, rpp: int, hard_limit_at_default: bool = False) -> paged_iterator:
        """Change the length of the lists to come."""
        self.rows_per_page = max(1, int(rpp))
        if hard_limit_at_default:
            self.rows_per_page = min(self.rows_per_page, MAX_SQL_ROWS)
        return self

    def next(self) -> list[Any]:
        """The next list. Raises StopIteration."""
        return next(self)

    def __next__(self) -> list[Any]:
        page = list(islice(self.generator, self.rows_per_page))
        if not page:
            raise StopIteration
        return page
