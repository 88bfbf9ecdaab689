"""The way of the bytes: opened, sought, read, written, put, truncated; what the catalog says afterwards."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from irods import keywords as kw
from irods.access import iRODSAccess
from irods.session import iRODSSession
from irods.ticket import Ticket

from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.api.included_records import split
from omero_irods_sandbox.irods_zone.api.open_files import OpenFlags
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.conftest import connect

READ: Final = 675
WRITE: Final = 676
REPLICA_CLOSE: Final = 20004
LARGE: Final = 40 << 20
OLD: Final = "00000001000"


@pytest.fixture
def path(home: str) -> str:
    return f"{home}/object"


# -- put and get


def test_a_small_file_comes_back_as_it_was_put(
    zone: Zone, session: iRODSSession, path: str, sample: Path, tmp_path: Path
) -> None:
    session.data_objects.put(str(sample), path)
    session.data_objects.get(path, str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == sample.read_bytes()
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.GOOD, sample.stat().st_size)
    assert do.vault_bytes(zone, path) == sample.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reserve")
def test_what_is_announced_is_reserved_and_makes_no_unfinished_file_look_complete(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_CREAT | os.O_WRONLY, announced=LARGE)
        assert connection.write_file(number, b"content") == len(b"content")
        (replica,) = do.replicas(zone, path)
        stored = Path(replica.physical_path).stat()
        assert (stored.st_size, stored.st_blocks * 512 >= LARGE) == (len(b"content"), True)
        assert do.closed(connection, number) == len(b"content")
    assert do.states(zone, path) == [do.STALE]


def test_an_announcement_of_most_of_the_free_disk_reserves_nothing(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    most = shutil.disk_usage(zone.vault).free * 3 // 4
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_CREAT | os.O_WRONLY, announced=most)
        (replica,) = do.replicas(zone, path)
        assert Path(replica.physical_path).stat().st_blocks == 0
        connection.close_file(number)


def test_a_large_file_travels_in_several_streams_both_ways(
    zone: Zone, session: iRODSSession, path: str, tmp_path: Path
) -> None:
    source, back = tmp_path / "large", tmp_path / "back"
    source.write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    before = zone.counters.calls(REPLICA_CLOSE)
    session.data_objects.put(str(source), path, num_threads=3)
    session.data_objects.get(path, str(back), num_threads=3)
    assert zone.counters.calls(REPLICA_CLOSE) > before
    assert back.read_bytes() == source.read_bytes()
    (replica,) = do.replicas(zone, path)
    assert (replica.status, replica.size) == (do.GOOD, LARGE)


def test_putting_a_shorter_file_over_a_longer_one_leaves_nothing_of_the_old(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"a long content")
    do.write(session, path, b"short")
    assert do.read(session, path) == b"short"
    assert do.replicas(zone, path)[0].size == len(b"short")


def test_an_empty_object_is_good(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"")
    assert do.states(zone, path) == [do.GOOD]
    assert do.read(session, path) == b""


def test_creating_over_an_object_empties_it(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    session.data_objects.create(path, force=True)
    assert do.replicas(zone, path)[0].size == 0
    assert do.vault_bytes(zone, path) == b""


# -- a put in one request


def test_a_put_in_one_request_stores_all_of_its_byte_stream(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    data = os.urandom(9 << 20)
    do.put(session, path, data)
    assert do.vault_bytes(zone, path) == data
    assert do.states(zone, path) == [do.GOOD]


def test_a_put_in_one_request_overwrites_only_by_force(session: iRODSSession, path: str) -> None:
    do.put(session, path, b"first and long")
    assert do.is_error(do.failure(do.put, session, path, b"second"), "OVERWRITE_WITHOUT_FORCE_FLAG")
    assert do.read(session, path) == b"first and long"
    do.put(session, path, b"second", forceFlag="")
    assert do.read(session, path) == b"second"


def test_a_put_through_portal_ports_is_refused(session: iRODSSession, path: str) -> None:
    code = do.failure(do.request, session, do.DATA_OBJ_PUT, path, size=1 << 30)
    assert do.is_error(code, "SYS_NOT_SUPPORTED")
    assert not session.data_objects.exists(path)


def test_a_put_of_fewer_bytes_than_announced_leaves_no_good_replica(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    code = do.failure(do.put, session, path, b"four", 40)
    assert do.is_error(code, "SYS_COPY_LEN_ERR")
    assert do.states(zone, path) == [do.STALE]


def test_avus_and_permissions_can_come_with_a_put(
    session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    reader = make_user("reader")
    records = {"metadataIncluded": r"a;one\;two;mm;b;2", "aclIncluded": f"read {reader.username}"}
    do.put(session, path, b"data", **records)
    avus = session.data_objects.get(path).metadata.items()
    assert {(avu.name, avu.value, avu.units or "") for avu in avus} == {
        ("a", "one;two", "mm"),
        ("b", "2", ""),
    }
    assert do.read(reader, path) == b"data"


def test_a_put_whose_avus_are_no_triplets_leaves_no_good_replica(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    code = do.failure(do.put, session, path, b"data", metadataIncluded="a")
    assert do.is_error(code, "SYS_BAD_INPUT")
    assert do.states(zone, path) == [do.STALE]


@given(st.lists(st.text(min_size=1), max_size=6))
def test_included_records_are_split_where_they_were_joined(parts: list[str]) -> None:
    escaped = [part.replace("\\", "\\\\").replace(";", "\\;") for part in parts]
    assert split(";".join(escaped), ";") == parts


# -- seek, read, write


def test_writing_goes_on_where_seeking_went(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"0123456789")
    with session.data_objects.open(path, "r+") as file:
        file.seek(4)
        file.write(b"XY")
        file.seek(-2, io.SEEK_END)
        file.write(b"Z")
    assert do.read(session, path) == b"0123XY67Z9"


def test_appending_goes_on_at_the_end(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"one ")
    do.write(session, path, b"two", mode="a")
    assert do.read(session, path) == b"one two"


def test_o_append_writes_at_the_end_wherever_seeking_went(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"one ")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY | os.O_APPEND)
        connection.seek_file(number, 0, os.SEEK_SET)
        connection.write_file(number, b"two")
        connection.close_file(number)
    assert do.read(session, path) == b"one two"


def test_a_gap_left_by_seeking_reads_as_zeros(session: iRODSSession, path: str) -> None:
    with session.data_objects.open(path, "w") as file:
        file.seek(5)
        file.write(b"end")
    assert do.read(session, path) == b"\0" * 5 + b"end"


def test_reading_stops_at_the_end(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_RDONLY)
        assert connection.read_file(number, 100) == b"content"
        assert not connection.read_file(number, 100)
        connection.close_file(number)


def test_a_position_before_the_start_is_refused(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_RDONLY)
        code = do.failure(connection.seek_file, number, -1, os.SEEK_SET)
        assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_LSEEK_ERR"), errno.EINVAL)
        connection.close_file(number)


def test_a_reader_sees_no_more_than_the_catalog_says(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    with Path(do.replicas(zone, path)[0].physical_path).open("ab") as file:
        file.write(b" and more")
    assert do.read(session, path) == b"content"
    with session.data_objects.open(path, "r") as opened:
        assert opened.seek(100) == len(b"content")


def test_an_object_that_is_open_for_reading_takes_no_bytes(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_RDONLY)
        code = do.failure(connection.write_file, number, b"x" * 100_000)
        assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_WRITE_ERR"), errno.EBADF)
        connection.close_file(number)
    assert do.vault_bytes(zone, path) == b"content"


def test_an_object_that_is_open_for_writing_only_gives_no_bytes(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_WRONLY)
        code = do.failure(connection.read_file, number, 7)
        assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_READ_ERR"), errno.EBADF)
        connection.close_file(number)


@pytest.mark.parametrize(
    ("number", "error"), [(3, "BAD_INPUT_DESC_INDEX"), (2, "SYS_FILE_DESC_OUT_OF_RANGE")]
)
def test_a_descriptor_that_is_not_open_is_refused(session: iRODSSession, number: int, error: str) -> None:
    with session.pool.get_connection() as connection:
        for action in (
            lambda: connection.read_file(number, 1),
            lambda: connection.write_file(number, b"x" * 100_000),
            lambda: connection.seek_file(number, 0, 0),
            lambda: connection.close_file(number),
        ):
            assert do.is_error(do.failure(action), error)


def test_a_connection_has_descriptors_for_so_many_objects_and_no_more(
    session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"content")
    with session.pool.get_connection() as connection:
        numbers = [do.opened(connection, path, os.O_RDONLY) for _ in range(1023)]
        assert do.is_error(do.failure(do.opened, connection, path, os.O_RDONLY), "SYS_OUT_OF_FILE_DESC")
        assert numbers == list(range(3, 1026))
        connection.close_file(500)
        assert do.opened(connection, path, os.O_RDONLY) == 500
        connection.disconnect()


def test_reading_and_writing_touch_no_catalog(zone: Zone, session: iRODSSession, path: str) -> None:
    statements: list[str] = []
    with session.pool.get_connection() as connection:
        number = do.opened(connection, path, os.O_RDWR | os.O_CREAT)
        zone.catalog.database._connection.set_trace_callback(statements.append)
        try:
            before = zone.counters.calls(WRITE), zone.counters.calls(READ)
            for _ in range(5):
                connection.write_file(number, b"0123456789")
            connection.seek_file(number, 0, 0)
            assert connection.read_file(number, 50) == b"0123456789" * 5
            assert (zone.counters.calls(WRITE), zone.counters.calls(READ)) == (before[0] + 5, before[1] + 1)
        finally:
            zone.catalog.database._connection.set_trace_callback(None)
        connection.close_file(number)
    assert statements == []


# -- opening


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_what_does_not_exist_cannot_be_opened(session: iRODSSession, path: str, mode: str) -> None:
    assert do.is_error(
        do.failure(session.data_objects.open, path, mode, create=False), "OBJ_PATH_DOES_NOT_EXIST"
    )


def test_a_collection_cannot_be_opened_or_overwritten(session: iRODSSession, home: str) -> None:
    assert do.is_error(do.failure(session.data_objects.open, home, "r"), "OBJ_PATH_DOES_NOT_EXIST")
    assert do.is_error(do.failure(session.data_objects.open, home, "w"), "CAT_NAME_EXISTS_AS_COLLECTION")


def test_a_data_object_needs_a_collection(session: iRODSSession, home: str) -> None:
    code = do.failure(session.data_objects.open, f"{home}/nowhere/object", "w")
    assert do.is_error(code, "CAT_UNKNOWN_COLLECTION")


@pytest.mark.parametrize(
    ("path", "error"),
    [("relative", "USER_INPUT_PATH_ERR"), ("/tempZone/home/rods/", "USER_INPUT_PATH_ERR")],
)
def test_what_is_no_path_of_a_data_object_is_refused(session: iRODSSession, path: str, error: str) -> None:
    assert do.is_error(do.failure(session.data_objects.open, path, "w"), error)


def test_truncating_needs_a_mode_that_writes(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    code = do.failure(do.request, session, do.DATA_OBJ_OPEN, path, flags=os.O_RDONLY | os.O_TRUNC)
    assert do.is_error(code, "USER_INCOMPATIBLE_OPEN_FLAGS")
    assert do.read(session, path) == b"content"


def test_exclusive_creation_refuses_what_exists(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    code = do.failure(do.request, session, do.DATA_OBJ_OPEN, path, flags=flags)
    assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_OPEN_ERR"), errno.EEXIST)
    assert do.read(session, path) == b"content"


def test_an_unknown_data_type_is_refused_and_nothing_is_created(session: iRODSSession, path: str) -> None:
    code = do.failure(session.data_objects.open, path, "w", **{kw.DATA_TYPE_KW: "no such type"})
    assert do.is_error(code, "CAT_INVALID_DATA_TYPE")
    assert not session.data_objects.exists(path)


def test_the_data_type_is_kept(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"II*", **{kw.DATA_TYPE_KW: "tiff image"})
    assert do.replicas(zone, path)[0].type == "tiff image"


def test_a_new_replica_takes_no_file_of_another_one(zone: Zone, session: iRODSSession, home: str) -> None:
    do.write(session, f"{home}/first", b"first")
    (replica,) = do.replicas(zone, f"{home}/first")
    collection = zone.catalog.collections.get(home)
    zone.catalog.data_objects.rename(replica.data_id, collection, "renamed in the catalog only")
    do.write(session, f"{home}/first", b"second")
    assert Path(replica.physical_path).read_bytes() == b"first"
    assert do.read(session, f"{home}/first") == b"second"


def test_a_file_that_is_gone_is_reported_and_leaves_the_replica_as_it_was(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    do.write(session, path, b"content")
    Path(do.replicas(zone, path)[0].physical_path).unlink()
    for mode in ("r", "r+"):
        code = do.failure(session.data_objects.open, path, mode)
        assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_OPEN_ERR"), errno.ENOENT)
    assert do.states(zone, path) == [do.GOOD]
    do.write(session, path, b"new")
    assert do.read(session, path) == b"new"


def test_a_file_that_cannot_be_made_leaves_no_data_object(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    do.write(session, f"{home}/a", b"")
    blocker = Path(do.replicas(zone, f"{home}/a")[0].physical_path).parent / "blocked"
    blocker.write_text("a file where a folder must be")
    session.collections.create(f"{home}/blocked")
    code = do.failure(session.data_objects.open, f"{home}/blocked/object", "w")
    assert do.family(code) == do.code("UNIX_FILE_OPEN_ERR")
    assert not session.data_objects.exists(f"{home}/blocked/object")
    assert zone.replica_access.count == 0


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_of_whatever_flags_a_client_sends_only_the_known_ones_count(number: int) -> None:
    flags = OpenFlags.of(number)
    assert int(flags) & ~(1 | 2 | os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_APPEND) == 0
    assert flags.may_write == bool(number & 3)
    assert flags.may_read == (number & 3 != 1)


# -- who may


def test_reading_and_writing_need_their_permissions(
    session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    do.write(session, path, b"content")
    user = make_user("user")
    assert do.is_error(do.failure(do.read, user, path), "CAT_NO_ACCESS_PERMISSION")
    session.acls.set(iRODSAccess("read", path, user.username))
    assert do.read(user, path) == b"content"
    assert do.is_error(do.failure(do.write, user, path, b"new"), "CAT_NO_ACCESS_PERMISSION")
    session.acls.set(iRODSAccess("write", path, user.username))
    do.write(user, path, b"new")
    assert do.read(session, path) == b"new"


def test_creating_needs_write_permission_on_the_collection(
    session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("user")
    assert do.is_error(do.failure(do.write, user, path, b"new"), "CAT_NO_ACCESS_PERMISSION")


def test_who_may_only_read_adds_no_replica(
    zone: Zone, session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    do.write(session, path, b"content")
    user = make_user("user")
    session.acls.set(iRODSAccess("read", path, user.username))
    with do.storage(session, zone, "elsewhere") as name:
        flags, keywords = os.O_RDONLY | os.O_CREAT, {"destRescName": name}
        code = do.failure(do.request, user, do.DATA_OBJ_OPEN, path, flags=flags, keywords=keywords)
        assert do.is_error(code, "CAT_NO_ACCESS_PERMISSION")
        assert do.states(zone, path) == [do.GOOD]


def test_the_creator_owns_the_object_and_the_collection_hands_down_its_permissions(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    reader = make_user("reader")
    session.acls.set(iRODSAccess("read", home, reader.username))
    session.acls.set(iRODSAccess("inherit", home))
    do.write(session, f"{home}/object", b"content")
    assert session.data_objects.get(f"{home}/object").owner_name == session.username
    assert do.read(reader, f"{home}/object") == b"content"


def test_a_write_ticket_admits_and_counts_the_bytes(
    zone: Zone, session: iRODSSession, path: str, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("guest")
    do.write(session, path, b"old")
    ticket = Ticket(session).issue("write", path)
    with connect(zone, user.username, f"{user.username}-pw") as guest:
        Ticket(guest, ticket.string).supply()
        do.write(guest, path, b"four")
        do.write(guest, f"{zone_home(zone, user)}/own", b"his own data")
    counted = zone.catalog.database.value(
        "select write_byte_count from R_TICKET_MAIN where ticket_string = ?", ticket.string
    )
    assert counted == len(b"four")
    assert do.read(session, path) == b"four"


def zone_home(zone: Zone, session: iRODSSession) -> str:
    return f"/{zone.name}/home/{session.username}"


# -- times


def test_only_a_change_moves_the_modification_time(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    (replica,) = do.replicas(zone, path)
    zone.catalog.data_objects.update(replica.data_id, 0, modify_time=OLD)
    with session.data_objects.open(path, "r+") as file:
        file.read()
    assert do.replicas(zone, path)[0].modify_time == OLD
    do.write(session, path, b"C", mode="r+")
    assert do.replicas(zone, path)[0].modify_time > OLD


def test_reading_notes_the_access_time_to_the_day(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    (replica,) = do.replicas(zone, path)
    zone.catalog.data_objects.update(replica.data_id, 0, access_time=OLD)
    do.read(session, path)
    noted = do.replicas(zone, path)[0].access_time
    assert noted > OLD
    an_hour_ago = f"{int(noted) - 3600:011d}"
    zone.catalog.data_objects.update(replica.data_id, 0, access_time=an_hour_ago, modify_time=OLD)
    do.read(session, path)
    assert do.replicas(zone, path)[0].access_time == an_hour_ago


def test_a_new_object_moves_the_modification_time_of_its_collection(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    def moved() -> bool:
        return zone.catalog.collections.get(home).modify_time > OLD

    collection = zone.catalog.collections.get(home)
    zone.catalog.collections.set_modify_time(collection.id, OLD)
    do.write(session, f"{home}/object", b"content")
    assert moved()
    zone.catalog.collections.set_modify_time(collection.id, OLD)
    do.write(session, f"{home}/object", b"again")
    assert not moved()


# -- truncate


@pytest.mark.parametrize("size", [3, 0, 20])
def test_truncating_changes_size_and_content_and_drops_the_checksum(
    zone: Zone, session: iRODSSession, path: str, size: int
) -> None:
    do.write(session, path, b"0123456789", **{kw.REG_CHKSUM_KW: ""})
    session.data_objects.truncate(path, size)
    assert do.read(session, path) == b"0123456789"[:size].ljust(size, b"\0")
    (replica,) = do.replicas(zone, path)
    assert (replica.size, replica.checksum, replica.status) == (size, "", do.GOOD)


def test_truncating_to_the_size_it_has_changes_nothing(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"0123456789", **{kw.REG_CHKSUM_KW: ""})
    before = do.replicas(zone, path)
    assert session.data_objects.replica_truncate(path, 10)["replica_number"] == 0
    assert do.replicas(zone, path)[0].checksum == before[0].checksum != ""


def test_truncating_a_replica_tells_which_and_makes_the_others_stale(
    zone: Zone, session: iRODSSession, path: str
) -> None:
    with do.storage(session, zone, "truncResc") as other:
        do.write(session, path, b"0123456789")
        session.data_objects.replicate(path, resource=other)
        answer = session.data_objects.replica_truncate(path, 4, **{kw.RESC_NAME_KW: other})
        assert answer == {"message": "", "replica_number": 1, "resource_hierarchy": other}
        assert do.states(zone, path) == [do.STALE, do.GOOD]
        assert [r.size for r in do.replicas(zone, path)] == [10, 4]
        session.data_objects.unlink(path, force=True)


def test_a_negative_size_is_refused(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    code = do.failure(session.data_objects.replica_truncate, path, -1)
    assert (do.family(code), do.errno_of(code)) == (do.code("UNIX_FILE_TRUNCATE_ERR"), errno.EINVAL)
    assert do.read(session, path) == b"content"


def test_a_replica_number_and_a_resource_exclude_each_other(session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    options = {kw.REPL_NUM_KW: "0", kw.RESC_NAME_KW: "demoResc"}
    code = do.failure(session.data_objects.replica_truncate, path, 1, **options)
    assert do.is_error(code, "SYS_INVALID_INPUT_PARAM")


# -- nothing leaks


def test_no_file_stays_open_after_whatever_went_wrong(zone: Zone, session: iRODSSession, path: str) -> None:
    do.write(session, path, b"content")
    zone.faults.limit_disk(0)
    do.failure(do.put, session, path, b"more", forceFlag="")
    do.failure(do.put, session, f"{path}2", b"more", verifyChksum="sha2:wrong")
    zone.faults.clear()
    do.failure(do.put, session, f"{path}3", b"more", verifyChksum="sha2:wrong")
    do.failure(do.put, session, f"{path}4", b"more", metadataIncluded="a")
    do.failure(session.data_objects.open, f"{path}5", "w", **{kw.DATA_TYPE_KW: "no such type"})
    other = connect(zone)
    left_open = other.data_objects.open(path, "r")
    assert do.open_in_vault(zone)
    do.vanish(left_open)
    do.wait_until(lambda: not do.open_in_vault(zone))
    assert zone.replica_access.count == 0


# -- the vault


def test_removing_files_goes_on_after_one_that_is_gone(tmp_path: Path) -> None:
    present = tmp_path / "present"
    present.touch()
    storage.remove_files([str(tmp_path / "gone"), str(present)])
    assert not present.exists()


def test_a_copy_onto_a_full_disk_fails(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"content")

    def full(count: int) -> None:
        raise OSError(errno.ENOSPC, f"no room for {count} bytes")

    with pytest.raises(OSError, match="no room for 7 bytes"):
        storage.copy_file(str(source), str(tmp_path / "folder" / "target"), full)


def test_a_checksum_is_spelled_as_irods_spells_it(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.touch()
    assert storage.checksum(str(file)) == "sha2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_a_data_object_can_be_made_where_a_collection_was(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    path = f"{home}/name"
    session.collections.create(path)
    session.data_objects.touch(f"{path}/below")
    session.collections.remove(path, force=True)
    with session.data_objects.open(path, "w") as stream:
        stream.write(b"now a data object")
    assert do.replicas(zone, path)[0].size == 17
