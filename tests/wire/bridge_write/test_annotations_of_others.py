"""In a group whose members annotate each other's data: nothing that others wrote makes the bridge delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from omero_irods_bridge.adapters.omero import import_marks
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.adapters.omero.ingest_book import OmeroIngestBook
from omero_irods_bridge.adapters.omero.load_claims import claimed
from omero_irods_bridge.adapters.omero.loads import OmeroLoadBook
from omero_irods_bridge.model.errors import Busy
from omero_irods_bridge.model.imports import MARK_NAMESPACE, ImportMark, ImportOptions
from omero_irods_bridge.model.ingest import CARD_NAMESPACE
from tests.wire.bridge_import.sources import fake
from tests.wire.bridge_write.conftest import RECORD, LogIn, done
from tests.wire.omero_server.conftest import Group, MakeUser

FORGED = ImportMark("load-2", "/zone/a.zip", "Fileset:1")


@dataclass(frozen=True)
class Lab:
    """Sessions of members of a group; ``leader`` owns it."""

    alice: OmeroConnection
    eve: OmeroConnection
    leader: OmeroConnection


@pytest.fixture
def lab(make_group: Callable[..., Group], make_user: MakeUser, connect_as: LogIn) -> Lab:
    group = make_group("rwra--")
    members = make_user(group), make_user(group), make_user(owner_of=[group])
    return Lab(*(connect_as(one, group) for one in members))


def forged(parent: str) -> list[dict[str, Any]]:
    """A mark on what is somebody else's."""
    values = [["load", FORGED.load], ["source", FORGED.source], ["state", "importing"]]
    kind = parent.partition(":")[0]
    return [
        {"@": "MapAnnotation:_1", "ns": MARK_NAMESPACE, "mapValue": values},
        {"@": f"{kind}AnnotationLink:_2", "parent": parent, "child": "MapAnnotation:_1"},
    ]


def test_a_fileset_is_of_no_load_because_another_member_marked_it(lab: Lab) -> None:
    importer = OmeroImporter(lab.alice.client)
    options = ImportOptions(mark=ImportMark("load-1", "/zone/a.zip", "Fileset:3"))
    mine = importer.import_fileset([fake()], options)
    OmeroGraphWriter(lab.eve).save(forged(f"Fileset:{mine.fileset}"))
    assert importer.find_marked(FORGED.load) == []
    (found,) = importer.find_marked("load-1")
    assert found.complete
    import_marks.add_mark(lab.leader.client, mine.fileset, FORGED, 1)
    (found,) = importer.find_marked(FORGED.load)
    assert (found.id, found.mark, found.complete) == (mine.fileset, FORGED, True)


def test_nor_is_a_container(lab: Lab) -> None:
    (mine,) = OmeroGraphWriter(lab.alice).save([{"@": "Dataset:_1", "name": "mine"}]).values()
    OmeroGraphWriter(lab.eve).save(forged(mine))
    book = OmeroLoadBook(lab.alice)
    assert book.find_marked(FORGED.load) == []
    OmeroGraphWriter(lab.leader).save(forged(mine))
    assert [one.key for one in book.find_marked(FORGED.load)] == [mine]


def test_an_id_map_that_another_member_hung_on_a_load_is_none(lab: Lab) -> None:
    book = OmeroLoadBook(lab.alice)
    book.begin(RECORD)
    OmeroLoadBook(lab.eve).write_id_map(RECORD.load, [("TagAnnotation:1", "TagAnnotation:7")])
    assert book.read_id_map(RECORD.load) == []
    book.write_id_map(RECORD.load, [("Image:1", "Image:2")])
    assert book.read_id_map(RECORD.load) == [("Image:1", "Image:2")]


def test_a_load_is_not_done_because_another_member_says_so(lab: Lab) -> None:
    others, book = OmeroLoadBook(lab.eve), OmeroLoadBook(lab.alice)
    others.begin(RECORD)
    others.finish(done(RECORD))
    others.write_id_map(RECORD.load, [("TagAnnotation:1", "TagAnnotation:7")])
    assert book.find(RECORD.load, is_own=True) is None
    assert book.find(RECORD.load) == done(RECORD)
    assert book.begin(RECORD) == RECORD
    assert book.find(RECORD.load) == book.find(RECORD.load, is_own=True) == RECORD
    assert book.read_id_map(RECORD.load) == []
    with book.claim(RECORD.load):
        book.finish(done(RECORD))
    assert book.find(RECORD.load, is_own=True) == done(RECORD)


def test_forgetting_a_load_leaves_what_another_member_says_of_it(lab: Lab) -> None:
    others, book = OmeroLoadBook(lab.eve), OmeroLoadBook(lab.alice)
    others.begin(RECORD)
    book.begin(RECORD)
    book.forget(RECORD.load)
    assert book.find(RECORD.load, is_own=True) is None
    assert others.find(RECORD.load, is_own=True) == RECORD


def test_a_load_is_not_under_way_because_another_member_claims_it(lab: Lab) -> None:
    book = OmeroLoadBook(lab.alice)
    book.begin(RECORD)
    record = book._record_id(RECORD.load)
    with claimed(lab.eve, RECORD.load, record), book.claim(RECORD.load):
        pass
    with claimed(lab.leader, RECORD.load, record), pytest.raises(Busy), book.claim(RECORD.load):
        pass


def test_a_card_has_not_made_what_another_member_linked(lab: Lab) -> None:
    made = OmeroGraphWriter(lab.alice).save(
        [{"@": "Dataset:_1", "name": "mine"}, {"@": "MapAnnotation:_2", "mapValue": [["mine", "stays"]]}]
    )
    dataset, mine = made["Dataset:_1"], made["MapAnnotation:_2"]
    source = f"{CARD_NAMESPACE}:tempZone:5"
    OmeroGraphWriter(lab.eve).save(
        [
            {"@": "ExternalInfo:_1", "entityType": source, "entityId": 5},
            {
                "@": "DatasetAnnotationLink:_2",
                "parent": dataset,
                "child": mine,
                "details": {"externalInfo": "ExternalInfo:_1"},
            },
        ]
    )
    assert OmeroIngestBook(lab.alice).made_links(source, dataset) == []
