"""Imports in place: links and copies instead of uploads (omero-semantics.md, section 2)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.cmd
import pytest
import tifffile
from omero.constants.namespaces import NSFILETRANSFER

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client
from tests.wire.omero_server.import_client import Options, Transfer

IN_PLACE = [transfer for transfer in Transfer if transfer.is_in_place]
PROBE_BYTES = 36


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "source" / "image.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.arange(24, dtype="uint8").reshape(4, 6), metadata=None)
    return path


def stored(server: OmeroServer, response: Any) -> Path:
    """Where the server has the file of an import."""
    (path,) = server.storage.fileset_paths(response.pixels[0].image.fileset.id.val)
    return path


def started(client: Client, source: Path) -> Any:
    return import_client.start(client, [import_client.client_path(source)], Options(transfer=Transfer.LN_S))


def verified(process: Any, source: Path) -> Any:
    return process.verifyUpload([import_client.hash_of(source.read_bytes())])


@pytest.mark.parametrize("transfer", IN_PLACE)
def test_a_file_is_imported_from_where_it_is(
    server: OmeroServer, client: Client, image: Path, transfer: Transfer
) -> None:
    content, inode = image.read_bytes(), image.stat().st_ino
    response = import_client.import_files(client, [image], Options(transfer=transfer))
    place = stored(server, response)
    assert place.read_bytes() == content
    assert place.is_symlink() == (transfer is Transfer.LN_S)
    assert (place.stat().st_ino == inode) == (transfer in (Transfer.LN_S, Transfer.LN, Transfer.LN_RM))
    assert image.exists() != transfer.removes_sources
    assert (response.pixels[0].sizeX.val, response.pixels[0].sizeY.val) == (6, 4)


@pytest.mark.parametrize("transfer", [Transfer.LN_S, Transfer.CP_RM])
def test_the_fileset_says_how_its_files_came(client: Client, image: Path, transfer: Transfer) -> None:
    response = import_client.import_files(client, [image], Options(transfer=transfer))
    query = (
        "select a.textValue from Fileset f join f.annotationLinks l join l.child a"
        f" where f.id = :id and a.ns = '{NSFILETRANSFER}'"
    )
    parameters = omero.sys.ParametersI().addId(response.pixels[0].image.fileset.id)
    rows = client.getSession().getQueryService().projection(query, parameters)
    assert [row[0].val for row in rows] == [transfer.java_class]


def test_an_upload_says_nothing_of_how_it_came(client: Client, image: Path) -> None:
    response = import_client.import_files(client, [image])
    query = "select l.id from FilesetAnnotationLink l where l.parent.id = :id"
    parameters = omero.sys.ParametersI().addId(response.pixels[0].image.fileset.id)
    assert client.getSession().getQueryService().projection(query, parameters) == []


def test_the_file_is_on_record_with_its_own_size_and_checksum(client: Client, image: Path) -> None:
    response = import_client.import_files(client, [image], Options(transfer=Transfer.LN_S))
    query = "select e.originalFile from FilesetEntry e where e.fileset.id = :id"
    parameters = omero.sys.ParametersI().addId(response.pixels[0].image.fileset.id)
    file = client.getSession().getQueryService().findByQuery(query, parameters)
    assert file.size.val == image.stat().st_size
    assert file.hash.val == import_client.hash_of(image.read_bytes())


def test_the_repository_may_be_mounted_somewhere_else(
    server: OmeroServer, client: Client, image: Path, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    mounted.symlink_to(server.storage.managed)
    response = import_client.import_files(client, [image], Options(transfer=Transfer.LN_S, root=mounted))
    assert stored(server, response).is_symlink()


def test_a_client_with_another_disk_notices(client: Client, image: Path, tmp_path: Path) -> None:
    options = Options(transfer=Transfer.LN_S, root=tmp_path / "other")
    with pytest.raises(OSError, match="other"):
        import_client.import_files(client, [image], options)


# -- what the server notices, and what it does not


def test_a_source_as_long_as_the_probe_is_not_hashed_again(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_bytes(b"x" * PROBE_BYTES)
    process = started(client, source)
    place = import_client.prove_same_disk(client, process, 0)
    place.symlink_to(source)
    assert import_client.record(process, 0) is None
    with pytest.raises(omero.ChecksumValidationException):
        verified(process, source)


def test_a_touch_before_the_link_has_it_hashed_whatever_its_length(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_bytes(b"x" * PROBE_BYTES)
    process = started(client, source)
    place = import_client.prove_same_disk(client, process, 0)
    touching = process.getUploader(0)
    touching.write(b"", 0, 0)
    touching.close()
    place.unlink()
    place.symlink_to(source)
    assert import_client.record(process, 0).size.val == PROBE_BYTES
    verified(process, source).close()


def test_an_empty_source_is_hashed(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.touch()
    process = started(client, source)
    hashes = [import_client.place(client, process, 0, source, Options(transfer=Transfer.LN_S))]
    process.verifyUpload(hashes).close()


def test_an_empty_source_is_hashed_without_a_probe_too(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.touch()
    process = started(client, source)
    looking = process.getUploader(0, import_client.READ_ONLY)
    import_client.location_of(client, looking).symlink_to(source)
    assert looking.save().hash.val == import_client.hash_of(b"")
    looking.close()
    verified(process, source).close()


def test_a_link_without_a_probe_leaves_no_checksum(client: Client, tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_bytes(b"These are no pixels.")
    process = started(client, source)
    looking = process.getUploader(0, import_client.READ_ONLY)
    place = import_client.location_of(client, looking)
    with pytest.raises(omero.ResourceError):
        looking.size()
    place.symlink_to(source)
    assert looking.size() == source.stat().st_size
    assert looking.save() is None
    looking.close()
    with pytest.raises(omero.ChecksumValidationException) as refused:
        verified(process, source)
    assert refused.value.failingChecksums == {0: ""}


def dangling(place: Path, folder: Path) -> None:
    place.symlink_to(folder / "nowhere")


def circular(place: Path, _folder: Path) -> None:
    place.symlink_to(place)


def behind_a_file(place: Path, folder: Path) -> None:
    (folder / "file").touch()
    place.symlink_to(folder / "file" / "below")


@pytest.mark.parametrize("link", [dangling, circular, behind_a_file])
def test_a_target_that_the_server_cannot_open_is_found_out_before_the_import(
    client: Client, tmp_path: Path, link: Any
) -> None:
    source = tmp_path / "source.txt"
    source.write_bytes(b"These are no pixels.")
    process = started(client, source)
    place = import_client.prove_same_disk(client, process, 0)
    link(place, tmp_path)
    looking = process.getUploader(0, import_client.READ_ONLY)
    with pytest.raises(omero.ResourceError):
        looking.size()
    with pytest.raises(omero.ResourceError):
        looking.close()


def test_a_link_to_nothing_is_an_error_when_checksums_are_verified(
    server: OmeroServer, client: Client, image: Path
) -> None:
    response = import_client.import_files(client, [image], Options(transfer=Transfer.LN_S))
    image.unlink()
    query = "select e.originalFile.id from FilesetEntry e where e.fileset.id = :id"
    parameters = omero.sys.ParametersI().addId(response.pixels[0].image.fileset.id)
    ((file_id,),) = client.getSession().getQueryService().projection(query, parameters)
    with pytest.raises(omero.InternalException):
        import_client.repository(client).verifyChecksums([file_id.val])


# -- deleting


def delete(client: Client, response: Any) -> Any:
    request = omero.cmd.Delete2(targetObjects={"Image": import_client.image_ids(response)})
    callback = client.submit(request)
    try:
        return callback.getResponse()
    finally:
        callback.close(True)


@pytest.mark.parametrize("transfer", [Transfer.LN_S, Transfer.LN, Transfer.CP])
def test_deleting_an_image_leaves_the_users_file_alone(
    server: OmeroServer, client: Client, image: Path, transfer: Transfer
) -> None:
    content = image.read_bytes()
    response = import_client.import_files(client, [image], Options(transfer=transfer))
    place = stored(server, response)
    delete(client, response)
    assert not os.path.lexists(place)
    assert image.read_bytes() == content
    assert place.parent.is_dir(), "directories stay"


def test_a_file_that_cannot_be_removed_does_not_fail_the_deletion(
    server: OmeroServer, client: Client, image: Path
) -> None:
    response = import_client.import_files(client, [image], Options(transfer=Transfer.LN_S))
    place = stored(server, response)
    fileset_id = response.pixels[0].image.fileset.id.val
    place.unlink()
    place.parent.rmdir()
    place.parent.touch()  # now nothing below it can be removed
    answer = delete(client, response)
    assert fileset_id in answer.deletedObjects["ome.model.fs.Fileset"]
    assert client.getSession().getQueryService().find("Fileset", fileset_id) is None
