"""Rules that clients send: run one (625), take a delayed one out of the queue (624).

Source: ``rsExecMyRule.cpp``, ``exec_rule_text`` of PREP's ``main.cpp``, ``rsRuleExecDel.cpp``.
"""

from __future__ import annotations

import base64
import logging
from typing import Final

from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy import (
    delayed_rules,
    microservices,
    native_rules,
    programs,
    queries,
)
from omero_irods_sandbox.irods_zone.policy.engine import PYTHON_INSTANCE
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire.structs import Builder
from omero_irods_sandbox.irods_zone.wire.xml import Element

log = logging.getLogger(__name__)

MICROSERVICE_FAMILIES: Final = (microservices, programs, queries)
"""Importing a family registers it."""

NATIVE_INSTANCE: Final = "irods_rule_engine_plugin-irods_rule_language-instance"

_OUTPUT: Final = "ruleExecOut"


@operation(625, "exec_my_rule")
def exec_my_rule(session: Session, request: Request) -> Reply:
    """Run Python that a rodsadmin sent, or a rule of the rule file that he names.

    A client that names no engine never hears of an error: a real server tries
    all engines and forgets what they say.
    """
    body = request.body
    instance = body.key_values().get("instance_name", "")
    if instance == NATIVE_INSTANCE:
        native_rules.run(body.string("myRule"), session)
        return Reply(_parameters({}))
    if instance not in ("", PYTHON_INSTANCE):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"instance not found [{instance}]")
    try:
        output = _run(session, body)
    except ZoneError as error:
        if instance:
            raise
        log.warning("A rule of %s failed with %d: %s", session.user.name, error.code, error.message)
        output = {}
    return Reply(_parameters(output if body.string("outParamDesc") == _OUTPUT else {}))


def _run(session: Session, body: Element) -> dict[str, str]:
    if not (session.user.is_admin and session.proxy.is_admin):
        raise ZoneError(
            "SYS_NO_API_PRIV", "Insufficient privileges to run irule in Python rule engine plugin"
        )
    if not session.rules.is_loaded:
        raise ZoneError("SYS_NOT_SUPPORTED", "This zone runs without a rule file. Start it with one.")
    _, written = session.rules.run_external(body.string("myRule"), session, _variables(body))
    return written


def _variables(body: Element) -> dict[str, str]:
    """The strings among the INPUT parameters, by name."""
    array = body.find("MsParamArray_PI")
    parameters = array.all("MsParam_PI") if array is not None else []
    found = {parameter.string("label"): parameter.find("STR_PI") for parameter in parameters}
    return {label: value.string("myStr") for label, value in found.items() if value is not None}


def _parameters(output: dict[str, str]) -> bytes:
    """MsParamArray_PI with what the rule wrote, empty when nobody asked for it."""
    builder = Builder().open("MsParamArray_PI").add("paramLen", 1 if output else 0).add("oprType", 0)
    if output:
        builder.open("MsParam_PI").add("label", _OUTPUT).add("type", "ExecCmdOut_PI").open("ExecCmdOut_PI")
        for stream in ("stdout", "stderr"):
            _buffer(builder, output[stream].encode("utf-8", "surrogateescape") + b"\0")
        builder.add("status", 0).close("ExecCmdOut_PI").close("MsParam_PI")
    return builder.close("MsParamArray_PI").bytes()


def _buffer(builder: Builder, data: bytes) -> None:
    encoded = base64.b64encode(data).decode("ascii")
    builder.open("BinBytesBuf_PI").add("buflen", len(data)).add("buf", encoded).close("BinBytesBuf_PI")


@operation(624, "rule_exec_del")
def remove_delayed_rule(session: Session, request: Request) -> Reply:
    """Take a delayed rule out of the queue: anybody's for a rodsadmin, else one's own.

    Raises:
        ZoneError: CAT_NO_ROWS_FOUND or, to a rodsadmin, CAT_SUCCESS_BUT_WITH_NO_INFO: no such rule;
            USER_ACCESS_DENIED.
    """
    rule_id, user = request.body.string("ruleExecId"), session.user
    if not user.is_admin:
        rule = delayed_rules.find(session.catalog, rule_id)
        if rule is None:
            raise ZoneError("CAT_NO_ROWS_FOUND", f"There is no delayed rule {rule_id}.")
        if (rule.user_name, rule.user_zone) != (user.name, user.zone):
            raise ZoneError("USER_ACCESS_DENIED", f"Delayed rule {rule_id} is not yours.")
    if not delayed_rules.remove(session.catalog, rule_id):
        raise ZoneError("CAT_SUCCESS_BUT_WITH_NO_INFO", f"There is no delayed rule {rule_id}.")
    return Reply()
