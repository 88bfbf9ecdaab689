"""Duplicate (DuplicateI, blitz-duplicate-rules.xml): docs/omero-graph-rules.md, "Duplicate"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.requests.duplicate_rows import RowCopies
from omero_irods_sandbox.omero_server.requests.graph_objects import Edge, Graph, Node, by_class
from omero_irods_sandbox.omero_server.requests.graph_options import classes
from omero_irods_sandbox.omero_server.requests.graph_rules import ends, users_of
from omero_irods_sandbox.omero_server.requests.graph_targets import target_nodes
from omero_irods_sandbox.omero_server.requests.graph_walk import children
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed, Progress, command, graph_failed
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller

LEGAL: Final = frozenset(
    {
        "Instrument", "Annotation", "IAnnotationLink", "Dataset", "Project", "Folder", "Channel", "Image",
        "LogicalChannel", "OriginalFile", "Pixels", "PlaneInfo", "ChannelBinding", "CodomainMapContext",
        "QuantumDef", "RenderingDef", "Thumbnail", "Experiment", "MicrobeamManipulation", "Fileset", "Link",
        "Job", "ExternalInfo", "AffineTransform", "Roi", "Shape", "Plate", "PlateAcquisition", "Reagent",
        "Screen", "Well", "WellSample", "StatsInfo",
    }
)  # fmt: skip
"""Classes that may be targets (blitz-duplicate-rules.xml, duplicateTargets)."""

_ONLY_WHOLE: Final = {"LogicalChannel": "Channel.logicalChannel", "Experiment": "Image.experiment"}
"""What is duplicated only when all that use it are; else the duplicates share it."""

_VIEWS: Final = frozenset({"RenderingDef.pixels", "Thumbnail.pixels"})


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What to do with classes: the most specific one named decides (SpecificityClassifier)."""

    duplicate: tuple[str, ...]
    reference: tuple[str, ...]
    ignore: tuple[str, ...]

    @classmethod
    def of(cls, request: Any) -> Inclusion:
        """From a request.

        Raises:
            CommandFailed: ``bad-class``: a class is unknown, or named twice.
        """
        made = cls(
            classes(request.typesToDuplicate),
            classes(request.typesToReference),
            classes(request.typesToIgnore),
        )
        named = [*made.duplicate, *made.reference, *made.ignore]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise CommandFailed("bad-class", f"{twice} is named twice")
        return made

    def _decides(self, node: Node) -> tuple[str, ...]:
        best, name = self.duplicate, ""
        for group in (self.duplicate, self.reference, self.ignore):
            for one in group:
                if node.is_a(one) and (not name or MODEL.is_a(one, name)):
                    best, name = group, one
        return best if name else ()

    def is_duplicated(self, node: Node) -> bool:
        found = self._decides(node)
        return not found or found is self.duplicate

    def is_ignored(self, node: Node) -> bool:
        found = self._decides(node)
        return bool(found) and found is self.ignore


class DuplicatePlan:
    """What is duplicated with the targets: all that is below them, as far as it is theirs alone."""

    def __init__(self, graph: Graph, caller: Caller, inclusion: Inclusion) -> None:
        self.graph = graph
        self.nodes: dict[Node, None] = {}
        self._caller = caller
        self._inclusion = inclusion

    def make(self, targets: Iterable[Node]) -> None:
        """Find all.

        Raises:
            CommandFailed: ``graph-fail``: a fileset would be torn, or a group does not allow it.
        """
        self._grow(targets)
        while whole := list(self._whole()):
            self._grow(whole)
        self._check()

    def _grow(self, start: Iterable[Node]) -> None:
        fresh = [node for node in start if node not in self.nodes]
        while fresh:
            self.nodes |= dict.fromkeys(fresh)
            self.graph.explore(fresh)
            near = dict.fromkeys(node for one in fresh for node in self._below(one))
            fresh = [node for node in near if node not in self.nodes and self._is_taken(node)]

    def _below(self, node: Node) -> Iterator[Node]:
        views = {
            edge.source
            for edge in self.graph.into(node)
            if edge.key in _VIEWS and not edge.source.shares_owner(node)
        }
        yield from (
            one
            for one in children(self.graph, node)
            if one not in views and one.entity.name not in _ONLY_WHOLE
        )

    def _is_taken(self, node: Node) -> bool:
        if not self._inclusion.is_duplicated(node) or not self._is_readable(node):
            return False
        return not (node.entity.is_link and self._leads_nowhere(node))

    def _leads_nowhere(self, link: Node) -> bool:
        self.graph.explore([link])
        return any(
            self._inclusion.is_ignored(end) or not self._is_readable(end)
            for end in ends(self.graph, link) or ()
        )

    def _is_readable(self, node: Node) -> bool:
        return is_allowed(self._caller, Right.READ, node.entity, node.owner_id, node.group_id)

    def _whole(self) -> Iterator[Node]:
        """Filesets, logical channels and experiments all of whose users are duplicated."""
        shared = dict.fromkeys(
            edge.target for node in self.nodes for edge in self.graph.out(node) if _is_shared(edge)
        )
        self.graph.explore(shared)
        for node in shared:
            users = [use.user for use in users_of(self.graph, node) if use.key in _SHARES]
            if node not in self.nodes and self._is_taken(node) and all(user in self.nodes for user in users):
                yield node

    # -- errors

    def _check(self) -> None:
        for node in self.nodes:
            for edge in self.graph.out(node):
                if edge.key == "Image.fileset" and edge.target not in self.nodes:
                    self._check_fileset(edge)
                if edge.key == "Channel.logicalChannel" and edge.target not in self.nodes:
                    self._check_channel(edge)

    def _check_fileset(self, edge: Edge) -> None:
        siblings = (use.user for use in users_of(self.graph, edge.target) if use.key == edge.key)
        missing = next((one for one in siblings if one not in self.nodes), None)
        if missing is not None:
            raise graph_failed(f"within {edge.target} may not duplicate {edge.source} without {missing} also")

    def _check_channel(self, edge: Edge) -> None:
        group_id = edge.target.group_id
        if edge.target.owner_id == self._caller.user_id or group_id is None:
            return
        rights = self._caller.groups[group_id]
        if rights.group_readable and not rights.group_writable:
            raise graph_failed(
                f"may not duplicate {edge.source} without {edge.target} in a {rights.name} group"
            )


_SHARES: Final = frozenset({"Image.fileset", *_ONLY_WHOLE.values()})


def _is_shared(edge: Edge) -> bool:
    return edge.key in _SHARES


@command(omero.cmd.Duplicate)
def duplicate(request: Any, call: Call, progress: Progress) -> Any:
    """Copies of the targets and all below them, owned by the caller, in the group of the call; their ids.

    A dry run answers with the ids of what would be copied.
    """
    inclusion = Inclusion.of(request)
    here = call.in_group(call.caller.writing_group)
    with call.store.work(here.caller) as work:
        plan = DuplicatePlan(Graph(work.database), here.caller, inclusion)
        targets = target_nodes(plan.graph, request.targetObjects, LEGAL, here.caller)
        stranger = next((one for one in targets if one.group_id != here.caller.group_id), None)
        if stranger is not None:
            raise graph_failed(f"cannot read all the specified objects of class {stranger.entity.java_name}")
        plan.make(targets)
        progress.step()
        if request.dryRun:
            return omero.cmd.DuplicateResponse(by_class(plan.nodes))
        copies = RowCopies(work, here, plan.graph)
        return omero.cmd.DuplicateResponse(copies.make(plan.nodes, inclusion.is_ignored))
