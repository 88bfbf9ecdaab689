"""Files become images through the ManagedRepository, streamed."""

from __future__ import annotations

import threading
from pathlib import Path

import omero
import pytest
from omero.rtypes import rstring

from omero_irods_bridge.adapters.omero import import_upload
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.errors import (
    BadName,
    BridgeError,
    ChecksumMismatch,
    ImportFailed,
    Interrupted,
    NotFound,
    UnreadableImage,
    UsageError,
)
from omero_irods_bridge.model.events import CancelToken, Event, Progress, Step
from omero_irods_bridge.model.imports import ImportMark, ImportOptions
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.images import write_multi_file
from tests.wire.bridge_import.sources import Look, fake, file_of, read_all, sha1, tiff
from tests.wire.omero_server.conftest import Client

OPTIONS = ImportOptions()
MARK = ImportMark("load-1", "/zone/home/alice/a.zip", "Fileset:3")


def new(client: Client, kind: str) -> int:
    container = getattr(omero.model, f"{kind}I")()
    container.name = rstring(f"a {kind}")
    saved = client.getSession().getUpdateService().saveAndReturnObject(container)
    return int(saved.id.val)


# -- what comes of files


def test_the_bytes_that_omero_has_are_those_that_were_given(
    server: OmeroServer, importer: OmeroImporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upload, "BLOCK_BYTES", 1000)
    content = tiff()
    imported = importer.import_fileset(
        [file_of("zone/home/alice/a.tif", content, expected=sha1(content))], OPTIONS
    )
    (path,) = server.storage.fileset_paths(imported.fileset)
    assert path.read_bytes() == content
    assert path == server.storage.managed / imported.paths[0]
    assert server.storage.path_by_id(imported.files[0]) == path


def test_omero_is_never_asked_to_do_two_things_with_one_file_at_once(
    server: OmeroServer, importer: OmeroImporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would break: see test_a_store_does_one_thing_at_a_time."""
    monkeypatch.setattr(import_upload, "BLOCK_BYTES", 1000)
    server.faults.delay_calls("RawFileStore.write", 0.02)
    content = tiff()
    imported = importer.import_fileset([file_of("zone/home/alice/slow.tif", content)], OPTIONS)
    (path,) = server.storage.fileset_paths(imported.fileset)
    assert path.read_bytes() == content


def test_images_come_in_the_order_of_their_series(importer: OmeroImporter, look: Look) -> None:
    imported = importer.import_fileset([fake("&series=12")], ImportOptions(images=12))
    assert look.series(imported.images) == list(range(12))
    assert imported.plates == ()


def test_a_plate_is_told_with_the_images_of_its_fields_in_order(importer: OmeroImporter, look: Look) -> None:
    file = fake("&plates=1&plateRows=2&plateCols=3&fields=2&sizeX=8&sizeY=8", "plate")
    imported = importer.import_fileset([file], ImportOptions(images=12))
    assert look.rows("select p.id from Plate p where p.id = :id", id=imported.plates[0]) == [
        [imported.plates[0]]
    ]
    assert look.series(imported.images) == list(range(12))


def test_files_keep_their_order_and_the_first_is_opened(
    server: OmeroServer, importer: OmeroImporter, look: Look, tmp_path: Path
) -> None:
    paths = write_multi_file(tmp_path / "pair")
    notes = file_of("zone/pair/notes.txt", b"these are no pixels")
    imported = importer.import_fileset([*read_all(paths, "zone/pair"), notes], ImportOptions(images=1))
    assert [Path(path).name for path in imported.paths] == [*(path.name for path in paths), "notes.txt"]
    assert [server.storage.path_by_id(id_).name for id_ in imported.files] == [
        Path(path).name for path in imported.paths
    ]
    assert look.rows("select p.sizeC from Pixels p where p.image.id = :id", id=imported.images[0]) == [[2]]


def test_more_files_than_threads_all_arrive(server: OmeroServer, importer: OmeroImporter) -> None:
    texts = [file_of(f"zone/many/{n}.txt", bytes([n]) * n) for n in range(20)]
    imported = importer.import_fileset([fake(folder="zone/many"), *texts], OPTIONS)
    stored = [server.storage.path_by_id(id_).read_bytes() for id_ in imported.files]
    assert stored == [b"", *(bytes([n]) * n for n in range(20))]


def test_the_path_that_the_fileset_says_is_the_one_given(importer: OmeroImporter, look: Look) -> None:
    file = file_of("zone/home/a:b/CON/c.fake", b"")
    imported = importer.import_fileset([file], OPTIONS)
    hql = "select e.clientPath from FilesetEntry e where e.fileset.id = :id"
    assert look.rows(hql, id=imported.fileset) == [[file.client_path]]
    assert imported.paths[0].endswith("home/a;b/CON_/c.fake")


def test_images_go_into_the_dataset_and_get_the_name(
    client: Client, importer: OmeroImporter, look: Look
) -> None:
    dataset = new(client, "Dataset")
    options = ImportOptions(ObjectRef(Kind.DATASET, dataset), name="mine")
    imported = importer.import_fileset([fake()], options)
    hql = "select l.child.id from DatasetImageLink l where l.parent.id = :id"
    assert look.rows(hql, id=dataset) == [[imported.images[0]]]
    assert look.names(imported.images) == ["mine"]


def test_plates_go_into_the_screen(client: Client, importer: OmeroImporter, look: Look) -> None:
    screen = new(client, "Screen")
    file = fake("&plates=1&plateRows=1&plateCols=1&fields=1&sizeX=8&sizeY=8", "plate")
    imported = importer.import_fileset([file], ImportOptions(ObjectRef(Kind.SCREEN, screen)))
    hql = "select l.child.id from ScreenPlateLink l where l.parent.id = :id"
    assert look.rows(hql, id=screen) == [[imported.plates[0]]]


@pytest.mark.parametrize(("thumbnails", "settings"), [(True, 1), (False, 0)])
def test_rendering_settings_are_made_unless_thumbnails_are_not_wanted(
    importer: OmeroImporter, look: Look, thumbnails: bool, settings: int
) -> None:
    imported = importer.import_fileset([fake()], ImportOptions(thumbnails=thumbnails))
    hql = "select count(r.id) from RenderingDef r where r.pixels.image.id = :id"
    assert look.rows(hql, id=imported.images[0]) == [[settings]]


def test_two_imports_of_the_same_files_at_once_make_a_fileset_each(
    server: OmeroServer, client: Client, look: Look
) -> None:
    content, found = tiff(), []
    files = [file_of("zone/home/alice/a.tif", content)]
    importer = OmeroImporter(client)

    def work() -> None:
        found.append(importer.import_fileset(files, OPTIONS))

    threads = [threading.Thread(target=work) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.fileset for one in found}) == len({one.images for one in found}) == 2
    assert all(server.storage.path_by_id(one.files[0]).read_bytes() == content for one in found)


# -- what is told


def test_progress_is_told_in_bytes_and_files_up_to_the_total(
    importer: OmeroImporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upload, "BLOCK_BYTES", 1000)
    events: list[Event] = []
    files = [file_of(f"zone/home/{name}.tif", tiff()) for name in ("a", "b", "c")]
    importer.import_fileset(files, OPTIONS, events.append)
    steps = [event for event in events if isinstance(event, Step)]
    assert (steps[0].bytes_total, steps[0].items_total) == (3 * len(tiff()), 3)
    moved = [event for event in events[: events.index(steps[1])] if isinstance(event, Progress)]
    assert (moved[-1].bytes_done, moved[-1].items_done) == (3 * len(tiff()), 3)
    assert [event.bytes_done for event in moved] == sorted(event.bytes_done for event in moved)


# -- what is refused before anything is made


@pytest.mark.parametrize(
    "paths",
    [
        ["/zone/a.tif"],
        ["zone//a.tif"],
        ["zone/../a.tif"],
        ["zone/./a.tif"],
        [""],
        ["zone/" + "n" * 256],
        ["zone/\udc80.tif"],
        ["zone/a:b.tif", "zone/a;b.tif"],
        ["zone/a.tif", "zone/a.tif"],
        ["a/b/c/d/e.tif", "v/w/x/y/z.tif"],
    ],
)
def test_a_path_that_omero_would_not_keep_is_refused(
    importer: OmeroImporter, look: Look, paths: list[str]
) -> None:
    with pytest.raises(BadName):
        importer.import_fileset([file_of(path, b"") for path in paths], OPTIONS)
    assert look.is_empty()


def test_nothing_is_imported_of_no_files(importer: OmeroImporter) -> None:
    with pytest.raises(UsageError):
        importer.import_fileset([], OPTIONS)


def test_deep_folders_that_share_little_are_kept_for_a_known_reader(importer: OmeroImporter) -> None:
    files = [file_of("a/b/c/d/e.fake", b""), file_of("v/w/x/y/z.txt", b"")]
    options = ImportOptions(reader="loci.formats.in.FakeReader")
    imported = importer.import_fileset(files, options)
    assert [path.split("/", 4)[4] for path in imported.paths] == ["a/b/c/d/e.fake", "v/w/x/y/z.txt"]


@pytest.mark.parametrize("kind", [Kind.DATASET, Kind.SCREEN])
def test_a_target_that_is_not_there_is_noticed_before_a_byte_is_sent(
    importer: OmeroImporter, look: Look, kind: Kind
) -> None:
    with pytest.raises(NotFound, match="99999"):
        importer.import_fileset([fake()], ImportOptions(ObjectRef(kind, 99999)))
    assert look.is_empty()


def test_only_datasets_and_screens_are_targets() -> None:
    with pytest.raises(UsageError, match="Project:1"):
        ImportOptions(ObjectRef(Kind.PROJECT, 1))


# -- what fails leaves nothing


@pytest.mark.parametrize(
    "expected", [sha1(b"other"), OmeroHash("MD5-128", "0" * 32), OmeroHash("CRC-32", "0" * 8)]
)
def test_bytes_that_are_not_as_expected_are_not_imported(
    importer: OmeroImporter, look: Look, expected: OmeroHash
) -> None:
    file = file_of("zone/home/alice/a.tif", tiff(), expected=expected)
    with pytest.raises(ChecksumMismatch, match=r"a\.tif"):
        importer.import_fileset([file], OPTIONS)
    assert look.is_empty()


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_source_of_another_size_is_not_imported(importer: OmeroImporter, look: Look, wrong: int) -> None:
    content = tiff()
    file = file_of("zone/home/alice/a.tif", content, size=len(content) + wrong)
    with pytest.raises(ChecksumMismatch, match=f"{len(content) + wrong}"):
        importer.import_fileset([file], OPTIONS)
    assert look.is_empty()


def test_a_hash_that_nobody_here_computes_does_not_stop_an_import(importer: OmeroImporter) -> None:
    file = file_of("zone/home/alice/a.tif", tiff(), expected=OmeroHash("Murmur3-128", "0" * 32))
    assert importer.import_fileset([file], OPTIONS).images


def test_a_file_that_omero_cannot_read_is_named_and_nothing_stays(
    importer: OmeroImporter, look: Look
) -> None:
    with pytest.raises(UnreadableImage, match=r"letter\.doc") as failed:
        importer.import_fileset([file_of("zone/letter.doc", b"no pixels")], ImportOptions(mark=MARK))
    assert "error-on-init" in failed.value.message
    assert not failed.value.retryable
    assert look.is_empty()


@pytest.mark.parametrize("announced", [2, 4])
def test_another_number_of_images_than_announced_is_a_failure(
    importer: OmeroImporter, look: Look, announced: int
) -> None:
    with pytest.raises(ImportFailed, match=f"3 .* {announced}"):
        importer.import_fileset([fake("&series=3")], ImportOptions(images=announced))
    assert look.is_empty()


def test_a_checksum_that_omero_got_wrong_once_is_mended_by_sending_again(
    server: OmeroServer, importer: OmeroImporter
) -> None:
    content = tiff()
    server.faults.wrong_hash()
    imported = importer.import_fileset([file_of("zone/home/alice/a.tif", content)], OPTIONS)
    assert server.storage.path_by_id(imported.files[0]).read_bytes() == content


def test_only_the_file_that_went_wrong_is_sent_again(server: OmeroServer, importer: OmeroImporter) -> None:
    opened: list[str] = []
    names = ("a", "b", "c")
    files = [
        file_of(f"zone/home/{name}.tif", tiff(), before_read=lambda *_at, name=name: opened.append(name))
        for name in names
    ]
    server.faults.wrong_hash()
    importer.import_fileset(files, OPTIONS)
    assert sorted(set(opened)) == list(names)
    assert len(opened) == 4


def test_a_checksum_that_stays_wrong_is_an_error(
    server: OmeroServer, importer: OmeroImporter, look: Look
) -> None:
    server.faults.wrong_hash(2)
    with pytest.raises(ChecksumMismatch, match="twice"):
        importer.import_fileset([file_of("zone/home/alice/a.tif", tiff())], OPTIONS)
    assert look.is_empty()


def test_an_uploader_that_cannot_be_opened_is_an_error(
    server: OmeroServer, importer: OmeroImporter, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_the_next_away(*_at: int) -> None:
        ((id_,),) = look.rows("select f.id from OriginalFile f where f.name = 'b.txt'")
        with server.store.work(server.internal_caller()) as work:
            work.update("OriginalFile", id_, d_owner=0)

    monkeypatch.setattr(import_upload, "FILES_AT_ONCE", 1)
    files = [file_of("zone/a.tif", tiff(), before_read=give_the_next_away), file_of("zone/b.txt", b"x")]
    with pytest.raises(BridgeError, match=r"cannot open its copy of zone/b\.txt"):
        importer.import_fileset(files, OPTIONS)


def test_a_further_import_asks_for_no_service_again(server: OmeroServer, importer: OmeroImporter) -> None:
    importer.import_fileset([file_of("zone/a.tif", tiff())], ImportOptions(mark=MARK))
    server.counters.reset()
    importer.import_fileset([file_of("zone/b.tif", tiff())], ImportOptions(mark=MARK))
    asked = {operation.partition(".")[0] for operation in server.counters.all_calls()}
    assert not asked & {"ServiceFactory", "SharedResources"}


# -- stopping


def test_a_cancelled_upload_stops_at_its_next_block(
    importer: OmeroImporter, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upload, "BLOCK_BYTES", 1000)
    cancel, reads = CancelToken(), []

    def stop_at_third(offset: int, _length: int) -> None:
        reads.append(offset)
        if len(reads) == 3:
            cancel.cancel()

    with pytest.raises(Interrupted):
        importer.import_fileset(
            [file_of("zone/a.tif", tiff(), before_read=stop_at_third)], OPTIONS, cancel=cancel
        )
    assert reads == [0, 1000, 2000]
    assert look.is_empty()


def test_a_cancelled_import_stops_between_its_steps_and_leaves_nothing(
    importer: OmeroImporter, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_irods_bridge.adapters.omero.import_waiting.LOOK_MS", 10)
    cancel = CancelToken()

    def stop_when_sent(event: Event) -> None:
        if isinstance(event, Step) and "imports" in event.text:
            cancel.cancel()

    with pytest.raises(Interrupted):
        importer.import_fileset(
            [fake("&series=300&sizeX=64&sizeY=64")], OPTIONS, stop_when_sent, cancel=cancel
        )
    assert look.is_empty()


def test_omero_is_told_again_to_stop_when_a_step_takes_longer_than_it_remembers(
    server: OmeroServer, importer: OmeroImporter, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HandleI.cancelWithoutNotification gives up after seconds, and the request goes on."""
    monkeypatch.setattr("omero_irods_bridge.adapters.omero.import_waiting.LOOK_MS", 10)
    monkeypatch.setattr("omero_irods_sandbox.omero_server.requests.handle.CANCEL_TIMEOUT_S", 0.05)
    server.faults.delay_calls("ImportRequest.step", 0.3)
    server.counters.reset()
    cancel = CancelToken()

    def stop_when_sent(event: Event) -> None:
        if isinstance(event, Step) and "imports" in event.text:
            cancel.cancel()

    with pytest.raises(Interrupted):
        importer.import_fileset([fake()], OPTIONS, stop_when_sent, cancel=cancel)
    assert server.counters.calls("ImportRequest.step") < 5
    assert look.is_empty()


def test_an_import_that_was_cancelled_before_makes_nothing(importer: OmeroImporter, look: Look) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Interrupted):
        importer.import_fileset([fake()], OPTIONS, cancel=cancel)
    assert look.is_empty()
