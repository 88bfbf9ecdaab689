"""The model as read from omero-py."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_irods_sandbox.omero_server.model.cache import declarations
from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.model.declarations import read_declarations, source_folder
from omero_irods_sandbox.omero_server.model.entities import FieldKind


def test_all_classes_of_omero_py_are_found() -> None:
    assert sum(not entity.is_abstract for entity in MODEL.entities) == 162
    assert {entity.name for entity in MODEL.entities if entity.is_abstract} >= {"Annotation", "Shape", "Job"}


def test_every_collection_knows_the_field_that_points_back() -> None:
    for entity in MODEL.entities:
        for field in entity.of_kind(FieldKind.COLLECTION):
            assert field.inverse in MODEL.entity(field.target).fields, (entity.name, field.name)


@pytest.mark.parametrize("name", ["Image", "ImageI", "omero.model.Image", "ome.model.core.Image"])
def test_a_class_is_known_by_all_of_its_names(name: str) -> None:
    assert MODEL.entity(name).java_name == "ome.model.core.Image"


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(UnknownEntity, match="Unicorn is not mapped"):
        MODEL.entity("Unicorn")


def test_lists_and_sets_are_told_apart() -> None:
    assert MODEL.entity("Roi").fields["shapes"].is_ordered
    assert MODEL.entity("Pixels").fields["channels"].is_ordered
    assert not MODEL.entity("Dataset").fields["imageLinks"].is_ordered


def test_references_include_those_typed_to_a_superclass() -> None:
    fields = {(one.entity.name, one.field.name) for one in MODEL.references_to("TagAnnotation")}
    assert ("ImageAnnotationLink", "child") in fields
    assert ("Pixels", "image") not in fields


def test_users_groups_and_enumerations_belong_to_nobody() -> None:
    assert MODEL.entity("Experimenter").is_global
    assert MODEL.entity("PixelsType").is_global
    assert MODEL.entity("PixelsType").is_enumeration
    assert not MODEL.entity("Image").is_global


def test_the_cache_holds_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "model.json"
    first = declarations(path)
    assert path.exists()
    assert declarations(path) == first == read_declarations(source_folder())


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"classes": {"omero.model.Image": ')
    assert "omero.model.Image" in declarations(path).classes
    assert path.read_text().endswith("}")


def test_void_operations_are_told_from_those_that_answer() -> None:
    assert "saveObject" in MODEL.void_operations["IUpdate"]
    assert "saveAndReturnObject" not in MODEL.void_operations["IUpdate"]
