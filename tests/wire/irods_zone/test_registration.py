"""Registering files and folders in place, through python-irodsclient."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import irods.keywords as kw
import pytest
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone import storage as vault_storage
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.data_objects import GOOD, errno_of, failure, read, replicas, storage, write

_numbers = count(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a folder with a file, and an empty folder."""
    root = tmp_path / "folder"
    (root / "sub").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "x").write_bytes(b"x")
    (root / "sub" / "y").write_bytes(b"yy")
    return root


@pytest.fixture
def resource(session: iRODSSession, zone: Zone, home: str) -> Iterator[str]:
    with storage(session, zone, f"registered{next(_numbers)}") as name:
        yield name


def test_a_registered_file_is_read_where_it_lies(
    session: iRODSSession, zone: Zone, home: str, sample: Path
) -> None:
    session.data_objects.register(str(sample), f"{home}/x")
    (replica,) = replicas(zone, f"{home}/x")
    assert (replica.physical_path, replica.size, replica.status) == (
        str(sample),
        sample.stat().st_size,
        GOOD,
    )
    assert read(session, f"{home}/x") == sample.read_bytes()


def test_a_folder_becomes_a_tree_of_collections(
    session: iRODSSession, zone: Zone, home: str, folder: Path
) -> None:
    session.collections.register(str(folder), f"{home}/a")
    assert read(session, f"{home}/a/x") == b"x"
    assert read(session, f"{home}/a/sub/y") == b"yy"
    assert session.collections.exists(f"{home}/a/empty")
    assert replicas(zone, f"{home}/a/sub/y")[0].physical_path == str(folder / "sub" / "y")


def test_only_a_rodsadmin_registers(sample: Path, make_user: Callable[[str], iRODSSession]) -> None:
    alice = make_user("alice")
    path = f"/{alice.zone}/home/{alice.username}/x"
    assert failure(alice.data_objects.register, str(sample), path) == code_of("PATH_REG_NOT_ALLOWED")


def test_a_path_that_is_taken_is_refused(session: iRODSSession, home: str, sample: Path) -> None:
    session.data_objects.register(str(sample), f"{home}/x")
    code = failure(session.data_objects.register, str(sample), f"{home}/x")
    assert code == code_of("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME")
    session.collections.create(f"{home}/a")
    code = failure(session.data_objects.register, str(sample), f"{home}/a")
    assert code == code_of("CAT_NAME_EXISTS_AS_COLLECTION")


def test_the_collection_must_be_there(session: iRODSSession, home: str, sample: Path) -> None:
    code = failure(session.data_objects.register, str(sample), f"{home}/nothing/x")
    assert code == code_of("CAT_UNKNOWN_COLLECTION")


def test_a_file_becomes_one_more_replica_on_another_resource(
    session: iRODSSession, zone: Zone, home: str, resource: str, sample: Path
) -> None:
    write(session, f"{home}/x", sample.read_bytes())
    options = {kw.REG_REPL_KW: "", kw.RESC_NAME_KW: resource}
    session.data_objects.register(str(sample), f"{home}/x", **options)
    assert [replica.physical_path for replica in replicas(zone, f"{home}/x")][1] == str(sample)
    assert session.data_objects.get(f"{home}/x").replicas[1].resource_name == resource
    session.data_objects.unlink(f"{home}/x", force=True)


def test_a_resource_holds_one_replica_of_a_data_object(
    session: iRODSSession, home: str, sample: Path
) -> None:
    write(session, f"{home}/x", b"x")
    code = failure(session.data_objects.register, str(sample), f"{home}/x", **{kw.REG_REPL_KW: ""})
    assert code == code_of("SYS_COPY_ALREADY_IN_RESC")


@pytest.mark.parametrize("keyword", [kw.REG_CHKSUM_KW, kw.VERIFY_CHKSUM_KW])
def test_a_checksum_is_computed_on_request(
    session: iRODSSession, zone: Zone, home: str, sample: Path, keyword: str
) -> None:
    session.data_objects.register(str(sample), f"{home}/x", **{keyword: ""})
    assert replicas(zone, f"{home}/x")[0].checksum == vault_storage.checksum(str(sample))


def test_a_file_with_another_checksum_than_announced_is_refused(
    session: iRODSSession, home: str, sample: Path
) -> None:
    options = {kw.VERIFY_CHKSUM_KW: "sha2:somethingElse="}
    code = failure(session.data_objects.register, str(sample), f"{home}/x", **options)
    assert code == code_of("USER_CHKSUM_MISMATCH")
    assert not session.data_objects.exists(f"{home}/x")


def test_size_and_time_can_be_given(session: iRODSSession, zone: Zone, home: str, sample: Path) -> None:
    options = {kw.DATA_SIZE_KW: "7", kw.DATA_MODIFY_KW: "1400000000"}
    session.data_objects.register(str(sample), f"{home}/x", **options)
    (replica,) = replicas(zone, f"{home}/x")
    assert (replica.size, replica.modify_time) == (7, "01400000000")


def test_a_missing_file_is_refused_with_its_errno(session: iRODSSession, home: str, tmp_path: Path) -> None:
    code = failure(session.data_objects.register, str(tmp_path / "nothing"), f"{home}/x")
    assert errno_of(code) == errno.ENOENT


def test_a_folder_is_no_data_object(session: iRODSSession, home: str, folder: Path) -> None:
    code = failure(session.data_objects.register, str(folder), f"{home}/x")
    assert errno_of(code) == errno.EISDIR


def test_a_file_is_no_collection(session: iRODSSession, home: str, sample: Path) -> None:
    code = failure(session.collections.register, str(sample), f"{home}/a")
    assert errno_of(code) == errno.ENOTDIR
    assert not session.collections.exists(f"{home}/a")


@pytest.mark.parametrize("physical_path", ["", "relative"])
def test_the_physical_path_is_absolute(session: iRODSSession, home: str, physical_path: str) -> None:
    code = failure(session.data_objects.register, physical_path, f"{home}/x")
    assert code == code_of("SYS_INVALID_INPUT_PARAM")


def test_a_folder_is_registered_whole_or_not_at_all(session: iRODSSession, home: str, folder: Path) -> None:
    session.collections.create(f"{home}/a/sub")
    write(session, f"{home}/a/sub/y", b"mine")
    code = failure(session.collections.register, str(folder), f"{home}/a")
    assert code == code_of("CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME")
    assert not session.data_objects.exists(f"{home}/a/x")


def test_force_passes_over_what_is_there(session: iRODSSession, home: str, folder: Path) -> None:
    session.collections.create(f"{home}/a/sub")
    write(session, f"{home}/a/sub/y", b"mine")
    session.collections.register(str(folder), f"{home}/a", **{kw.FORCE_FLAG_KW: ""})
    assert read(session, f"{home}/a/x") == b"x"
    assert read(session, f"{home}/a/sub/y") == b"mine"
