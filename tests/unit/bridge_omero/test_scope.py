"""Nothing is left out of a graph by oversight: whatever is not followed has a reason."""

from __future__ import annotations

import pytest

from omero_irods_bridge.adapters.omero.reflection import concrete_classes, model_class
from omero_irods_bridge.adapters.omero.scope import (
    CARRIED_OF_PEOPLE,
    KEPT_TOGETHER,
    NAMED_ONLY,
    NOT_FOLLOWED,
    SECRET,
    Depth,
    depth,
    followed,
)

COLLECTIONS = {
    f"{model.root}.{collection}" for model in concrete_classes() for collection in model.collections
}


def test_each_collection_of_each_class_is_followed_or_left_out_for_a_reason() -> None:
    taken = {f"{model.root}.{one.name}" for model in concrete_classes() for one in followed(model)}
    assert taken | set(NOT_FOLLOWED) == COLLECTIONS
    assert taken.isdisjoint(NOT_FOLLOWED)
    reasons = [*NOT_FOLLOWED.values(), *NAMED_ONLY.values(), *SECRET.values(), *KEPT_TOGETHER.values()]
    assert all(len(reason) > 10 for reason in reasons)


def test_what_is_left_out_of_a_whole_object_is_known_by_heart() -> None:
    """A new model brings its collections along; to leave another one out is a decision."""
    lost = {"Pixels.thumbnails", "Event.logs", "Folder.imageLinks", "Folder.roiLinks", "Folder.childFolders"}
    downwards = {
        name for name, reason in NOT_FOLLOWED.items() if not reason.startswith("leads to what holds")
    }
    roots_of_images = {name for name in downwards if name.partition(".")[0] not in PEOPLE_AND_SERVER}
    assert roots_of_images == lost - {"Event.logs"}


PEOPLE_AND_SERVER = {"Experimenter", "ExperimenterGroup", "Event", "Namespace", "Node", "Session"}


def test_fields_in_the_table_are_of_the_model() -> None:
    for name in NAMED_ONLY:
        class_name, _, field = name.partition(".")
        assert field in model_class(class_name).field_names
    for class_name, fields in CARRIED_OF_PEOPLE.items():
        assert fields <= model_class(class_name).field_names


@pytest.mark.parametrize(
    ("holder", "field", "target", "expected"),
    [
        ("Well", "plate", "Plate", Depth.ROW),
        ("WellSample", "plateAcquisition", "PlateAcquisition", Depth.ROW),
        ("WellSample", "image", "Image", Depth.WHOLE),
        ("Reagent", "screen", "Screen", Depth.ROW),
        ("Image", "fileset", "Fileset", Depth.WHOLE),
        ("Objective", "instrument", "Instrument", Depth.WHOLE),
        ("Channel", "logicalChannel", "LogicalChannel", Depth.WHOLE),
        ("FilesetEntry", "originalFile", "OriginalFile", Depth.WHOLE),
        ("DatasetImageLink", "child", "Image", Depth.WHOLE),
        ("DatasetImageLink", "parent", "Dataset", Depth.ROW),
        ("AnnotationAnnotationLink", "parent", "Annotation", Depth.ROW),
        ("AnnotationAnnotationLink", "child", "Annotation", Depth.WHOLE),
        ("FolderImageLink", "parent", "Folder", Depth.WHOLE),
        ("Folder", "parentFolder", "Folder", Depth.WHOLE),
        ("Image", "details.owner", "Experimenter", Depth.WHOLE),
        ("Image", "details.externalInfo", "ExternalInfo", Depth.WHOLE),
        ("Event", "session", "Session", Depth.NAME),
        ("Pixels", "relatedTo", "Pixels", Depth.NAME),
    ],
)
def test_how_far_references_lead(holder: str, field: str, target: str, expected: Depth) -> None:
    assert depth(model_class(holder), field, target) is expected
