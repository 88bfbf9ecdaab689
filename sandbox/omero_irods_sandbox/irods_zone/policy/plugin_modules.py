"""The modules that the plugin, and its package, bring along for rule files.

``irods_types`` and ``irods_errors`` are built into PREP, ``genquery`` and ``session_vars`` are
files beside ``core.py``. Each call makes a new module, so that what one rule file changes in it
no other sees.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, Final

import irods.exception

from omero_irods_sandbox.irods_zone.policy import rule_genquery, session_variables, values
from omero_irods_sandbox.irods_zone.policy.context import PluginContext, RuleExecInfo

_STATES: Final = {
    # irods_state_table.h
    "RULE_ENGINE_CONTINUE": 5_000_000,
    "RULE_ENGINE_SKIP_OPERATION": 5_001_000,
}
_ERRORS_UNKNOWN_TO_PRC: Final = {
    # rodsErrorTable.h
    "END_OF_RESULTSET": -408_000,
    "KEY_NOT_FOUND": -1_800_000,
    "SYS_INTERNAL_ERR": -154_000,
    "USER_NOT_ALLOWED_TO_EXEC_CMD": -370_000,
}
_TYPES: Final = (
    values.BytesBuf,
    values.CollInp,
    values.DataObjCopyInp,
    values.DataObjInfo,
    values.DataObjInp,
    values.ExecCmdOut,
    values.GenQueryInp,
    values.GenQueryOut,
    values.KeyValPair,
    values.ModAccessControlInp,
    values.OpenedDataObjInp,
    PluginContext,
    values.RodsObjStat,
    RuleExecInfo,
)


def plugin_module(name: str) -> ModuleType | None:
    """A new module ``name``, None when the plugin has none of that name."""
    contents = _CONTENTS.get(name)
    if contents is None:
        return None
    module = ModuleType(name)
    module.__dict__.update(contents())
    return module


def _irods_types() -> dict[str, Any]:
    return {each.__name__: each for each in _TYPES}


@cache
def _irods_errors() -> dict[str, Any]:
    codes = {name: getattr(each, "code", None) for name, each in vars(irods.exception).items()}
    return (
        {name: code for name, code in codes.items() if isinstance(code, int)}
        | _ERRORS_UNKNOWN_TO_PRC
        | _STATES
    )


def _genquery() -> dict[str, Any]:
    names = (*rule_genquery.__all__, "MAX_SQL_ROWS", "Option", "Parser", "row_generator")
    return {"__all__": list(rule_genquery.__all__)} | {name: getattr(rule_genquery, name) for name in names}


def _session_vars() -> dict[str, Any]:
    return {"get_map": session_variables.get_map}


_CONTENTS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "irods_types": _irods_types,
    "irods_errors": _irods_errors,
    "genquery": _genquery,
    "session_vars": _session_vars,
}
