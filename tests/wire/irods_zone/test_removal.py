"""Removing data objects and replicas, through python-irodsclient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import irods.keywords as kw
import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import failure, read, replicas, storage, write

_numbers = count(1)


def trash_of(session: iRODSSession, path: str) -> str:
    home = f"/{session.zone}/home/{session.username}"
    return path.replace(home, f"/{session.zone}/trash/home/{session.username}", 1)


def numbers(zone: Zone, path: str) -> list[int]:
    return [replica.number for replica in replicas(zone, path)]


def files(zone: Zone, path: str) -> list[Path]:
    return [Path(replica.physical_path) for replica in replicas(zone, path)]


@pytest.fixture
def copied(session: iRODSSession, zone: Zone, home: str) -> Iterator[str]:
    """A data object with good replicas 0, 1 and 2."""
    path, first, second = f"{home}/x", f"trimA{next(_numbers)}", f"trimB{next(_numbers)}"
    with storage(session, zone, first), storage(session, zone, second):
        write(session, path, b"bytes")
        for resource in (first, second):
            session.data_objects.replicate(path, resource=resource)
        yield path
        session.data_objects.unlink(path, force=True)


def test_unlinking_moves_a_data_object_to_the_trash(session: iRODSSession, zone: Zone, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    session.data_objects.get(f"{home}/x").metadata.add("colour", "red")
    (old,) = files(zone, f"{home}/x")
    session.data_objects.unlink(f"{home}/x")
    trashed = session.data_objects.get(trash_of(session, f"{home}/x"))
    assert [avu.value for avu in trashed.metadata.items()] == ["red"]
    assert read(session, trashed.path) == b"bytes"
    assert not old.exists()


def test_the_second_of_one_name_in_the_trash_gets_a_suffix(session: iRODSSession, home: str) -> None:
    for content in (b"first", b"second"):
        write(session, f"{home}/x", content)
        session.data_objects.unlink(f"{home}/x")
    trashed = session.collections.get(trash_of(session, home)).data_objects
    first, second = sorted(trashed, key=lambda data_object: len(data_object.name))
    assert (first.name, second.name[:2]) == ("x", "x.")
    assert (read(session, first.path), read(session, second.path)) == (b"first", b"second")


def test_what_somebody_else_owned_goes_to_the_trash_of_who_removes_it(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    write(session, f"{home}/x", b"bytes")
    session.acls.set(iRODSAccess("own", f"{home}/x", alice.username))
    alice.data_objects.unlink(f"{home}/x")
    owner, name = home.split("/")[-2:]
    trash = f"/{alice.zone}/trash/home/{alice.username}/{owner}"
    assert alice.data_objects.exists(f"{trash}/{name}/x")
    alice.collections.remove(trash, force=True)


def test_force_deletes_the_data_object_its_file_and_its_avus(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    write(session, f"{home}/x", b"bytes")
    data_object = session.data_objects.get(f"{home}/x")
    data_object.metadata.add("colour", "red")
    (file,) = files(zone, f"{home}/x")
    session.data_objects.unlink(f"{home}/x", force=True)
    assert not session.data_objects.exists(f"{home}/x")
    assert not session.data_objects.exists(trash_of(session, f"{home}/x"))
    assert not file.exists()
    assert zone.catalog.metadata.of(data_object.id) == []


def test_what_is_in_the_trash_is_deleted_without_force(session: iRODSSession, zone: Zone, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    session.data_objects.unlink(f"{home}/x")
    trashed = session.data_objects.get(trash_of(session, f"{home}/x"))
    session.data_objects.unlink(trashed.path)
    assert zone.catalog.data_objects.with_id(trashed.id) == []


def test_only_the_trash_is_emptied(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    code = failure(session.data_objects.unlink, f"{home}/x", **{kw.ADMIN_RMTRASH_KW: ""})
    assert code == code_of("SYS_INVALID_FILE_PATH")


def test_unregistering_leaves_the_file(session: iRODSSession, zone: Zone, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    (file,) = files(zone, f"{home}/x")
    session.data_objects.unregister(f"{home}/x")
    assert not session.data_objects.exists(f"{home}/x")
    assert file.read_bytes() == b"bytes"


def test_a_user_leaves_no_file_in_the_vault_that_nobody_owns(
    home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    path = f"/{alice.zone}/home/{alice.username}/x"
    write(alice, path, b"bytes")
    assert failure(alice.data_objects.unregister, path) == code_of("CANT_UNREG_IN_VAULT_FILE")
    alice.data_objects.unlink(path, force=True)


def test_a_file_registered_outside_the_vault_survives_its_data_object(
    session: iRODSSession, home: str, sample: Path
) -> None:
    session.data_objects.register(str(sample), f"{home}/x")
    session.data_objects.unlink(f"{home}/x", force=True)
    assert not session.data_objects.exists(f"{home}/x")
    assert sample.exists()


@pytest.mark.parametrize("force", [False, True])
def test_unlinking_what_is_not_there_finds_no_rows(session: iRODSSession, home: str, force: bool) -> None:
    code = failure(session.data_objects.unlink, f"{home}/nothing", force=force)
    assert code == code_of("CAT_NO_ROWS_FOUND")


def test_a_collection_is_not_unlinked(session: iRODSSession, home: str) -> None:
    assert failure(session.data_objects.unlink, home, force=True) == code_of("USER_INPUT_PATH_ERR")


@pytest.mark.parametrize("force", [False, True])
def test_who_may_only_read_finds_nothing_to_unlink(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession], force: bool
) -> None:
    alice = make_user("alice")
    write(session, f"{home}/x", b"bytes")
    session.acls.set(iRODSAccess("read", f"{home}/x", alice.username))
    code = failure(alice.data_objects.unlink, f"{home}/x", force=force)
    assert code == code_of("CAT_NO_ROWS_FOUND")
    assert read(session, f"{home}/x") == b"bytes"


@pytest.mark.parametrize(
    ("force", "error"), [(False, "HIERARCHY_ERROR"), (True, "LOCKED_DATA_OBJECT_ACCESS")]
)
def test_what_is_open_for_writing_is_not_unlinked(
    session: iRODSSession, home: str, force: bool, error: str
) -> None:
    with session.data_objects.open(f"{home}/x", "w") as file:
        code = failure(session.data_objects.unlink, f"{home}/x", force=force)
        file.write(b"whole")
    assert code == code_of(error)
    assert read(session, f"{home}/x") == b"whole"


def test_trimming_removes_the_replica_that_is_named_and_its_file(
    session: iRODSSession, zone: Zone, copied: str
) -> None:
    _, file, _ = files(zone, copied)
    session.data_objects.trim(copied, **{kw.REPL_NUM_KW: "1", kw.COPIES_KW: "1"})
    assert numbers(zone, copied) == [0, 2]
    assert not file.exists()


def test_trimming_by_resource_removes_the_replica_there(
    session: iRODSSession, zone: Zone, copied: str
) -> None:
    name = session.data_objects.get(copied).replicas[2].resource_name
    session.data_objects.trim(copied, **{kw.RESC_NAME_KW: name, kw.COPIES_KW: "1"})
    assert numbers(zone, copied) == [0, 1]


def test_trimming_leaves_two_replicas_unless_told_otherwise(
    session: iRODSSession, zone: Zone, copied: str
) -> None:
    session.data_objects.trim(copied)
    assert numbers(zone, copied) == [0, 1]
    session.data_objects.trim(copied, **{kw.REPL_NUM_KW: "1"})
    assert numbers(zone, copied) == [0, 1]
    session.data_objects.trim(copied, **{kw.COPIES_KW: "1"})
    assert numbers(zone, copied) == [0]


def test_a_dry_run_trims_nothing(session: iRODSSession, zone: Zone, copied: str) -> None:
    session.data_objects.trim(copied, **{kw.DRYRUN_KW: ""})
    assert numbers(zone, copied) == [0, 1, 2]


def test_trimming_takes_stale_replicas_first(session: iRODSSession, zone: Zone, copied: str) -> None:
    zone.faults.make_stale(copied, replica=0)
    session.data_objects.trim(copied, **{kw.COPIES_KW: "2"})
    assert numbers(zone, copied) == [1, 2]


def test_trimming_the_last_good_replica_by_its_number_is_an_error(
    session: iRODSSession, zone: Zone, copied: str
) -> None:
    for number in (1, 2):
        zone.faults.make_stale(copied, replica=number)
    options = {kw.REPL_NUM_KW: "0", kw.COPIES_KW: "1"}
    assert failure(session.data_objects.trim, copied, **options) == code_of("USER_INCOMPATIBLE_PARAMS")
    assert numbers(zone, copied) == [0, 1, 2]


@pytest.mark.parametrize("options", [{}, {kw.RESC_NAME_KW: "demoResc"}])
def test_the_last_good_replica_silently_stays(
    session: iRODSSession, zone: Zone, copied: str, options: dict[str, str]
) -> None:
    for number in (1, 2):
        zone.faults.make_stale(copied, replica=number)
    session.data_objects.trim(copied, **{kw.COPIES_KW: "1"}, **options)
    assert 0 in numbers(zone, copied)


@pytest.mark.parametrize("options", [{}, {kw.REPL_NUM_KW: "0"}, {kw.REPL_NUM_KW: "7"}])
def test_with_no_more_replicas_than_shall_stay_trimming_does_nothing(
    session: iRODSSession, zone: Zone, home: str, options: dict[str, str]
) -> None:
    write(session, f"{home}/x", b"bytes")
    session.data_objects.trim(f"{home}/x", **{kw.COPIES_KW: "1"}, **options)
    assert numbers(zone, f"{home}/x") == [0]


def test_a_replica_that_is_not_there_is_not_trimmed(session: iRODSSession, copied: str) -> None:
    code = failure(session.data_objects.trim, copied, **{kw.REPL_NUM_KW: "7"})
    assert code == code_of("SYS_REPLICA_DOES_NOT_EXIST")


def test_what_is_open_for_writing_is_not_trimmed(session: iRODSSession, zone: Zone, copied: str) -> None:
    with session.data_objects.open(copied, "r+"):
        code = failure(session.data_objects.trim, copied, **{kw.COPIES_KW: "1"})
    assert code == code_of("HIERARCHY_ERROR")
    assert numbers(zone, copied) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({kw.RESC_NAME_KW: "nothing"}, "SYS_RESC_DOES_NOT_EXIST"),
        ({kw.REPL_NUM_KW: "0", kw.RESC_NAME_KW: "demoResc"}, "USER_INCOMPATIBLE_PARAMS"),
        ({kw.COPIES_KW: "0"}, "SYS_INVALID_INPUT_PARAM"),
        ({kw.COPIES_KW: "some"}, "SYS_INVALID_INPUT_PARAM"),
    ],
)
def test_trimming_says_what_is_wrong(
    session: iRODSSession, home: str, options: dict[str, str], error: str
) -> None:
    write(session, f"{home}/x", b"bytes")
    assert failure(session.data_objects.trim, f"{home}/x", **options) == code_of(error)


def test_unregistering_a_replica_leaves_its_file(session: iRODSSession, zone: Zone, copied: str) -> None:
    _, file, _ = files(zone, copied)
    session.data_objects.unregister(copied, **{kw.REPL_NUM_KW: "1", kw.COPIES_KW: "1"})
    assert numbers(zone, copied) == [0, 2]
    assert file.exists()


@pytest.mark.parametrize("level", ["read", "write"])
def test_trimming_takes_the_right_to_delete(
    session: iRODSSession, copied: str, make_user: Callable[[str], iRODSSession], level: str
) -> None:
    alice = make_user("alice")
    session.acls.set(iRODSAccess(level, copied, alice.username))
    assert failure(alice.data_objects.trim, copied) == code_of("CAT_NO_ACCESS_PERMISSION")
