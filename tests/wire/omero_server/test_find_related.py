"""FindParents and FindChildren."""

from __future__ import annotations

from typing import Any

import omero.cmd
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import annotate, fileset, image, link, new, plate, refused, roi

Gateway = Any


def _parents(
    gateway: Gateway, target: tuple[str, int], *types: str, stop: tuple[str, ...] = ()
) -> dict[str, list[int]]:
    request = omero.cmd.FindParents({target[0]: [target[1]]}, list(types), list(stop))
    return content.simple(content.submit(gateway, request).parents)


def _children(
    gateway: Gateway, target: tuple[str, int], *types: str, stop: tuple[str, ...] = ()
) -> dict[str, list[int]]:
    request = omero.cmd.FindChildren({target[0]: [target[1]]}, list(types), list(stop))
    return content.simple(content.submit(gateway, request).children)


def test_what_holds_an_image_is_found_at_any_distance(gateway: Gateway) -> None:
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    files = fileset(gateway)
    image_id = image(gateway, dataset=dataset, fileset=files)
    link(gateway, ("Project", project), ("Dataset", dataset))

    found = _parents(gateway, ("Image", image_id), "Project", "Dataset", "Fileset")

    assert found == {"Project": [project], "Dataset": [dataset], "Fileset": [files]}


def test_only_what_is_asked_for_is_found(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    image_id = image(gateway, dataset=dataset)
    assert _parents(gateway, ("Image", image_id), "Dataset") == {"Dataset": [dataset]}
    assert _parents(gateway, ("Image", image_id), "Project") == {}


def test_the_way_up_from_a_shape_leads_to_its_plate(gateway: Gateway) -> None:
    image_id = image(gateway)
    plate_id, _well, _sample = plate(gateway, image_id)
    roi_id = roi(gateway, image_id)
    shape = gateway.getRoiService().findByRoi(roi_id, None).rois[0].copyShapes()[0].id.val

    found = _parents(gateway, ("Rectangle", shape), "Image", "Plate")

    assert found == {"Image": [image_id], "Plate": [plate_id]}


def test_what_carries_a_tag_is_above_it(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    assert _parents(gateway, ("Annotation", tag), "Dataset") == {"Dataset": [dataset]}


def test_what_a_project_holds_is_found_at_any_distance(gateway: Gateway) -> None:
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    image_id = image(gateway, dataset=dataset)
    link(gateway, ("Project", project), ("Dataset", dataset))
    roi_id = roi(gateway, image_id)
    tag = annotate(gateway, ("Image", image_id), "TagAnnotation")

    found = _children(gateway, ("Project", project), "Image", "Roi", "Annotation", "DatasetImageLink")

    assert (found["Image"], found["Roi"], found["TagAnnotation"]) == ([image_id], [roi_id], [tag])
    assert len(found["DatasetImageLink"]) == 1


def test_the_way_down_does_not_lead_to_siblings(gateway: Gateway) -> None:
    files = fileset(gateway)
    dataset = new(gateway, "Dataset")
    inside = image(gateway, dataset=dataset, fileset=files)
    image(gateway, fileset=files)
    assert _children(gateway, ("Dataset", dataset), "Image") == {"Image": [inside]}


def test_a_class_to_stop_before_is_a_wall(gateway: Gateway) -> None:
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    image_id = image(gateway, dataset=dataset)
    link(gateway, ("Project", project), ("Dataset", dataset))

    assert _children(gateway, ("Project", project), "Image", stop=("Dataset",)) == {}
    assert _parents(gateway, ("Image", image_id), "Project", "Dataset", stop=("Dataset",)) == {}


def test_what_the_caller_cannot_read_is_not_found(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    dataset = new(mine, "Dataset")
    annotate(others, ("Dataset", dataset), "TagAnnotation")
    assert len(_children(mine, ("Dataset", dataset), "TagAnnotation")["TagAnnotation"]) == 1
    stranger = connect(make_user())
    error = refused(stranger, omero.cmd.FindChildren({"Dataset": [dataset]}, ["Annotation"], []))
    assert error.message.startswith("cannot read all the specified objects")


@pytest.mark.parametrize("request_class", [omero.cmd.FindParents, omero.cmd.FindChildren])
def test_something_must_be_looked_for(request_class: Any, gateway: Gateway, server: OmeroServer) -> None:
    error = refused(gateway, request_class({"Dataset": [new(gateway, "Dataset")]}, [], []))
    assert error.name == "bad-options"
