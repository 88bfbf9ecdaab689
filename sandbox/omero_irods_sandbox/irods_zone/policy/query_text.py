"""GenQuery 1 as rules write it: a list of columns and a condition, glued together to one text.

Source: ``msiMakeGenQuery`` of ``genQueryMS.cpp``, ``fillGenQueryInpFromStrCond``,
``goodStrExpr`` and ``getSelVal`` of ``rcMisc.cpp``, names of ``rodsGenQueryNames.h``.
"""

from __future__ import annotations

import re
from typing import Final

from irods.models import ModelBase

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.genquery.columns import BY_NAME
from omero_irods_sandbox.irods_zone.policy.values import Pairs

_SELECTED: Final = re.compile(r"\s*(?:(\w+)\s*\(\s*(\w+)\s*\)|(\w+))\s*")
_FUNCTIONS: Final = {"min": 2, "max": 3, "sum": 4, "avg": 5, "count": 6, "order": 0x400, "order_desc": 0x800}
_PLAIN: Final = 1
_AND: Final = re.compile(r" (?:and|AND) ")

_NAMES: Final[dict[str, int]] = (
    {column.icat_key: number for number, column in ModelBase.column_items}
    | {name: column.number for name, column in BY_NAME.items() if column.number is not None}
    | {
        # Names that neither of them spells as GenQuery 1 does.
        "RESC_LOC": 306,
        "DATA_RESC_NAME": 409,
        "DATA_OWNER_NAME": 411,
        "DATA_OWNER_ZONE": 412,
        "DATA_RESC_HIER": 422,
        "COLL_OWNER_NAME": 503,
        "COLL_OWNER_ZONE": 504,
        "DATA_ACCESS_TYPE": 700,
        "DATA_ACCESS_NAME": 701,
        "DATA_TOKEN_NAMESPACE": 702,
        "DATA_ACCESS_DATA_ID": 704,
        "COLL_ACCESS_TYPE": 710,
        "COLL_ACCESS_NAME": 711,
        "COLL_ACCESS_COLL_ID": 714,
        "USER_GROUP_ID": 900,
        "USER_GROUP_NAME": 901,
        "DATA_USER_NAME": 1310,
        "DATA_ZONE_NAME": 1311,
        "COLL_USER_NAME": 1300,
        "COLL_ZONE_NAME": 1301,
    }
)


def column_number(name: str) -> int:
    """Raises ZoneError NO_COLUMN_NAME_FOUND."""
    number = _NAMES.get(name)
    if number is None:
        raise ZoneError("NO_COLUMN_NAME_FOUND", f"GenQuery has no column {name!r}.")
    return number


def columns(text: str) -> Pairs:
    """``COLL_NAME, ORDER_DESC(DATA_NAME)`` as column numbers and options.

    Raises:
        ZoneError: NO_COLUMN_NAME_FOUND, INPUT_ARG_NOT_WELL_FORMED_ERR.
    """
    selected = Pairs()
    for part in text.split(","):
        match = _SELECTED.fullmatch(part)
        if match is None:
            raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"Not a column: {part!r}")
        function, argument, plain = match.groups()
        option = _FUNCTIONS.get((function or "").lower(), _PLAIN)
        selected.add(column_number(argument or plain), option)
    return selected


def conditions(text: str) -> Pairs:
    """``A = 'x' and B like 'y'`` as column numbers and conditions, split where all quotes are closed.

    A quote in a value is not escaped there either: one that is alone makes
    the rest of the text part of the value.

    Raises:
        ZoneError: NO_COLUMN_NAME_FOUND, INPUT_ARG_NOT_WELL_FORMED_ERR.
    """
    found = Pairs()
    for part in _parts(text) if text.strip() else []:
        name, blank, condition = part.strip().partition(" ")
        if not blank:
            raise ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"Not a condition: {part!r}")
        found.add(column_number(name), condition)
    return found


def _parts(text: str) -> list[str]:
    parts, start = [], 0
    for match in _AND.finditer(text):
        if _is_balanced(text[start : match.start()]):
            parts.append(text[start : match.start()])
            start = match.end()
    return [*parts, text[start:]]


def _is_balanced(text: str) -> bool:
    """Quotes and parentheses are all closed; those inside quotes mean nothing."""
    outside = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)
    return not re.search(r"['\"]", outside) and _parentheses(outside) == 0


def _parentheses(text: str) -> int:
    depth = 0
    for character in text:
        if character == "(":
            depth += 1
        elif character == ")" and depth > 0:
            depth -= 1
    return depth
