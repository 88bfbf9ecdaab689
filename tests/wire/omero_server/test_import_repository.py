"""The managed repository as a tree of files: listing, registering, deleting, checking."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import omero
import omero.cmd
import pytest
from omero.rtypes import rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client, Connect, Gateway, MakeUser, User

CONTENT = b"These are no pixels."


@pytest.fixture
def home(client: Client, user: User) -> str:
    """The user's own directory."""
    path = f"{user.name}_{user.id}"
    import_client.repository(client).makeDir(path, True)
    return path


def uploaded(client: Client, *names: str) -> list[Any]:
    """OriginalFiles of texts in one fileset."""
    process = import_client.start(client, [f"d/{name}" for name in names])
    for index in range(len(names)):
        import_client.upload(process, index, CONTENT)
    ids = [process.getUploader(index, import_client.READ_ONLY).getFileId().val for index in range(len(names))]
    process.close()
    query = client.getSession().getQueryService()
    return [query.get("OriginalFile", id_) for id_ in ids]


def on_disk(server: OmeroServer, file: Any) -> Path:
    return server.storage.path_by_id(file.id.val)


# -- repositories


def test_the_managed_repository_is_described_by_its_root(server: OmeroServer, client: Client) -> None:
    proxy, description = client.getManagedRepository(description=True)
    assert description.mimetype.val == "Repository"
    assert Path(description.path.val, description.name.val) == server.storage.managed
    assert proxy.root().hash.val == description.hash.val == server.storage.managed_uuid


def test_algorithms_are_offered_in_order_and_the_first_common_one_is_suggested(client: Client) -> None:
    repository = import_client.repository(client)
    offered = repository.listChecksumAlgorithms()
    assert [one.value.val for one in offered[:2]] == ["SHA1-160", "MD5-128"]
    assert repository.suggestChecksumAlgorithm([offered[4], offered[2]]).value.val == "Murmur3-128"
    assert repository.suggestChecksumAlgorithm([]) is None


# -- directories


def test_a_user_makes_directories_below_his_own(client: Client, home: str) -> None:
    repository = import_client.repository(client)
    repository.makeDir(f"{home}/a/b", True)
    repository.makeDir(f"{home}/a/b", True)
    assert repository.list(f"{home}/a") == [f"{home}/a/b"]
    with pytest.raises(omero.ResourceError, match="Path exists on disk"):
        repository.makeDir(f"{home}/a/b", False)


def test_a_user_makes_no_directories_elsewhere(client: Client) -> None:
    with pytest.raises(omero.ValidationException, match="root-owned"):
        import_client.repository(client).makeDir("elsewhere/a", True)


def test_what_an_administrator_makes_elsewhere_belongs_to_root(make_user: MakeUser, connect: Connect) -> None:
    client = connect(make_user(admin=True)).c
    repository = import_client.repository(client)
    repository.makeDir(f"elsewhere-{id(client)}/a", True)
    (found,) = repository.listFiles(f"elsewhere-{id(client)}")
    assert (found.details.owner.id.val, found.details.group.id.val) == (0, 1)


def test_nobody_writes_into_the_directory_of_somebody_else(
    client: Client, home: str, make_user: MakeUser, connect: Connect
) -> None:
    import_client.repository(client).makeDir(f"{home}/mine", True)
    other = import_client.repository(connect(make_user()).c)
    with pytest.raises(omero.SecurityViolation):
        other.file(f"{home}/mine/theirs.txt", "rw")


def test_a_directory_that_nobody_registered_is_in_the_way(
    server: OmeroServer, client: Client, home: str
) -> None:
    (server.storage.managed / home / "unknown").mkdir()
    with pytest.raises(omero.ResourceError, match="not registered"):
        import_client.repository(client).makeDir(f"{home}/unknown/below", True)


# -- listing


def test_a_listing_shows_files_with_their_hashers(client: Client) -> None:
    first, second = uploaded(client, "a.txt", "b.txt")
    found = import_client.repository(client).listFiles(first.path.val)
    assert [file.id.val for file in found] == [first.id.val, second.id.val]
    assert {file.hasher.value.val for file in found} == {"SHA1-160"}


def test_a_listing_leaves_out_what_the_caller_may_not_read(
    client: Client, make_user: MakeUser, connect: Connect
) -> None:
    (file,) = uploaded(client, "a.txt")
    other = import_client.repository(connect(make_user()).c)
    assert other.list(file.path.val) == []
    assert not other.fileExists("nowhere.txt")
    with pytest.raises(omero.SecurityViolation):
        other.fileExists(file.path.val + file.name.val)


def test_what_is_not_there_cannot_be_listed(client: Client) -> None:
    with pytest.raises(omero.ValidationException, match="does not exist"):
        import_client.repository(client).list("nowhere")
    with pytest.raises(omero.ValidationException, match="above root"):
        import_client.repository(client).list("../..")


def test_a_tree_is_listed_with_ids_types_and_sizes(client: Client) -> None:
    (file,) = uploaded(client, "a.txt")
    directory = file.path.val.rstrip("/")
    tree = unwrap(import_client.repository(client).treeList(directory))
    (entry,) = tree.values()
    assert entry["mimetype"] == "Directory"
    assert entry["files"] == {
        "a.txt": {"id": file.id.val, "mimetype": "application/octet-stream", "size": len(CONTENT)}
    }
    assert unwrap(import_client.repository(client).treeList("nowhere")) == {}


# -- single files


def test_a_file_can_be_made_and_written_in_ones_own_directory(client: Client, home: str) -> None:
    repository = import_client.repository(client)
    store = repository.file(f"{home}/new.txt", "rw")
    store.write(b"abc", 0, 3)
    file_id = store.getFileId().val
    store.close()
    file = client.getSession().getQueryService().get("OriginalFile", file_id)
    assert file.hash.val == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert repository.fileExists(f"{home}/new.txt")
    assert repository.mimetype(f"{home}/new.txt") == "text/plain"


def test_a_file_that_is_on_disk_only_has_to_be_registered(
    server: OmeroServer, client: Client, home: str
) -> None:
    (server.storage.managed / home / "found.txt").write_bytes(CONTENT)
    repository = import_client.repository(client)
    with pytest.raises(omero.grid.UnregisteredFileException) as refused:
        repository.file(f"{home}/found.txt", "r")
    assert refused.value.file.name.val == "found.txt"
    registered = repository.register(f"{home}/found.txt", rstring("text/plain"))
    assert (registered.size.val, registered.mimetype.val) == (len(CONTENT), "text/plain")
    assert repository.register(f"{home}/found.txt", None).id.val == registered.id.val
    store = repository.file(f"{home}/found.txt", "r")
    assert store.read(0, len(CONTENT)) == CONTENT
    store.close()


def test_a_directory_is_registered_as_nothing_else(server: OmeroServer, client: Client, home: str) -> None:
    (server.storage.managed / home / "folder").mkdir()
    repository = import_client.repository(client)
    with pytest.raises(omero.ValidationException, match="is a directory"):
        repository.register(f"{home}/folder", rstring("text/plain"))
    assert repository.register(f"{home}/folder", None).mimetype.val == "Directory"


def test_the_root_is_not_registered_again(client: Client) -> None:
    with pytest.raises(omero.SecurityViolation):
        import_client.repository(client).register("/", None)


def test_a_file_of_another_repository_is_not_found(client: Client) -> None:
    file = client.upload(str(Path(__file__)))
    with pytest.raises(omero.SecurityViolation, match="FileNotFound"):
        import_client.repository(client).fileById(file.id.val)


# -- checksums


def test_changed_files_are_told_from_good_ones(server: OmeroServer, client: Client) -> None:
    good, bad, hashed_in_capitals = uploaded(client, "a.txt", "b.txt", "c.txt")
    server.faults.flip_byte(bad.id.val)
    with server.store.work(server.internal_caller()) as work:
        capitals = hashed_in_capitals.hash.val.upper()
        work.update("OriginalFile", hashed_in_capitals.id.val, hash=capitals)
    ids = [file.id.val for file in (good, bad, hashed_in_capitals)]
    assert import_client.repository(client).verifyChecksums(ids) == [bad.id.val]


def test_files_elsewhere_and_files_without_a_checksum_are_not_verified(
    server: OmeroServer, client: Client
) -> None:
    elsewhere = client.upload(str(Path(__file__)))
    server.faults.flip_byte(elsewhere.id.val)
    process = import_client.start(client, ["a.txt"])
    never_written = process.getUploader(0).getFileId().val
    assert import_client.repository(client).verifyChecksums([elsewhere.id.val, never_written, 10**9]) == []


def test_a_file_that_is_gone_is_an_error_not_a_mismatch(server: OmeroServer, client: Client) -> None:
    (file,) = uploaded(client, "a.txt")
    on_disk(server, file).unlink()
    with pytest.raises(omero.InternalException):
        import_client.repository(client).verifyChecksums([file.id.val])


def test_links_are_followed_when_checksums_are_verified(
    server: OmeroServer, client: Client, tmp_path: Path
) -> None:
    (file,) = uploaded(client, "a.txt")
    shutil.move(on_disk(server, file), tmp_path / "moved.txt")
    on_disk(server, file).symlink_to(tmp_path / "moved.txt")
    assert import_client.repository(client).verifyChecksums([file.id.val]) == []
    (tmp_path / "moved.txt").write_bytes(b"other")
    assert import_client.repository(client).verifyChecksums([file.id.val]) == [file.id.val]


def test_files_can_be_hashed_anew_by_another_algorithm(server: OmeroServer, client: Client) -> None:
    first, second = uploaded(client, "a.txt", "b.txt")
    repository = import_client.repository(client)
    crc = next(one for one in repository.listChecksumAlgorithms() if one.value.val == "CRC-32")
    assert repository.setChecksumAlgorithm(crc, [first.id.val]) == [first.id.val]
    assert repository.setChecksumAlgorithm(crc, [first.id.val]) == []
    file = client.getSession().getQueryService().get("OriginalFile", first.id.val)
    assert file.hash.val == import_client.hash_of(CONTENT, "CRC-32")
    server.faults.flip_byte(second.id.val)
    with pytest.raises(omero.InternalException, match="hash mismatch"):
        repository.setChecksumAlgorithm(crc, [second.id.val])


# -- raw access


def raw(client: Client, command: str, *arguments: str, repo: str | None = None) -> Any:
    _proxy, description = client.getManagedRepository(description=True)
    request = omero.grid.RawAccessRequest(
        repoUuid=repo or description.hash.val, command=command, args=list(arguments)
    )
    return client.submit(request)


def test_raw_access_is_for_administrators(client: Client) -> None:
    with pytest.raises(omero.CmdError) as refused:
        raw(client, "exists", "/")
    assert refused.value.err.name == "not-admin"


def test_an_administrator_moves_and_checks_files_on_disk(
    server: OmeroServer, client: Client, root: Gateway
) -> None:
    (file,) = uploaded(client, "a.txt")
    path, place = file.path.val + file.name.val, on_disk(server, file)
    raw(root.c, "checksum", "SHA1-160", file.hash.val, path)
    with pytest.raises(omero.CmdError) as refused:
        raw(root.c, "checksum", "SHA1-160", "0" * 40, path)
    assert refused.value.err.name == "raw-access"
    assert "mismatch" in refused.value.err.parameters["message"]
    directory = os.path.dirname(path)  # noqa: PTH120  # a path of the repository
    raw(root.c, "mkdir", "-p", f"{directory}/x/y")
    raw(root.c, "mv", path, f"{directory}/x/y")
    raw(root.c, "exists", f"{directory}/x/y/a.txt")
    assert not place.exists()
    raw(root.c, "rm", f"{directory}/x")
    raw(root.c, "touch", f"{directory}/z/new")
    assert (place.parent / "z/new").exists()
    with pytest.raises(omero.CmdError):
        raw(root.c, "exists", f"{directory}/x")


def test_raw_access_to_a_repository_that_is_not_there_fails(root: Gateway) -> None:
    with pytest.raises(omero.CmdError) as refused:
        raw(root.c, "exists", "/", repo="nowhere")
    assert refused.value.err.name == "unknown-repo"
