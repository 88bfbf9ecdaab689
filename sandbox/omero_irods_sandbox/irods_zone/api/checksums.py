"""Checksums of replicas: computing, storing, verifying.

Source: rsDataObjChksum.cpp; reference/irods-wire.md, API table; PRC irods/test/data_obj_test.py
(``test_verify_chksum__282_287``) for what a client reads of the results.
"""

from __future__ import annotations

from typing import Final, Literal

import irods.keywords as kw

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api import replica_choice
from omero_irods_sandbox.irods_zone.api.policy_arguments import data_object_input_and_none
from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.api.replica_snapshot import ReplicaSnapshot
from omero_irods_sandbox.irods_zone.catalog.paths import normalized
from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of, system_error
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

_NAMING: Final = frozenset({kw.REPL_NUM_KW, kw.RESC_NAME_KW})
_INCOMPATIBLE: Final = (
    (kw.REPL_NUM_KW, kw.RESC_NAME_KW),
    (kw.CHKSUM_ALL_KW, kw.REPL_NUM_KW),
    (kw.CHKSUM_ALL_KW, kw.RESC_NAME_KW),
    (kw.VERIFY_CHKSUM_KW, kw.FORCE_CHKSUM_KW),
)

Finding = dict[str, str | int]


@operation(629, "data_obj_chksum", rules=data_object_input_and_none)
def data_obj_chksum(session: Session, request: Request) -> Reply:
    """The checksum of a replica, computed and stored when there is none or ``forceChksum`` is given.

    ``ChksumAll`` does so for all good replicas. With ``verifyChksum`` nothing is
    stored: the files are compared with what the catalog says of them
    (``no_compute``: their sizes only).

    Raises:
        ZoneError: when verifying finds something, CHECK_VERIFICATION_RESULTS with a JSON list of
            findings as payload; else among others USER_FILE_SIZE_MISMATCH and SYS_REPLICA_INACCESSIBLE.
    """
    path, keywords = normalized(request.body.string("objPath")), request.body.key_values()
    for first, second in _INCOMPATIBLE:
        if first in keywords and second in keywords:
            raise ZoneError("USER_INCOMPATIBLE_PARAMS", f"{first} and {second} can't be used together.")
    replicas = session.catalog.data_objects.get(path)
    session.catalog.permissions.require(
        session.user, replicas[0].data_id, AccessLevel.READ_OBJECT, as_admin=kw.ADMIN_KW in keywords
    )
    if kw.VERIFY_CHKSUM_KW in keywords:
        return _verify(session, replicas, keywords)
    chosen = _good(replicas) if kw.CHKSUM_ALL_KW in keywords else [_named(session, replicas, keywords)]
    checksums = [_checksum(session, replica, keywords) for replica in chosen]
    return Reply(structs.string(checksums[-1]))


def _good(replicas: list[Replica]) -> list[Replica]:
    good = [replica for replica in replicas if replica.is_good]
    if not good:
        raise ZoneError("SYS_NO_GOOD_REPLICA", f"No replica is good: {replicas[0].path}")
    return good


def _named(session: Session, replicas: list[Replica], keywords: dict[str, str]) -> Replica:
    """The replica that ``keywords`` name, else the best; at rest."""
    chosen = replica_choice.choose(session.catalog, replicas, keywords, for_writing=False)
    if not chosen:
        raise ZoneError("SYS_REPLICA_DOES_NOT_EXIST", f"{replicas[0].path} has no such replica.")
    if not chosen[0].status.is_at_rest:
        raise ZoneError("SYS_REPLICA_INACCESSIBLE", f"Data object is being written: {replicas[0].path}")
    return chosen[0]


def _checksum(session: Session, replica: Replica, keywords: dict[str, str]) -> str:
    if replica.checksum and kw.FORCE_CHKSUM_KW not in keywords:
        return replica.checksum
    # To store one takes more than reading (db_mod_data_obj_meta_op of db_plugin.cpp).
    session.catalog.permissions.require(
        session.user, replica.data_id, AccessLevel.MODIFY_METADATA, as_admin=kw.ADMIN_KW in keywords
    )
    snapshot = ReplicaSnapshot(replica)
    try:
        if storage.size_of(replica.physical_path) != replica.size:
            raise ZoneError("USER_FILE_SIZE_MISMATCH", _size_message(replica))
        checksum = storage.checksum(replica.physical_path)
    except OSError as error:
        raise system_error(error) from error
    with session.catalog.transaction():
        snapshot.require_unchanged(session.catalog)
        session.catalog.data_objects.update(replica.data_id, replica.number, checksum=checksum)
    return checksum


def _verify(session: Session, replicas: list[Replica], keywords: dict[str, str]) -> Reply:
    if _NAMING & keywords.keys():
        findings = _findings([_named(session, replicas, keywords)], keywords)
    else:
        good = _good(replicas)
        findings = _skipped(len(replicas) - len(good)) + _findings(good, keywords)
    if findings:
        raise ZoneError("CHECK_VERIFICATION_RESULTS", payload=structs.json_string(findings))
    return Reply()


def _findings(replicas: list[Replica], keywords: dict[str, str]) -> list[Finding]:
    """Everything that is wrong. Checksums are compared only when all replicas have one."""
    found = [finding for replica in replicas for finding in _size_findings(replica)]
    missing = [replica for replica in replicas if not replica.checksum]
    if missing:
        return found + [_missing(replica) for replica in missing]
    if kw.NO_COMPUTE_KW not in keywords:
        found += [finding for replica in replicas for finding in _checksum_findings(replica)]
    if len({replica.checksum for replica in replicas}) > 1:
        message = "WARNING: Data object has replicas with different checksums."
        found.append(_finding("warning", code_of("USER_CHKSUM_MISMATCH"), message))
    return found


def _finding(severity: Literal["info", "warning", "error"], code: int, message: str) -> Finding:
    return {"severity": severity, "error_code": code, "message": message}


def _skipped(count: int) -> list[Finding]:
    return [_finding("info", 0, f"INFO: Number of replicas skipped: {count}")] if count else []


def _missing(replica: Replica) -> Finding:
    message = f"WARNING: No checksum available for replica [{replica.number}]."
    return _finding("warning", code_of("CAT_NO_CHECKSUM_FOR_REPLICA"), message)


def _size_message(replica: Replica) -> str:
    return f"ERROR: Physical size does not match size in catalog for replica [{replica.number}]."


def _size_findings(replica: Replica) -> list[Finding]:
    try:
        if storage.size_of(replica.physical_path) == replica.size:
            return []
    except OSError as error:
        message = f"ERROR: Could not verify size for replica [{replica.number}]."
        return [_finding("error", system_error(error).code, message)]
    return [_finding("error", code_of("USER_FILE_SIZE_MISMATCH"), _size_message(replica))]


def _checksum_findings(replica: Replica) -> list[Finding]:
    try:
        if storage.checksum(replica.physical_path) == replica.checksum:
            return []
    except OSError as error:
        message = f"ERROR: Could not verify checksum for replica [{replica.number}]."
        return [_finding("error", system_error(error).code, message)]
    message = "ERROR: Computed checksum does not match what is in the catalog for replica"
    return [_finding("error", code_of("USER_CHKSUM_MISMATCH"), f"{message} [{replica.number}].")]
