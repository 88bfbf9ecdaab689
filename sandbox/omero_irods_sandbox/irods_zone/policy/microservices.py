"""The microservices that rules of this zone can call.

They write through the functions of the API modules and fire no API hooks: calls from inside
the server never do (irods issue 7387).
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from omero_irods_sandbox.irods_zone.api.metadata import modify_avu
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy import delayed_rules
from omero_irods_sandbox.irods_zone.policy.microservice import (
    Call,
    Outputs,
    given,
    leading_number,
    microservice,
    needed,
    pairs,
)
from omero_irods_sandbox.irods_zone.policy.values import CharArray, KeyValPair, RodsObjStat

log = logging.getLogger(__name__)

_MAX_MESSAGE_BYTES: Final = 1_023
"""ERR_MSG_LEN of ``rodsError.h``, its final NUL apart."""
_DATA_OBJECT: Final = 1
_COLLECTION: Final = 2


# -- flow


@microservice("msiExit", 2)
def exit_rule(call: Call, status: Any, message: Any) -> Outputs:
    """Fail with ``status``, and show ``message`` to the client (``msiHelper.cpp``)."""
    line = f"{needed(message)}\n".encode("utf-8", "surrogateescape")[:_MAX_MESSAGE_BYTES]
    call.engine.add_message(line.decode("utf-8", "ignore"))
    code = leading_number(needed(status))
    if code < 0:
        raise ZoneError(code, needed(message))
    return None


@microservice("msiGoodFailure", 0)
def good_failure(_call: Call) -> Outputs:
    """Fail without recovery."""
    raise ZoneError("RETRY_WITHOUT_RECOVERY_ERR")


@microservice("msiSleep", 2)
def sleep(_call: Call, seconds: Any, microseconds: Any) -> Outputs:
    """Wait."""
    time.sleep(max(0.0, leading_number(str(seconds)) + leading_number(str(microseconds)) / 1e6))
    return None


@microservice("writeLine", 2)
def write_line(call: Call, where: Any, text: Any) -> Outputs:
    """To the log for ``serverLog``; for ``stdout`` and ``stderr`` to the client that runs the rule."""
    if where in ("stdout", "stderr"):
        call.engine.write(where, f"{text}\n")
    else:
        log.info("writeLine: inString = %s", text)
    return None


@microservice("delayExec", 3)
def delay_exec(call: Call, hints: Any, rule_text: Any, _recovery: Any) -> Outputs:
    """Queue ``rule_text`` for the delay server; it will run as the user of this session."""
    delayed_rules.submit(call.session, needed(hints), needed(rule_text))
    return None


# -- times


@microservice("msiGetSystemTime", 2)
def system_time(_call: Call, _out: Any, form: Any) -> Outputs:
    """Now: 11 digits, or ``YYYY-MM-DD.hh:mm:ss`` local time for the form ``human``."""
    return {0: _human_time() if given(form) == "human" else timestamp()}


@microservice("msiGetIcatTime", 2)
def icat_time(_call: Call, _out: Any, form: Any) -> Outputs:
    """Now, as :func:`system_time`; here any form but ``icat`` and ``unix`` is the human one."""
    return {0: timestamp() if given(form) in ("icat", "unix") else _human_time()}


def _human_time() -> str:
    return time.strftime("%Y-%m-%d.%H:%M:%S")


# -- metadata


@microservice("msiModAVUMetadata", 6)
def mod_avu_metadata(
    call: Call, kind: Any, name: Any, verb: Any, attribute: Any, value: Any, unit: Any
) -> Outputs:
    """Add, set or remove one AVU of ``name``; no other verb (``extractAvuMS.cpp``)."""
    if needed(verb) not in ("add", "set", "rm"):
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"msiModAVUMetadata knows add, set and rm, not {verb}.")
    modify_avu(call.session, verb, needed(kind), needed(name), needed(attribute), needed(value), needed(unit))
    return None


@microservice("msiAssociateKeyValuePairsToObj", 3)
def associate_pairs(call: Call, metadata: Any, name: Any, kind: Any) -> Outputs:
    """Add an AVU for each pair."""
    return _each_pair(call, "add", metadata, name, kind)


@microservice("msiSetKeyValuePairsToObj", 3)
def set_pairs(call: Call, metadata: Any, name: Any, kind: Any) -> Outputs:
    """Set an AVU for each pair."""
    return _each_pair(call, "set", metadata, name, kind)


def _each_pair(call: Call, verb: str, metadata: Any, name: Any, kind: Any) -> Outputs:
    path = needed(name)
    chosen = _kind_of(call, path) if kind == "-1" else needed(kind)
    for key, value in pairs(metadata).items():
        modify_avu(call.session, verb, chosen, path, key, value, "")
    return None


def _kind_of(call: Call, path: str) -> str:
    return "-d" if call.session.catalog.collections.find(path) is None else "-C"


@microservice("msiString2KeyValPair", 2)
def string_to_pairs(_call: Call, text: Any, _out: Any) -> Outputs:
    """``a=1%b=2`` as a KeyValPair; what has no ``=`` is left out."""
    parts = [part.partition("=") for part in needed(text).split("%")]
    return {1: KeyValPair({key: value for key, sign, value in parts if sign})}


@microservice("msiAddKeyVal", 3)
def add_key_value(_call: Call, target: Any, key: Any, value: Any) -> Outputs:
    """Put one pair more into a KeyValPair."""
    changed = KeyValPair(dict(pairs(target).items()))
    changed[needed(key)] = needed(value)
    return {0: changed}


# -- objects


@microservice("msiCheckAccess", 3)
def check_access(call: Call, path: Any, level: Any, _out: Any) -> Outputs:
    """1 when the user has ``level`` on a data object or collection, else 0."""
    wanted = AccessLevel.of(needed(level))
    if wanted is None:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"No such access level: {level}")
    session = call.session
    object_id = session.catalog.object_id(needed(path))
    return {2: int(session.catalog.permissions.level(session.user, object_id) >= wanted)}


@microservice("msiObjStat", 2)
def obj_stat(call: Call, path: Any, _out: Any) -> Outputs:
    """What the catalog knows of a data object or collection."""
    session, name = call.session, needed(path)
    object_id = session.catalog.object_id(name)
    session.catalog.permissions.require(session.user, object_id, AccessLevel.READ_OBJECT)
    collection = session.catalog.collections.find(name)
    if collection is not None:
        return {
            1: RodsObjStat(
                objType=_COLLECTION,
                dataId=CharArray(str(collection.id)),
                ownerName=CharArray(collection.owner_name),
                ownerZone=CharArray(collection.owner_zone),
                createTime=CharArray(collection.create_time),
                modifyTime=CharArray(collection.modify_time),
            )
        }
    replica = max(session.catalog.data_objects.get(name), key=lambda each: each.is_good)
    return {
        1: RodsObjStat(
            objSize=replica.size,
            objType=_DATA_OBJECT,
            dataId=CharArray(str(replica.data_id)),
            chksum=CharArray(replica.checksum),
            ownerName=CharArray(replica.owner_name),
            ownerZone=CharArray(replica.owner_zone),
            createTime=CharArray(replica.create_time),
            modifyTime=CharArray(replica.modify_time),
            rescHier=CharArray(session.catalog.resources.hierarchy(replica.resource_id)),
        )
    }
