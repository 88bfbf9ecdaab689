"""Chown2 (Chown2I, blitz-chown-rules.xml): docs/omero-graph-rules.md, "Give to another user"."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.requests import graph_changes
from omero_irods_sandbox.omero_server.requests.graph_moves import FILE_USES, SHARED_BY_IMAGES, MovePlan
from omero_irods_sandbox.omero_server.requests.graph_objects import (
    ANNOTATION_LINK,
    EXTERNAL_INFO,
    Edge,
    Node,
    by_class,
)
from omero_irods_sandbox.omero_server.requests.graph_options import child_options
from omero_irods_sandbox.omero_server.requests.graph_plan import Decision, Fate, Scope
from omero_irods_sandbox.omero_server.requests.graph_rules import CONTAINERS, SAME_OWNER, Use, ends
from omero_irods_sandbox.omero_server.requests.graph_targets import target_nodes
from omero_irods_sandbox.omero_server.requests.registry import Progress, command, graph_failed
from omero_irods_sandbox.omero_server.security.privileges import Privilege
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.store.database import Database

LEGAL: Final = frozenset(
    {
        "Instrument", "Annotation", "IAnnotationLink", "Dataset", "Project", "Folder", "Image",
        "OriginalFile", "RenderingDef", "Thumbnail", "Experiment", "Fileset", "Link", "Job", "Roi", "Plate",
        "Reagent", "Screen",
    }
)  # fmt: skip
"""Classes that may be targets (blitz-chown-rules.xml, chownTargets)."""

_VIEWS: Final = frozenset({"RenderingDef.pixels", "Thumbnail.pixels"})
_CONTAINED: Final = ("Dataset", "Folder", "Image", "Plate")
_PARTS_OF_IMAGES: Final = frozenset(
    {"FilesetJobLink", "JobOriginalFileLink", "PixelsOriginalFileMap", "WellReagentLink"}
)
"""Links that are given with both of their ends whoever made them."""


class ChownPlan(MovePlan):
    """What is given with the targets. What a group allows to be of several owners stays with its owner."""

    verb = "give"

    def __init__(self, database: Database, scope: Scope, recipient: int) -> None:
        super().__init__(database, scope)
        self._recipient = recipient
        self._may_chown = scope.caller.may(Privilege.CHOWN)

    def owns(self, node: Node) -> bool:
        """Whoever may give everything counts as the owner of all (GraphTraversal.setOwnsAll)."""
        return self._may_chown or super().owns(node)

    def may_delete(self, node: Node) -> bool:
        """The traversal asks for the right to delete where it means to give (Chown2I.REQUIRED_ABILITIES)."""
        return self._may_chown or super().may_delete(node)

    def _is_private(self, node: Node) -> bool:
        return node.group_id is not None and self.caller.groups[node.group_id].is_private

    def _allows_annotation(self, node: Node) -> bool:
        if node.group_id is None:
            return False
        rights = self.caller.groups[node.group_id]
        return rights.group_annotatable or rights.group_writable

    def _allows_mixture(self, node: Node) -> bool:
        return node.group_id is not None and self.caller.groups[node.group_id].group_writable

    def fate_of_dependent(self, edge: Edge) -> Decision | None:
        if edge.key in _VIEWS and not self._is_private(edge.target):
            return None
        return super().fate_of_dependent(edge)

    def reviews(self, use: Use) -> bool:
        if use.key.endswith(ANNOTATION_LINK):
            return not use.used.is_a(*SAME_OWNER) or use.user.shares_owner(use.used)
        if use.key in FILE_USES:
            return self.reviews_file(use)
        if use.key == "Roi.image":
            return use.user.shares_owner(use.used) and not self._allows_annotation(use.used)
        return use.key not in CONTAINERS or use.user.shares_owner(use.used)

    def attaches(self, use: Use) -> bool:
        if use.key.endswith(ANNOTATION_LINK):
            is_anothers = use.used.is_a(*SAME_OWNER) and not use.user.shares_owner(use.used)
            return is_anothers or self._allows_annotation(use.used)
        if use.user.shares_owner(use.used):
            return False
        if use.key in CONTAINERS:
            return not self._allows_mixture(use.used)
        return use.key in SHARED_BY_IMAGES and self._is_private(use.used)

    def fate_of_orphan(self, node: Node, uses: list[Use], *, forced: bool) -> Decision | None:
        if node.is_a("Annotation"):
            if any(use.user.shares_owner(node) for use in uses):
                return Decision(Fate.MOVE)
            return Decision(Fate.DELETE) if self._is_private(node) else None
        if node.is_a(*_CONTAINED) and not self.owns(node):
            return None
        if uses and all(self.fates.get(use.user) is Fate.DELETE for use in uses):
            return Decision(Fate.DELETE, free=True)
        return Decision(
            Fate.MOVE, free=any(use.key == EXTERNAL_INFO or use.user in self.free for use in uses)
        )

    def fate_of_link(self, link: Node, parent: Node, child: Node) -> Decision | None:
        if self.moves(parent) and self.moves(child):
            is_theirs = link.shares_owner(parent) or link.shares_owner(child)
            if is_theirs or link.root in _PARTS_OF_IMAGES:
                return Decision(Fate.MOVE)
            return None
        if link.root in CONTAINERS and not self._allows_mixture(link):
            return Decision(Fate.DELETE, free=True)
        if link.root.endswith(ANNOTATION_LINK) and self._is_private(link):
            return Decision(Fate.DELETE, free=True)
        return None

    # -- errors

    def check(self) -> list[Edge]:
        """The references that become null: those to what is deleted.

        Raises:
            CommandFailed: ``graph-fail``: why this cannot be given.
        """
        self.check_filesets()
        self.check_files()
        self.check_jobs()
        moved = self.having(Fate.MOVE)
        if any(self._is_private(node) for node in moved):
            self.check_shared_by_images()
        for node in moved:
            self._check_node(node)
        self._check_recipient(moved)
        self._check_identical_links(moved)
        self.require(self.fates, "not permitted to delete", "may_delete")
        return graph_changes.unlinked(self, self.edges_to_deleted())

    def _check_node(self, node: Node) -> None:
        for edge in self.graph.into(node):
            if edge.key == "Annotation.file":
                self.refuse_between(
                    edge, source_moves=False, text="may not give {target} while used by {source}"
                )
            if edge.key == "WellSample.image" and self._is_private(node):
                self.refuse_between(
                    edge, source_moves=False, text="may not give {target} while {source} remains"
                )
        for edge in self.graph.out(node):
            if edge.key == "WellSample.image" and self._is_private(node):
                self.refuse_between(
                    edge, source_moves=True, text="may not give {source} while {target} remains"
                )
            if edge.key == "Roi.image" and not self._allows_annotation(node):
                self.refuse_between(
                    edge, source_moves=True, text="cannot give {source} while {target} remains"
                )

    def _check_recipient(self, moved: Iterable[Node]) -> None:
        """The owner of a group gives within it, to its members."""
        if self._may_chown:
            return
        members = self._groups_of_recipient()
        for node in moved:
            if node in self.free or node.owner_id == self._recipient or node.group_id is None:
                continue
            if not self.caller.leads(node.group_id):
                reason = f"user {self.caller.user_id} is not an owner of group {node.group_id}"
                raise graph_failed(f"cannot process {node.java}: {reason}")
            if node.group_id not in members:
                reason = f"user {self._recipient} is not a member of group {node.group_id}"
                raise graph_failed(f"cannot process {node.java}: {reason}")

    def _groups_of_recipient(self) -> set[int]:
        rows = self.database.tuples(
            'select parent_id from "GroupExperimenterMap" where child_id = ?', (self._recipient,)
        )
        return {row[0] for row in rows}

    def _check_identical_links(self, moved: Iterable[Node]) -> None:
        """Nobody may have two links between the same two objects."""
        seen: set[tuple[str, Node, Node]] = set()
        for link in moved:
            joined = ends(self.graph, link) if link.entity.is_link else None
            if joined is None or link.owner_id == self._recipient:
                continue
            key = link.root, *joined
            if key in seen or self._has_link(link.root, *joined):
                reason = f"would have user {self._recipient} owning multiple identical links"
                raise graph_failed(f"cannot process {link.java}: {reason}")
            seen.add(key)

    def _has_link(self, table: str, parent: Node, child: Node) -> bool:
        sql = f'select 1 from "{table}" where parent_id = ? and child_id = ? and d_owner = ?'
        return self.database.value(sql, parent.id, child.id, self._recipient) is not None


def chown_plan(
    request: Any, call: Call, caller: Caller, database: Database, start_from: tuple[str, ...] = ()
) -> ChownPlan:
    """A plan for a Chown2, not yet made.

    Raises:
        CommandFailed: ``graph-fail``: the caller may give nothing to anybody, or there is no such user.
    """
    if not caller.leader_of and not caller.may(Privilege.CHOWN):
        raise graph_failed("not an owner of any group")
    if call.store.row("Experimenter", request.userId) is None:
        raise graph_failed(f"there is no user {request.userId}")
    return ChownPlan(database, Scope(caller, child_options(request.childOptions), start_from), request.userId)


def _all_of_users(plan: ChownPlan, users: Collection[int], caller: Caller) -> list[Node]:
    """Everything of these users that may be a target, in the groups where the caller may give."""
    marks = ", ".join("?" * len(users))
    found: list[Node] = []
    for entity in MODEL.entities:
        if entity.is_abstract or entity.is_global or not _is_legal(entity.name):
            continue
        sql = f'select id from "{entity.root}" where _class = ? and d_owner in ({marks})'
        ids = [row[0] for row in plan.database.tuples(sql, (entity.name, *users))]
        nodes = plan.graph.nodes(entity, ids)
        found += [
            node for node in nodes if caller.may(Privilege.CHOWN) or (node.group_id or 0) in caller.leader_of
        ]
    return found


def _is_legal(name: str) -> bool:
    entity = MODEL.entity(name)
    return entity.is_link or any(MODEL.is_a(name, one) for one in LEGAL - {"IAnnotationLink", "Link"})


def perform(request: Any, call: Call, progress: Progress, free: Collection[Node] = ()) -> Any:
    """Plan and, unless it is a dry run, give."""
    caller = call.caller.in_group(ALL_GROUPS)
    with call.store.work(caller) as work:
        plan = chown_plan(request, call, caller, work.database)
        targets = target_nodes(plan.graph, request.targetObjects, LEGAL, caller)
        if request.targetUsers:
            targets += _all_of_users(plan, request.targetUsers, caller)
        plan.make(targets, free)
        progress.step()
        edges = plan.check()
        if not request.dryRun:
            graph_changes.cut(work, edges)
            graph_changes.delete(work, plan.having(Fate.DELETE), call.server.storage)
            for node in plan.having(Fate.MOVE):
                work.update(node.entity.name, node.id, d_owner=request.userId)
    return omero.cmd.Chown2Response(by_class(plan.having(Fate.MOVE)), by_class(plan.having(Fate.DELETE)))


@command(omero.cmd.Chown2)
def chown(request: Any, call: Call, progress: Progress) -> Any:
    """Give objects to another user: containers take what is of the same owner and only they hold."""
    return perform(request, call, progress)
