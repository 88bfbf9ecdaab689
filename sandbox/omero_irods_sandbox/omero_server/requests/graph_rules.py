"""How objects depend on each other: the tables behind Delete2, Chgrp2, Chown2, FindParents and the rest.

docs/omero-graph-rules.md explains them and names the source of each.

Three relations are enough. A *dependent* cannot be without what it refers to
and shares its fate; it is known by its required reference. *Use* joins a user to
something that others may use too, and that goes when its last user goes. A
*link* is a row that joins two ends; what becomes of it depends on both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.omero_server.requests.graph_objects import (
    ANNOTATION_LINK,
    EXTERNAL_INFO,
    Edge,
    Graph,
    Node,
)

# -- dependents

ALSO_DEPENDENT: Final = frozenset({"Image.fileset", "WellSample.plateAcquisition"})
"""References that may be null though their holder is a part: of a fileset its images, of a run its fields."""

NOT_DEPENDENT: Final = frozenset(
    {"WellSample.image", "FilesetEntry.originalFile", "RenderingDef.quantization"}
)
"""Required references whose holder is not a part of what it refers to."""

# -- use

USER_REFERS: Final = frozenset(
    {
        "Annotation.file", "Channel.logicalChannel", "Channel.statsInfo", "Filter.transmittanceRange",
        "FilesetEntry.originalFile", "FilterSet.dichroic", "Image.experiment", "Image.fileset",
        "Image.imagingEnvironment", "Image.instrument", "Image.stageLabel", "Instrument.microscope",
        "LightSource.pump", "LogicalChannel.lightPath", "OTF.filterSet", "OTF.objective",
        "RenderingDef.quantization", "Roi.source", "Shape.transform", "WellSample.image", EXTERNAL_INFO,
    }
)  # fmt: skip
"""The holder of the reference is the user."""

USED_REFERS: Final = frozenset({"Folder.parentFolder", "Roi.image"})
"""The holder of the reference is what is used: an image uses its ROIs."""

PARENT_USES: Final = frozenset(
    {
        "DatasetImageLink", "FilesetJobLink", "FolderImageLink", "FolderRoiLink", "JobOriginalFileLink",
        "ProjectDatasetLink", "ScreenPlateLink", "WellReagentLink",
    }
)  # fmt: skip
CHILD_USES: Final = frozenset({"PixelsOriginalFileMap"})

CONTAINERS: Final = frozenset(
    {
        "DatasetImageLink",
        "FolderImageLink",
        "FolderRoiLink",
        "ProjectDatasetLink",
        "ScreenPlateLink",
        "Folder.parentFolder",
    }
)
"""Use by a container."""

OWN_JOBS: Final = ("IndexingJob", "MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob", "UploadJob")
"""Jobs whose files go with them when both have the same owner."""

FREELY: Final = ("BasicAnnotation", "CommentAnnotation")
"""Annotations that go with what they are on, whoever made them."""
SAME_OWNER: Final = ("FileAnnotation", "TagAnnotation")
"""Annotations that go only with what belongs to their owner."""


@dataclass(frozen=True, slots=True)
class Use:
    """``user`` uses ``used``; ``key`` is the reference or the link that says so, ``link`` the link's row."""

    key: str
    user: Node
    used: Node
    link: Node | None = None


def is_dependent(edge: Edge) -> bool:
    """Whether the source shares the fate of the target. Of links only that of a fileset to a job does."""
    if edge.source.entity.is_link:
        return edge.key == "FilesetJobLink.parent"
    return edge.key in ALSO_DEPENDENT or (edge.is_required and edge.key not in NOT_DEPENDENT)


def used_by(graph: Graph, node: Node) -> Iterator[Use]:
    """What an explored node uses."""
    for edge in graph.out(node):
        if edge.key in USER_REFERS:
            yield Use(edge.key, node, edge.target)
    for edge in graph.into(node):
        if edge.key in USED_REFERS:
            yield Use(edge.key, node, edge.source)
        elif edge.source.entity.is_link:
            yield from (use for use in uses_through(graph, edge.source) if use.user == node)


def users_of(graph: Graph, node: Node) -> Iterator[Use]:
    """What uses an explored node."""
    for edge in graph.into(node):
        if edge.key in USER_REFERS:
            yield Use(edge.key, edge.source, node)
        elif edge.source.entity.is_link:
            yield from (use for use in uses_through(graph, edge.source) if use.used == node)
    for edge in graph.out(node):
        if edge.key in USED_REFERS:
            yield Use(edge.key, edge.target, node)


def ends(graph: Graph, link: Node) -> tuple[Node, Node] | None:
    """Parent and child of an explored link."""
    found = {edge.field: edge.target for edge in graph.out(link)}
    return (found["parent"], found["child"]) if {"parent", "child"} <= found.keys() else None


def uses_through(graph: Graph, link: Node) -> Iterator[Use]:
    """The use that an explored link stands for, if any."""
    joined = ends(graph, link)
    if joined is None:
        return
    parent, child = joined
    if link.root in PARENT_USES or link.root.endswith(ANNOTATION_LINK):
        yield Use(link.root, parent, child, link)
    elif link.root in CHILD_USES:
        yield Use(link.root, child, parent, link)
