"""The least of the native rule language: a rule that is nothing but calls of microservices.

    @external rule { msiSleep('1', '0'); writeLine('serverLog', 'awake') }

Arguments are literals. Variables, conditions, loops and input or output parameters are not
understood; such a text is refused, never half run. Source: the grammar in ``parser.cpp`` of the
native rule engine; what python-irodsclient sends for a rule's body (``irods/rule.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.callback import call_microservice
from omero_irods_sandbox.irods_zone.policy.microservice import Call

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.session import Session

_TEXT: Final = re.compile(r"\s*@external\s+rule\s*\{(.*)\}\s*", re.DOTALL)
_LITERAL: Final = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+"""
_CALL: Final = re.compile(
    rf"\s*(\w+)\s*\(\s*((?:(?:{_LITERAL})\s*,\s*)*(?:{_LITERAL})?)\s*\)\s*;?\s*", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class NativeCall:
    """One call of a microservice."""

    name: str
    arguments: tuple[str, ...]


def parse(text: str) -> list[NativeCall]:
    """The calls in a rule's text.

    Raises:
        ZoneError: RE_PARSER_ERROR when it is anything else than calls with literal arguments.
    """
    rule = _TEXT.fullmatch(text)
    if rule is None:
        raise ZoneError("RE_PARSER_ERROR", "Only the body of an @external rule is understood here.")
    body, position, calls = rule.group(1), 0, []
    while body[position:].strip():
        match = _CALL.match(body, position)
        if match is None:
            raise ZoneError("RE_PARSER_ERROR", "Only calls with literal arguments are understood here.")
        calls.append(NativeCall(match.group(1), _literals(match.group(2))))
        position = match.end()
    return calls


def _literals(text: str) -> tuple[str, ...]:
    found = re.findall(_LITERAL, text)
    return tuple(re.sub(r"\\(.)", r"\1", item[1:-1]) if item[0] in "'\"" else item for item in found)


def run(text: str, session: Session) -> None:
    """Call the microservices in order; the first that fails ends the rule.

    Raises:
        ZoneError: what :func:`parse` raises, before anything has run, or what a microservice raises.
    """
    for call in parse(text):
        call_microservice(Call(session.rules, session), call.name, list(call.arguments))
