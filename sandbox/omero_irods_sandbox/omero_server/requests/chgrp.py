"""Chgrp2 (Chgrp2I, blitz-chgrp-rules.xml): docs/omero-graph-rules.md, "Move to another group"."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.requests import graph_changes
from omero_irods_sandbox.omero_server.requests.graph_moves import FILE_USES, MovePlan
from omero_irods_sandbox.omero_server.requests.graph_objects import (
    ANNOTATION_LINK,
    Edge,
    Node,
    by_class,
)
from omero_irods_sandbox.omero_server.requests.graph_options import child_options
from omero_irods_sandbox.omero_server.requests.graph_plan import Decision, Fate, Scope
from omero_irods_sandbox.omero_server.requests.graph_rules import CONTAINERS, FREELY, SAME_OWNER, Use, ends
from omero_irods_sandbox.omero_server.requests.graph_targets import target_nodes
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed, Progress, command, graph_failed
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS, USER_GROUP

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.store.database import Database

LEGAL: Final = frozenset(
    {
        "Instrument", "Annotation", "Dataset", "Project", "Folder", "Image", "OriginalFile", "RenderingDef",
        "Thumbnail", "Experiment", "Fileset", "Link", "Job", "Roi", "Plate", "Screen",
    }
)  # fmt: skip
"""Classes that may be targets (blitz-chgrp-rules.xml, chgrpTargets)."""

_VIEWS: Final = frozenset({"RenderingDef.pixels", "Thumbnail.pixels"})
_CONTAINED: Final = ("Dataset", "Folder", "Image", "Plate")

_ONE_OWNER_IN_PRIVATE: Final = CONTAINERS | {
    "Image.experiment",
    "Image.imagingEnvironment",
    "Image.instrument",
}
"""Uses that a private group does not allow across owners."""

_TOGETHER: Final = {
    # Both ends of these references move or none: (error when the source stays, error when the target stays).
    "Annotation.file": (
        "may not move {target} while used by {source}",
        "may not move {source} without {target}",
    ),
    "WellSample.image": (
        "may not move {target} while {source} remains",
        "may not move {source} while {target} remains",
    ),
    "Roi.image": (None, "cannot move {source} while {target} remains"),
    "Channel.logicalChannel": (None, "cannot move {source} while {target} remains"),
    "Image.experiment": ("cannot move {target} while {source} remains", None),
}


class ChgrpPlan(MovePlan):
    """What moves with the targets, and what is deleted because the other group cannot have it."""

    def __init__(self, database: Database, scope: Scope, *, to_private: bool) -> None:
        super().__init__(database, scope)
        self._to_private = to_private
        self._may_chgrp = scope.caller.may(Privilege.CHGRP)

    def owns(self, node: Node) -> bool:
        """Whoever may change groups counts as the owner of all (GraphTraversal.setOwnsAll)."""
        return self._may_chgrp or super().owns(node)

    def may_include(self, node: Node) -> bool:
        return self.owns(node)

    def fate_of_dependent(self, edge: Edge) -> Decision | None:
        if self.fates[edge.target] is Fate.DELETE or edge.key not in _VIEWS:
            return super().fate_of_dependent(edge)
        if edge.source.shares_owner(edge.target):
            return Decision(Fate.MOVE, edge.target in self.free)
        return Decision(Fate.DELETE if self._to_private else Fate.MOVE, free=True)

    def reviews(self, use: Use) -> bool:
        if use.key.endswith(ANNOTATION_LINK):
            return self._reviews_annotation(use)
        if use.key in FILE_USES:
            return self.reviews_file(use)
        if use.key not in CONTAINERS:
            return True
        if use.user.shares_owner(use.used):
            return True
        return not self._to_private and (self.may_delete(use.used) or self._may_chgrp)

    def _reviews_annotation(self, use: Use) -> bool:
        if not use.used.is_a(*SAME_OWNER):
            return True
        return use.user.shares_owner(use.used) and (self.may_delete(use.used) or self.owns(use.user))

    def attaches(self, use: Use) -> bool:
        if use.key.endswith(ANNOTATION_LINK):
            return use.used.is_a(*SAME_OWNER) and not use.user.shares_owner(use.used)
        return self._to_private and use.key in _ONE_OWNER_IN_PRIVATE and not use.user.shares_owner(use.used)

    def fate_of_orphan(self, node: Node, uses: list[Use], *, forced: bool) -> Decision | None:
        if node.is_a("Annotation"):
            return self._fate_of_annotation(node, uses)
        if uses and all(self.fates.get(use.user) is Fate.DELETE for use in uses):
            return Decision(Fate.DELETE, free=True)
        if node.root == "Roi":
            return self._fate_of_roi(node, uses)
        if node.is_a(*_CONTAINED):
            return self._fate_of_contained(node)
        return Decision(
            Fate.MOVE,
            free=node.is_a("StatsInfo", "ExternalInfo") or any(use.user in self.free for use in uses),
        )

    def _fate_of_annotation(self, node: Node, uses: list[Use]) -> Decision | None:
        """Along with what its owner moves; else if the group may see it; else deleted; else it stays."""
        if any(self.moves(use.user) and use.user.shares_owner(node) for use in uses):
            return Decision(Fate.MOVE)
        if not self._to_private and self.may_delete(node) and any(self.moves(use.user) for use in uses):
            return Decision(Fate.MOVE)
        if node.is_a(*FREELY):
            return Decision(Fate.DELETE, free=True)
        return Decision(Fate.DELETE) if self.may_delete(node) else None

    def _fate_of_roi(self, node: Node, uses: list[Use]) -> Decision:
        if any(use.user.shares_owner(node) for use in uses):
            return Decision(Fate.MOVE)
        return Decision(Fate.DELETE if self._to_private else Fate.MOVE, free=True)

    def _fate_of_contained(self, node: Node) -> Decision | None:
        if self.owns(node):
            return Decision(Fate.MOVE)
        return Decision(Fate.MOVE, free=True) if not self._to_private and self.may_delete(node) else None

    def fate_of_link(self, link: Node, parent: Node, child: Node) -> Decision | None:
        is_whole = self.moves(parent) and self.moves(child)
        if link.root == "JobOriginalFileLink" and self.moves(parent) and child.group_id == USER_GROUP:
            return Decision(Fate.MOVE)
        if is_whole and (link.root not in CONTAINERS or not self._to_private or parent.shares_owner(child)):
            return Decision(Fate.MOVE, free=True)
        return Decision(Fate.DELETE, free=True)

    # -- errors

    def check(self) -> list[Edge]:
        """The references that become null.

        Raises:
            CommandFailed: ``graph-fail``: why this cannot be moved.
        """
        self.check_filesets()
        self.check_files()
        self.check_shared_by_images()
        self.check_jobs()
        self._check_together()
        self._check_tags()
        self.require(self.having(Fate.MOVE), "does not own", "owns")
        self.require(self.having(Fate.DELETE), "not permitted to delete", "may_delete")
        return graph_changes.unlinked(self, [*self._torn(), *self.edges_to_deleted()])

    def _check_together(self) -> None:
        for node in self.having(Fate.MOVE):
            for edge in self.graph.into(node):
                self._refuse(edge, _TOGETHER.get(edge.key, (None, None))[0], source_moves=False)
            for edge in self.graph.out(node):
                self._refuse(edge, _TOGETHER.get(edge.key, (None, None))[1], source_moves=True)

    def _refuse(self, edge: Edge, text: str | None, *, source_moves: bool) -> None:
        if text is not None:
            self.refuse_between(edge, source_moves=source_moves, text=text)

    def _check_tags(self) -> None:
        """A tag may not be taken from what the caller could not delete."""
        for node in self.having(Fate.MOVE):
            if not node.is_a("TagAnnotation"):
                continue
            for edge in self.graph.into(node):
                joined = ends(self.graph, edge.source) if edge.field == "child" else None
                if joined and joined[0] not in self.fates and not self.may_delete(joined[0]):
                    raise graph_failed(f"may not move {node} while used by {joined[0]}")

    def _torn(self) -> list[Edge]:
        """References between what moves and what stays; those to everybody's objects may stay."""
        torn = []
        for node in self.having(Fate.MOVE):
            torn += [
                edge
                for edge in self.graph.out(node)
                if edge.target not in self.fates and not _is_everybodys(edge.target)
            ]
            torn += [edge for edge in self.graph.into(node) if edge.source not in self.fates]
        return torn


def _is_everybodys(node: Node) -> bool:
    return node.entity.is_global or node.group_id in (None, USER_GROUP)


def chgrp_plan(
    request: Any, _call: Call, caller: Caller, database: Database, start_from: tuple[str, ...] = ()
) -> ChgrpPlan:
    """A plan for a Chgrp2, not yet made.

    Raises:
        CommandFailed: ``not-in-group``: the caller may not move things there.
    """
    is_member = caller.is_in(request.groupId)
    if request.groupId not in caller.groups or not (is_member or caller.may(Privilege.CHGRP)):
        raise CommandFailed("not-in-group", "not a member of the chgrp destination group")
    scope = Scope(caller, child_options(request.childOptions), start_from)
    return ChgrpPlan(database, scope, to_private=caller.groups[request.groupId].is_private)


def perform(request: Any, call: Call, progress: Progress, free: Collection[Node] = ()) -> Any:
    """Plan and, unless it is a dry run, move."""
    caller = call.caller.in_group(ALL_GROUPS)
    with call.store.work(caller) as work:
        plan = chgrp_plan(request, call, caller, work.database)
        plan.make(target_nodes(plan.graph, request.targetObjects, LEGAL, caller), free)
        progress.step()
        edges = plan.check()
        if not request.dryRun:
            graph_changes.cut(work, edges)
            graph_changes.delete(work, plan.having(Fate.DELETE), call.server.storage)
            for node in plan.having(Fate.MOVE):
                work.update(node.entity.name, node.id, d_group=request.groupId)
    return omero.cmd.Chgrp2Response(by_class(plan.having(Fate.MOVE)), by_class(plan.having(Fate.DELETE)))


@command(omero.cmd.Chgrp2)
def chgrp(request: Any, call: Call, progress: Progress) -> Any:
    """Move objects to another group: containers take what only they hold, links to what stays are cut."""
    return perform(request, call, progress)
