"""Regions of interest through the unmodified gateway and the ROI service behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import omero
import pytest
from omero.gateway import CommentAnnotationWrapper
from omero.model.enums import UnitsLength
from omero.rtypes import rdouble, rint, rstring

from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser
from tests.wire.omero_server.images import made_image, ramp

KINDS: Final[dict[str, dict[str, Any]]] = {
    "Ellipse": {"x": 3.0, "y": 4.0, "radiusX": 1.5, "radiusY": 2.5},
    "Label": {"x": 1.0, "y": 2.0},
    "Line": {"x1": 0.0, "y1": 1.0, "x2": 2.0, "y2": 3.0, "markerStart": "Arrow"},
    "Mask": {"x": 0.0, "y": 0.0, "width": 8.0, "height": 2.0, "bytes": b"\xf0\x0f"},
    "Path": {"d": "M 0 0 L 1 1"},
    "Point": {"x": 1.5, "y": 2.5},
    "Polygon": {"points": "0,0 4,0 4,4"},
    "Polyline": {"points": "0,0 1,1.5"},
    "Rectangle": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0},
}
"""Every concrete Shape with the fields that it alone has."""


def shape(kind: str, **fields: Any) -> Any:
    """A new shape."""
    made = getattr(omero.model, f"{kind}I")()
    for name, value in {**KINDS[kind], **fields}.items():
        setattr(made, name, _wrapped(value))
    return made


def _wrapped(value: Any) -> Any:
    wrap = {float: rdouble, str: rstring, int: rint}.get(type(value))
    return value if wrap is None else wrap(value)


def roi(gateway: Gateway, image: int, *shapes: Any, **fields: str) -> int:
    """Save these shapes as one ROI."""
    made = omero.model.RoiI()
    made.image = content.ref("Image", image)
    for name, value in fields.items():
        setattr(made, name, rstring(value))
    for one in shapes:
        made.addShape(one)
    return int(content.save(gateway, made).id.val)


@pytest.fixture
def image(gateway: Gateway) -> Any:
    return made_image(gateway, ramp(2, 1, 2, 8, 8))


def shapes_of(gateway: Gateway, roi_id: int) -> list[Any]:
    """As the gateway loads them with their ROI, in order."""
    [found] = gateway.getObjects("Roi", [roi_id], opts={"load_shapes": True})
    return list(found.copyShapes())


# -- shapes


@pytest.mark.parametrize("kind", KINDS)
def test_a_shape_of_every_kind_keeps_its_fields(gateway: Gateway, image: Any, kind: str) -> None:
    everywhere = {"theZ": 1, "theT": 1, "theC": 0, "textValue": "here", "fillColor": -1, "strokeColor": 255}
    made = shape(kind, **everywhere, strokeWidth=omero.model.LengthI(2.5, UnitsLength.PIXEL))
    [found] = shapes_of(gateway, roi(gateway, image.getId(), made))
    assert type(found) is type(made)
    for name, value in {**KINDS[kind], **everywhere}.items():
        kept = getattr(found, name)
        assert (kept if name == "bytes" else kept.val) == value, name
    assert (found.strokeWidth.getValue(), found.strokeWidth.getUnit()) == (2.5, UnitsLength.PIXEL)


def test_every_kind_of_shape_is_tested() -> None:
    kinds = {
        name.removesuffix("I") for name, one in vars(omero.model).items()
        if name.endswith("I") and isinstance(one, type) and issubclass(one, omero.model.Shape)
    }  # fmt: skip
    assert kinds == KINDS.keys()


def test_shapes_keep_their_order(gateway: Gateway, image: Any) -> None:
    made = roi(gateway, image.getId(), *(shape("Point", textValue=f"{n}") for n in (3, 1, 2)))
    assert [one.textValue.val for one in shapes_of(gateway, made)] == ["3", "1", "2"]
    loaded = gateway.getRoiService().findByRoi(made, None).rois[0]
    loaded._shapesSeq.reverse()
    content.save(gateway, loaded)
    assert [one.textValue.val for one in shapes_of(gateway, made)] == ["2", "1", "3"]


def test_a_transform_comes_with_its_shape_when_asked_for(gateway: Gateway, image: Any) -> None:
    turned = omero.model.AffineTransformI()
    for name, value in {"a00": 0.0, "a01": -1.0, "a02": 5.0, "a10": 1.0, "a11": 0.0, "a12": 0.5}.items():
        setattr(turned, name, rdouble(value))
    made = shape("Rectangle")
    made.transform = turned
    made_id = roi(gateway, image.getId(), made)
    assert not shapes_of(gateway, made_id)[0].transform.isLoaded()
    query = "select s from Shape s join fetch s.transform where s.roi.id = :id"
    found = gateway.getQueryService().findByQuery(query, content.params(id=made_id))
    assert (found.transform.a02.val, found.transform.a12.val) == (5.0, 0.5)


# -- finding


def test_rois_of_an_image_by_three_ways(gateway: Gateway, image: Any) -> None:
    made = [roi(gateway, image.getId(), shape("Point")) for _ in range(3)]
    roi(gateway, content.image(gateway), shape("Point"))
    assert image.getROICount() == 3
    by_gateway = gateway.getObjects("Roi", opts={"image": image.getId(), "order_by": "obj.id"})
    assert [one.getId() for one in by_gateway] == made
    by_service = gateway.getRoiService().findByImage(image.getId(), None).rois
    assert sorted(one.id.val for one in by_service) == made
    assert gateway.getObject("Roi", made[0]).getImage().getId() == image.getId()


def test_rois_are_counted_by_kind_of_shape(gateway: Gateway, image: Any) -> None:
    roi(gateway, image.getId(), shape("Point"), shape("Rectangle"))
    roi(gateway, image.getId(), shape("Point"))
    assert image.getROICount(shapeType="Point") == 2
    assert image.getROICount(shapeType=["Rectangle"]) == 1
    assert image.getROICount(shapeType="Mask") == 0


def test_rois_are_counted_by_their_owner(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwra--")
    owner, annotator = connect(make_user(group)), connect(make_user(group))
    image = content.image(owner)
    roi(owner, image, shape("Point"))
    for _ in range(2):
        roi(annotator, image, shape("Point"))
    seen = owner.getObject("Image", image)
    assert seen.getROICount() == 3
    assert seen.getROICount(filterByCurrentUser=True) == 1


def test_a_roi_has_name_description_and_annotations(gateway: Gateway, image: Any) -> None:
    made = roi(gateway, image.getId(), shape("Point"), name="cell", description="by hand")
    found = gateway.getObject("Roi", made)
    comment = CommentAnnotationWrapper(gateway)
    comment.setValue("seen")
    found.linkAnnotation(comment)
    again = gateway.getObject("Roi", made)
    assert (again.getName(), again.getDescription()) == ("cell", "by hand")
    assert [one.getValue() for one in again.listAnnotations()] == ["seen"]


# -- changing


def test_a_shape_is_added_changed_and_taken_away(gateway: Gateway, image: Any) -> None:
    made = roi(gateway, image.getId(), shape("Point", textValue="first"), shape("Point", textValue="second"))
    found = gateway.getRoiService().findByRoi(made, None).rois[0]
    first, second = found.copyShapes()
    second.textValue = rstring("changed")
    found.removeShape(first)
    found.addShape(shape("Rectangle", textValue="third"))
    content.save(gateway, found)
    assert [one.textValue.val for one in shapes_of(gateway, made)] == ["changed", "third"]
    assert gateway.getObject("Shape", first.id.val) is None


def test_rois_go_with_their_image(gateway: Gateway) -> None:
    image = content.image(gateway)
    made = roi(gateway, image, shape("Point"))
    gateway.deleteObjects("Image", [image], wait=True)
    assert gateway.getObject("Roi", made) is None


def test_a_deleted_roi_leaves_its_image(gateway: Gateway, image: Any) -> None:
    made = roi(gateway, image.getId(), shape("Point"))
    gateway.deleteObjects("Roi", [made], wait=True)
    assert gateway.getObject("Roi", made) is None
    assert gateway.getObject("Image", image.getId()).getROICount() == 0
