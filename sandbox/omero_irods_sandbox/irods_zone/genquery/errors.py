"""What a query is refused with."""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of

CAT_INVALID_ARGUMENT: Final = code_of("CAT_INVALID_ARGUMENT")
CAT_UNKNOWN_TABLE: Final = code_of("CAT_UNKNOWN_TABLE")
CAT_FAILED_TO_LINK_TABLES: Final = code_of("CAT_FAILED_TO_LINK_TABLES")
CAT_TOO_MANY_TABLES: Final = code_of("CAT_TOO_MANY_TABLES")
CAT_SQL_ERR: Final = code_of("CAT_SQL_ERR")
USER_STRLEN_TOOLONG: Final = code_of("USER_STRLEN_TOOLONG")
SYS_INVALID_INPUT_PARAM: Final = code_of("SYS_INVALID_INPUT_PARAM")
SYS_LIBRARY_ERROR: Final = code_of("SYS_LIBRARY_ERROR")

# rodsErrorTable.h; python-irodsclient has no class for it.
CAT_BIND_VARIABLE_LIMIT_EXCEEDED: Final = -856000


class QueryError(ZoneError):
    """A query that the server refuses; ``code`` is one of those above, ``message`` names the culprit."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)


class DatabaseRefusal(ValueError):
    """The database would not run the SQL.

    Mostly PostgreSQL, below a real server: a value or an operator does not suit
    a column's type there, while SQLite compares anything with anything. Each
    language turns this into its own code.
    """
