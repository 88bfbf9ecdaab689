"""Copying and replicating data objects, through python-irodsclient."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import irods.keywords as kw
import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.api.replica_snapshot import ReplicaSnapshot
from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
from omero_irods_sandbox.irods_zone.wire.channel import COPY_BYTES
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import (
    GOOD,
    STALE,
    errno_of,
    failure,
    open_in_vault,
    read,
    replicas,
    states,
    storage,
    tree,
    vault_bytes,
    write,
)

_numbers = count(1)


@pytest.fixture
def original(session: iRODSSession, home: str) -> Iterator[str]:
    """A data object, removed again so that resources can be."""
    write(session, f"{home}/x", b"bytes")
    yield f"{home}/x"
    if session.data_objects.exists(f"{home}/x"):
        session.data_objects.unlink(f"{home}/x", force=True)


@pytest.fixture
def resource(session: iRODSSession, zone: Zone, home: str) -> Iterator[str]:
    """A second storage resource. Fixtures that put something there come later and so end earlier."""
    with storage(session, zone, f"second{next(_numbers)}") as name:
        yield name


def temporary_files(zone: Zone, resource: str) -> list[Path]:
    return list((zone.config.root / f"vault-{resource}").glob(".replicating-*"))


def test_a_copy_has_the_same_bytes_and_type_and_is_an_object_of_its_own(
    session: iRODSSession, home: str
) -> None:
    write(session, f"{home}/x", b"bytes", **{kw.DATA_TYPE_KW: "tiff image"})
    session.data_objects.get(f"{home}/x").metadata.add("colour", "red")
    session.data_objects.copy(f"{home}/x", f"{home}/y")
    copied = session.data_objects.get(f"{home}/y")
    assert read(session, f"{home}/y") == b"bytes"
    assert copied.type == "tiff image"
    assert copied.metadata.items() == []
    assert copied.id != session.data_objects.get(f"{home}/x").id


def test_a_large_file_is_copied_whole(session: iRODSSession, home: str) -> None:
    content = bytes(range(256)) * (2 * COPY_BYTES // 256 + 1)
    write(session, f"{home}/x", content)
    session.data_objects.copy(f"{home}/x", f"{home}/y")
    assert read(session, f"{home}/y") == content


def test_only_force_copies_over_what_is_there(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"new")
    write(session, f"{home}/y", b"old and longer")
    code = failure(session.data_objects.copy, f"{home}/x", f"{home}/y")
    assert code == code_of("OVERWRITE_WITHOUT_FORCE_FLAG")
    assert read(session, f"{home}/y") == b"old and longer"
    session.data_objects.copy(f"{home}/x", f"{home}/y", **{kw.FORCE_FLAG_KW: ""})
    assert read(session, f"{home}/y") == b"new"


def test_a_data_object_is_not_copied_onto_itself(session: iRODSSession, original: str) -> None:
    code = failure(session.data_objects.copy, original, original, **{kw.FORCE_FLAG_KW: ""})
    assert code == code_of("USER_INPUT_PATH_ERR")
    assert read(session, original) == b"bytes"


def test_what_is_not_there_can_not_be_copied(session: iRODSSession, home: str) -> None:
    code = failure(session.data_objects.copy, f"{home}/nothing", f"{home}/y")
    assert code == code_of("USER_INPUT_PATH_ERR")
    assert not session.data_objects.exists(f"{home}/y")


def test_a_collection_can_not_be_copied(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a")
    code = failure(session.data_objects.copy, f"{home}/a", f"{home}/y")
    assert code == code_of("USER_INPUT_PATH_ERR")


def test_a_copy_adds_no_replica_to_what_is_there(
    session: iRODSSession, zone: Zone, resource: str, original: str, home: str
) -> None:
    write(session, f"{home}/y", b"old")
    options = {kw.FORCE_FLAG_KW: "", kw.DEST_RESC_NAME_KW: resource}
    code = failure(session.data_objects.copy, original, f"{home}/y", **options)
    assert code == code_of("HIERARCHY_ERROR")
    assert vault_bytes(zone, f"{home}/y") == b"old"


def test_for_who_may_not_read_there_is_nothing_to_copy(
    original: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    target = f"/{alice.zone}/home/{alice.username}/y"
    assert failure(alice.data_objects.copy, original, target) == code_of("USER_INPUT_PATH_ERR")


def test_an_administrator_sees_what_he_may_not_copy(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    source = f"/{alice.zone}/home/{alice.username}/x"
    write(alice, source, b"hers")
    code = failure(session.data_objects.copy, source, f"{home}/y")
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")


def test_copying_can_verify_and_register_the_checksum(
    session: iRODSSession, original: str, home: str
) -> None:
    session.data_objects.copy(original, f"{home}/first", **{kw.VERIFY_CHKSUM_KW: ""})
    checksum = session.data_objects.chksum(original)
    session.data_objects.copy(original, f"{home}/second", **{kw.VERIFY_CHKSUM_KW: ""})
    assert session.data_objects.get(f"{home}/first").checksum == checksum
    assert session.data_objects.get(f"{home}/second").checksum == checksum


def test_a_verified_copy_of_a_damaged_file_fails_and_is_stale(
    session: iRODSSession, zone: Zone, original: str, home: str
) -> None:
    session.data_objects.chksum(original)
    zone.faults.flip_byte(original)
    code = failure(session.data_objects.copy, original, f"{home}/y", **{kw.VERIFY_CHKSUM_KW: ""})
    assert code == code_of("USER_CHKSUM_MISMATCH")
    assert states(zone, f"{home}/y") == [STALE]


def test_a_copy_of_a_file_that_lost_bytes_fails_and_is_stale(
    session: iRODSSession, zone: Zone, original: str, home: str
) -> None:
    Path(replicas(zone, original)[0].physical_path).write_bytes(b"by")
    assert failure(session.data_objects.copy, original, f"{home}/y") == code_of("SYS_COPY_LEN_ERR")
    assert states(zone, f"{home}/y") == [STALE]


def test_a_full_disk_ends_a_copy_and_leaves_nothing_open(
    session: iRODSSession, zone: Zone, original: str, home: str
) -> None:
    zone.faults.limit_disk(3)
    code = failure(session.data_objects.copy, original, f"{home}/y")
    assert errno_of(code) == errno.ENOSPC
    assert states(zone, f"{home}/y") == [STALE]
    assert open_in_vault(zone) == []


def test_replicating_makes_a_good_replica_with_the_same_bytes(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    session.data_objects.replicate(original, resource=resource)
    made = session.data_objects.get(original).replicas[1]
    assert (made.resource_name, int(made.status), made.size) == (resource, GOOD, 5)
    assert vault_bytes(zone, original, 1) == b"bytes"
    assert str(made.path).startswith(str(zone.config.root / f"vault-{resource}"))
    assert temporary_files(zone, resource) == []


@pytest.mark.parametrize("how", [{}, {kw.UPDATE_REPL_KW: ""}])
def test_replicating_to_where_a_good_replica_is_does_nothing(
    session: iRODSSession, zone: Zone, resource: str, original: str, how: dict[str, str]
) -> None:
    session.data_objects.replicate(original, resource=resource)
    zone.faults.flip_byte(original)
    before = replicas(zone, original)
    session.data_objects.replicate(original, resource=resource, **how)
    assert replicas(zone, original) == before
    assert vault_bytes(zone, original, 1) == b"bytes"


def test_without_a_resource_the_default_one_is_meant_even_to_update(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    session.data_objects.replicate(original, resource=resource)
    zone.faults.make_stale(original, replica=1)
    session.data_objects.replicate(original, **{kw.UPDATE_REPL_KW: ""})
    assert states(zone, original) == [GOOD, STALE]


@pytest.mark.parametrize("how", [{kw.ALL_KW: "", kw.UPDATE_REPL_KW: ""}, {kw.ALL_KW: ""}])
def test_a_stale_replica_is_refreshed(
    session: iRODSSession, zone: Zone, resource: str, original: str, how: dict[str, str]
) -> None:
    session.data_objects.replicate(original, resource=resource)
    write(session, original, b"other bytes")
    assert states(zone, original) == [GOOD, STALE]
    session.data_objects.replicate(original, **how)
    assert states(zone, original) == [GOOD, GOOD]
    assert vault_bytes(zone, original, 1) == b"other bytes"
    assert replicas(zone, original)[1].size == len(b"other bytes")


def test_a_checksum_goes_with_the_replica(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    checksum = session.data_objects.chksum(original)
    session.data_objects.replicate(original, resource=resource)
    assert replicas(zone, original)[1].checksum == checksum


def test_a_damaged_replica_does_not_multiply(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    session.data_objects.chksum(original)
    zone.faults.flip_byte(original)
    code = failure(session.data_objects.replicate, original, resource=resource)
    assert code == code_of("USER_CHKSUM_MISMATCH")
    assert states(zone, original) == [GOOD]
    assert temporary_files(zone, resource) == []


def test_a_full_disk_leaves_no_replica_and_no_file(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    zone.faults.limit_disk(3)
    code = failure(session.data_objects.replicate, original, resource=resource)
    assert errno_of(code) == errno.ENOSPC
    assert states(zone, original) == [GOOD]
    assert temporary_files(zone, resource) == []


def test_without_a_good_replica_there_is_nothing_to_copy(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    zone.faults.make_stale(original)
    code = failure(session.data_objects.replicate, original, resource=resource)
    assert code == code_of("SYS_NO_GOOD_REPLICA")


def test_a_stale_replica_is_no_source(
    session: iRODSSession, zone: Zone, resource: str, original: str
) -> None:
    session.data_objects.replicate(original, resource=resource)
    zone.faults.make_stale(original, replica=1)
    options = {kw.REPL_NUM_KW: "1", kw.ALL_KW: ""}
    assert failure(session.data_objects.replicate, original, **options) == code_of("SYS_NOT_ALLOWED")


def test_what_is_being_written_is_not_replicated(
    session: iRODSSession, zone: Zone, resource: str, home: str
) -> None:
    with session.data_objects.open(f"{home}/open", "w"):
        code = failure(session.data_objects.replicate, f"{home}/open", resource=resource)
    assert code == code_of("HIERARCHY_ERROR")
    assert states(zone, f"{home}/open") == [GOOD]


def test_reading_and_checksums_leave_a_snapshot_valid(
    session: iRODSSession, zone: Zone, original: str
) -> None:
    snapshot = ReplicaSnapshot(replicas(zone, original)[0])
    read(session, original)
    session.data_objects.chksum(original)
    snapshot.require_unchanged(zone.catalog)


def test_a_snapshot_notices_the_same_number_of_other_bytes_in_the_same_second(
    session: iRODSSession, zone: Zone, original: str
) -> None:
    (replica,) = replicas(zone, original)
    os.utime(replica.physical_path, (0, 0))  # or the file system's clock might stand still for the whole test
    snapshot = ReplicaSnapshot(replica)
    write(session, original, b"setyb")
    with pytest.raises(ZoneError) as caught:
        snapshot.require_unchanged(zone.catalog)
    assert caught.value.code == code_of("LOCKED_DATA_OBJECT_ACCESS")


def test_a_snapshot_notices_that_somebody_began_to_write(
    session: iRODSSession, zone: Zone, original: str
) -> None:
    snapshot = ReplicaSnapshot(replicas(zone, original)[0])
    with session.data_objects.open(original, "a"), pytest.raises(ZoneError):
        snapshot.require_unchanged(zone.catalog)


def test_replicating_takes_the_right_to_write(
    session: iRODSSession, resource: str, original: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    session.acls.set(iRODSAccess("read", original, alice.username))
    code = failure(alice.data_objects.replicate, original, resource=resource)
    assert code == code_of("SYS_USER_NO_PERMISSION")
    assert failure(alice.data_objects.replicate, original) == code_of("SYS_USER_NO_PERMISSION")


def test_for_who_may_not_read_there_is_nothing_to_replicate(
    original: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    assert failure(alice.data_objects.replicate, original) == code_of("CAT_NO_ROWS_FOUND")


def test_an_administrator_replicates_as_one_only_when_he_says_so(
    session: iRODSSession, zone: Zone, resource: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    path = f"/{alice.zone}/home/{alice.username}/x"
    write(alice, path, b"hers")
    assert failure(session.data_objects.replicate, path, resource=resource) == code_of("CAT_NO_ROWS_FOUND")
    session.data_objects.replicate(path, resource=resource, **{kw.ADMIN_KW: ""})
    assert states(zone, path) == [GOOD, GOOD]
    alice.data_objects.unlink(path, force=True)


def test_a_replication_resource_gets_a_replica_on_each_child(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    number = next(_numbers)
    with tree(session, zone, "replication", f"root{number}", f"left{number}", f"right{number}") as name:
        write(session, f"{home}/x", b"bytes")
        session.data_objects.replicate(f"{home}/x", resource=name)
        assert states(zone, f"{home}/x") == [GOOD, GOOD, GOOD]
        assert {vault_bytes(zone, f"{home}/x", replica) for replica in range(3)} == {b"bytes"}
        session.data_objects.unlink(f"{home}/x", force=True)


def test_replicating_to_a_good_replica_fills_the_gaps_of_its_tree(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    number = next(_numbers)
    children = [f"{side}{number}" for side in ("left", "middle", "right")]
    with tree(session, zone, "replication", f"root{number}", *children) as name:
        write(session, f"{home}/x", b"bytes", **{kw.DEST_RESC_NAME_KW: name})
        zone.faults.make_stale(f"{home}/x", replica=1)
        for replica in (1, 2):
            zone.faults.flip_byte(f"{home}/x", replica=replica)
        session.data_objects.replicate(f"{home}/x", resource=name)
        assert states(zone, f"{home}/x") == [GOOD, GOOD, GOOD]
        assert vault_bytes(zone, f"{home}/x", 1) == b"bytes"
        assert vault_bytes(zone, f"{home}/x", 2) != b"bytes"  # it is good as far as the catalog knows
        session.data_objects.unlink(f"{home}/x", force=True)
