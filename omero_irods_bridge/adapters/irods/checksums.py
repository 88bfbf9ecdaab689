"""Checksums that the server computes of what is in its vault.

Source: ``rsDataObjChksum.cpp``. Verifying answers a JSON list of findings along with an error code.
"""

from __future__ import annotations

import json
from typing import Any, Final

import irods.keywords as kw
from irods.exception import CHECK_VERIFICATION_RESULTS
from irods.message import STR_PI, DataObjChksumRequest

from omero_irods_bridge.adapters.irods.connections import Connections
from omero_irods_bridge.adapters.irods.errors import (
    CAT_NO_CHECKSUM_FOR_REPLICA,
    from_reading,
    reading,
)
from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BridgeError, NotFound

_API: Final = "DATA_OBJ_CHKSUM_AN"
_USER_CHKSUM_MISMATCH: Final = -314000
_USER_FILE_SIZE_MISMATCH: Final = -401000
_MISMATCHES: Final = frozenset({_USER_CHKSUM_MISMATCH, _USER_FILE_SIZE_MISMATCH})


def compute(connections: Connections, path: str, replica: int | None) -> Sha256:
    """Let the server read the replica, by default the good one, compute its checksum, and record it."""
    what = f"Computing the checksum of {path}"
    keywords = {kw.FORCE_CHKSUM_KW: "", **_naming(replica)}
    with reading(what):
        answer = connections.call(_API, DataObjChksumRequest(path, **keywords))
        text = str(answer.get_main_message(STR_PI).myStr or "").strip()
    return _sha256(path, text)


def _sha256(path: str, text: str) -> Sha256:
    checksum = Sha256.from_irods(text)
    if checksum is None:
        raise BridgeError(
            f"iRODS computed another checksum than SHA-256 of {path}: {text[:40]!r}.",
            hint='Ask the administrator of iRODS to set "default_hash_scheme": "SHA256" in server_config.json'
            " on each server of the zone.",
        )
    return checksum


def verify(connections: Connections, path: str, replica: int) -> bool:
    """Whether the file of a replica has the size and the checksum that the catalog says.

    Raises:
        NotFound: the catalog says no checksum.
        ChecksumMismatch: the server cannot read the file.
    """
    what = f"Verifying replica {replica} of {path}"
    keywords = {kw.VERIFY_CHKSUM_KW: "", **_naming(replica)}
    with reading(what):
        try:
            connections.call(_API, DataObjChksumRequest(path, **keywords))
        except CHECK_VERIFICATION_RESULTS as error:
            return _judged(what, _findings(error))
    return True


def _findings(error: CHECK_VERIFICATION_RESULTS) -> list[dict[str, Any]]:
    return list(json.loads(error.server_msg.get_main_message(STR_PI).myStr))


def _judged(what: str, findings: list[dict[str, Any]]) -> bool:
    codes = {int(finding["error_code"]): str(finding["message"]) for finding in findings}
    if codes.keys() & _MISMATCHES:
        return False
    if CAT_NO_CHECKSUM_FOR_REPLICA in codes:
        raise NotFound(f"{what}: iRODS has no checksum of it.", hint="Let it compute one: ichksum.")
    problems = [code for code in codes if code < 0]
    if not problems:
        return True
    raise from_reading(problems[0], what, codes[problems[0]])


def _naming(replica: int | None) -> dict[str, str]:
    return {} if replica is None else {kw.REPL_NUM_KW: str(replica)}
