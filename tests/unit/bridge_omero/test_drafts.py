"""Objects of omero.model from drafts, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import omero
import omero.clients
import omero.model
import pytest
from omero.rtypes import rlong, rstring

from omero_irods_bridge.adapters.omero.draft_reading import DraftBatch, read_drafts
from omero_irods_bridge.adapters.omero.reflection import concrete_classes
from omero_irods_bridge.model.errors import BridgeError


class Values:
    """Knows every value of every enumeration by the id 7."""

    def reference(self, text: str) -> Any:
        return getattr(omero.model, f"{text.partition('=')[0]}I")(7, False)


def read(*drafts: dict[str, Any], there: Sequence[Any] = ()) -> DraftBatch:
    return read_drafts(drafts, Values(), lambda _root, _ids: there)  # type: ignore[arg-type]


def roi_with_shapes() -> Any:
    roi = omero.model.RoiI(5)
    roi.addShape(omero.model.PointI(6))
    return roi


def test_collections_of_what_is_changed_are_not_sent_and_so_never_emptied() -> None:
    found = read({"@": "Roi:5", "name": "new"}, there=[roi_with_shapes()]).objects["Roi:5"]
    assert not found.isShapesLoaded()
    assert not found.isAnnotationLinksLoaded()
    assert found.name.val == "new"


def test_an_object_that_is_referred_to_often_is_sent_once() -> None:
    links = [{"@": f"DatasetImageLink:_{n}", "parent": "Dataset:5", "child": f"Image:{n}"} for n in range(3)]
    batch = read(*links)
    assert len({id(batch.objects[link["@"]].parent) for link in links}) == 1
    assert batch.references == {"Dataset": {5}, "Image": {0, 1, 2}}


def test_what_the_batch_changes_is_referred_to_as_the_object_that_is_sent() -> None:
    """OMERO takes it for gone where it is a reference and an object (UpdateImpl.internalMerge)."""
    dataset = omero.model.DatasetI(rlong(5), True)
    dataset.name = rstring("old")
    link = {"@": "DatasetImageLink:_1", "parent": "Dataset:5", "child": "Image:6"}
    batch = read({"@": "Dataset:5", "name": "new"}, link, there=[dataset])
    assert batch.objects["DatasetImageLink:_1"].parent is batch.objects["Dataset:5"]
    assert batch.top == ["Dataset:5", "DatasetImageLink:_1"]


def test_what_is_changed_refers_to_what_else_is_changed_and_to_nothing_else_that_is_loaded() -> None:
    """The old values of what OMERO loads with an object would be saved beside those of the batch."""
    channel, logical, statistics = (
        omero.model.ChannelI(5), omero.model.LogicalChannelI(6), omero.model.StatsInfoI(7)
    )  # fmt: skip
    channel.logicalChannel, channel.statsInfo = omero.model.LogicalChannelI(6, False), statistics
    channel.details.owner = omero.model.ExperimenterI(8)
    drafts = {"@": "Channel:5", "red": 1}, {"@": "LogicalChannel:6", "name": "new"}
    batch = read(*drafts, there=[channel, logical])
    assert batch.objects["Channel:5"].logicalChannel is batch.objects["LogicalChannel:6"]
    assert not batch.objects["Channel:5"].statsInfo.isLoaded()
    owner = batch.objects["Channel:5"].details.owner
    assert (owner.id.val, owner.isLoaded()) == (8, False)


def test_children_are_saved_with_their_parents_alone() -> None:
    batch = read({"@": "Point:_2"}, {"@": "Roi:_1", "image": "Image:3", "shapes": ["Point:_2"]})
    assert batch.top == ["Roi:_1"]
    assert batch.objects["Point:_2"].roi is batch.objects["Roi:_1"]
    assert batch.lists == {"Roi:_1": {"shapes": ["Point:_2"]}}


def test_a_child_that_is_there_is_changed_though_a_list_names_it() -> None:
    roi, point = omero.model.RoiI(5), omero.model.PointI(6)
    batch = read_drafts(
        [
            {"@": "Roi:5", "shapes": ["Point:6", "Point:_1"]},
            {"@": "Point:6", "textValue": "a"},
            {"@": "Point:_1"},
        ],
        Values(),  # type: ignore[arg-type]
        lambda root, _ids: [roi] if root == "Roi" else [point],
    )
    assert batch.top == ["Roi:5", "Point:6"]
    assert batch.objects["Point:6"].textValue.val == "a"


LISTS = [
    (model.name, place)
    for model in concrete_classes()
    for place in model.collections.values()
    if place.is_ordered
]


@pytest.mark.parametrize(("owner", "place"), LISTS, ids=lambda value: getattr(value, "name", value))
def test_a_child_of_any_list_must_be_listed(owner: str, place: Any) -> None:
    child = {"Shape": "Point", "CodomainMapContext": "PlaneSlicingContext"}.get(place.element, place.element)
    unlisted = {"@": f"{child}:_2", place.inverse: f"{owner}:_1"}
    with pytest.raises(BridgeError, match=f"its {place.inverse} does not list it"):
        read({"@": f"{owner}:_1"}, unlisted)
    batch = read({"@": f"{owner}:_1", place.name: [f"{child}:_2"]}, unlisted)
    assert batch.top == [f"{owner}:_1"]
