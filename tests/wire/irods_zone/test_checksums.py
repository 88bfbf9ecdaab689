"""Computing, storing and verifying checksums, through python-irodsclient."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import irods.keywords as kw
import pytest
from irods.access import iRODSAccess
from irods.manager.data_object_manager import Server_Checksum_Warning
from irods.message import RErrorStack
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import failure, replicas, storage, write

_numbers = count(1)
VERIFY = {kw.VERIFY_CHKSUM_KW: ""}


def sha2(data: bytes) -> str:
    return "sha2:" + base64.b64encode(hashlib.sha256(data).digest()).decode()


def findings(session: iRODSSession, path: str, **options: str) -> list[dict[str, Any]]:
    """What verifying found; empty when all is well."""
    try:
        session.data_objects.chksum(path, r_error=RErrorStack(), **VERIFY, **options)
    except Server_Checksum_Warning as warning:
        return list(warning.response)
    return []


def codes(found: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(finding["severity"], finding["error_code"]) for finding in found]


def stored(zone: Zone, path: str) -> list[str]:
    return [replica.checksum for replica in replicas(zone, path)]


@pytest.fixture
def path(session: iRODSSession, home: str) -> str:
    write(session, f"{home}/x", b"bytes")
    return f"{home}/x"


@pytest.fixture
def replicated(session: iRODSSession, zone: Zone, path: str) -> Iterator[str]:
    """A data object with two good replicas and no checksum."""
    with storage(session, zone, f"checked{next(_numbers)}") as resource:
        session.data_objects.replicate(path, resource=resource)
        yield path
        session.data_objects.unlink(path, force=True)


def test_a_checksum_is_computed_and_stored(session: iRODSSession, zone: Zone, path: str) -> None:
    assert session.data_objects.chksum(path) == sha2(b"bytes")
    assert stored(zone, path) == [sha2(b"bytes")]


def test_a_stored_checksum_is_not_computed_again_unless_forced(
    session: iRODSSession, zone: Zone, path: str
) -> None:
    before = session.data_objects.chksum(path)
    zone.faults.flip_byte(path)
    assert session.data_objects.chksum(path) == before
    after = session.data_objects.chksum(path, **{kw.FORCE_CHKSUM_KW: ""})
    assert after != before
    assert stored(zone, path) == [after]


def test_only_the_named_replica_gets_a_checksum(session: iRODSSession, zone: Zone, replicated: str) -> None:
    session.data_objects.chksum(replicated, **{kw.REPL_NUM_KW: "1"})
    assert stored(zone, replicated) == ["", sha2(b"bytes")]


def test_all_good_replicas_get_one_on_request(session: iRODSSession, zone: Zone, replicated: str) -> None:
    session.data_objects.chksum(replicated, **{kw.CHKSUM_ALL_KW: ""})
    assert stored(zone, replicated) == [sha2(b"bytes")] * 2


def test_a_file_of_another_size_gets_no_checksum(session: iRODSSession, zone: Zone, path: str) -> None:
    Path(replicas(zone, path)[0].physical_path).write_bytes(b"more bytes")
    assert failure(session.data_objects.chksum, path) == code_of("USER_FILE_SIZE_MISMATCH")
    assert stored(zone, path) == [""]


def test_verifying_a_sound_data_object_finds_nothing(session: iRODSSession, path: str) -> None:
    session.data_objects.chksum(path)
    assert findings(session, path) == []


def test_verifying_finds_a_flipped_byte(session: iRODSSession, zone: Zone, path: str) -> None:
    session.data_objects.chksum(path)
    zone.faults.flip_byte(path)
    (finding,) = findings(session, path)
    assert codes([finding]) == [("error", code_of("USER_CHKSUM_MISMATCH"))]
    assert finding["message"].endswith("does not match what is in the catalog for replica [0].")


def test_verifying_without_computing_sees_no_flipped_byte(
    session: iRODSSession, zone: Zone, path: str
) -> None:
    session.data_objects.chksum(path)
    zone.faults.flip_byte(path)
    assert findings(session, path, **{kw.NO_COMPUTE_KW: ""}) == []


def test_verifying_finds_a_file_of_another_size(session: iRODSSession, zone: Zone, path: str) -> None:
    session.data_objects.chksum(path)
    Path(replicas(zone, path)[0].physical_path).write_bytes(b"more bytes")
    assert ("error", code_of("USER_FILE_SIZE_MISMATCH")) in codes(findings(session, path))


def test_verifying_finds_a_missing_file(session: iRODSSession, zone: Zone, path: str) -> None:
    session.data_objects.chksum(path)
    Path(replicas(zone, path)[0].physical_path).unlink()
    assert {severity for severity, _ in codes(findings(session, path))} == {"error"}


def test_verifying_finds_missing_checksums_and_stores_none(
    session: iRODSSession, zone: Zone, replicated: str
) -> None:
    session.data_objects.chksum(replicated, **{kw.REPL_NUM_KW: "0"})
    (finding,) = findings(session, replicated)
    assert codes([finding]) == [("warning", code_of("CAT_NO_CHECKSUM_FOR_REPLICA"))]
    assert finding["message"] == "WARNING: No checksum available for replica [1]."
    assert stored(zone, replicated)[1] == ""


def test_verifying_finds_replicas_that_differ(session: iRODSSession, zone: Zone, replicated: str) -> None:
    zone.faults.flip_byte(replicated, replica=1)
    session.data_objects.chksum(replicated, **{kw.CHKSUM_ALL_KW: ""})
    assert codes(findings(session, replicated)) == [("warning", code_of("USER_CHKSUM_MISMATCH"))]


def test_verifying_passes_over_stale_replicas_and_says_so(
    session: iRODSSession, zone: Zone, replicated: str
) -> None:
    session.data_objects.chksum(replicated, **{kw.REPL_NUM_KW: "0"})
    zone.faults.make_stale(replicated, replica=1)
    (finding,) = findings(session, replicated)
    assert finding == {
        "severity": "info",
        "error_code": 0,
        "message": "INFO: Number of replicas skipped: 1",
    }


def test_verifying_looks_at_a_stale_replica_that_is_named(
    session: iRODSSession, zone: Zone, replicated: str
) -> None:
    session.data_objects.chksum(replicated, **{kw.CHKSUM_ALL_KW: ""})
    zone.faults.make_stale(replicated, replica=1)
    assert findings(session, replicated, **{kw.REPL_NUM_KW: "1"}) == []
    zone.faults.flip_byte(replicated, replica=1)
    found = findings(session, replicated, **{kw.REPL_NUM_KW: "1"})
    assert codes(found) == [("error", code_of("USER_CHKSUM_MISMATCH"))]


def test_without_a_good_replica_there_is_nothing_to_verify(
    session: iRODSSession, zone: Zone, path: str
) -> None:
    zone.faults.make_stale(path)
    assert failure(session.data_objects.chksum, path, **VERIFY) == code_of("SYS_NO_GOOD_REPLICA")


@pytest.mark.parametrize(
    "options",
    [
        {kw.REPL_NUM_KW: "0", kw.RESC_NAME_KW: "demoResc"},
        {kw.CHKSUM_ALL_KW: "", kw.REPL_NUM_KW: "0"},
        {kw.CHKSUM_ALL_KW: "", kw.RESC_NAME_KW: "demoResc"},
        {kw.VERIFY_CHKSUM_KW: "", kw.FORCE_CHKSUM_KW: ""},
    ],
)
def test_options_that_exclude_each_other_are_refused(
    session: iRODSSession, path: str, options: dict[str, str]
) -> None:
    assert failure(session.data_objects.chksum, path, **options) == code_of("USER_INCOMPATIBLE_PARAMS")


def test_a_replica_that_is_not_there_has_no_checksum(session: iRODSSession, path: str) -> None:
    code = failure(session.data_objects.chksum, path, **{kw.REPL_NUM_KW: "7"})
    assert code == code_of("SYS_REPLICA_DOES_NOT_EXIST")


def test_what_is_being_written_has_no_checksum_yet(session: iRODSSession, home: str) -> None:
    with session.data_objects.open(f"{home}/open", "w"):
        code = failure(session.data_objects.chksum, f"{home}/open")
    assert code == code_of("SYS_REPLICA_INACCESSIBLE")


def test_a_reader_sees_and_verifies_but_stores_no_checksum(
    session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    session.acls.set(iRODSAccess("read", path, alice.username))
    assert failure(alice.data_objects.chksum, path) == code_of("CAT_NO_ACCESS_PERMISSION")
    session.data_objects.chksum(path)
    assert alice.data_objects.chksum(path) == sha2(b"bytes")
    assert findings(alice, path) == []


def test_who_may_not_read_gets_no_checksum(path: str, make_user: Callable[[str], iRODSSession]) -> None:
    alice = make_user("alice")
    assert failure(alice.data_objects.chksum, path, **VERIFY) == code_of("CAT_NO_ACCESS_PERMISSION")
