"""Delete2 (Delete2I, blitz-delete-rules.xml): docs/omero-graph-rules.md, "Delete"."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.requests import graph_changes
from omero_irods_sandbox.omero_server.requests.graph_objects import (
    ANNOTATION_LINK,
    EXTERNAL_INFO,
    Edge,
    Node,
    by_class,
    links_of,
)
from omero_irods_sandbox.omero_server.requests.graph_options import child_options, classes
from omero_irods_sandbox.omero_server.requests.graph_plan import Decision, Fate, Plan, Scope
from omero_irods_sandbox.omero_server.requests.graph_rules import (
    CONTAINERS,
    FREELY,
    OWN_JOBS,
    SAME_OWNER,
    Use,
    ends,
    uses_through,
)
from omero_irods_sandbox.omero_server.requests.graph_targets import target_nodes
from omero_irods_sandbox.omero_server.requests.registry import Progress, command, graph_failed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.storage.files import FileStorage
    from omero_irods_sandbox.omero_server.store.database import Database
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

LEGAL: Final = frozenset(
    {
        "DetectorSettings", "ImagingEnvironment", "Instrument", "LightSettings", "Microscope",
        "ObjectiveSettings", "StageLabel", "TransmittanceRange", "Annotation", "IAnnotationLink", "Dataset",
        "Project", "Folder", "Channel", "Image", "LogicalChannel", "OriginalFile", "ProjectionDef",
        "RenderingDef", "Thumbnail", "Experiment", "MicrobeamManipulation", "Fileset", "Link", "Job",
        "ExternalInfo", "GroupExperimenterMap", "Namespace", "ShareMember", "AffineTransform", "Roi",
        "Shape", "Plate", "PlateAcquisition", "Reagent", "Screen", "Well", "WellSample", "StatsInfo",
    }
)  # fmt: skip
"""Classes that may be targets (blitz-delete-rules.xml, deleteTargets)."""

_STEPS: Final = 6
_DRY_STEPS: Final = 4

_FREE_DEPENDENTS: Final = frozenset({"RenderingDef.pixels", "Thumbnail.pixels"})
"""They go with the pixels whoever made them."""

_FREE_USED: Final = ("OriginalFile", "StatsInfo", "ExternalInfo", *FREELY)
"""What needs no permission when nobody uses it any more."""

_CHECKED_USES: Final = CONTAINERS | {"Roi.image", "WellSample.image", "Image.experiment", "WellReagentLink"}
"""Uses in which something is reviewed only if the caller may delete it."""

_CHECKED_LINKS: Final = frozenset({"PixelsOriginalFileMap", "FilesetJobLink"})
"""Links that are not deleted regardless of permissions."""


class DeletePlan(Plan):
    """What is deleted with the targets."""

    def __init__(self, database: Database, scope: Scope, ignored: tuple[str, ...] = ()) -> None:
        super().__init__(database, scope)
        self._ignored = ignored

    def decide(self, node: Node, decision: Decision) -> None:
        if not (self._ignored and node.is_a(*self._ignored)):
            super().decide(node, decision)

    def dependents(self, node: Node) -> Iterator[tuple[Node, Decision]]:
        yield from super().dependents(node)
        for link in links_of(self.graph, node):
            if not self._is_undeletable_tagging(link, node):
                is_free = link.root not in _CHECKED_LINKS and "Filter" not in link.root
                yield link, Decision(Fate.DELETE, is_free or node in self.free)
        for edge in self.graph.into(node):
            if edge.key == "Annotation.file":
                yield edge.source, Decision(Fate.DELETE, free=True)

    def _is_undeletable_tagging(self, link: Node, node: Node) -> bool:
        """The link from what the caller may not delete to a tag keeps the tag: :meth:`check` fails."""
        if not (link.root.endswith(ANNOTATION_LINK) and node.is_a("TagAnnotation")):
            return False
        joined = ends(self.graph, link)
        return (
            joined is not None
            and joined[1] == node
            and joined[0] not in self.fates
            and not self.may_delete(joined[0])
        )

    def fate_of_dependent(self, edge: Edge) -> Decision | None:
        return Decision(Fate.DELETE, edge.key in _FREE_DEPENDENTS or edge.target in self.free)

    def uses(self, node: Node) -> Iterator[Use]:
        yield from super().uses(node)
        if node.root.endswith(ANNOTATION_LINK):
            yield from (use for use in uses_through(self.graph, node) if not use.used.is_a(*SAME_OWNER))

    def reviews(self, use: Use) -> bool:
        if use.key.endswith(ANNOTATION_LINK):
            return self._reviews_annotation(use)
        if use.key == "JobOriginalFileLink":
            return use.user.is_a(*OWN_JOBS) and use.user.shares_owner(use.used)
        return use.key not in _CHECKED_USES or self.may_delete(use.used)

    def _reviews_annotation(self, use: Use) -> bool:
        if use.used.is_a(*FREELY):
            return True
        if use.used.is_a(*SAME_OWNER) and not use.user.shares_owner(use.used):
            return False
        return self.may_delete(use.used)

    def fate_of_orphan(self, node: Node, uses: list[Use], *, forced: bool) -> Decision | None:
        is_free = node.is_a(*_FREE_USED) or any(use.user in self.free for use in uses)
        if node.root == "OriginalFile" and forced and not uses:
            return None
        return Decision(Fate.DELETE, is_free or any(use.key == EXTERNAL_INFO for use in uses))

    # -- errors

    def check(self) -> list[Edge]:
        """The references that become null.

        Raises:
            CommandFailed: ``graph-fail``: why this cannot be deleted.
        """
        for node in self.fates:
            self._check_node(node)
        edges = graph_changes.unlinked(self, graph_changes.edges_to_deleted(self))
        self.require(self.fates, "not permitted to delete", "may_delete")
        return edges

    def _check_node(self, node: Node) -> None:
        for edge in self.graph.into(node):
            if edge.source in self.fates:
                continue
            if edge.key in ("WellSample.image", "FilesetEntry.originalFile"):
                raise graph_failed(f"may not delete {node} while {edge.source} remains")
            if edge.source.root.endswith(ANNOTATION_LINK) and edge.field == "child":
                joined = ends(self.graph, edge.source)
                raise graph_failed(
                    f"may not delete {node} while {joined[0] if joined else edge.source} remains"
                )
        for edge in self.graph.out(node):
            if edge.key == "Image.fileset" and edge.target not in self.fates:
                self._refuse_split(node, edge.target)

    def _refuse_split(self, image: Node, fileset: Node) -> None:
        self.graph.explore([fileset])
        siblings = [edge.source for edge in self.graph.into(fileset) if edge.key == "Image.fileset"]
        remaining = next((one for one in siblings if one not in self.fates), None)
        if remaining is not None:
            raise graph_failed(f"within {fileset} may not delete {image} while {remaining} remains")


def delete_objects(
    work: UnitOfWork,
    targets: Mapping[str, Sequence[int]],
    caller: Caller,
    *,
    storage: FileStorage | None = None,
) -> dict[str, list[int]]:
    """Delete objects with what belongs to them; ids of all that went, by Java class.

    With ``storage`` the files go too, once the transaction is committed.

    Raises:
        CommandFailed: ``bad-target``, or ``graph-fail`` with the reason.
    """
    plan = DeletePlan(work.database, Scope(caller.in_group(ALL_GROUPS)))
    plan.make(target_nodes(plan.graph, targets, LEGAL, plan.caller))
    carry_out(plan, work, storage)
    return by_class(plan.fates)


def carry_out(plan: DeletePlan, work: UnitOfWork, storage: FileStorage | None) -> None:
    """Delete what a plan says."""
    edges = plan.check()
    graph_changes.cut(work, edges)
    graph_changes.delete(work, plan.fates, storage)


def delete_plan(
    request: Any, caller: Caller, database: Database, start_from: tuple[str, ...] = ()
) -> DeletePlan:
    """A plan for a Delete2, not yet made."""
    ignored = classes(request.typesToIgnore)
    return DeletePlan(database, Scope(caller, child_options(request.childOptions), start_from), ignored)


def perform(request: Any, call: Call, progress: Progress, free: Collection[Node] = ()) -> Any:
    """Plan and, unless it is a dry run, delete."""
    progress.expect(_DRY_STEPS if request.dryRun else _STEPS)
    caller = call.caller.in_group(ALL_GROUPS)
    with call.store.work(caller) as work:
        plan = delete_plan(request, caller, work.database)
        plan.make(target_nodes(plan.graph, request.targetObjects, LEGAL, caller), free)
        progress.step()
        if request.dryRun:
            plan.check()
        else:
            carry_out(plan, work, call.server.storage)
        progress.step()
    return omero.cmd.Delete2Response(by_class(plan.fates))


@command(omero.cmd.Delete2)
def delete(request: Any, call: Call, progress: Progress) -> Any:
    """Delete objects: what is used by others too stays, what only they use goes."""
    return perform(request, call, progress)
