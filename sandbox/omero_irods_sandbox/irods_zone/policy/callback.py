"""``callback``: how a rule calls another rule or a microservice.

Source: ``RuleCallWrapper`` of PREP's ``main.cpp`` and its conversions in ``python.hpp``;
``exec_microservice_adapter`` and ``convertFromMsParam`` of ``irods_re_plugin.cpp``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of, system_error
from omero_irods_sandbox.irods_zone.policy.microservice import MICROSERVICES, Call, Microservice
from omero_irods_sandbox.irods_zone.policy.values import (
    BytesBuf,
    GenQueryInp,
    GenQueryOut,
    KeyValPair,
    RodsObjStat,
)

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.policy.engine import RuleEngine
    from omero_irods_sandbox.irods_zone.session import Session

_NO_ROWS: Final = code_of("CAT_NO_ROWS_FOUND")
_PASSABLE: Final = (GenQueryInp, GenQueryOut, KeyValPair, RodsObjStat, BytesBuf, int, float)


class Callback:
    """Every attribute is a rule or a microservice; calling it gives ``code``, ``status`` and ``arguments``.

    An error is a RuntimeError whose text begins with ``[iRods__Error__Code:N]``;
    that no rows were found is none.
    """

    def __init__(self, engine: RuleEngine, session: Session) -> None:
        object.__setattr__(self, "_frame", (engine, session))

    def __getattribute__(self, name: str) -> _RuleCall:
        engine, session = object.__getattribute__(self, "_frame")
        return _RuleCall(engine, session, name)


class _RuleCall:
    def __init__(self, engine: RuleEngine, session: Session, name: str) -> None:
        self._engine, self._session, self._name = engine, session, name

    def __call__(self, *arguments: object) -> dict[str, Any]:
        passed = [_passed(argument) for argument in arguments]
        try:
            code = self._perform(passed)
        except ZoneError as error:
            if error.code != _NO_ROWS:
                text = f"[iRods__Error__Code:{error.code}] {self._name} failed. {error.message}"
                raise RuntimeError(text) from error
            code = error.code
        return {"code": code, "status": code >= 0, "arguments": passed}

    def _perform(self, arguments: list[Any]) -> int:
        if self._engine.has(self._name):
            return self._engine.run(self._name, arguments, self._session)
        outputs = call_microservice(Call(self._engine, self._session), self._name, arguments)
        _hand_over(outputs, arguments)
        return 0


def call_microservice(call: Call, name: str, arguments: list[Any]) -> Mapping[int, object]:
    """Run a microservice; its output arguments by their index.

    Raises:
        ZoneError: NO_MICROSERVICE_FOUND_ERR, ACTION_ARG_COUNT_MISMATCH, or what it raises.
    """
    microservice = MICROSERVICES.get(name)
    if microservice is None:
        raise ZoneError("NO_MICROSERVICE_FOUND_ERR", f"No rule and no microservice is called {name}.")
    if len(arguments) != microservice.arity:
        message = f"{name} takes {microservice.arity} arguments, not {len(arguments)}."
        raise ZoneError("ACTION_ARG_COUNT_MISMATCH", message)
    return _run(microservice, call, arguments)


def _passed(argument: object) -> object:
    """What arrives at the other side. A ``char[]`` member is no string: ``str()`` it first."""
    if isinstance(argument, bytes):
        return argument.decode("utf-8", "surrogateescape")
    if isinstance(argument, (str, *_PASSABLE)):
        return argument
    message = "Attempted to extract a boost::python::object containing a non-conforming type"
    raise RuntimeError(f"{message}: {type(argument).__name__}")


def _run(microservice: Microservice, call: Call, arguments: list[Any]) -> Mapping[int, object]:
    try:
        return microservice.function(call, *arguments) or {}
    except sqlite3.Error as error:
        raise ZoneError("CAT_SQL_ERR", str(error)) from error
    except OSError as error:
        raise system_error(error) from error


def _hand_over(outputs: Mapping[int, object], arguments: list[Any]) -> None:
    """Put what a microservice returned into the arguments.

    As in PREP, a string goes where a string was passed, and anything else
    needs something else in its place: passing "" for it raises after the
    microservice has done its work (irods_rule_engine_plugin_python issue 11).
    """
    for index, value in outputs.items():
        if isinstance(value, str):
            if isinstance(arguments[index], str):
                arguments[index] = value
        elif isinstance(arguments[index], str):
            raise RuntimeError("boost::bad_any_cast: failed conversion using boost::any_cast")
        elif not isinstance(value, _PASSABLE):
            raise RuntimeError(f"Unknown type in msParam: [{type(value).__name__}]")
        else:
            arguments[index] = value
