"""What a load has made is found again and taken back, and nothing else."""

from __future__ import annotations

import omero
import pytest

from omero_irods_bridge.adapters.omero import import_marks
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.imports import ImportMark, ImportOptions, MarkedFileset
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_import.sources import Look, fake, file_of, tiff
from tests.wire.omero_server.conftest import Client

PLATE = "&plates=1&plateRows=1&plateCols=2&fields=1&sizeX=8&sizeY=8"


def marked(source: str, load: str = "load-1") -> ImportOptions:
    return ImportOptions(mark=ImportMark(load, "/zone/home/alice/a.zip", source))


def test_a_complete_import_is_found_with_its_images_in_order(importer: OmeroImporter) -> None:
    options = marked("Fileset:3")
    imported = importer.import_fileset([fake("&series=3")], options)
    assert options.mark is not None
    assert importer.find_marked("load-1") == [
        MarkedFileset(imported.fileset, options.mark, True, imported.images)
    ]


def test_loads_do_not_see_each_other(importer: OmeroImporter) -> None:
    first = importer.import_fileset([fake()], marked("Fileset:3", "load-a"))
    importer.import_fileset([fake()], marked("Fileset:3", "load-b"))
    assert [one.id for one in importer.find_marked("load-a")] == [first.fileset]
    assert importer.find_marked("load-%") == []


def test_an_import_without_a_mark_has_no_annotation(importer: OmeroImporter, look: Look) -> None:
    importer.import_fileset([fake()], ImportOptions())
    assert look.counts()["Annotation"] == 0


def test_the_mark_is_there_before_the_first_byte(importer: OmeroImporter) -> None:
    seen: list[MarkedFileset] = []
    file = file_of("zone/a.tif", tiff(), before_read=lambda *_at: seen.extend(importer.find_marked("load-1")))
    imported = importer.import_fileset([file], marked("Fileset:3"))
    assert [(one.id, one.complete, one.images) for one in seen] == [(imported.fileset, False, ())]


def test_an_import_whose_answer_was_lost_is_not_complete(
    importer: OmeroImporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_marks, "record_complete", lambda *_arguments: None)  # the process ends here
    imported = importer.import_fileset([fake("&series=2")], marked("Fileset:3"))
    (found,) = importer.find_marked("load-1")
    assert (found.complete, found.images) == (False, imported.images)


def test_a_mark_that_somebody_damaged_is_not_complete(
    importer: OmeroImporter, server: OmeroServer, look: Look
) -> None:
    importer.import_fileset([fake("&series=2")], marked("Fileset:3"))
    ((id_,),) = look.rows("select a.id from MapAnnotation a where a.ns = 'omero-irods-bridge/load'")
    with server.store.work(server.internal_caller()) as work:
        work.named_values("MapAnnotation", id_, "mapValue", [("load", "load-1"), ("state", "complete")])
    (found,) = importer.find_marked("load-1")
    assert not found.complete


def test_discarding_takes_files_images_plates_and_marks_and_leaves_the_rest(
    importer: OmeroImporter, look: Look, server: OmeroServer
) -> None:
    kept = importer.import_fileset([fake(PLATE, "kept")], marked("Fileset:1"))
    before = look.counts()
    wells = importer.import_fileset([fake(PLATE, "gone")], marked("Fileset:2"))
    image = importer.import_fileset([file_of("zone/a.tif", tiff())], marked("Fileset:3"))
    path = server.storage.managed / image.paths[0]
    assert path.exists()
    importer.discard([wells.fileset, image.fileset])
    assert look.counts() == before
    assert not path.exists()
    assert [one.id for one in importer.find_marked("load-1")] == [kept.fileset]


def test_discarding_what_is_gone_is_done(importer: OmeroImporter, look: Look) -> None:
    imported = importer.import_fileset([fake()], marked("Fileset:3"))
    importer.discard([imported.fileset])
    importer.discard([imported.fileset, imported.fileset])
    importer.discard([])
    assert look.is_empty()


def test_a_plate_that_also_shows_other_images_keeps_its_fileset(
    importer: OmeroImporter, client: Client, look: Look
) -> None:
    imported = importer.import_fileset([fake(PLATE, "plate")], marked("Fileset:3"))
    other = importer.import_fileset([fake()], ImportOptions())
    query = client.getSession().getQueryService()
    parameters = omero.sys.ParametersI().addId(imported.images[0])
    field = query.findByQuery("select s from WellSample s where s.image.id = :id", parameters)
    field.image = omero.model.ImageI(other.images[0], False)
    client.getSession().getUpdateService().saveObject(field)
    before = look.counts()
    with pytest.raises(BridgeError, match=f"Fileset:{imported.fileset}"):
        importer.discard([imported.fileset])
    assert look.counts() == before


def test_many_marked_filesets_are_found_in_a_few_calls(
    server: OmeroServer, client: Client, importer: OmeroImporter
) -> None:
    for number in range(3):
        importer.import_fileset([fake()], marked(f"Fileset:{number}"))
    server.counters.reset()
    importer.find_marked("load-1")
    few = server.counters.calls()
    for number in range(12):
        importer.import_fileset([fake()], marked(f"Fileset:{number}"))
    server.counters.reset()
    assert len(importer.find_marked("load-1")) == 15
    assert server.counters.calls() == few
