"""IRoi: ROIs and their shapes."""

from __future__ import annotations

from typing import Any

import ezomero
import omero
import pytest
from ezomero.rois import Ellipse, Label, Line, Point, Polygon, Polyline, Rectangle
from omero.rtypes import rlong

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import image, link, new, roi

Gateway = Any


def test_rois_of_an_image_come_with_their_shapes_in_order(gateway: Gateway) -> None:
    image_id = image(gateway)
    first, second = roi(gateway, image_id, shapes=2), roi(gateway, image_id)

    found = gateway.getRoiService().findByImage(image_id, None).rois

    assert [one.id.val for one in found] == [first, second]
    assert [len(one.copyShapes()) for one in found] == [2, 1]
    assert found[0].copyShapes()[0].isLoaded()


def test_a_roi_without_shapes_is_not_found(gateway: Gateway) -> None:
    image_id = image(gateway)
    roi(gateway, image_id, shapes=0)
    assert gateway.getRoiService().findByImage(image_id, None).rois == []


def test_shapes_are_also_told_by_plane(gateway: Gateway) -> None:
    image_id = image(gateway)
    roi(gateway, image_id, z=3)
    roi(gateway, image_id)

    found = gateway.getRoiService().findByImage(image_id, omero.api.RoiOptions())

    assert sorted(found.byZ) == [-1, 3]
    assert len(found.byT[-1]) == 2


def test_rois_of_a_plane_are_those_with_a_shape_on_it(gateway: Gateway) -> None:
    image_id = image(gateway)
    on_three, everywhere = roi(gateway, image_id, z=3), roi(gateway, image_id)
    service = gateway.getRoiService()
    assert [one.id.val for one in service.findByPlane(image_id, 3, 0, None).rois] == [on_three, everywhere]
    assert [one.id.val for one in service.findByPlane(image_id, 1, 0, None).rois] == [everywhere]


def test_options_choose_an_owner_and_a_page(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    image_id = image(mine)
    own = [roi(mine, image_id) for _ in range(2)]
    roi(others, image_id)
    service = mine.getRoiService()

    options = omero.api.RoiOptions(userId=rlong(mine.getUserId()))
    assert [one.id.val for one in service.findByImage(image_id, options).rois] == own
    page = omero.api.RoiOptions(limit=omero.rtypes.rint(1), offset=omero.rtypes.rint(1))
    assert [one.id.val for one in service.findByImage(image_id, page).rois] == [own[1]]


def test_the_folders_of_a_roi_come_with_it(gateway: Gateway) -> None:
    roi_id = roi(gateway, image(gateway))
    folder = new(gateway, "Folder", "region")
    link(gateway, ("Folder", folder), ("Roi", roi_id))
    (found,) = gateway.getRoiService().findByRoi(roi_id, None).rois
    assert found.linkedFolderList()[0].name.val == "region"


def test_rois_of_unreadable_images_are_not_found(gateway: Gateway, make_user: Any, connect: Any) -> None:
    image_id = image(gateway)
    roi(gateway, image_id)
    assert connect(make_user()).getRoiService().findByImage(image_id, None).rois == []


def test_measured_rois_are_those_on_an_image_of_the_plate_with_the_file(
    server: OmeroServer, gateway: Gateway
) -> None:
    image_id = image(gateway)
    plate_id, _well, _sample = content.plate(gateway, image_id)
    roi_id = roi(gateway, image_id)
    measured = content.annotate(
        gateway, ("Plate", plate_id), "FileAnnotation", ns="openmicroscopy.org/omero/measurement"
    )
    link(gateway, ("Roi", roi_id), ("FileAnnotation", measured))
    service = gateway.getRoiService()

    assert [one.id.val for one in service.getMeasuredRois(image_id, measured, None).rois] == [roi_id]
    assert service.getMeasuredRoisMap(image_id, [measured], None).keys() == {measured}
    assert [one.id.val for one in service.getRoiMeasurements(image_id, None)] == [measured]


def test_the_gateway_lists_rois_by_kind_of_shape(gateway: Gateway) -> None:
    image_id = image(gateway)
    roi(gateway, image_id)
    found = gateway.getObject("Image", image_id)
    assert len(found.getROIs(shapeType="Rectangle")) == 1
    assert len(found.getROIs(shapeType="Ellipse")) == 0
    assert found.getROICount() == 1


def test_ezomero_reads_back_the_shapes_that_it_wrote(gateway: Gateway) -> None:
    image_id = image(gateway)
    shapes = [
        Point(1, 2), Line(0, 0, 1, 1), Rectangle(1, 1, 2, 2, z=0, label="r"), Ellipse(1, 1, 2, 3),
        Polygon([(0, 0), (1, 0), (1, 1)]), Polyline([(0, 0), (1, 1)]), Label(1, 1, "text", 12),
    ]  # fmt: skip

    roi_id = ezomero.post_roi(gateway, image_id, shapes, name="n")

    assert ezomero.get_roi_ids(gateway, image_id) == [roi_id]
    read = [ezomero.get_shape(gateway, one) for one in ezomero.get_shape_ids(gateway, roi_id)]
    assert {type(one) for one in read} == {type(one) for one in shapes}


def test_what_is_not_there_says_so(gateway: Gateway) -> None:
    with pytest.raises(omero.InternalException, match=r"IRoi\.getPoints is not implemented"):
        gateway.getRoiService().getPoints(1)
