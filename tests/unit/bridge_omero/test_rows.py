"""Every concrete class keeps every field on its way to JSON and back, and bad rows are refused."""

from __future__ import annotations

import json
import math
from typing import Any

import omero
import omero.clients
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omero.model import NamedValue
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime

from omero_irods_bridge.adapters.omero.reflection import ModelClass, concrete_classes, model_class
from omero_irods_bridge.adapters.omero.row_reading import RowReader
from omero_irods_bridge.adapters.omero.rows import DETAILS, to_row
from omero_irods_bridge.model.errors import BadPacket
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind

CONCRETE = list(concrete_classes())
TYPES_OF_DETAILS = {
    "owner": "Experimenter", "group": "ExperimenterGroup", "creationEvent": "Event", "updateEvent": "Event",
    "externalInfo": "ExternalInfo",
}  # fmt: skip

_SCALARS = {
    "RString": lambda: rstring("täxt ☃"),
    "RInt": lambda: rint(3),
    "RLong": lambda: rlong(2**62 + 1),
    "RDouble": lambda: rdouble(0.1 + 0.2),
    "RFloat": lambda: rfloat(2.5),
    "RBool": lambda: rbool(False),
    "RTime": lambda: rtime(-1_700_000_000_123),
}


def example(name: str) -> Any:
    """An object with every field set: references are unloaded, lists have elements, sets are loaded."""
    made = model_class(name).python_class(7, True)
    for field in MODEL.entity(name).fields.values():
        value = _value(field)
        if field.kind is FieldKind.COLLECTION:
            setattr(made, field.loaded_attribute, True)
        setattr(made, field.attribute, value)
    if "_version" in vars(made):
        made._version = rint(4)
    for number, detail in enumerate(DETAILS):
        setattr(made._details, f"_{detail}", model_class(TYPES_OF_DETAILS[detail]).reference(100 + number))
    made._details._permissions = omero.model.PermissionsI("rwra--")
    made._details._permissions._extendedRestrictions = ["RESTRICT-BINARY-ACCESS"]
    return made


def _value(field: Field) -> Any:
    if field.kind is FieldKind.SCALAR:
        return _SCALARS[field.target]()
    if field.kind is FieldKind.UNIT:
        units = getattr(omero.model.enums, f"Units{field.target}")
        return getattr(omero.model, f"{field.target}I")(2.25, units.valueOf(3))
    if field.kind is FieldKind.NAMED_VALUES:
        return [NamedValue("b", "1"), NamedValue("a", "2"), NamedValue("b", ""), None]
    if field.kind is FieldKind.BYTES:
        return bytes(range(256))
    if field.kind is FieldKind.STRINGS:
        return ["one", "zwö"]
    if field.kind is FieldKind.COLLECTION:
        return [_reference(field, 5), None, _reference(field, 4)] if field.is_ordered else []
    return _reference(field, 9)


def _reference(field: Field, id_: int) -> Any:
    subclasses = MODEL.entity(field.target).subclasses
    return model_class(next(one for one in subclasses if not MODEL.entity(one).is_abstract)).reference(id_)


def state(value: Any) -> Any:
    """All that an object holds, comparable: of unloaded ones class and id."""
    if isinstance(value, omero.model.IObject) and not value._loaded:
        return type(value).__name__, value._id.val
    if isinstance(value, list | tuple):
        return [state(one) for one in value]
    if isinstance(value, omero.RType):
        return type(value).__name__, value._val
    if hasattr(value, "__dict__"):
        return type(value).__name__, {name: state(one) for name, one in vars(value).items()}
    return str(value) if type(value).__name__.startswith("Units") else value


def through_json(*rows: Any) -> RowReader:
    reader = RowReader()
    for row in rows:
        reader.add(json.loads(json.dumps(row, allow_nan=False)))
    return reader


def test_162_classes_are_tried() -> None:
    assert len(CONCRETE) == 162


def test_reflection_finds_what_the_generated_modules_declare() -> None:
    for entity in MODEL.entities:
        if entity.is_abstract:
            continue
        found = model_class(entity.name)
        declared = {
            (one.name, one.target, one.inverse, one.is_ordered)
            for one in entity.of_kind(FieldKind.COLLECTION)
        }
        assert {
            (one.name, one.element, one.inverse, one.is_ordered) for one in found.collections.values()
        } == declared
        assert found.root == entity.root
        plain = {one.name for one in entity.fields.values() if one.kind is not FieldKind.COLLECTION}
        assert {name for _, name in found.fields} - {"version"} == plain


@pytest.mark.parametrize("model", CONCRETE, ids=lambda model: model.name)
def test_every_field_of_every_class_comes_back(model: ModelClass) -> None:
    before = example(model.name)
    reader = through_json(to_row(before))
    after = reader.finish()[f"{model.name}:7"]
    assert state(after) == state(before)
    assert reader.unknown == []


@pytest.mark.parametrize("model", CONCRETE, ids=lambda model: model.name)
def test_what_was_not_loaded_is_not_loaded_afterwards(model: ModelClass) -> None:
    before = model.python_class(7, True)
    before.unloadCollections()
    after = through_json(to_row(before)).finish()[f"{model.name}:7"]
    assert not any(getattr(after, one.loaded_attribute) for one in model.collections.values())


def test_members_of_a_set_are_the_rows_that_point_back() -> None:
    rois = [{"@": f"Roi:{number}", "image": "Image:5"} for number in (3, 1)]
    reader = through_json(rois[0], {"@": "Image:5", "@sets": ["rois", "annotationLinks"]}, rois[1])
    image = reader.finish()["Image:5"]
    assert [roi.id.val for roi in image.copyRois()] == [3, 1]
    assert image.copyAnnotationLinks() == []
    assert image.copyRois()[0].image is image


def test_an_object_of_a_subclass_is_a_member_of_the_set() -> None:
    reader = through_json(
        {"@": "Instrument:1", "@sets": ["lightSource"]}, {"@": "Laser:2", "instrument": "Instrument:1"}
    )
    assert [one.id.val for one in reader.finish()["Instrument:1"].copyLightSource()] == [2]


@given(st.floats(width=64))
def test_every_double_comes_back(value: float) -> None:
    before = omero.model.DoubleAnnotationI(1, True)
    before.doubleValue = rdouble(value)
    after = through_json(to_row(before)).finish()["DoubleAnnotation:1"].doubleValue.val
    assert after == value or (math.isnan(after) and math.isnan(value))
    assert math.copysign(1, after) == math.copysign(1, value) or math.isnan(value)


@given(st.lists(st.tuples(st.text(), st.text())), st.text())
def test_every_text_and_map_comes_back(pairs: list[tuple[str, str]], text: str) -> None:
    before = omero.model.MapAnnotationI(1, True)
    before.mapValue = [NamedValue(*pair) for pair in pairs]
    before.description = rstring(text)
    after = through_json(to_row(before)).finish()["MapAnnotation:1"]
    assert [(pair.name, pair.value) for pair in after.mapValue] == pairs
    assert after.description.val == text


@given(st.binary())
def test_all_bytes_come_back(data: bytes) -> None:
    before = omero.model.MaskI(1, True)
    before.bytes = data
    assert through_json(to_row(before)).finish()["Mask:1"].bytes == data


def test_fields_that_the_model_does_not_have_are_reported() -> None:
    row = {"@": "Image:5", "name": "a", "flavour": "sweet", "details": {"mood": 1}}
    reader = through_json(row)
    assert sorted(reader.unknown) == [("Image:5", "details.mood"), ("Image:5", "flavour")]
    assert reader.finish()["Image:5"].name.val == "a"


def test_the_same_row_twice_is_one_object() -> None:
    row = {"@": "Image:5", "name": "a"}
    assert len(through_json(row, row).finish()) == 1


def test_two_different_rows_of_an_object_are_refused() -> None:
    with pytest.raises(BadPacket, match=r"Image:5 is told of twice, differently: name"):
        through_json({"@": "Image:5", "name": "a"}, {"@": "Image:5", "name": "b"})


@pytest.mark.parametrize(
    "key",
    ["NamedValue:1", "Parameters:1", "Annotation:1", "os:1", "Image", "Image:x", "Image:-1", "", None, 7],
)
def test_what_is_no_class_of_the_model_is_refused(key: object) -> None:
    with pytest.raises(BadPacket):
        through_json({"@": key})
    with pytest.raises(BadPacket):
        through_json({"@": "Image:5", "fileset": key or "?"})


@pytest.mark.parametrize(
    "field",
    [
        {"series": "three"}, {"fileset": 5}, {"@sets": ["rooms"]},
        {"name": {"b64": "%%%"}}, {"pixels": 3}, {"details": {"owner": 5}}, {"details": {"permissions": {}}},
        {"series": {"Image": 1, "unit": "PIXEL"}}, {"series": {"Length": 1, "unit": "CUBIT"}},
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(BadPacket, match=r"The row of Image:5 cannot be read"):
        through_json({"@": "Image:5", **field})
