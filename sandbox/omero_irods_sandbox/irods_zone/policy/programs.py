"""``msiExecCmd``: programs that rules run. Source: ``rsExecCmd.cpp``, ``reDataObjOpr.cpp``."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path
from typing import Any, Final

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
from omero_irods_sandbox.irods_zone.policy import command_line
from omero_irods_sandbox.irods_zone.policy.microservice import (
    Call,
    Outputs,
    given,
    leading_number,
    microservice,
    needed,
)
from omero_irods_sandbox.irods_zone.policy.values import BytesBuf, ExecCmdOut
from omero_irods_sandbox.irods_zone.session import Session

log = logging.getLogger(__name__)

_ANONYMOUS: Final = "anonymous"
_USER_NOT_ALLOWED: Final = -370_000
_MAX_OUTPUT_BYTES: Final = 1 << 20
"""MAX_SZ_FOR_EXECMD_BUF of ``rodsDef.h``."""


@microservice("msiExecCmd", 6)
def exec_cmd(
    call: Call, program: Any, arguments: Any, host: Any, hint: Any, add_path: Any, _out: Any
) -> Outputs:
    """Run ``program`` of the folder ``msiExecCmd_bin`` and wait for its end; its output goes to the log too.

    PREP can't hand the output over: after a program that succeeded a Python
    rule gets an exception without a code, as on a real server.

    Raises:
        ZoneError: BAD_EXEC_CMD_PATH, USER_NOT_ALLOWED_TO_EXEC_CMD, EXEC_CMD_ERROR (exit status not 0, or no
            such program: then errno rides in the last digits).
    """
    name = needed(program)
    try:
        line = given(arguments)
        path = _physical_path(call.session, given(hint))
        if path and leading_number(str(add_path)) > 0:
            line = f"{path} {line}"
        return {5: _run(call, name, line, given(host))}
    except ZoneError as error:
        call.engine.add_message(f"msiExecCmd: rsExecCmd failed for {name}, status = {error.code}")
        raise


def _run(call: Call, name: str, line: str, host: str) -> ExecCmdOut:
    if "/" in name:
        raise ZoneError("BAD_EXEC_CMD_PATH", f"A program's name, not a path, is expected: {name}")
    if call.session.user.name == _ANONYMOUS:
        raise ZoneError(_USER_NOT_ALLOWED, "The user anonymous may not run programs.")
    if host not in ("", "localhost", "127.0.0.1", call.session.catalog.resource_host):
        raise ZoneError("SYS_INVALID_SERVER_HOST", f"This zone has no server on {host}.")
    out = _execute(_folder(call) / name, command_line.split(line))
    log.info("msiExecCmd: %s ended with %d: %s", name, out.status, bytes(out.stdoutBuf.get_bytes()))
    if out.status != 0:
        errors = bytes(out.stderrBuf.get_bytes()).decode("utf-8", "replace")
        raise ZoneError("EXEC_CMD_ERROR", f"{name} ended with {out.status}: {errors}")
    return out


def _folder(call: Call) -> Path:
    folder = call.engine.file.exec_bin
    if folder is None:
        raise ZoneError(
            "EXEC_CMD_ERROR", "This zone was started without a folder of programs (msiExecCmd_bin)."
        )
    return folder


def _execute(program: Path, arguments: list[str]) -> ExecCmdOut:
    try:
        done = subprocess.run(
            [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        code = code_of("EXEC_CMD_ERROR") - (error.errno or 0)
        raise ZoneError(code, f"{program.name} can't be run: {error.strerror}.") from error
    return ExecCmdOut(
        BytesBuf(done.stdout[:_MAX_OUTPUT_BYTES]), BytesBuf(done.stderr[:_MAX_OUTPUT_BYTES]), done.returncode
    )


def _physical_path(session: Session, hint: str) -> str:
    """Where a good replica of the data object ``hint`` lies; "" without a hint."""
    if not hint:
        return ""
    object_id = session.catalog.data_object_id(hint)
    session.catalog.permissions.require(session.user, object_id, AccessLevel.READ_OBJECT)
    replicas = session.catalog.data_objects.get(hint)
    return max(replicas, key=lambda replica: replica.is_good).physical_path
