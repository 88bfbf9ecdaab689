"""What the model says of classes, against what is known of some of them."""

from __future__ import annotations

from omero_irods_bridge.adapters.omero.object_model import OmeroModel
from omero_irods_bridge.adapters.omero.reflection import concrete_classes
from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_sandbox.omero_server.model.catalog import MODEL


def shape(name: str) -> ClassShape:
    found = OmeroModel().shape(name)
    assert found is not None
    return found


def test_an_element_of_a_list_knows_the_way_back_to_its_owner() -> None:
    assert shape("Rectangle").owners == {"roi": True}
    assert shape("Roi").owners == {"image": False}
    assert shape("Roi").is_list("shapes")
    assert shape("Rectangle").root == "Shape"


def test_every_enumeration_of_the_model_is_one_and_nothing_else() -> None:
    for model in concrete_classes():
        entity = MODEL.entity(model.name)
        assert shape(model.name).is_enumeration == ("value" in entity.fields), model.name


def test_a_name_is_no_reference_and_must_be_there() -> None:
    assert "name" not in shape("Image").references
    assert {"name"} <= shape("Image").required
    assert shape("ImageAnnotationLink").is_link


def test_what_is_no_class_has_no_shape() -> None:
    for name in ("Novelty", "Annotation", "os", "Length", "RString"):
        assert OmeroModel().shape(name) is None
