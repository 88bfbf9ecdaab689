"""Renaming data objects and collections, through python-irodsclient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from irods.access import iRODSAccess
from irods.message import FileOpenRequest, ObjCopyRequest, StringStringMap, iRODSMessage
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.api.vault_changes import VaultChanges
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import failure, read, replicas, write

DATA_OBJ_RENAME = 627
RENAME_DATA_OBJECT = 11
RENAME_COLLECTION = 12
RENAME_UNKNOWN_TYPE = 13


def rename(session: iRODSSession, source: str, target: str, kind: int = RENAME_UNKNOWN_TYPE) -> None:
    """Without what PRC does first: it puts a target that is a collection to the end of the path."""
    ends = [
        FileOpenRequest(
            objPath=path,
            createMode=0,
            openFlags=0,
            offset=0,
            dataSize=0,
            numThreads=0,
            oprType=kind,
            KeyValPair_PI=StringStringMap({}),
        )
        for path in (source, target)
    ]
    body = ObjCopyRequest(srcDataObjInp_PI=ends[0], destDataObjInp_PI=ends[1])
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=DATA_OBJ_RENAME))
        connection.recv()


def physical_path(zone: Zone, path: str) -> Path:
    return Path(replicas(zone, path)[0].physical_path)


def test_a_data_object_keeps_id_avus_and_bytes(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    before = session.data_objects.get(f"{home}/x")
    before.metadata.add("colour", "red")
    session.data_objects.move(f"{home}/x", f"{home}/y")
    after = session.data_objects.get(f"{home}/y")
    assert after.id == before.id
    assert [(avu.name, avu.value) for avu in after.metadata.items()] == [("colour", "red")]
    assert read(session, after.path) == b"bytes"
    assert not session.data_objects.exists(f"{home}/x")


def test_the_file_in_the_vault_follows_its_data_object(session: iRODSSession, zone: Zone, home: str) -> None:
    session.collections.create(f"{home}/a")
    write(session, f"{home}/x", b"bytes")
    old = physical_path(zone, f"{home}/x")
    session.data_objects.move(f"{home}/x", f"{home}/a/y")
    new = physical_path(zone, f"{home}/a/y")
    assert str(new).endswith("/a/y")
    assert new.read_bytes() == b"bytes"
    assert not old.exists()


def test_everything_follows_its_collection(session: iRODSSession, zone: Zone, home: str) -> None:
    session.collections.create(f"{home}/a/b")
    write(session, f"{home}/a/b/x", b"bytes")
    session.data_objects.get(f"{home}/a/b/x").metadata.add("colour", "red")
    session.collections.move(f"{home}/a", f"{home}/c")
    moved = session.data_objects.get(f"{home}/c/b/x")
    assert [avu.value for avu in moved.metadata.items()] == ["red"]
    assert str(physical_path(zone, moved.path)).endswith("/c/b/x")
    assert read(session, moved.path) == b"bytes"
    assert not session.collections.exists(f"{home}/a")


def test_a_neighbour_whose_name_only_begins_the_same_stays(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a")
    session.collections.create(f"{home}/ab")
    session.collections.move(f"{home}/a", f"{home}/c")
    assert session.collections.exists(f"{home}/ab")


def test_a_file_registered_outside_the_vault_stays_where_it_is(
    session: iRODSSession, zone: Zone, home: str, sample: Path
) -> None:
    session.collections.create(f"{home}/a")
    session.data_objects.register(str(sample), f"{home}/a/x")
    session.data_objects.move(f"{home}/a/x", f"{home}/a/y")
    session.collections.move(f"{home}/a", f"{home}/b")
    assert physical_path(zone, f"{home}/b/y") == sample
    assert read(session, f"{home}/b/y") == sample.read_bytes()


def test_nothing_is_renamed_onto_a_data_object(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"x")
    write(session, f"{home}/y", b"y")
    code = failure(session.data_objects.move, f"{home}/x", f"{home}/y")
    assert code == code_of("CAT_NAME_EXISTS_AS_DATAOBJ")
    assert (read(session, f"{home}/x"), read(session, f"{home}/y")) == (b"x", b"y")


def test_nothing_is_renamed_onto_a_collection(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"x")
    session.collections.create(f"{home}/a")
    code = failure(rename, session, f"{home}/x", f"{home}/a")
    assert code == code_of("CAT_NAME_EXISTS_AS_COLLECTION")


def test_a_sibling_with_the_new_name_is_in_the_way_of_a_move(session: iRODSSession, home: str) -> None:
    """rsDataObjRename.cpp gives the new name in the old collection first."""
    session.collections.create(f"{home}/target")
    session.collections.create(f"{home}/b")
    for name in ("x", "y"):
        write(session, f"{home}/{name}", b"bytes")
    code = failure(rename, session, f"{home}/x", f"{home}/target/y")
    assert code == code_of("CAT_NAME_EXISTS_AS_DATAOBJ")
    code = failure(rename, session, f"{home}/x", f"{home}/target/b")
    assert code == code_of("CAT_NAME_EXISTS_AS_COLLECTION")
    rename(session, f"{home}/x", f"{home}/target/x")


def test_a_collection_does_not_go_into_itself(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a/b")
    code = failure(session.collections.move, f"{home}/a", f"{home}/a/b")
    assert code == code_of("CAT_RECURSIVE_MOVE")


def test_nothing_leaves_its_zone(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"x")
    code = failure(rename, session, f"{home}/x", "/otherZone/home/x")
    assert code == code_of("SYS_CROSS_ZONE_MV_NOT_SUPPORTED")


def test_source_and_target_differ(session: iRODSSession, home: str) -> None:
    code = failure(rename, session, home, f"{home}/")
    assert code == code_of("SAME_SRC_DEST_PATHS_ERR")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (RENAME_DATA_OBJECT, "CAT_NOT_A_DATAOBJ_AND_NOT_A_COLLECTION"),
        (RENAME_COLLECTION, "CAT_UNKNOWN_COLLECTION"),
        (RENAME_UNKNOWN_TYPE, "CAT_NOT_A_DATAOBJ_AND_NOT_A_COLLECTION"),
    ],
)
def test_what_is_not_there_can_not_be_renamed(
    session: iRODSSession, home: str, kind: int, error: str
) -> None:
    assert failure(rename, session, f"{home}/nothing", f"{home}/y", kind) == code_of(error)


def test_the_new_place_must_be_there(session: iRODSSession, home: str) -> None:
    write(session, f"{home}/x", b"x")
    code = failure(session.data_objects.move, f"{home}/x", f"{home}/nothing/x")
    assert code == code_of("CAT_UNKNOWN_COLLECTION")


def test_renaming_takes_ownership(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    write(session, f"{home}/x", b"x")
    session.acls.set(iRODSAccess("write", home, alice.username))
    session.acls.set(iRODSAccess("write", f"{home}/x", alice.username))
    code = failure(alice.data_objects.move, f"{home}/x", f"{home}/y")
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")


def test_renaming_takes_the_right_to_write_where_it_goes(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    hers = f"/{alice.zone}/home/{alice.username}/x"
    write(alice, hers, b"x")
    session.acls.set(iRODSAccess("read", home, alice.username))
    assert failure(alice.data_objects.move, hers, home) == code_of("CAT_NO_ACCESS_PERMISSION")


def test_what_is_open_for_writing_stays_where_it_is(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a")
    with session.data_objects.open(f"{home}/a/x", "w") as file:
        code = failure(session.collections.move, f"{home}/a", f"{home}/b")
        file.write(b"whole")
    assert code == code_of("LOCKED_DATA_OBJECT_ACCESS")
    assert read(session, f"{home}/a/x") == b"whole"


def test_a_stray_file_in_the_vault_is_not_overwritten(session: iRODSSession, zone: Zone, home: str) -> None:
    write(session, f"{home}/x", b"bytes")
    stray = physical_path(zone, f"{home}/x").with_name("y")
    stray.write_bytes(b"stray")
    session.data_objects.move(f"{home}/x", f"{home}/y")
    assert read(session, f"{home}/y") == b"bytes"
    assert stray.read_bytes() == b"stray"


def test_a_data_object_whose_file_is_missing_can_be_renamed(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    write(session, f"{home}/x", b"bytes")
    physical_path(zone, f"{home}/x").unlink()
    session.data_objects.move(f"{home}/x", f"{home}/y")
    assert session.data_objects.exists(f"{home}/y")


def test_a_rename_that_fails_half_way_leaves_all_as_it_was(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    session.collections.create(f"{home}/a/sub")
    for name in ("x", "sub/y"):
        write(session, f"{home}/a/{name}", name.encode())
    folder = physical_path(zone, f"{home}/a/x").parents[1]
    (folder / "b").mkdir()
    (folder / "b" / "sub").write_bytes(b"a file where a folder must be")
    failure(session.collections.move, f"{home}/a", f"{home}/b")
    assert [read(session, f"{home}/a/{name}") for name in ("x", "sub/y")] == [b"x", b"sub/y"]
    assert [entry.name for entry in (folder / "b").iterdir()] == ["sub"]


def test_a_change_that_is_rolled_back_leaves_the_vault_as_it_was(tmp_path: Path) -> None:
    moved, removed = tmp_path / "moved", tmp_path / "removed"
    for file in (moved, removed):
        file.write_bytes(b"x")

    def change_and_fail() -> None:
        with VaultChanges() as changes:
            changes.rename(str(moved), str(tmp_path / "new"))
            changes.remove(str(removed))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (its own)
        change_and_fail()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["moved", "removed"]


def test_files_go_after_the_commit(tmp_path: Path) -> None:
    moved, removed = tmp_path / "moved", tmp_path / "removed"
    for file in (moved, removed):
        file.write_bytes(b"x")
    with VaultChanges() as changes:
        changes.rename(str(moved), str(tmp_path / "new"))
        changes.remove(str(removed))
        before = sorted(entry.name for entry in tmp_path.iterdir())
    assert before == ["moved", "new", "removed"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]
