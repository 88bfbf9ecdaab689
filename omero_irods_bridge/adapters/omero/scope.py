"""What belongs to an object that is packed: the one table of what is followed from where, and why not.

Two ways of bringing an object along: *whole*, with the collections that are followed from it, and as a
*row*, which says what it is itself. Selected objects are whole. Collections are followed unless they are in
``NOT_FOLLOWED``; their elements are whole. References are whole too, except a reference back to the owner of
a collection that is followed: that brings a row, so that a well says which plate it is of without all of that
plate. So of a selected well come the well, its fields, their images, and the rows of its plate and run, but
neither other wells nor what is said of the plate.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from functools import cache
from typing import Final

from omero_irods_bridge.adapters.omero.reflection import (
    ModelClass,
    ModelCollection,
    concrete_classes,
    root_of,
)


class Depth(Enum):
    """How an object is brought along that another one refers to."""

    WHOLE = auto()
    ROW = auto()
    NAME = auto()
    """Not at all: the reference stays, without a row."""


_UPWARDS: Final = "leads to what holds the object: other things than what was selected"
_PEOPLE: Final = "is said of people and groups, not of images"
_OF_SERVER: Final = "tells how the server runs, not what is in images"

NOT_FOLLOWED: Final[Mapping[str, str]] = {
    "Dataset.projectLinks": _UPWARDS,
    "Image.datasetLinks": _UPWARDS,
    "Image.wellSamples": _UPWARDS,
    "Plate.screenLinks": _UPWARDS,
    "Reagent.wellLinks": _UPWARDS,
    "LogicalChannel.channels": _UPWARDS,
    "Filter.excitationFilterLink": _UPWARDS,
    "Filter.emissionFilterLink": _UPWARDS,
    "OriginalFile.filesetEntries": _UPWARDS,
    "OriginalFile.pixelsFileMaps": _UPWARDS,
    "Folder.imageLinks": "a folder comes for what is packed of it, not with all that is in it",
    "Folder.roiLinks": "a folder comes for what is packed of it, not with all that is in it",
    "Folder.childFolders": "a folder comes for what is packed of it, not with all that is in it",
    "Pixels.thumbnails": "OMERO makes them anew from the rendering settings",
    "Experimenter.groupExperimenterMap": _PEOPLE,
    "Experimenter.annotationLinks": _PEOPLE,
    "ExperimenterGroup.groupExperimenterMap": _PEOPLE,
    "ExperimenterGroup.annotationLinks": _PEOPLE,
    "Event.logs": _OF_SERVER,
    "Namespace.annotationLinks": _OF_SERVER,
    "Node.annotationLinks": _OF_SERVER,
    "Node.sessions": _OF_SERVER,
    "Session.annotationLinks": _OF_SERVER,
    "Session.events": _OF_SERVER,
}
"""Root class and collection: why what is in it is left out."""

NAMED_ONLY: Final[Mapping[str, str]] = {
    "Pixels.relatedTo": "are pixels of another image, which was not selected",
    "Mask.pixels": "are pixels of an image that may not be selected; the mask has its own bytes",
    "Event.containingEvent": _OF_SERVER,
}
"""Class and field: why what it refers to has no row for that."""

SECRET: Final[Mapping[str, str]] = {
    "Session": "its uuid is the key that opens it",
    "Share": "is a session too",
    "Node": _OF_SERVER,
}
"""Root classes that never become rows."""

KEPT_TOGETHER: Final[Mapping[str, str]] = {
    "Fileset": "OMERO neither deletes nor moves a part of one, and the stock tool packs all of it",
    "Instrument": "its parts refer to each other",
}
"""Root classes that come whole for any of their parts."""

CARRIED_OF_PEOPLE: Final[Mapping[str, frozenset[str]]] = {
    "Experimenter": frozenset({"omeName", "firstName", "middleName", "lastName", "institution"}),
    "ExperimenterGroup": frozenset({"name", "description"}),
}
"""What is told of them besides id, version and permissions: enough to find them again elsewhere."""


@cache
def followed(model: ModelClass) -> tuple[ModelCollection, ...]:
    """The collections that an object of this class is whole with."""
    return tuple(one for one in model.collections.values() if f"{model.root}.{one.name}" not in NOT_FOLLOWED)


@cache
def depth(holder: ModelClass, field: str, target_root: str) -> Depth:
    """How far a reference of a whole object leads; ``field`` begins with ``details.`` for details."""
    if target_root in SECRET or f"{holder.name}.{field}" in NAMED_ONLY:
        return Depth.NAME
    if target_root in KEPT_TOGETHER:
        return Depth.WHOLE
    return Depth.ROW if (holder.root, field) in _ways_back() else Depth.WHOLE


@cache
def _ways_back() -> frozenset[tuple[str, str]]:
    """Root and field of elements that point back to the owner of a collection that is followed."""
    found = (one for model in concrete_classes() for one in followed(model))
    return frozenset((root_of(one.element), one.inverse) for one in found)
