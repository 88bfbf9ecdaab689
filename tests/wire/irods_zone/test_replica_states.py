"""States of replicas: while somebody writes, when he is done, when he fails, when he vanishes."""

from __future__ import annotations

import errno
import hashlib
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from irods import keywords as kw
from irods.exception import NetworkException
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.wire.channel import COPY_BYTES
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.conftest import connect

PIECE: Final = 64 * 1024
FREE_SPACE: Final = "minimum_free_space_for_create_in_bytes"


def sha2(data: bytes) -> str:
    return "sha2:" + b64encode(hashlib.sha256(data).digest()).decode()


WRONG: Final = sha2(b"something else")


@pytest.fixture
def path(home: str) -> str:
    return f"{home}/object"


@pytest.fixture
def other(zone: Zone) -> Iterator[iRODSSession]:
    """A second session of the administrator."""
    with connect(zone) as opened:
        yield opened


@pytest.fixture
def second(zone: Zone, session: iRODSSession, path: str) -> Iterator[str]:
    """A storage resource beside the default one; the test's object is removed before it is."""
    with do.storage(session, zone, "secondResc") as name:
        yield name
        session.data_objects.unlink(path, force=True)


# -- while it is written


def test_what_is_being_created_is_intermediate_until_it_is_closed(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        file.write(b"content")
        assert do.states(zone, path) == [do.INTERMEDIATE]
    assert do.states(zone, path) == [do.GOOD]


def test_siblings_are_write_locked_while_one_replica_is_written_and_stale_afterwards(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    with session.data_objects.open(path, "r+", **{kw.REPL_NUM_KW: "1"}) as file:
        assert do.states(zone, path) == [do.WRITE_LOCKED, do.INTERMEDIATE]
        file.write(b"C")
    assert do.states(zone, path) == [do.STALE, do.GOOD]


def test_closing_without_having_written_brings_back_what_was(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content", **{kw.REG_CHKSUM_KW: ""})
    session.data_objects.replicate(path, resource=second)
    zone.faults.make_stale(path, replica=1)
    before = do.replicas(zone, path)
    with session.data_objects.open(path, "r+", **{kw.REPL_NUM_KW: "0"}):
        assert do.states(zone, path) == [do.INTERMEDIATE, do.WRITE_LOCKED]
    assert do.replicas(zone, path) == before


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_WRONLY | os.O_TRUNC | os.O_CREAT])
def test_what_another_stream_wrote_makes_no_replica_good(
    zone: Zone, session: iRODSSession, other: iRODSSession, path: str, flags: int
) -> None:
    """finalize_data_object of rsDataObjClose.cpp asks for bytes written through the descriptor it closes."""
    do.write(session, path, b"content")
    zone.faults.make_stale(path)
    manager = session.data_objects
    file, raw = manager.open_with_FileRaw(path, "w" if flags & os.O_TRUNC else "a")
    token, hierarchy = raw.replica_access_info()
    joining = {kw.REPLICA_TOKEN_KW: token, kw.RESC_HIER_STR_KW: hierarchy}
    with other.data_objects.open(path, "a", finalize_on_close=False, **joining) as joined:
        joined.write(b"more")
    file.close()
    assert do.states(zone, path) == [do.STALE]
    assert do.replicas(zone, path)[0].size == len(do.vault_bytes(zone, path))


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_an_intermediate_replica_refuses_a_second_opening(
    session: iRODSSession, other: iRODSSession, path: str, mode: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        file.write(b"content")
        assert do.is_error(do.failure(other.data_objects.open, path, mode), "INTERMEDIATE_REPLICA_ACCESS")
    assert do.read(other, path) == b"content"


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_locked_sibling_refuses_to_be_opened(
    zone: Zone, session: iRODSSession, other: iRODSSession, path: str, second: str, mode: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    with session.data_objects.open(path, "r+", **{kw.REPL_NUM_KW: "0"}):
        code = do.failure(other.data_objects.open, path, mode, **{kw.REPL_NUM_KW: "1"})
        assert do.is_error(code, "LOCKED_DATA_OBJECT_ACCESS")
    assert do.states(zone, path) == [do.GOOD, do.GOOD]


def test_no_replica_is_added_while_another_one_is_written(
    zone: Zone, session: iRODSSession, other: iRODSSession, path: str, second: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        file.write(b"content")
        code = do.failure(other.data_objects.open, path, "w", **{kw.DEST_RESC_NAME_KW: second})
        assert do.is_error(code, "LOCKED_DATA_OBJECT_ACCESS")
    assert do.states(zone, path) == [do.GOOD]


def test_truncation_shows_at_once(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content", **{kw.REG_CHKSUM_KW: ""})
    with session.data_objects.open(path, "w"):
        (replica,) = do.replicas(zone, path)
        assert (replica.size, replica.checksum) == (0, "")


# -- several streams


def test_several_streams_fill_one_object_at_computed_offsets(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    data = os.urandom(8 * PIECE)
    with ExitStack() as stack:
        first = session.data_objects.open(path, "w")
        stack.callback(first.close)
        sessions = [stack.enter_context(connect(zone)) for _ in range(3)]
        options = do.joining(first)
        streams = [
            first,
            *(s.data_objects.open(path, "a", finalize_on_close=False, **options) for s in sessions),
        ]
        for number in reversed(range(8)):
            stream = streams[number % len(streams)]
            stream.seek(number * PIECE)
            stream.write(data[number * PIECE : (number + 1) * PIECE])
        for stream in streams[1:]:
            stream.close()
        assert do.states(zone, path) == [do.INTERMEDIATE]
    assert do.read(session, path) == data
    assert do.states(zone, path) == [do.GOOD]
    assert do.replicas(zone, path)[0].size == len(data)


def test_streams_may_finalize_one_after_the_other(zone: Zone, session: iRODSSession, path: str) -> None:
    first = session.data_objects.open(path, "w")
    first.write(b"0123")
    first.flush()
    with connect(zone) as other:
        second = other.data_objects.open(path, "a", **do.joining(first))
        second.seek(4)
        second.write(b"4567")
        second.close()
    first.close()
    assert do.read(session, path) == b"01234567"
    assert do.states(zone, path) == [do.GOOD]
    assert zone.replica_access.count == 0


def test_a_stream_that_wrote_nothing_does_not_take_back_what_another_one_wrote(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"old!")
    session.data_objects.replicate(path, resource=second)
    first = session.data_objects.open(path, "r+", **{kw.REPL_NUM_KW: "0"})
    with connect(zone) as other:
        do.write(other, path, b"new!", mode="r+", **do.joining(first))
    first.close()
    assert do.states(zone, path) == [do.GOOD, do.STALE]


def test_a_replica_can_be_opened_and_described_in_one_call(
    zone: Zone, session: iRODSSession, other: iRODSSession, path: str
) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number, description = do.replica_open(connection, path, os.O_RDWR)
        assert description["data_object_info"]["resource_hierarchy"] == "demoResc"
        assert description["data_object_info"]["data_size"] == len(b"content")
        options = {kw.REPLICA_TOKEN_KW: description["replica_token"], kw.RESC_HIER_STR_KW: "demoResc"}
        do.write(other, path, b"C", mode="r+", **options)
        connection.close_file(number)
    assert do.vault_bytes(zone, path) == b"Content"


def test_a_reader_needs_no_token(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    with session.data_objects.open(path, "r") as file:
        assert do.joining(file)[kw.REPLICA_TOKEN_KW] == ""


def test_a_wrong_token_opens_nothing(
    zone: Zone, session: iRODSSession, other: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        options = do.joining(file) | {kw.REPLICA_TOKEN_KW: "wrong"}
        code = do.failure(other.data_objects.open, path, "a", **options)
        assert do.is_error(code, "INTERMEDIATE_REPLICA_ACCESS")
        file.write(b"content")
    assert do.states(zone, path) == [do.GOOD]


def test_a_token_of_yesterday_opens_nothing_while_somebody_else_writes(
    session: iRODSSession, other: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        options = do.joining(file)
    with session.data_objects.open(path, "r+"):
        code = do.failure(other.data_objects.open, path, "a", **options)
        assert do.is_error(code, "INTERMEDIATE_REPLICA_ACCESS")


def test_a_token_of_yesterday_does_no_harm_when_nobody_writes(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w") as file:
        options = do.joining(file)
    do.write(session, path, b"content", mode="a", **options)
    assert do.states(zone, path) == [do.GOOD]
    assert do.read(session, path) == b"content"


def test_closing_a_replica_without_finalizing_leaves_it_intermediate(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w", finalize_on_close=False) as file:
        file.write(b"content")
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.INTERMEDIATE, 0)
    zone.catalog.data_objects.update(replica.data_id, 0, status=int(do.STALE))


def test_a_replica_close_with_everything_on_finalizes_and_computes_the_checksum(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY | os.O_CREAT)
        connection.write_file(number, b"content")
        do.replica_close(connection, fd=number, compute_checksum=True)
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size, replica.checksum) == (do.GOOD, 7, sha2(b"content"))


def test_a_checksum_without_a_status_is_refused_and_the_descriptor_stays_open(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY | os.O_CREAT)
        code = do.failure(do.replica_close, connection, fd=number, compute_checksum=True, update_status=False)
        assert do.is_error(code, "USER_INCOMPATIBLE_PARAMS")
        connection.close_file(number)
    assert do.states(zone, path) == [do.GOOD]


# -- writers that vanish


def test_a_vanished_writer_leaves_a_stale_replica(zone: Zone, path: str) -> None:
    gone = connect(zone)
    file = gone.data_objects.open(path, "w")
    file.write(b"half of it")
    file.flush()
    do.vanish(file)
    do.wait_until(lambda: do.states(zone, path) == [do.STALE])
    assert do.replicas(zone, path)[0].size == len(b"half of it")
    assert zone.replica_access.count == 0


def test_a_vanished_writer_leaves_the_siblings_as_they_were(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    gone = connect(zone)
    file = gone.data_objects.open(path, "r+", **{kw.REPL_NUM_KW: "0"})
    file.write(b"C")
    file.flush()
    do.vanish(file)
    do.wait_until(lambda: do.states(zone, path) == [do.STALE, do.GOOD])
    assert do.read(session, path) == b"content"


def test_the_others_go_on_when_one_of_several_streams_vanishes(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.data_objects.open(path, "w") as first:
        first.write(b"0123")
        gone = connect(zone)
        second = gone.data_objects.open(path, "a", finalize_on_close=False, **do.joining(first))
        do.vanish(second)
        do.wait_until(lambda: len(do.open_in_vault(zone)) == 1)
        assert do.states(zone, path) == [do.INTERMEDIATE]
    assert do.states(zone, path) == [do.GOOD]


def test_a_connection_cut_in_the_middle_of_a_put_leaves_no_good_replica(zone: Zone, path: str) -> None:
    gone = connect(zone)
    gone.collections.exists(path)  # logs in: the cut is to hit the data
    zone.faults.cut_after(1 << 20)
    with pytest.raises(NetworkException):
        do.put(gone, path, bytes(8 << 20))
    do.wait_until(lambda: do.states(zone, path) == [do.STALE])


def test_a_zone_that_was_killed_has_no_half_written_replica_that_is_good(tmp_path: Path) -> None:
    config = ZoneConfig(root=tmp_path / "zone")
    path = f"/tempZone/home/{config.admin}/object"
    with running_zone(config) as zone, connect(zone) as session:
        do.write(session, path, b"content")
        data_id = do.replicas(zone, path)[0].data_id
    with running_zone(config) as zone:
        zone.catalog.data_objects.update(data_id, 0, status=int(do.INTERMEDIATE))
    with running_zone(config) as zone:
        assert do.states(zone, path) == [do.STALE]


# -- checksums


def test_a_checksum_is_registered_when_it_is_closed(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content", **{kw.REG_CHKSUM_KW: ""})
    assert do.replicas(zone, path)[0].checksum == sha2(b"content")


def test_writing_drops_the_checksum(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content", **{kw.REG_CHKSUM_KW: ""})
    do.write(session, path, b"C", mode="r+")
    assert do.replicas(zone, path)[0].checksum == ""


def test_the_announced_checksum_is_registered_when_it_is_right(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"content", **{kw.VERIFY_CHKSUM_KW: sha2(b"content")})
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.checksum) == (do.GOOD, sha2(b"content"))


def test_a_close_whose_checksum_differs_is_an_error_and_leaves_no_good_replica(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    code = do.failure(do.write, session, path, b"content", **{kw.VERIFY_CHKSUM_KW: WRONG})
    assert do.is_error(code, "USER_CHKSUM_MISMATCH")
    assert do.states(zone, path) == [do.STALE]
    assert zone.replica_access.count == 0


def test_a_checksum_that_differs_leaves_the_siblings_as_they_were(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    options = {kw.VERIFY_CHKSUM_KW: WRONG, kw.REPL_NUM_KW: "0"}
    code = do.failure(do.write, session, path, b"C", mode="r+", **options)
    assert do.is_error(code, "USER_CHKSUM_MISMATCH")
    assert do.states(zone, path) == [do.STALE, do.GOOD]


def test_a_put_whose_checksum_differs_keeps_the_checksum_of_what_came(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    code = do.failure(do.put, session, path, b"content", verifyChksum=WRONG)
    assert do.is_error(code, "USER_CHKSUM_MISMATCH")
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.checksum) == (do.STALE, sha2(b"content"))


# -- a full disk


def test_a_put_onto_a_full_disk_is_an_error_and_leaves_no_good_replica(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    zone.faults.limit_disk(4 << 20)
    code = do.failure(do.put, session, path, bytes(9 << 20))
    assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_WRITE_ERR"), errno.ENOSPC)
    assert do.states(zone, path) == [do.STALE]


def _write_to_full_disk(zone: Zone, session: iRODSSession, path: str, flags: int, announced: int) -> int:
    """Write ten bytes onto the disk and ten for which there is no room, and close; the status of closing."""
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, flags, announced)
        zone.faults.limit_disk(10)
        assert connection.write_file(number, b"0123456789") == 10
        code = do.failure(connection.write_file, number, b"0123456789")
        assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_WRITE_ERR"), errno.ENOSPC)
        return do.closed(connection, number)


def test_only_the_write_tells_of_a_full_disk_and_the_short_replica_is_good(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    assert _write_to_full_disk(zone, session, path, os.O_WRONLY | os.O_CREAT, -1) == 0
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.GOOD, 10)


def test_a_new_replica_shorter_than_announced_is_stale_and_closing_tells_its_size_only(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    assert _write_to_full_disk(zone, session, path, os.O_WRONLY | os.O_CREAT, 20) == 10
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.STALE, 10)
    assert zone.replica_access.count == 0
    assert do.open_in_vault(zone) == []


def test_nobody_compares_the_announced_size_when_an_object_is_overwritten(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"old")
    assert _write_to_full_disk(zone, session, path, os.O_WRONLY | os.O_TRUNC, 20) == 0
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.GOOD, 10)


def test_a_replica_close_does_not_compare_the_announced_size(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY | os.O_CREAT, 20)
        connection.write_file(number, b"content")
        do.replica_close(connection, fd=number)
    assert do.states(zone, path) == [do.GOOD]


def test_a_full_disk_that_took_nothing_leaves_all_replicas_as_they_were(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    zone.faults.limit_disk(0)
    code = do.failure(do.write, session, path, b"C", mode="r+", **{kw.REPL_NUM_KW: "0"})
    assert do.errno_of(code) == errno.ENOSPC
    assert do.states(zone, path) == [do.GOOD, do.GOOD]
    assert do.vault_bytes(zone, path) == b"content"


def test_the_part_of_a_write_that_the_disk_took_makes_the_siblings_stale(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, bytes(3 * COPY_BYTES))
    session.data_objects.replicate(path, resource=second)
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY)
        zone.faults.limit_disk(COPY_BYTES)
        do.failure(connection.write_file, number, b"x" * (2 * COPY_BYTES))
        connection.close_file(number)
    assert sorted(do.states(zone, path)) == [do.STALE, do.GOOD]


# -- resources


def test_a_replication_resource_has_a_copy_on_every_child(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with do.tree(session, zone, "replication", "replResc", "r0", "r1", "r2") as root:
        do.write(session, path, b"content", **{kw.DEST_RESC_NAME_KW: root, kw.REG_CHKSUM_KW: ""})
        assert do.states(zone, path) == [do.GOOD] * 3
        assert [do.vault_bytes(zone, path, number) for number in range(3)] == [b"content"] * 3
        assert {replica.checksum for replica in do.replicas(zone, path)} == {sha2(b"content")}
        do.write(session, path, b"changed", mode="r+")
        assert do.states(zone, path) == [do.GOOD] * 3
        assert [do.vault_bytes(zone, path, number) for number in range(3)] == [b"changed"] * 3
        session.data_objects.unlink(path, force=True)


def test_replication_reaches_through_every_branch_and_stores_once_below_the_others(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with (
        do.tree(session, zone, "replication", "replOuter"),
        do.tree(session, zone, "replication", "replInner", "n0", "n1"),
        do.tree(session, zone, "random", "randInner", "n2", "n3"),
    ):
        for child in ("replInner", "randInner"):
            session.resources.add_child("replOuter", child)
        session.resources.modify("n2", "status", "down")
        do.write(session, path, b"content", **{kw.DEST_RESC_NAME_KW: "replOuter"})
        session.resources.modify("n2", "status", "up")
        do.write(session, path, b"changed", **{kw.DEST_RESC_NAME_KW: "replOuter"})
        hierarchies = [zone.catalog.resources.hierarchy(r.resource_id) for r in do.replicas(zone, path)]
        assert do.states(zone, path) == [do.GOOD] * 3
        session.data_objects.unlink(path, force=True)
        for child in ("replInner", "randInner"):
            session.resources.remove_child("replOuter", child)
    assert hierarchies == ["replOuter;replInner;n0", "replOuter;replInner;n1", "replOuter;randInner;n3"]


def test_a_child_that_is_down_gets_no_copy_and_the_writer_is_told(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with do.tree(session, zone, "replication", "replDown", "d0", "d1", "d2") as root:
        session.resources.modify("d1", "status", "down")
        code = do.failure(do.write, session, path, b"content", **{kw.DEST_RESC_NAME_KW: root})
        assert do.is_error(code, "SYS_RESC_IS_DOWN")
        assert [do.vault_bytes(zone, path, number) for number in range(2)] == [b"content"] * 2
        assert do.states(zone, path) == [do.GOOD] * 2
        session.resources.modify("d1", "status", "up")
        session.data_objects.unlink(path, force=True)


def test_a_copy_that_finds_the_disk_full_is_reported_and_the_first_replica_is_good(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with do.tree(session, zone, "replication", "replFull", "f0", "f1") as root:
        zone.faults.limit_disk(10)
        code = do.failure(do.write, session, path, b"content", **{kw.DEST_RESC_NAME_KW: root})
        assert do.errno_of(code) == errno.ENOSPC
        zone.faults.clear()
        assert do.states(zone, path) == [do.GOOD]
        session.data_objects.unlink(path, force=True)


def test_a_passthru_resource_stores_on_its_child(zone: Zone, session: iRODSSession, path: str) -> None:
    with do.tree(session, zone, "passthru", "passResc", "p0") as root:
        do.write(session, path, b"content", **{kw.DEST_RESC_NAME_KW: root})
        (replica,) = do.replicas(zone, path)
        assert zone.catalog.resources.hierarchy(replica.resource_id) == "passResc;p0"
        assert do.read(session, path) == b"content"
        session.data_objects.unlink(path, force=True)


def test_the_next_child_is_taken_when_the_first_is_down(zone: Zone, session: iRODSSession, path: str) -> None:
    with do.tree(session, zone, "random", "randResc", "c0", "c1") as root:
        session.resources.modify("c0", "status", "down")
        do.write(session, path, b"content", **{kw.DEST_RESC_NAME_KW: root})
        assert "vault-c1" in do.replicas(zone, path)[0].physical_path
        session.data_objects.unlink(path, force=True)


def test_nothing_is_created_on_a_resource_that_is_down(
    zone: Zone, session: iRODSSession, home: str, second: str
) -> None:
    do.write(session, f"{home}/object", b"for the fixture")
    session.resources.modify(second, "status", "down")
    code = do.failure(do.write, session, f"{home}/new", b"content", **{kw.DEST_RESC_NAME_KW: second})
    assert do.is_error(code, "SYS_RESC_IS_DOWN")
    assert do.replicas(zone, f"{home}/new") == []


def test_a_replica_on_a_resource_that_is_down_is_passed_over(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content", **{kw.DEST_RESC_NAME_KW: second})
    session.data_objects.replicate(path, resource="demoResc")
    session.resources.modify(second, "status", "down")
    assert do.read(session, path) == b"content"
    code = do.failure(do.read, session, path, **{kw.REPL_NUM_KW: "0"})
    assert do.is_error(code, "SYS_REPLICA_INACCESSIBLE")


def test_a_part_of_a_tree_cannot_be_named(zone: Zone, session: iRODSSession, path: str) -> None:
    with do.tree(session, zone, "passthru", "passChild", "p1"):
        code = do.failure(do.write, session, path, b"content", **{kw.DEST_RESC_NAME_KW: "p1"})
        assert do.is_error(code, "DIRECT_CHILD_ACCESS")


def test_a_tree_without_storage_takes_nothing(session: iRODSSession, path: str) -> None:
    session.resources.create("emptyTree", "passthru")
    code = do.failure(do.write, session, path, b"content", **{kw.DEST_RESC_NAME_KW: "emptyTree"})
    session.resources.remove("emptyTree")
    assert do.is_error(code, "HIERARCHY_ERROR")


def test_a_resource_that_does_not_exist_is_refused(session: iRODSSession, path: str) -> None:
    code = do.failure(do.write, session, path, b"content", **{kw.DEST_RESC_NAME_KW: "noSuchResc"})
    assert do.is_error(code, "SYS_RESC_DOES_NOT_EXIST")


def test_opening_to_write_on_another_resource_adds_a_replica_and_makes_the_old_one_stale(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"old")
    do.write(session, path, b"new", **{kw.DEST_RESC_NAME_KW: second})
    assert do.states(zone, path) == [do.STALE, do.GOOD]
    assert do.read(session, path) == b"new"


def test_opening_to_change_goes_where_the_object_is_whatever_resource_is_preferred(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    do.write(session, path, b"C", mode="r+", **{kw.DEST_RESC_NAME_KW: second})
    assert do.states(zone, path) == [do.GOOD]
    assert do.read(session, path) == b"Content"


def test_a_put_overwrites_where_the_object_is(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"old", **{kw.DEST_RESC_NAME_KW: second})
    do.put(session, path, b"new", forceFlag="", destRescName="demoResc")
    assert do.states(zone, path) == [do.GOOD]
    assert do.vault_bytes(zone, path) == b"new"


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({kw.REPL_NUM_KW: "7"}, "SYS_REPLICA_DOES_NOT_EXIST"),
        ({kw.REPL_NUM_KW: "first"}, "SYS_INVALID_INPUT_PARAM"),
        ({kw.RESC_NAME_KW: "bundleResc"}, "SYS_REPLICA_INACCESSIBLE"),
        ({kw.RESC_NAME_KW: "noSuchResc"}, "SYS_RESC_DOES_NOT_EXIST"),
        ({kw.RESC_HIER_STR_KW: "bundleResc"}, "SYS_REPLICA_DOES_NOT_EXIST"),
    ],
)
def test_a_replica_that_is_not_there_cannot_be_opened(
    session: iRODSSession, path: str, keywords: dict[str, str], error: str
) -> None:
    do.write(session, path, b"content")
    assert do.is_error(do.failure(do.read, session, path, **keywords), error)


def test_the_good_replica_is_read_whatever_its_number(
    zone: Zone, session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"old")
    do.write(session, path, b"new", **{kw.DEST_RESC_NAME_KW: second})
    assert do.read(session, path) == b"new"
    assert do.read(session, path, **{kw.DEST_RESC_NAME_KW: "demoResc"}) == b"new"
    assert do.read(session, path, **{kw.REPL_NUM_KW: "0"}) == b"old"


def test_among_good_replicas_the_resource_that_is_preferred_decides(
    session: iRODSSession, path: str, second: str
) -> None:
    do.write(session, path, b"content")
    session.data_objects.replicate(path, resource=second)
    for name in ("demoResc", second):
        with session.data_objects.open(path, "r", **{kw.DEST_RESC_NAME_KW: name}) as file:
            assert do.joining(file)[kw.RESC_HIER_STR_KW] == name


@pytest.mark.parametrize(("free", "size", "fits"), [("100", 60, True), ("100", 61, False), ("", 1, False)])
def test_a_resource_keeps_its_minimum_of_free_space(
    zone: Zone, session: iRODSSession, home: str, second: str, free: str, size: int, *, fits: bool
) -> None:
    do.write(session, f"{home}/object", b"for the fixture")
    session.resources.modify(second, "context", f"{FREE_SPACE}=40")
    if free:
        session.resources.modify(second, "free_space", free)
    options: dict[str, Any] = {"destRescName": second}
    if fits:
        do.put(session, f"{home}/new", bytes(size), **options)
        session.data_objects.unlink(f"{home}/new", force=True)
    else:
        code = do.failure(do.put, session, f"{home}/new", bytes(size), **options)
        assert do.is_error(code, "USER_FILE_TOO_LARGE")
        assert do.replicas(zone, f"{home}/new") == []


# -- hooks

RULES: Final = """
from pathlib import Path

def note(text):
    with Path(__file__).with_name("events").open("a") as file:
        file.write(text + "\\n")

def pep_database_reg_data_obj_post(rule_args, callback, rei):
    note("registered " + str(rule_args[3].objPath))
    if str(rule_args[3].objPath).endswith("unwanted"):
        callback.msiExit("-818000", "not this one")

def pep_resource_modified_post(rule_args, callback, rei):
    replica = rule_args[1].map()
    note("modified " + replica["logical_path"] + " " + replica["file_size"])

def acPostProcForPut(rule_args, callback, rei):
    if str(rei.doi.objPath).endswith("refused"):
        callback.msiExit("-818000", "no such thing here")
"""


@pytest.fixture
def ruled(tmp_path: Path) -> Iterator[Zone]:
    """A zone with a rule file that notes what it is told of."""
    rules = tmp_path / "core.py"
    rules.write_text(RULES)
    with running_zone(ZoneConfig(root=tmp_path / "zone", rules=rules)) as zone:
        yield zone


def events(zone: Zone) -> list[str]:
    assert zone.config.rules is not None
    file = zone.config.rules.with_name("events")
    return file.read_text().splitlines() if file.exists() else []


def test_rules_hear_of_a_new_object_once_and_of_each_change_once(ruled: Zone, tmp_path: Path) -> None:
    home = f"/{ruled.name}/home/{ruled.config.admin}"
    large = tmp_path / "large"
    large.write_bytes(bytes(40 << 20))
    with connect(ruled) as session:
        do.write(session, f"{home}/small", b"content")
        do.write(session, f"{home}/small", b"C", mode="r+")
        do.read(session, f"{home}/small")
        with session.data_objects.open(f"{home}/small", "r+"):
            pass
        session.data_objects.put(str(large), f"{home}/large", num_threads=3)
        do.put(session, f"{home}/whole", b"content")
    assert events(ruled) == [
        f"registered {home}/small",
        f"modified {home}/small 7",
        f"modified {home}/small 7",
        f"registered {home}/large",
        f"modified {home}/large {40 << 20}",
        f"registered {home}/whole",
        f"modified {home}/whole 7",
    ]


def test_a_rule_that_fails_at_rest_is_reported_and_undoes_nothing(ruled: Zone) -> None:
    path = f"/{ruled.name}/home/{ruled.config.admin}/refused"
    with connect(ruled) as session:
        code = do.failure(do.write, session, path, b"content")
    assert do.is_error(code, "CAT_NO_ACCESS_PERMISSION")
    assert do.states(ruled, path) == [do.GOOD]
    assert do.open_in_vault(ruled) == []


def test_a_rule_that_fails_at_registration_leaves_nothing_open_and_nothing_good(ruled: Zone) -> None:
    path = f"/{ruled.name}/home/{ruled.config.admin}/unwanted"
    with connect(ruled) as session:
        code = do.failure(do.write, session, path, b"content")
        assert do.is_error(code, "CAT_NO_ACCESS_PERMISSION")
        assert do.states(ruled, path) == [do.STALE]
        assert do.open_in_vault(ruled) == []
        assert ruled.replica_access.count == 0
