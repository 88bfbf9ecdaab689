"""GenQuery 1 as rules write it: a list of columns and a condition, glued together to one text.

Source: ``msiMakeGenQuery`` of ``genQueryMS.cpp``, ``lexer.l`` and ``parser.y`` of lib/genquery1 in iRODS
5.0.2, names of ``rodsGenQueryNames.h``.
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
_LEXEME: Final = re.compile(
    r"(?P<blank>[ \t\n]+)|(?P<value>'(?:''|[^'])*')|(?P<word>[a-zA-Z][a-zA-Z0-9_]*)"
    r"|(?P<sign>\|\||&&|<>|<=|>=|!=|[=<>,()])"
)
_VALUES: Final = r"value(?: , value)*"
_EXPRESSION: Final = (
    rf"(?:(?:not )?like value|between value value|(?:=|!=|<>|<=?|>=?) value|in \( {_VALUES} \)|in {_VALUES}"
    r"|begin_of value|parent_of value)"
)
_EXPRESSIONS: Final = re.compile(rf"{_EXPRESSION}(?: (?:\|\||&&) {_EXPRESSION})*")

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
    r"""``A = 'x' and B like 'y' || = 'z'`` as column numbers and conditions.

    In a value ``''`` is a quote and ``\xHH`` a byte of UTF-8; what stands between ``and`` is one column's.

    Raises:
        ZoneError: NO_COLUMN_NAME_FOUND, INPUT_ARG_NOT_WELL_FORMED_ERR.
    """
    found = Pairs()
    rest = _lexemes(text)
    while rest:
        end = next((n for n, one in enumerate(rest) if one.lower() == "and"), len(rest))
        if end == len(rest) - 1:
            raise _malformed(text)
        name, tests = rest[0], rest[1:end]
        if not name[0].isalpha() or not _EXPRESSIONS.fullmatch(" ".join(map(_shape, tests))):
            raise _malformed(text)
        found.add(column_number(name), _condition(tests))
        rest = rest[end + 1 :]
    return found


def _lexemes(text: str) -> list[str]:
    """Values have their quotes and escapes."""
    found, position = [], 0
    while position < len(text):
        match = _LEXEME.match(text, position)
        if match is None:
            raise _malformed(text)
        if match.lastgroup != "blank":
            found.append(match[0])
        position = match.end()
    return found


def _shape(lexeme: str) -> str:
    return "value" if lexeme[0] == "'" else lexeme.lower()


def _condition(tests: list[str]) -> str:
    """As the parser hands it on: values keep their quotes, and escapes are gone."""
    parts = [f"'{_unescaped(one)}'" if one[0] == "'" else one.lower() for one in tests]
    return " ".join(parts).replace("( ", "(").replace(" )", ")").replace(" ,", ",")


def _unescaped(literal: str) -> str:
    raw = literal[1:-1].replace("''", "'").encode("utf-8", "surrogateescape")
    decoded = re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), raw)
    return decoded.decode("utf-8", "surrogateescape")


def _malformed(text: str) -> ZoneError:
    return ZoneError("INPUT_ARG_NOT_WELL_FORMED_ERR", f"Not a condition: {text!r}")
