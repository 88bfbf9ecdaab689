"""FindParents and FindChildren (FindParentsI, FindChildrenI, StopBeforeHelper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.requests.graph_objects import Graph, Node, by_class
from omero_irods_sandbox.omero_server.requests.graph_options import classes
from omero_irods_sandbox.omero_server.requests.graph_targets import Targets, target_nodes
from omero_irods_sandbox.omero_server.requests.graph_walk import Step, children, parents, reach
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed, Progress, command
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

LEGAL: Final = frozenset(
    {
        "Instrument", "Annotation", "IAnnotationLink", "Dataset", "Project", "Folder", "Channel", "Image",
        "LogicalChannel", "OriginalFile", "Pixels", "PlaneInfo", "ChannelBinding", "CodomainMapContext",
        "ProjectionDef", "QuantumDef", "RenderingDef", "Thumbnail", "Experiment", "MicrobeamManipulation",
        "Fileset", "FilesetEntry", "Link", "Job", "ExternalInfo", "AffineTransform", "Roi", "Shape", "Plate",
        "PlateAcquisition", "Reagent", "Screen", "Well", "WellSample", "StatsInfo",
    }
)  # fmt: skip
"""Classes that may be targets (blitz-container-rules.xml, containerTargets)."""


@command(omero.cmd.FindParents)
def find_parents(request: Any, call: Call, _progress: Progress) -> Any:
    """Everything of some classes that is above the targets, at any distance."""
    found = _find(call, request.targetObjects, request.typesOfParents, request.stopBefore, parents)
    return omero.cmd.FoundParents(by_class(found))


@command(omero.cmd.FindChildren)
def find_children(request: Any, call: Call, _progress: Progress) -> Any:
    """Everything of some classes that is below the targets, at any distance."""
    found = _find(call, request.targetObjects, request.typesOfChildren, request.stopBefore, children)
    return omero.cmd.FoundChildren(by_class(found))


def _find(
    call: Call, targets: Targets, types: Sequence[str], stop_before: Sequence[str], step: Step
) -> list[Node]:
    if not types:
        raise CommandFailed("bad-options", "no types of objects specified to find")
    wanted, walls = classes(types), classes(stop_before)
    caller = call.caller.in_group(ALL_GROUPS)
    graph = Graph(call.store.database)
    with call.store.database.reading():
        start = target_nodes(graph, targets, LEGAL, caller)
        reached = reach(graph, start, step, walls)
    return [
        node
        for node in reached
        if node.is_a(*wanted) and is_allowed(caller, Right.READ, node.entity, node.owner_id, node.group_id)
    ]
