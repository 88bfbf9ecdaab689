"""The table of microservices: name, number of arguments, function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy.values import KeyValPair

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.policy.engine import RuleEngine
    from omero_irods_sandbox.irods_zone.session import Session

Outputs = Mapping[int, object] | None
Function = Callable[..., Outputs]


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls a microservice."""

    engine: RuleEngine
    session: Session


@dataclass(frozen=True, slots=True)
class Microservice:
    """``function`` takes the call and ``arity`` arguments; it returns its output arguments by their index."""

    arity: int
    function: Function


MICROSERVICES: Final[dict[str, Microservice]] = {}


def microservice(name: str, arity: int) -> Callable[[Function], Function]:
    """Register a function as the microservice ``name``; arities: ``reAction.hpp``."""

    def register(function: Function) -> Function:
        if name in MICROSERVICES:
            raise ValueError(f"microservice {name} has two functions")
        MICROSERVICES[name] = Microservice(arity, function)
        return function

    return register


def given(argument: Any) -> str:
    """A string argument; "" when it is none or the word ``null``, as ``parseMspForStr`` has it."""
    return argument if isinstance(argument, str) and argument != "null" else ""


def needed(argument: Any) -> str:
    """A string argument. Raises ZoneError SYS_INVALID_INPUT_PARAM when it is none or ``null``."""
    if not isinstance(argument, str) or argument == "null":
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"A string was expected, not {argument!r}.")
    return argument


def pairs(argument: Any) -> KeyValPair:
    """Raises ZoneError USER_PARAM_TYPE_ERR."""
    if not isinstance(argument, KeyValPair):
        raise ZoneError("USER_PARAM_TYPE_ERR", f"A KeyValPair was expected, not {argument!r}.")
    return argument


def leading_number(text: str) -> int:
    """``atoi``: the number that a text begins with, 0 when there is none."""
    digits = text.strip()
    sign = digits[:1] if digits[:1] in ("+", "-") else ""
    end = len(sign)
    while end < len(digits) and digits[end].isascii() and digits[end].isdigit():
        end += 1
    return int(digits[:end]) if end > len(sign) else 0
