"""What is special about some classes when graphs are paired and written: the one place that names them.

Classes are root classes (``LightSource``, ``Shape``) unless they stand with a field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from omero_irods_bridge.model.imports import MARK_NAMESPACE

_OF_SERVER: Final = "tells how the server runs, not what is in images"
_WORK: Final = "is the history of work on the other server"
_PEOPLE: Final = "people and groups are found on a server, never made by a load"
_REGISTRY: Final = "is shared by all of a server, not a part of what was packed"

NOT_CARRIED: Final[Mapping[str, str]] = {
    "AdminPrivilege": _PEOPLE,
    "DBPatch": _OF_SERVER,
    "Event": _WORK,
    "EventLog": _WORK,
    "ExperimenterAnnotationLink": _PEOPLE,
    "ExperimenterGroupAnnotationLink": _PEOPLE,
    "FilesetJobLink": _WORK,
    "GroupExperimenterMap": _PEOPLE,
    "Job": _WORK,
    "JobOriginalFileLink": _WORK,
    "Link": "is no class of objects",
    "Namespace": _REGISTRY,
    "NamespaceAnnotationLink": _REGISTRY,
    "Node": _OF_SERVER,
    "NodeAnnotationLink": _OF_SERVER,
    "Session": _OF_SERVER,
    "SessionAnnotationLink": _OF_SERVER,
    "ShareMember": _OF_SERVER,
    "Thumbnail": "OMERO makes them anew from the rendering settings",
}
"""Rows of these are neither paired nor written."""

PEOPLE: Final = frozenset({"Experimenter", "ExperimenterGroup"})
"""Paired when the caller says with whom; never made, never changed."""

OWN_NAMESPACES: Final = frozenset({MARK_NAMESPACE})
"""Annotations of these say what a load did on one server. They mean nothing on another one."""

TAG_SET_NAMESPACE: Final = "openmicroscopy.org/omero/insight/tagset"
"""Of tags that are sets of tags (omero.constants.metadata.NSINSIGHTTAGSET): found through what is in them."""

_IMPORT: Final = "is what an import makes of the same files, in the same order"
_SETTINGS: Final = "a channel has one of its own, which the import fills from the files"
_PART: Final = "the import makes the parts of an instrument; settings and channels lead to which is which"
_WHOLE: Final = "belongs to one object alone, which leads to it"

STRUCTURE: Final[Mapping[str, str]] = {
    "Channel": _IMPORT,
    "Detector": _PART,
    "DetectorSettings": _SETTINGS,
    "Dichroic": _PART,
    "Experiment": _IMPORT,
    "Fileset": _IMPORT,
    "FilesetEntry": _IMPORT,
    "Filter": _PART,
    "FilterSet": _PART,
    "Image": _IMPORT,
    "ImagingEnvironment": _IMPORT,
    "Instrument": _IMPORT,
    "LightPath": _SETTINGS,
    "LightPathExcitationFilterLink": _SETTINGS,
    "LightSettings": _SETTINGS,
    "LightSource": _PART,
    "LogicalChannel": _SETTINGS,
    "MicrobeamManipulation": _IMPORT,
    "Microscope": _PART,
    "OTF": _PART,
    "Objective": _PART,
    "ObjectiveSettings": _IMPORT,
    "Pixels": _IMPORT,
    "Plate": _IMPORT,
    "PlateAcquisition": _IMPORT,
    "StageLabel": _IMPORT,
    "StatsInfo": _IMPORT,
    "TransmittanceRange": _PART,
    "Well": _IMPORT,
    "WellSample": _IMPORT,
    "AffineTransform": _WHOLE,
    "ChannelBinding": _WHOLE,
    "CodomainMapContext": _WHOLE,
    "ExternalInfo": _WHOLE,
    "OriginalFile": "the object that has a file leads to it",
    "ProjectionDef": _WHOLE,
    "QuantumDef": _WHOLE,
    "Shape": _WHOLE,
}
"""Paired because a paired object leads to them by the same field or place of a list, with any values."""

NATURAL_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "WellSample": ("image",),
    "Well": ("plate", "row", "column"),
    "PlaneInfo": ("pixels", "theZ", "theC", "theT"),
}
"""What tells objects of a class apart, even when their values differ: a field shows an image, a plate has one
well in a place (unique in the database), one plane of pixels is described once."""

NOT_FOLLOWED: Final[Mapping[str, str]] = {
    "Pixels.relatedTo": "leads to pixels of another image, which has its own seed",
    "Mask.pixels": "leads to pixels of another image, which has its own seed",
}
"""References that never lead to a pair."""

LEADS_DOWN: Final[Mapping[str, str]] = {
    "Channel.logicalChannel": "a channel is found through its pixels, its settings through the channel",
    "FilesetEntry.originalFile": "an entry is found through its fileset, its file through the entry",
    "Folder.parentFolder": "a folder is found through what is in it",
    "WellSample.image": "a field is found through its well, the image through the field",
}
"""References to the owner of a collection that is not read, as it leads to other things than what was packed
(adapters/omero/scope.py)."""

PARENTS_FIRST: Final = ("Instrument", "FilterSet", "Experiment", "Plate", "Screen")
"""Classes whose equal objects are told apart before those that they hold: the held are told apart by them."""

CONTAINERS: Final = frozenset({"Project", "Dataset", "Screen", "Plate", "Folder"})
"""Nothing leads to a new one of these, so each is made together with its mark."""

_ONLY_IMPORT: Final = "only an import can make it"

NOT_MADE: Final[Mapping[str, str]] = {
    "Channel": _ONLY_IMPORT,
    "Fileset": _ONLY_IMPORT,
    "FilesetEntry": _ONLY_IMPORT,
    "Image": _ONLY_IMPORT,
    "Pixels": _ONLY_IMPORT,
    "StatsInfo": "OMERO computes it from the pixels",
    "Experimenter": _PEOPLE,
    "ExperimenterGroup": _PEOPLE,
}
"""Without a pair they stay away, and what cannot be without them too."""

_PLACE: Final = "the import decides where files are kept"
_BYTES: Final = "OMERO records it when the bytes are written"
_FROM_FILE: Final = "the import reads it from the pixels"

SET_BY_SERVER: Final[Mapping[str, str]] = {
    "Channel.pixels": _FROM_FILE,
    "Channel.statsInfo": "OMERO computes it from the pixels",
    "Fileset.templatePrefix": _PLACE,
    "Fileset.usedFiles": _PLACE,
    "FilesetEntry.clientPath": _PLACE,
    "FilesetEntry.fileset": _PLACE,
    "FilesetEntry.originalFile": _PLACE,
    "Image.fileset": _PLACE,
    "Image.format": "the import says which reader read the files",
    "Image.pixels": _FROM_FILE,
    "Image.series": "the place of the image in its fileset",
    "OriginalFile.hash": _BYTES,
    "OriginalFile.hasher": "where it proves nothing, OMERO is told another one when the bytes are written",
    "OriginalFile.mtime": _BYTES,
    "OriginalFile.repo": "no client may set it",
    "OriginalFile.size": _BYTES,
    "Pixels.channels": _FROM_FILE,
    "Pixels.dimensionOrder": _FROM_FILE,
    "Pixels.image": _FROM_FILE,
    "Pixels.pixelsType": _FROM_FILE,
    "Pixels.sha1": "OMERO computes it from the pixels",
    "Pixels.significantBits": _FROM_FILE,
    "Pixels.sizeC": _FROM_FILE,
    "Pixels.sizeT": _FROM_FILE,
    "Pixels.sizeX": _FROM_FILE,
    "Pixels.sizeY": _FROM_FILE,
    "Pixels.sizeZ": _FROM_FILE,
    "StatsInfo.globalMax": "OMERO computes it from the pixels",
    "StatsInfo.globalMin": "OMERO computes it from the pixels",
}
"""Fields of concrete classes that are neither compared nor written."""

WRITTEN_ONCE: Final = frozenset({"OriginalFile.hasher"})
"""Those of them that are written when an object is made, and left alone afterwards."""

FILE_OF_FILESET: Final = "a file of a fileset is what the import made of the same bytes"

NEVER_KEPT: Final = frozenset({*NOT_CARRIED.values(), *SET_BY_SERVER.values(), FILE_OF_FILESET})
"""Why something stays behind in each load, as it means nothing on another server or comes to be by itself."""

DETAILS_NOT_KEPT: Final[Mapping[str, str]] = {
    "creationEvent": "only a server says when something was made",
    "updateEvent": "only a server says when something was changed",
    "permissions": "they are those of the group",
}
"""Details that no object of a load has from the packet."""
