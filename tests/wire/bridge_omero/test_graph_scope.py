"""What comes along with what was selected, for whom, and at what price."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import Ice
import omero
import pytest
from omero.rtypes import rstring

from omero_irods_bridge.adapters.omero import graph_reading, queries
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.adapters.omero.figures import images_of
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.access import bytes_are_withheld
from omero_irods_bridge.model.errors import BridgeError, Interrupted, NotFound
from omero_irods_bridge.model.events import CancelToken, Event, Notice, Progress, Step
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.graphs import graph, image_server, kinds, of_kind
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, MakeUser, User
from tests.wire.omero_server.import_client import image_ids, import_files
from tests.wire.omero_server.plates import plated


def imported(gateway: Gateway, folder: Path, series: int = 1) -> list[int]:
    path = folder / f"cells-{series}&series={series}.fake"
    path.write_bytes(b"fake")
    return image_ids(import_files(gateway.c, [path]))


# -- what comes along


def test_an_image_brings_its_fileset_with_all_images_and_nothing_above(
    server: OmeroServer, gateway: Gateway, tmp_path: Path
) -> None:
    first, second = imported(gateway, tmp_path, series=2)
    dataset = content.new(gateway, "Dataset")
    content.link(gateway, ("Dataset", dataset), ("Image", first))
    found = graph(server, gateway, f"Image:{first}")
    assert {f"Image:{first}", f"Image:{second}"} <= set(found)
    assert kinds(found)["Fileset"] == kinds(found)["FilesetEntry"] == 1
    assert not {"Dataset", "DatasetImageLink", "Project"} & set(kinds(found))
    assert "datasetLinks" not in found[f"Image:{first}"]["@sets"]


def test_what_does_not_fit_into_a_message_comes_in_several(server: OmeroServer, gateway: Gateway) -> None:
    """The router tells of its own limit with an exception of which clients know no more than the text."""
    dataset = content.new(gateway, "Dataset")
    images = [content.image(gateway, dataset=dataset) for _ in range(3)]
    error = Ice.UnknownLocalException("ConnectionI.cpp: ::Ice::MemoryLimitException: memory limit exceeded")
    server.faults.fail_call("IQuery.findAllByQuery", error, nth=3)
    assert {f"Image:{one}" for one in images} <= set(graph(server, gateway, f"Dataset:{dataset}"))


def test_a_dataset_brings_no_other_one_that_its_images_are_in(server: OmeroServer, gateway: Gateway) -> None:
    mine, other = content.new(gateway, "Dataset"), content.new(gateway, "Dataset")
    image = content.image(gateway, dataset=mine)
    content.link(gateway, ("Dataset", other), ("Image", image))
    assert kinds(graph(server, gateway, f"Dataset:{mine}"))["Dataset"] == 1
    both = graph(server, gateway, f"Dataset:{mine},{other}")
    assert (kinds(both)["Dataset"], kinds(both)["DatasetImageLink"], kinds(both)["Image"]) == (2, 2, 1)


def test_a_well_brings_rows_of_its_plate_and_run_but_no_other_well(
    server: OmeroServer, gateway: Gateway
) -> None:
    plate = plated(gateway, columns=3)
    content.annotate(gateway, ("Plate", plate.plate), "CommentAnnotation", textValue=rstring("of the plate"))
    found = graph(server, gateway, f"Well:{plate.wells[1]}")
    assert (kinds(found)["Well"], kinds(found)["WellSample"], kinds(found)["Image"]) == (1, 1, 1)
    assert f"Image:{plate.images[1]}" in found
    assert found[f"Plate:{plate.plate}"]["name"] == "plate"
    assert "@sets" not in found[f"Plate:{plate.plate}"]
    assert "@sets" not in found[f"PlateAcquisition:{plate.run}"]
    assert not {"Screen", "CommentAnnotation"} & set(kinds(found))


def test_what_is_a_row_for_one_and_whole_for_another_comes_once_and_whole(
    server: OmeroServer, gateway: Gateway
) -> None:
    plate = plated(gateway)
    found = graph(server, gateway, f"Well:{plate.wells[0]}", f"Plate:{plate.plate}")
    assert "wells" in found[f"Plate:{plate.plate}"]["@sets"]
    assert kinds(found)["Well"] == 2


def test_an_image_on_a_plate_says_that_its_bytes_are_withheld(server: OmeroServer, gateway: Gateway) -> None:
    plate = plated(gateway)
    found = graph(server, gateway, f"Plate:{plate.plate}")
    assert bytes_are_withheld(found[f"Plate:{plate.plate}"])
    assert bytes_are_withheld(found[f"Image:{plate.images[0]}"])
    alone = content.image(gateway)
    assert not bytes_are_withheld(graph(server, gateway, f"Image:{alone}")[f"Image:{alone}"])


def test_annotations_of_annotations_come_and_circles_end(server: OmeroServer, gateway: Gateway) -> None:
    dataset = content.new(gateway, "Dataset")
    first = content.annotate(gateway, ("Dataset", dataset), "CommentAnnotation")
    second = content.annotate(gateway, ("CommentAnnotation", first), "CommentAnnotation")
    content.link(gateway, ("CommentAnnotation", second), ("CommentAnnotation", first))
    found = graph(server, gateway, f"Dataset:{dataset}")
    assert kinds(found)["CommentAnnotation"] == kinds(found)["AnnotationAnnotationLink"] == 2


def test_a_list_keeps_its_order_when_one_is_gone(server: OmeroServer, gateway: Gateway) -> None:
    image = content.image(gateway)
    roi = content.roi(gateway, image, shapes=3)
    found = graph(server, gateway, f"Image:{image}")
    middle = found[f"Roi:{roi}"]["shapes"][1]
    content.delete(gateway, {"Shape": [int(middle.partition(":")[2])]})
    again = graph(server, gateway, f"Image:{image}")[f"Roi:{roi}"]["shapes"]
    assert [one for one in again if one] == [one for one in found[f"Roi:{roi}"]["shapes"] if one != middle]


# -- for whom


def test_all_that_is_missing_is_named_at_once(server: OmeroServer, gateway: Gateway) -> None:
    there = content.new(gateway, "Dataset")
    rows: list[Any] = []
    with image_server(server, gateway) as reading:
        wanted = parse_objects([f"Dataset:{there}", "Dataset:900001-900002", "Image:900003"])
        with pytest.raises(NotFound, match=r"Dataset:900001, Dataset:900002, Image:900003") as caught:
            reading.read_graph(wanted, rows.append)
    assert f"Dataset:{there}" not in caught.value.message
    assert rows == []


def test_what_is_private_is_not_there_for_others(
    server: OmeroServer, pair: Callable[[str], tuple[Gateway, Gateway]]
) -> None:
    owner, other = pair("rw----")
    dataset = content.new(owner, "Dataset")
    with pytest.raises(NotFound, match=f"Dataset:{dataset}"):
        graph(server, other, f"Dataset:{dataset}")


def test_members_of_a_read_only_group_read_all_of_it(
    server: OmeroServer, pair: Callable[[str], tuple[Gateway, Gateway]]
) -> None:
    owner, other = pair("rwr---")
    dataset = content.new(owner, "Dataset")
    image = content.image(owner, dataset=dataset)
    assert f"Image:{image}" in graph(server, other, f"Dataset:{dataset}")


def test_another_group_than_the_present_one_is_read_too(
    server: OmeroServer, make_group: Any, make_user: MakeUser, connect: Connect
) -> None:
    here, there = make_group("rw----"), make_group("rwra--")
    gateway = connect(make_user(here, there))
    dataset = int(content.save(gateway, content.named("Dataset"), there.id).id.val)
    own = content.new(gateway, "Dataset")
    found = graph(server, gateway, f"Dataset:{dataset},{own}")
    groups = {row["details"]["group"] for row in of_kind(found, "Dataset")}
    assert groups == {f"ExperimenterGroup:{here.id}", f"ExperimenterGroup:{there.id}"}
    told = {row["name"]: row["details"]["permissions"]["is"] for row in of_kind(found, "ExperimenterGroup")}
    assert {told[here.name], told[there.name]} == {"rw----", "rwra--"}


# -- figures


def figure(gateway: Gateway, folder: Path, text: str) -> int:
    path = folder / "figure.json"
    path.write_text(text)
    file = gateway.createOriginalFileFromLocalFile(str(path), mimetype="application/json")
    reference = omero.model.OriginalFileI(file.getId(), False)
    return content.annotation(gateway, "FileAnnotation", ns="omero.web.figure.json", file=reference)


def test_a_figure_shows_an_image_only_when_a_panel_says_so(
    server: OmeroServer, gateway: Gateway, tmp_path: Path
) -> None:
    image = content.image(gateway)
    shown = figure(gateway, tmp_path, f'{{"panels":[{{"imageId":{image}}}]}}')
    lookalike = figure(
        gateway, tmp_path, f'{{"panels":[{{"imageId": {image}0}}], "note": "imageId: {image}"}}'
    )
    broken = figure(gateway, tmp_path, "no JSON")
    events: list[Event] = []
    found = graph(server, gateway, f"Image:{image}", figures=True, report=events.append)
    assert f"FileAnnotation:{shown}" in found
    assert f"FileAnnotation:{lookalike}" not in found
    assert any(isinstance(one, Notice) and f"FileAnnotation:{broken}" in one.text for one in events)


def test_panels_without_an_image_show_nothing() -> None:
    assert images_of(b'{"panels": [{"imageId": 3}, {"imageId": "4"}, {"imageId": null}, {}, 7]}') == {3, 4}


# -- at what price


def test_the_number_of_calls_does_not_grow_with_images(server: OmeroServer, gateway: Gateway) -> None:
    calls = []
    for count in (2, 40):
        dataset = content.new(gateway, "Dataset")
        for _ in range(count):
            content.roi(gateway, content.image(gateway, dataset=dataset), shapes=2)
        with image_server(server, gateway) as reading:
            before = server.counters.calls()
            reading.read_graph(parse_objects([f"Dataset:{dataset}"]), lambda _row: None)
            calls.append(server.counters.calls() - before)
    assert calls[0] == calls[1]


def test_what_takes_many_pages_and_parts_is_complete(
    server: OmeroServer, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = content.new(gateway, "Dataset")
    images = [content.image(gateway, dataset=dataset) for _ in range(7)]
    rois = [content.roi(gateway, images[0], shapes=5) for _ in range(4)]
    at_once = graph(server, gateway, f"Dataset:{dataset}")
    monkeypatch.setattr(graph_reading, "PAGE", 2)
    monkeypatch.setattr(graph_reading, "LARGE_PAGES", {"Shape": 3})
    monkeypatch.setattr(queries, "ROWS_AT_ONCE", 3)
    in_parts = graph(server, gateway, f"Dataset:{dataset}")
    assert in_parts == at_once
    assert kinds(in_parts)["Image"] == 7
    assert [len(in_parts[f"Roi:{roi}"]["shapes"]) for roi in rois] == [5] * 4


def test_objects_too_large_for_a_message_come_in_several(
    server: OmeroServer, user: User, gateway: Gateway
) -> None:
    image, roi = content.image(gateway), omero.model.RoiI()
    roi.image = content.ref("Image", image)
    for number in range(8):
        mask = omero.model.MaskI()
        mask.bytes = bytes([number]) * 40_000
        roi.addShape(mask)
    content.save(gateway, roi)
    properties = {"omero.host": server.host, "omero.port": str(server.ssl_port), "Ice.MessageSizeMax": "100"}
    client = omero.client(properties)
    client.createSession(user.name, user.password)
    rows: list[Any] = []
    with OmeroConnection(client, properties, is_ours=True) as connection:
        OmeroImageServer(connection).read_graph(parse_objects([f"Image:{image}"]), rows.append)
    assert len([row for row in rows if row["@"].startswith("Mask:")]) == 8


def test_progress_is_told_and_ends_with_the_number_of_rows(server: OmeroServer, gateway: Gateway) -> None:
    dataset = content.new(gateway, "Dataset")
    events: list[Event] = []
    found = graph(server, gateway, f"Dataset:{dataset}", report=events.append)
    assert events[0] == Step(f"Reading what OMERO knows of Dataset:{dataset}")
    assert events[-1] == Progress(items_done=len(found))


# -- what goes wrong


def test_it_stops_when_asked(server: OmeroServer, gateway: Gateway) -> None:
    dataset, cancel, rows = content.new(gateway, "Dataset"), CancelToken(), []

    def add(row: Any) -> None:
        rows.append(row)
        cancel.cancel()

    with image_server(server, gateway) as reading, pytest.raises(Interrupted):
        reading.read_graph(parse_objects([f"Dataset:{dataset}"]), add, cancel=cancel)
    assert len(rows) == 1


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_call_that_fails_is_told_of_with_what_was_read(
    server: OmeroServer, gateway: Gateway, nth: int
) -> None:
    dataset = content.new(gateway, "Dataset")
    server.faults.fail_call("IQuery.projection" if nth % 2 else "IQuery.findAllByQuery", nth=(nth + 1) // 2)
    with pytest.raises(BridgeError, match=f"Dataset:{dataset}.*injected fault"):
        graph(server, gateway, f"Dataset:{dataset}")


def test_a_session_that_ends_meanwhile_is_named_and_its_key_is_not(
    server: OmeroServer, gateway: Gateway
) -> None:
    dataset, key = content.new(gateway, "Dataset"), gateway.c.getSessionId()

    def add(_row: Any) -> None:
        server.faults.expire_session(key)

    with image_server(server, gateway) as reading, pytest.raises(SessionExpired) as caught:
        reading.read_graph(parse_objects([f"Dataset:{dataset}"]), add)
    assert "omero login" in caught.value.hint
    assert key not in caught.value.message


def test_two_threads_read_through_one_connection(server: OmeroServer, gateway: Gateway) -> None:
    datasets = [content.new(gateway, "Dataset") for _ in range(2)]
    found: dict[int, int] = {}

    def read(dataset: int) -> None:
        rows: list[Any] = []
        reading.read_graph(parse_objects([f"Dataset:{dataset}"]), rows.append)
        found[dataset] = kinds({row["@"]: row for row in rows})["Dataset"]

    with image_server(server, gateway) as reading:
        threads = [threading.Thread(target=read, args=(one,)) for one in datasets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == dict.fromkeys(datasets, 1)
