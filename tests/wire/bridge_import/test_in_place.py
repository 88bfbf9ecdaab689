"""Imports in place: links instead of bytes, and every way in which that must not happen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import omero
import pytest

from omero_irods_bridge.adapters.omero import import_in_place as module
from omero_irods_bridge.adapters.omero.import_in_place import import_in_place
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.errors import (
    BridgeError,
    ChecksumMismatch,
    Interrupted,
    NotInPlace,
    TargetExists,
    UnreadableImage,
    UsageError,
)
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.imports import ImportMark, ImportOptions, LinkedFile, MountedAt, Mounts
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.images import write_multi_file
from tests.wire.bridge_import.sources import Look, sha1, tiff
from tests.wire.omero_server.conftest import Client
from tests.wire.omero_server.repository import bytes_kept, links

OPTIONS = ImportOptions(mark=ImportMark("load-1", "/zone/packet", "Fileset:3"))
SAME = Mounts()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "vault" / "image.tif"
    path.parent.mkdir()
    path.write_bytes(tiff())
    return path


def linked(path: Path) -> LinkedFile:
    return LinkedFile(str(path).lstrip("/"), PurePosixPath(path))


def test_the_repository_gets_a_link_and_no_byte(
    server: OmeroServer, client: Client, look: Look, image: Path
) -> None:
    before = bytes_kept(server)
    imported = import_in_place(client, [linked(image)], OPTIONS, SAME)
    place = server.storage.managed / imported.paths[0]
    assert str(place.readlink()) == str(image)
    assert bytes_kept(server) == before
    hql = "select f.size, f.hash from OriginalFile f where f.id = :id"
    assert look.rows(hql, id=imported.files[0]) == [[image.stat().st_size, sha1(image.read_bytes()).value]]
    hql = (
        "select a.textValue from Fileset f join f.annotationLinks l join l.child a where f.id = :id"
        " and a.ns = 'openmicroscopy.org/omero/import/fileTransfer'"
    )
    assert look.rows(hql, id=imported.fileset) == [["ome.formats.importer.transfers.SymlinkFileTransfer"]]
    assert OmeroImporter(client).find_marked("load-1")[-1].complete


def test_several_files_are_linked_in_their_order(server: OmeroServer, client: Client, tmp_path: Path) -> None:
    paths = write_multi_file(tmp_path / "pair")
    imported = import_in_place(client, [linked(path) for path in paths], ImportOptions(images=1), SAME)
    assert [str((server.storage.managed / path).readlink()) for path in imported.paths] == [
        str(p) for p in paths
    ]


@pytest.mark.parametrize("size", [0, 1, 32, 36])
def test_sources_of_any_length_are_hashed(client: Client, look: Look, tmp_path: Path, size: int) -> None:
    cells, notes = tmp_path / "cells.fake", tmp_path / "notes.txt"
    cells.touch()
    notes.write_bytes(b"x" * size)
    imported = import_in_place(client, [linked(cells), linked(notes)], ImportOptions(), SAME)
    hql = "select f.size, f.hash from OriginalFile f where f.id = :id"
    assert look.rows(hql, id=imported.files[1]) == [[size, sha1(b"x" * size).value]]


def test_the_servers_folders_may_be_mounted_elsewhere(
    server: OmeroServer, client: Client, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "repository").symlink_to(server.storage.managed)
    seen_by_server = tmp_path / "seen-by-server"
    seen_by_server.symlink_to(image.parent)
    mounts = Mounts(
        (
            MountedAt(PurePosixPath(server.storage.managed), PurePosixPath(tmp_path / "repository")),
            MountedAt(PurePosixPath(seen_by_server), PurePosixPath(image.parent)),
            MountedAt(PurePosixPath("/"), PurePosixPath("/nowhere")),
        )
    )
    imported = import_in_place(client, [linked(seen_by_server / image.name)], ImportOptions(), mounts)
    assert str((server.storage.managed / imported.paths[0]).readlink()) == str(seen_by_server / image.name)


def test_discarding_removes_the_link_and_never_its_target(
    server: OmeroServer, client: Client, image: Path
) -> None:
    content = image.read_bytes()
    imported = import_in_place(client, [linked(image)], OPTIONS, SAME)
    OmeroImporter(client).discard([imported.fileset])
    assert not os.path.lexists(server.storage.managed / imported.paths[0])
    assert image.read_bytes() == content


# -- what must hold before


def missing(image: Path) -> Path:
    return image.with_name("missing.tif")


def dangling(image: Path) -> Path:
    link = image.with_name("dangling.tif")
    link.symlink_to(image.with_name("missing.tif"))
    return link


def folder(image: Path) -> Path:
    return image.parent


def link_to_folder(image: Path) -> Path:
    link = image.with_name("folder.tif")
    link.symlink_to(image.parent)
    return link


def pipe(image: Path) -> Path:
    path = image.with_name("pipe.tif")
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("source", [missing, dangling, folder, link_to_folder, pipe])
def test_only_a_regular_file_that_is_there_is_linked(
    client: Client, look: Look, image: Path, source: Callable[[Path], Path]
) -> None:
    with pytest.raises(NotInPlace):
        import_in_place(client, [linked(image), linked(source(image))], OPTIONS, SAME)
    assert look.is_empty()


@pytest.mark.parametrize("target", ["vault/a.tif", "/vault/../etc/passwd"])
def test_a_target_is_an_absolute_path(target: str) -> None:
    with pytest.raises(UsageError):
        LinkedFile("a.tif", PurePosixPath(target))


def test_a_file_that_is_not_as_expected_is_not_linked(client: Client, look: Look, image: Path) -> None:
    file = LinkedFile("vault/image.tif", PurePosixPath(image), sha1(b"other"))
    with pytest.raises(ChecksumMismatch, match=r"image\.tif"):
        import_in_place(client, [file], OPTIONS, SAME)
    assert look.is_empty()


def test_a_machine_with_another_disk_is_noticed(
    server: OmeroServer, client: Client, look: Look, image: Path, tmp_path: Path
) -> None:
    before = links(server)
    mounts = Mounts((MountedAt(PurePosixPath(server.storage.managed), PurePosixPath(tmp_path / "other")),))
    with pytest.raises(NotInPlace, match="does not appear here") as refused:
        import_in_place(client, [linked(image)], OPTIONS, mounts)
    assert "mounted" in refused.value.hint
    assert look.is_empty()
    assert links(server) == before


def test_a_repository_that_is_a_copy_of_the_real_one_is_noticed(
    server: OmeroServer, client: Client, look: Look, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file of that name appears just when the probe is written."""
    real = module._expect

    def swapped(place: Path, content: bytes) -> None:
        place.write_bytes(b"of somebody else")
        real(place, content)

    monkeypatch.setattr(module, "_expect", swapped)
    with pytest.raises(NotInPlace, match="not the file that OMERO has written"):
        import_in_place(client, [linked(image)], OPTIONS, SAME)
    assert look.is_empty()


def test_something_that_is_in_the_place_of_the_link_is_left_alone(
    server: OmeroServer, client: Client, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Path] = []
    real = module._Links._prove_same_disk

    def occupied(self: module._Links, index: int, place: Path) -> None:
        place.write_bytes(b"precious")
        found.append(place)
        real(self, index, place)

    monkeypatch.setattr(module._Links, "_prove_same_disk", occupied)
    with pytest.raises(TargetExists) as refused:
        import_in_place(client, [linked(image)], OPTIONS, SAME)
    assert "is left in OMERO" in refused.value.hint
    assert found[0].read_bytes() == b"precious"


def test_a_file_that_the_server_does_not_see_is_noticed(
    server: OmeroServer, client: Client, look: Look, image: Path
) -> None:
    before = links(server)
    mounts = Mounts((MountedAt(PurePosixPath("/only/here"), PurePosixPath(image.parent)),))
    file = LinkedFile("vault/image.tif", PurePosixPath("/only/here/image.tif"))
    with pytest.raises(NotInPlace, match=r"OMERO cannot read /only/here/image\.tif"):
        import_in_place(client, [file], OPTIONS, mounts)
    assert look.is_empty()
    assert links(server) == before


def test_a_file_that_the_server_sees_with_another_size_is_noticed(
    server: OmeroServer, client: Client, look: Look, image: Path, tmp_path: Path
) -> None:
    before = links(server)
    other = tmp_path / "other"
    other.mkdir()
    (other / "image.tif").write_bytes(b"shorter")
    mounts = Mounts((MountedAt(PurePosixPath(other), PurePosixPath(image.parent)),))
    with pytest.raises(NotInPlace, match="OMERO sees 7 bytes"):
        import_in_place(client, [linked(other / "image.tif")], OPTIONS, mounts)
    assert look.is_empty()
    assert links(server) == before


def test_a_file_that_the_server_sees_with_other_bytes_is_noticed(
    client: Client, look: Look, image: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    (other / "image.tif").write_bytes(content)
    mounts = Mounts((MountedAt(PurePosixPath(other), PurePosixPath(image.parent)),))
    with pytest.raises(ChecksumMismatch):
        import_in_place(client, [linked(other / "image.tif")], OPTIONS, mounts)
    assert look.is_empty()


def test_what_omero_cannot_read_leaves_no_link(
    server: OmeroServer, client: Client, look: Look, tmp_path: Path
) -> None:
    before = links(server)
    text = tmp_path / "letter.doc"
    text.write_text("These are no pixels.")
    with pytest.raises(UnreadableImage):
        import_in_place(client, [linked(text)], OPTIONS, SAME)
    assert look.is_empty()
    assert links(server) == before
    assert text.read_text() == "These are no pixels."


def test_a_link_is_removed_here_when_omero_cannot_be_asked_to(
    server: OmeroServer, client: Client, image: Path
) -> None:
    before = links(server)
    server.faults.fail_call("ImportProcess.verifyUpload", omero.InternalException(message="no"))
    server.faults.fail_call("ServiceFactory.submit", omero.InternalException(message="not now"))
    with pytest.raises(BridgeError, match="no") as failed:
        import_in_place(client, [linked(image)], OPTIONS, SAME)
    assert "is left in OMERO" in failed.value.hint
    assert links(server) == before


def test_a_wrong_checksum_is_asked_for_again_without_linking_twice(
    server: OmeroServer, client: Client, image: Path
) -> None:
    server.faults.wrong_hash(3)  # probe, touch, and the link
    imported = import_in_place(client, [linked(image)], OPTIONS, SAME)
    assert str((server.storage.managed / imported.paths[0]).readlink()) == str(image)


def test_reading_in_place_can_be_cancelled(client: Client, look: Look, image: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Interrupted):
        import_in_place(client, [linked(image)], OPTIONS, SAME, cancel=cancel)
    assert look.is_empty()
