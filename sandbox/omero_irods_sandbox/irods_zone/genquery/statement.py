"""What the query languages hand to the catalog."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import (
    CAT_BIND_VARIABLE_LIMIT_EXCEEDED,
    DatabaseRefusal,
    QueryError,
)
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment

# SQLite's parser has a stack of 100, and needs up to six places for a parenthesis within another.
MAX_PARENTHESES: Final = 17

# MAX_BIND_VARS of low_level_odbc.hpp; SQLite's own limit is 32766.
MAX_PARAMETERS: Final = 32000


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL to run, and what its reply needs.

    ``columns`` are the column numbers of the reply (``attriInx``), empty for
    GenQuery2. ``count``, present when the client asked for the total, gives
    one row with the number of all rows, those before the offset included.
    ``auto_close``: the reply tells of further rows by ``continueInx`` -1 and
    keeps nothing open.
    """

    sql: str
    parameters: list[object]
    columns: tuple[int, ...] = ()
    count: Statement | None = None
    auto_close: bool = False

    @classmethod
    def of(
        cls,
        query: Fragment,
        *,
        columns: Sequence[int] = (),
        count: Statement | None = None,
        auto_close: bool = False,
    ) -> Statement:
        """The statement that ``query`` is, all of it.

        Raises:
            QueryError: more values than a statement can bind.
            DatabaseRefusal: more parentheses within each other than SQLite can read.
        """
        if _depth(query.text) > MAX_PARENTHESES:
            raise DatabaseRefusal("conditions and functions are nested too deeply: split the query")
        if len(query.parameters) > MAX_PARAMETERS:
            message = (
                f"the query holds {len(query.parameters)} values, the limit is {MAX_PARAMETERS}: split it"
            )
            raise QueryError(CAT_BIND_VARIABLE_LIMIT_EXCEEDED, message)
        return cls(query.text, list(query.parameters), tuple(columns), count, auto_close)


def _depth(sql: str) -> int:
    """How many parentheses are open at most; strings have none, as values are bound."""
    steps = (1 if parenthesis == "(" else -1 for parenthesis in re.findall("[()]", sql))
    return max(accumulate(steps), default=0)
