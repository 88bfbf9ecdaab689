"""Raw file stores (omero.api.RawFileStore), of files outside of repositories and in the managed one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import Ice
import omero
import pytest
from omero.rtypes import rlong, rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client, Connect, Group, MakeUser

CONTENT = bytes(range(256)) * 16


def new_file(client: Client, name: str = "notes.bin", hasher: str | None = "SHA1-160") -> Any:
    """An OriginalFile without bytes."""
    file = omero.model.OriginalFileI()
    file.name, file.path, file.mimetype = (
        rstring(name),
        rstring("/here/"),
        rstring("application/octet-stream"),
    )
    file.size = rlong(0)
    if hasher is not None:
        file.hasher = omero.model.ChecksumAlgorithmI()
        file.hasher.value = rstring(hasher)
    return client.getSession().getUpdateService().saveAndReturnObject(file)


def reload(client: Client, file_id: int) -> Any:
    return client.getSession().getQueryService().get("OriginalFile", file_id)


def write_all(client: Client, file_id: int, content: bytes = CONTENT) -> None:
    store = client.getSession().createRawFileStore()
    try:
        store.setFileId(file_id)
        store.write(content, 0, len(content))
    finally:
        store.close()


@pytest.fixture
def store(client: Client) -> Iterator[Any]:
    """A store that knows no file yet."""
    opened = client.getSession().createRawFileStore()
    yield opened
    if not import_client.is_gone(opened):
        opened.close()


def test_a_closed_file_has_its_size_and_its_checksum_on_record(client: Client) -> None:
    file_id = new_file(client).id.val
    write_all(client, file_id)
    after = reload(client, file_id)
    assert after.size.val == len(CONTENT)
    assert after.hash.val == hashlib.sha1(CONTENT).hexdigest()


def test_a_file_without_a_hasher_gets_a_size_and_no_checksum(client: Client) -> None:
    file_id = new_file(client, hasher=None).id.val
    write_all(client, file_id)
    after = reload(client, file_id)
    assert (after.size.val, after.hash, after.hasher) == (len(CONTENT), None, None)


def test_the_hasher_of_the_file_decides_which_checksum(client: Client) -> None:
    file_id = new_file(client, hasher="CRC-32").id.val
    write_all(client, file_id, b"abc")
    assert reload(client, file_id).hash.val == "c2412435"


def test_save_records_what_was_written_and_returns_the_file(client: Client, store: Any) -> None:
    file_id = new_file(client).id.val
    store.setFileId(file_id)
    store.write(CONTENT, 0, len(CONTENT))
    saved = store.save()
    assert (saved.id.val, saved.size.val) == (file_id, len(CONTENT))
    assert store.save() is None, "nothing was written since"


def test_what_was_written_can_be_read(client: Client, store: Any) -> None:
    store.setFileId(new_file(client).id.val)
    store.write(CONTENT[:1000], 0, 1000)
    store.write(CONTENT[1000:], 1000, len(CONTENT) - 1000)
    assert store.size() == len(CONTENT)
    assert store.read(0, len(CONTENT)) == CONTENT
    assert store.read(500, 1000) == CONTENT[500:1500]


def test_a_store_does_one_thing_at_a_time(server: OmeroServer, client: Client, store: Any) -> None:
    """SessionHandler of omero-server: two threads in one Hibernate session break it, a third is refused."""
    store.setFileId(new_file(client).id.val)
    server.faults.delay_calls("RawFileStore.write", 0.2)
    refused = []
    for begun in [store.begin_write(CONTENT, at, len(CONTENT)) for at in (0, len(CONTENT))]:
        try:
            store.end_write(begun)
        except omero.InternalException as error:
            refused.append(error.message)
    (one,) = refused  # whichever of the two came later
    assert "not re-entrant" in one
    store.write(CONTENT, 0, len(CONTENT))


def test_only_as_many_bytes_are_written_as_are_asked_for(client: Client, store: Any) -> None:
    store.setFileId(new_file(client).id.val)
    store.write(b"0123456789", 0, 4)
    assert store.size() == 4


def test_reading_past_the_end_gives_zeros(client: Client, store: Any) -> None:
    store.setFileId(new_file(client).id.val)
    store.write(b"abc", 0, 3)
    assert store.read(1, 5) == b"bc\0\0\0"
    assert store.read(10, 2) == b"\0\0"


def test_truncating_says_whether_anything_was_cut(client: Client, store: Any) -> None:
    file_id = new_file(client).id.val
    store.setFileId(file_id)
    store.write(CONTENT, 0, len(CONTENT))
    assert store.truncate(100)
    assert not store.truncate(100)
    store.close()
    assert reload(client, file_id).hash.val == hashlib.sha1(CONTENT[:100]).hexdigest()


def test_a_file_exists_once_something_was_written(client: Client, store: Any) -> None:
    store.setFileId(new_file(client).id.val)
    assert not store.exists()
    store.write(b"", 0, 0)
    assert store.exists()


def test_a_store_without_a_file_says_what_to_do(store: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="set the file id"):
        store.size()


def test_a_store_says_which_file_it_is_for_and_changes_it(client: Client, store: Any) -> None:
    first, second = new_file(client).id.val, new_file(client).id.val
    assert store.getFileId() is None
    store.setFileId(first)
    store.write(b"first", 0, 5)
    store.setFileId(second)
    assert store.getFileId().val == second
    store.write(b"second", 0, 6)
    assert store.read(0, 6) == b"second"


def test_a_file_that_is_not_there_is_refused(store: Any) -> None:
    with pytest.raises(omero.ValidationException):
        store.setFileId(10**9)


def test_nobody_reads_what_belongs_to_somebody_else(
    client: Client, make_user: MakeUser, connect: Connect
) -> None:
    file_id = new_file(client).id.val
    write_all(client, file_id)
    other = connect(make_user()).c.getSession().createRawFileStore()
    with pytest.raises((omero.ValidationException, omero.SecurityViolation)):
        other.setFileId(file_id)


def test_a_member_of_a_read_only_group_reads_and_does_not_write(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwr---")
    owner, reader = connect(make_user(group)), connect(make_user(group))
    file_id = new_file(owner.c).id.val
    write_all(owner.c, file_id)
    store = reader.c.getSession().createRawFileStore()
    store.setFileId(file_id)
    assert store.read(0, 10) == CONTENT[:10]
    with pytest.raises(omero.SecurityViolation, match="not writeable"):
        store.write(b"x", 0, 1)
    with pytest.raises(omero.SecurityViolation, match="not writeable"):
        store.truncate(1)
    store.close()


def test_in_all_groups_at_once_files_are_read_only(client: Client, store: Any) -> None:
    file_id = new_file(client).id.val
    write_all(client, file_id)
    store.setFileId(file_id, {"omero.group": "-1"})
    assert store.read(0, 10) == CONTENT[:10]
    with pytest.raises(omero.SecurityViolation, match="not writeable"):
        store.write(b"x", 0, 1)


def test_upload_and_download_of_omero_py_bring_back_the_same_bytes(client: Client, tmp_path: Path) -> None:
    source, target = tmp_path / "source.bin", tmp_path / "target.bin"
    source.write_bytes(CONTENT * 700)
    uploaded = client.upload(str(source))
    assert reload(client, uploaded.id.val).hash.val == hashlib.sha1(source.read_bytes()).hexdigest()
    client.download(uploaded, str(target))
    assert target.read_bytes() == source.read_bytes()


def test_a_session_that_ends_records_what_was_written(
    server: OmeroServer, make_user: MakeUser, connect: Connect
) -> None:
    user = make_user()
    gateway = connect(user)
    file_id = new_file(gateway.c).id.val
    store = gateway.c.getSession().createRawFileStore()
    store.setFileId(file_id)
    store.write(CONTENT, 0, len(CONTENT))
    gateway.close()
    assert reload(connect(user).c, file_id).hash.val == hashlib.sha1(CONTENT).hexdigest()


def test_a_file_whose_bytes_are_gone_is_a_resource_error_for_a_reader(
    server: OmeroServer, make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwr---")
    owner, reader = connect(make_user(group)), connect(make_user(group))
    file_id = new_file(owner.c).id.val
    write_all(owner.c, file_id)
    path = server.storage.path_by_id(file_id)
    path.unlink()
    path.mkdir()  # so that nobody can make it anew
    store = reader.c.getSession().createRawFileStore()
    store.setFileId(file_id)
    path.rmdir()
    with pytest.raises(omero.ResourceError):
        store.read(0, 1)
    with pytest.raises(omero.ResourceError):
        store.close()


# -- files in the repository


@pytest.fixture
def imported(client: Client, tmp_path: Path) -> int:
    """The OriginalFile of a text that was uploaded to the managed repository, without importing it."""
    process = import_client.start(client, ["home/me/notes.txt"])
    import_client.upload(process, 0, CONTENT)
    file_id: int = process.getUploader(0, import_client.READ_ONLY).getFileId().val
    process.close()
    return file_id


def test_files_in_the_repository_are_read_only_through_a_plain_store(store: Any, imported: int) -> None:
    store.setFileId(imported)
    assert store.read(0, len(CONTENT)) == CONTENT
    with pytest.raises(omero.SecurityViolation, match="not writeable"):
        store.write(b"x", 0, 1)


def test_reads_of_a_file_in_the_repository_have_a_limit(store: Any, imported: int) -> None:
    store.setFileId(imported)
    assert store.read(0, 64_000_000)[: len(CONTENT)] == CONTENT
    with pytest.raises(omero.ApiUsageException, match="Too big"):
        store.read(0, 64_000_001)


def test_a_store_of_the_repository_stays_with_its_file(client: Client, imported: int) -> None:
    store = import_client.repository(client).fileById(imported)
    assert store.read(0, 10) == CONTENT[:10]
    with pytest.raises(omero.ApiUsageException, match="Cannot reset id"):
        store.setFileId(imported)
    store.close()


def test_a_file_of_the_repository_is_refused_to_who_may_not_read_it(
    imported: int, make_user: MakeUser, connect: Connect
) -> None:
    other = connect(make_user()).c
    with pytest.raises(omero.SecurityViolation, match="FileNotAccessible"):
        other.getSession().createRawFileStore().setFileId(imported)
    with pytest.raises(omero.SecurityViolation, match="FileNotAccessible"):
        import_client.repository(other).fileById(imported)


# -- faults


def test_a_connection_cut_while_reading_leaves_the_session_alive(
    server: OmeroServer, client: Client, store: Any
) -> None:
    file_id = new_file(client).id.val
    write_all(client, file_id)
    store.setFileId(file_id)
    server.faults.cut_file_after(2000, "read", file_id=file_id)
    assert store.read(0, 1000) == CONTENT[:1000]
    with pytest.raises(Ice.LocalException):
        store.ice_invocationTimeout(5000).read(1000, 2000)
    assert store.read(1000, 2000) == CONTENT[1000:3000]


def test_a_wrong_checksum_is_recorded_on_demand(server: OmeroServer, client: Client) -> None:
    file_id = new_file(client).id.val
    server.faults.wrong_hash()
    write_all(client, file_id)
    assert reload(client, file_id).hash.val != hashlib.sha1(CONTENT).hexdigest()
    write_all(client, file_id)
    assert reload(client, file_id).hash.val == hashlib.sha1(CONTENT).hexdigest()


def test_a_flipped_byte_shows_in_what_is_read(server: OmeroServer, client: Client, store: Any) -> None:
    file_id = new_file(client).id.val
    write_all(client, file_id)
    server.faults.flip_byte(file_id, 3)
    store.setFileId(file_id)
    assert store.read(0, 5) == CONTENT[:3] + bytes([CONTENT[3] ^ 0xFF]) + CONTENT[4:5]


def test_free_space_is_that_of_the_data_folder(client: Client) -> None:
    info = client.getSession().getRepositoryInfoService()
    assert info.getFreeSpaceInKilobytes() > 0
    with pytest.raises(omero.InternalException, match="deprecated"):
        info.getUsedSpaceInKilobytes()
