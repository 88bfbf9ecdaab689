"""The book of loads: records, marks, id maps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from omero.sys import ParametersI

from omero_irods_bridge.adapters.omero import load_claims
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.adapters.omero.loads import OmeroLoadBook
from omero_irods_bridge.model.errors import BridgeError, Busy, NotFound, UsageError
from omero_irods_bridge.model.imports import MARK_NAMESPACE, ImportMark
from omero_irods_bridge.model.loads import CLAIM_NAMESPACE, LoadState, mark_pairs
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import RECORD, LogIn, done
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import User

Gateway = Any


@pytest.fixture
def book(connection: OmeroConnection) -> OmeroLoadBook:
    return OmeroLoadBook(connection)


# -- records


def test_a_load_that_began_is_found_and_is_running(book: OmeroLoadBook) -> None:
    assert book.find(RECORD.load) is None
    assert book.begin(RECORD) == RECORD
    assert book.find(RECORD.load) == RECORD
    assert book.find("load") is None


def test_beginning_again_gives_what_is_there(book: OmeroLoadBook, row_counts: Any) -> None:
    book.begin(RECORD)
    book.finish(done(RECORD))
    before = row_counts()
    assert book.begin(replace(RECORD, started=RECORD.started + timedelta(days=1))) == done(RECORD)
    assert row_counts() == before


def test_finishing_says_when_and_what_was_made(book: OmeroLoadBook) -> None:
    book.begin(RECORD)
    for _time in range(2):
        book.finish(done(RECORD))
        found = book.find(RECORD.load)
        assert found is not None
        assert (found.state, found.finished, found.counts) == (
            LoadState.DONE,
            RECORD.started + timedelta(hours=1),
            {"Image": 12, "Roi": 3},
        )


def test_what_never_began_cannot_be_finished(book: OmeroLoadBook) -> None:
    with pytest.raises(NotFound, match="no record of a load load-1"):
        book.finish(done(RECORD))


def test_loads_are_listed_the_last_first_without_what_a_person_has_spoilt(
    book: OmeroLoadBook, writer: OmeroGraphWriter
) -> None:
    later = replace(RECORD, load="load-2", started=RECORD.started + timedelta(minutes=1))
    for record in (RECORD, later):
        book.begin(record)
    spoilt = {"@": "MapAnnotation:_1", "ns": "omero-irods-bridge/load-record", "mapValue": [["load", "x"]]}
    writer.save([spoilt])
    assert book.list_loads() == [later, RECORD]


def test_a_record_that_a_person_has_spoilt_is_none(
    book: OmeroLoadBook, writer: OmeroGraphWriter, row_counts: Any
) -> None:
    before = row_counts()
    book.begin(RECORD)
    spoilt = [["load", RECORD.load], ["state", "nearly"]]
    writer.save([{"@": f"MapAnnotation:{book._record_id(RECORD.load)}", "mapValue": spoilt}])
    assert book.find(RECORD.load) is None
    assert book.begin(RECORD) == RECORD
    with book.claim(RECORD.load):
        book.finish(done(RECORD))
    assert book.find(RECORD.load) == done(RECORD)
    book.forget(RECORD.load)
    assert row_counts() == before


@pytest.mark.parametrize("process", ["", "many", "9" * 5000])
def test_a_claim_whose_note_tells_of_no_process_counts_while_its_session_is_open(
    book: OmeroLoadBook, writer: OmeroGraphWriter, process: str
) -> None:
    book.begin(RECORD)
    note = "select a.id from MapAnnotation a where a.ns = :ns"
    with book.claim(RECORD.load):
        parameters = ParametersI().addString("ns", CLAIM_NAMESPACE)
        ((found,),) = book._query.projection(note, parameters, None)
        told = [["machine", load_claims._machine()], ["pid", process]]
        writer.save([{"@": f"MapAnnotation:{found.val}", "mapValue": told}])
        with pytest.raises(Busy), book.claim(RECORD.load):
            pass


def test_members_of_a_readable_group_see_each_others_loads_and_users_of_other_groups_do_not(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group("rwr---")
    OmeroLoadBook(connect_as(make_user(group))).begin(RECORD)
    assert OmeroLoadBook(connect_as(make_user(group))).list_loads() == [RECORD]
    assert OmeroLoadBook(connect_as(make_user())).list_loads() == []


def test_of_two_that_begin_one_load_at_once_one_record_is_left(
    connect_as: LogIn, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked before either has saved."""
    first, second = OmeroLoadBook(connect_as(user)), OmeroLoadBook(connect_as(user))
    later = replace(RECORD, started=RECORD.started + timedelta(seconds=1))
    look = second._records
    looks: list[int] = []

    def look_too_early(load: str) -> list[Any]:
        looks.append(1)
        if len(looks) > 1:
            return look(load)
        nothing = look(load)
        first.begin(RECORD)
        return nothing

    monkeypatch.setattr(second, "_records", look_too_early)
    assert second.begin(later) == RECORD
    assert first.list_loads() == [RECORD]


# -- marks


def marked(kind: str, source: str, load: str = RECORD.load) -> list[dict[str, Any]]:
    mark = ImportMark(load, "/zone/a.zip", source)
    values = [list(pair) for pair in mark_pairs(mark)]
    return [
        {"@": f"{kind}:_1", "name": "x"},
        {"@": "MapAnnotation:_2", "ns": MARK_NAMESPACE, "mapValue": values},
        {"@": f"{kind}AnnotationLink:_3", "parent": f"{kind}:_1", "child": "MapAnnotation:_2"},
    ]


@pytest.mark.parametrize("kind", ["Project", "Dataset", "Folder", "Screen", "Plate"])
def test_containers_are_found_by_their_mark(writer: OmeroGraphWriter, book: OmeroLoadBook, kind: str) -> None:
    keys = [writer.save(marked(kind, f"{kind}:{number}"))[f"{kind}:_1"] for number in (12, 3)]
    writer.save(marked(kind, f"{kind}:12", "load-2"))
    writer.save([{"@": f"{kind}:_1", "name": "not marked"}])
    found = book.find_marked(RECORD.load)
    assert [one.key for one in found] == keys
    assert [one.mark for one in found] == [
        ImportMark(RECORD.load, "/zone/a.zip", f"{kind}:{number}") for number in (12, 3)
    ]


def test_a_mark_needs_the_namespace_and_the_key(writer: OmeroGraphWriter, book: OmeroLoadBook) -> None:
    other_namespace = marked("Dataset", "Dataset:1")
    other_namespace[1]["ns"] = "somebody"
    writer.save(other_namespace)
    other_key = marked("Dataset", "Dataset:1", "load-9")
    other_key[1]["mapValue"].append(["note", RECORD.load])
    writer.save(other_key)
    assert book.find_marked(RECORD.load) == []


def test_other_classes_can_be_looked_at_too(writer: OmeroGraphWriter, book: OmeroLoadBook) -> None:
    roi = [{"@": "Image:_4", "name": "i"}, *marked("Roi", "Roi:7")]
    roi[1] = {"@": "Roi:_1", "image": "Image:_4"}
    key = writer.save(roi)["Roi:_1"]
    assert [one.key for one in book.find_marked(RECORD.load, ["Image", "Roi"])] == [key]
    with pytest.raises(UsageError, match="'Pixels' carry no annotations"):
        book.find_marked(RECORD.load, ["Pixels"])


# -- id maps

PAIRS = [("Image:1", "Image:12"), ("Dataset:3", "Dataset:1"), ('Roi:"5', "Roi:6\n,")]


def test_an_id_map_comes_back_as_it_was_written(book: OmeroLoadBook) -> None:
    book.begin(RECORD)
    assert book.read_id_map(RECORD.load) == []
    book.write_id_map(RECORD.load, iter(PAIRS))
    assert book.read_id_map(RECORD.load) == PAIRS
    book.write_id_map(RECORD.load, PAIRS[:1])
    assert book.read_id_map(RECORD.load) == PAIRS[:1]


def test_writing_an_id_map_again_leaves_nothing_of_the_one_before(
    book: OmeroLoadBook, row_counts: Any
) -> None:
    book.begin(RECORD)
    book.write_id_map(RECORD.load, PAIRS)
    before = row_counts()
    book.write_id_map(RECORD.load, PAIRS)
    assert row_counts() == before


@pytest.mark.parametrize(
    "operation", ["RawFileStore.save", "IUpdate.saveAndReturnArray", "RawFileStore.write"]
)
@pytest.mark.parametrize("nth", [1, 2])
def test_the_id_map_before_stays_until_the_new_one_is_whole(
    server: OmeroServer, book: OmeroLoadBook, row_counts: Any, operation: str, nth: int
) -> None:
    book.begin(RECORD)
    book.write_id_map(RECORD.load, PAIRS)
    before = row_counts()
    server.faults.fail_call(operation, nth=nth)
    try:
        book.write_id_map(RECORD.load, PAIRS[1:])
    except BridgeError:
        assert book.read_id_map(RECORD.load) == PAIRS
    server.faults.clear()
    book.write_id_map(RECORD.load, PAIRS[1:])
    assert book.read_id_map(RECORD.load) == PAIRS[1:]
    assert row_counts() == before


def test_an_id_map_needs_a_record(book: OmeroLoadBook) -> None:
    with pytest.raises(NotFound, match="no record"):
        book.write_id_map(RECORD.load, PAIRS)


def test_forgetting_a_load_leaves_the_server_as_before(
    server: OmeroServer, book: OmeroLoadBook, row_counts: Any
) -> None:
    before = row_counts()
    book.begin(RECORD)
    book.begin(replace(RECORD, load="load-2"))
    for load in (RECORD.load, "load-2"):
        book.write_id_map(load, PAIRS)
    server.faults.fail_call("RawFileStore.save")
    with pytest.raises(BridgeError, match="injected"):
        book.write_id_map(RECORD.load, PAIRS)  # leaves a file that nothing leads to
    book.forget(RECORD.load)
    assert book.find(RECORD.load) is None
    assert book.read_id_map("load-2") == PAIRS
    for _time in range(2):
        book.forget("load-2")
    assert row_counts() == before


def test_the_record_shows_on_no_image(book: OmeroLoadBook, gateway: Gateway) -> None:
    image = content.image(gateway)
    book.begin(RECORD)
    book.write_id_map(RECORD.load, PAIRS)
    assert list(gateway.getObject("Image", image).listAnnotations()) == []
