"""Making and removing collections, through python-irodsclient."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import irods.keywords as kw
import pytest
from irods.access import iRODSAccess
from irods.message import CollectionRequest, StringStringMap, iRODSMessage
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import failure, read, replicas, write

RM_COLL = 679
LONG_AGO = 1_400_000_000


def trash_of(session: iRODSSession, path: str) -> str:
    """Where something of the user's home goes in the trash."""
    home = f"/{session.zone}/home/{session.username}"
    return path.replace(home, f"/{session.zone}/trash/home/{session.username}", 1)


def vault_file(zone: Zone, path: str) -> Path:
    return Path(replicas(zone, path)[0].physical_path)


def test_a_recursive_creation_makes_what_is_missing_above(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a/b/c")
    assert [coll.name for coll in session.collections.get(f"{home}/a").subcollections] == ["b"]
    assert session.collections.exists(f"{home}/a/b/c")


def test_a_recursive_creation_accepts_what_is_there(session: iRODSSession, home: str) -> None:
    first = session.collections.create(f"{home}/a")
    assert session.collections.create(f"{home}/a").id == first.id


def test_a_plain_creation_refuses_what_is_there(session: iRODSSession, home: str) -> None:
    code = failure(session.collections.create, home, recurse=False)
    assert code == code_of("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME")


def test_a_plain_creation_needs_the_collection_above(session: iRODSSession, home: str) -> None:
    code = failure(session.collections.create, f"{home}/a/b", recurse=False)
    assert code == code_of("CAT_UNKNOWN_COLLECTION")


@pytest.mark.parametrize("below", ["", "/b"])
def test_a_collection_never_takes_the_name_of_a_data_object(
    session: iRODSSession, home: str, below: str
) -> None:
    write(session, f"{home}/a", b"x")
    code = failure(session.collections.create, f"{home}/a{below}")
    assert code == code_of("CAT_NAME_EXISTS_AS_DATAOBJ")


def test_a_name_with_two_dots_is_refused(session: iRODSSession, home: str) -> None:
    message = CollectionRequest(collName=f"{home}/../a", KeyValPair_PI=StringStringMap({}))
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=message, int_info=681))
        assert failure(connection.recv) == code_of("USER_INPUT_PATH_ERR")


def test_nobody_creates_in_a_collection_of_others(
    home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    assert failure(alice.collections.create, f"{home}/a") == code_of("CAT_NO_ACCESS_PERMISSION")


def test_a_new_collection_inherits_access(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    session.acls.set(iRODSAccess("inherit", home))
    session.acls.set(iRODSAccess("write", home, alice.username))
    session.collections.create(f"{home}/a/b")
    alice.collections.create(f"{home}/a/b/hers")
    assert session.collections.exists(f"{home}/a/b/hers")


def test_removing_what_is_not_there_says_so(session: iRODSSession, home: str) -> None:
    code = failure(session.collections.remove, f"{home}/nothing", force=True)
    assert code == code_of("USER_FILE_DOES_NOT_EXIST")


def test_removing_moves_a_collection_and_its_files_to_the_trash(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    session.collections.create(f"{home}/a/b")
    write(session, f"{home}/a/b/x", b"kept")
    old = vault_file(zone, f"{home}/a/b/x")
    session.collections.remove(f"{home}/a")
    assert not session.collections.exists(f"{home}/a")
    assert read(session, trash_of(session, f"{home}/a/b/x")) == b"kept"
    assert not old.exists()


def test_the_second_of_one_name_in_the_trash_gets_a_suffix(session: iRODSSession, home: str) -> None:
    for content in (b"first", b"second"):
        session.collections.create(f"{home}/a")
        write(session, f"{home}/a/x", content)
        session.collections.remove(f"{home}/a")
    trashed = session.collections.get(trash_of(session, home)).subcollections
    first, second = sorted(trashed, key=lambda collection: len(collection.name))
    assert first.name == "a"
    assert second.name.startswith("a.")
    assert second.name.removeprefix("a.").isdecimal()
    assert read(session, f"{second.path}/x") == b"second"


def test_force_deletes_collections_data_objects_and_files(
    session: iRODSSession, zone: Zone, home: str
) -> None:
    session.collections.create(f"{home}/a/b")
    write(session, f"{home}/a/b/x", b"gone")
    file = vault_file(zone, f"{home}/a/b/x")
    session.collections.remove(f"{home}/a", force=True)
    assert not session.collections.exists(f"{home}/a")
    assert not session.collections.exists(trash_of(session, f"{home}/a"))
    assert not file.exists()


def test_what_is_in_the_trash_is_deleted_without_force(session: iRODSSession, zone: Zone, home: str) -> None:
    session.collections.create(f"{home}/a")
    write(session, f"{home}/a/x", b"gone")
    data_id = session.data_objects.get(f"{home}/a/x").id
    session.collections.remove(f"{home}/a")
    assert len(zone.catalog.data_objects.with_id(data_id)) == 1
    session.collections.remove(trash_of(session, f"{home}/a"))
    assert zone.catalog.data_objects.with_id(data_id) == []


def test_unregistering_leaves_the_files(session: iRODSSession, zone: Zone, home: str) -> None:
    session.collections.create(f"{home}/a")
    write(session, f"{home}/a/x", b"stays")
    file = vault_file(zone, f"{home}/a/x")
    session.collections.unregister(f"{home}/a")
    assert not session.collections.exists(f"{home}/a")
    assert file.read_bytes() == b"stays"


@pytest.mark.parametrize("options", [{}, {kw.ADMIN_KW: ""}])
@pytest.mark.parametrize("force", [False, True])
def test_only_recursion_removes_what_is_not_empty(
    session: iRODSSession, home: str, force: bool, options: dict[str, str]
) -> None:
    session.collections.create(f"{home}/a/b")
    code = failure(session.collections.remove, f"{home}/a", recurse=False, force=force, **options)
    assert code == code_of("CAT_COLLECTION_NOT_EMPTY")
    assert session.collections.exists(f"{home}/a/b")


def test_an_empty_collection_goes_without_recursion(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a")
    session.collections.remove(f"{home}/a", recurse=False)
    assert not session.collections.exists(f"{home}/a")


def test_a_name_is_no_pattern_for_its_neighbours(session: iRODSSession, home: str) -> None:
    for name in ("a_b", "axb", "a%b"):
        session.collections.create(f"{home}/{name}/below")
    session.collections.remove(f"{home}/a_b", force=True)
    session.collections.remove(f"{home}/a%b", force=True)
    assert session.collections.exists(f"{home}/axb/below")


@pytest.mark.parametrize(
    ("force", "error"), [(False, "LOCKED_DATA_OBJECT_ACCESS"), (True, "CAT_COLLECTION_NOT_EMPTY")]
)
def test_one_data_object_that_is_open_keeps_the_whole_tree(
    session: iRODSSession, home: str, force: bool, error: str
) -> None:
    session.collections.create(f"{home}/a")
    write(session, f"{home}/a/x", b"x")
    with session.data_objects.open(f"{home}/a/open", "w"):
        code = failure(session.collections.remove, f"{home}/a", force=force)
    assert code == code_of(error)
    assert read(session, f"{home}/a/x") == b"x"


@pytest.mark.parametrize("force", [False, True])
def test_one_entry_without_the_right_keeps_the_whole_tree(
    session: iRODSSession, home: str, make_user: Callable[[str], iRODSSession], force: bool
) -> None:
    alice = make_user("alice")
    session.collections.create(f"{home}/a")
    write(session, f"{home}/a/x", b"x")
    session.acls.set(iRODSAccess("own", f"{home}/a", alice.username))
    code = failure(alice.collections.remove, f"{home}/a", force=force)
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")
    assert read(session, f"{home}/a/x") == b"x"


def test_an_administrator_removes_as_one_only_when_he_says_so(
    session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    path = f"/{alice.zone}/home/{alice.username}/a"
    alice.collections.create(path)
    assert failure(session.collections.remove, path, force=True) == code_of("CAT_NO_ACCESS_PERMISSION")
    session.collections.remove(path, force=True, **{kw.ADMIN_KW: ""})
    assert not alice.collections.exists(path)


def _home_of(session: iRODSSession, below: str = "home") -> str:
    return f"/{session.zone}/{below}/{session.username}"


def test_a_home_with_something_in_it_is_not_deleted(
    session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    alice = make_user("alice")
    path = _home_of(alice)
    write(alice, f"{path}/x", b"x")
    for user in (alice, session):
        code = failure(user.collections.remove, path, force=True)
        assert code == code_of("CANT_RM_NON_EMPTY_HOME_COLL")
    options = {kw.ADMIN_KW: ""}
    code = failure(session.collections.remove, path, force=True, **options)
    assert code == code_of("CANT_RM_NON_EMPTY_HOME_COLL")
    assert read(alice, f"{path}/x") == b"x"


@pytest.mark.parametrize("recurse", [False, True])
def test_nobody_deletes_from_a_collection_that_he_may_not_change(
    make_user: Callable[[str], iRODSSession], recurse: bool
) -> None:
    """So users keep their own homes, even empty ones."""
    alice = make_user("alice")
    code = failure(alice.collections.remove, _home_of(alice), recurse=recurse, force=True)
    assert code == code_of("CAT_NO_ACCESS_PERMISSION")
    assert alice.collections.exists(_home_of(alice))


def test_emptying_the_trash_leaves_the_collection_that_it_is_in(
    make_user: Callable[[str], iRODSSession],
) -> None:
    alice = make_user("alice")
    trash = _home_of(alice, "trash/home")
    alice.collections.create(f"{_home_of(alice)}/a")
    write(alice, f"{_home_of(alice)}/a/x", b"x")
    alice.collections.remove(f"{_home_of(alice)}/a")
    assert alice.collections.exists(f"{trash}/a")
    alice.collections.remove(trash, **{kw.RMTRASH_KW: ""})
    assert alice.collections.get(trash).subcollections == []


def test_a_collection_has_no_replica_number(session: iRODSSession, home: str) -> None:
    code = failure(session.collections.remove, home, **{kw.REPL_NUM_KW: "0"})
    assert code == code_of("USER_INCOMPATIBLE_PARAMS")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "CAT_NO_ACCESS_PERMISSION"),
        ("/home", "CANT_RM_NON_EMPTY_HOME_COLL"),
        ("/trash", "CAT_NO_ACCESS_PERMISSION"),
    ],
)
def test_what_a_zone_is_made_of_stays(session: iRODSSession, name: str, error: str) -> None:
    options = {kw.ADMIN_KW: ""}
    code = failure(session.collections.remove, f"/{session.zone}{name}", force=True, **options)
    assert code == code_of(error)


@pytest.mark.parametrize(
    "change",
    [
        lambda session, path: session.collections.create(f"{path}/new"),
        lambda session, path: session.collections.remove(f"{path}/a", force=True),
        lambda session, path: session.collections.remove(f"{path}/a"),
        lambda session, path: session.data_objects.unlink(f"{path}/x", force=True),
        lambda session, path: session.data_objects.unlink(f"{path}/x"),
        lambda session, path: session.data_objects.move(f"{path}/x", f"{path}/a"),
        lambda session, path: session.data_objects.move(f"{path}/a/y", path),
    ],
    ids=["create", "delete collection", "trash collection", "delete", "trash", "move out", "move in"],
)
def test_what_is_added_or_taken_out_changes_the_time_of_the_collection(
    session: iRODSSession, home: str, change: Callable[[iRODSSession, str], object]
) -> None:
    session.collections.create(f"{home}/a")
    write(session, f"{home}/x", b"x")
    write(session, f"{home}/a/y", b"y")
    session.collections.touch(home, seconds_since_epoch=LONG_AGO)
    change(session, home)
    assert session.collections.get(home).modify_time.timestamp() > LONG_AGO


def test_the_reply_counts_the_data_objects(session: iRODSSession, home: str) -> None:
    session.collections.create(f"{home}/a/b")
    for name in ("x", "b/y", "b/z"):
        write(session, f"{home}/a/{name}", b"x")
    keywords = StringStringMap({kw.RECURSIVE_OPR__KW: "", kw.FORCE_FLAG_KW: ""})
    message = CollectionRequest(collName=f"{home}/a", flags=0, oprType=0, KeyValPair_PI=keywords)
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=message, int_info=RM_COLL))
        assert b"<filesCnt>3</filesCnt>" in connection.recv().msg
