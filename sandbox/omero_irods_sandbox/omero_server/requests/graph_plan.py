"""What becomes of every object that a request reaches: the part that all requests have in common.

A plan grows until nothing changes. First, what depends on something shares its
fate. Then what is used by something that goes is reviewed: it goes too when no
user of it remains. All that is under review is taken to go until something that
stays says otherwise, so that a fileset and its images can go together
(GraphTraversal: an object is an orphan when nothing is left that could attach it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.requests.graph_objects import Edge, Graph, Node, listed
from omero_irods_sandbox.omero_server.requests.graph_options import ChildOption
from omero_irods_sandbox.omero_server.requests.graph_rules import Use, is_dependent, used_by, users_of
from omero_irods_sandbox.omero_server.requests.registry import graph_failed
from omero_irods_sandbox.omero_server.security.privileges import ALL_PRIVILEGES, Privilege
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.store.database import Database


class Fate(Enum):
    """What happens to an object; most have none and stay as they are."""

    MOVE = auto()
    """Moved to a group, or given to a user."""
    DELETE = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """``free``: no permission is needed, for this one and for what follows from it."""

    fate: Fate
    free: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, with which options, and where SkipHead lets the plan end (``start_from``: classes)."""

    caller: Caller
    options: Collection[ChildOption] = ()
    start_from: tuple[str, ...] = ()


@dataclass(slots=True)
class _Review:
    """Objects under review with the uses that brought them there, and what the child options say."""

    candidates: dict[Node, list[Use]] = field(default_factory=dict)
    verdicts: dict[Node, bool] = field(default_factory=dict)


class Plan:
    """The fates of objects. Subclasses have the rules of one request.

    Use it within one transaction: it reads rows as it goes.
    """

    fate_of_targets = Fate.DELETE
    bonds: frozenset[str] = frozenset({"Image.fileset"})
    """Uses in which a user cannot go without what it uses."""

    def __init__(self, database: Database, scope: Scope) -> None:
        self.database = database
        self.graph = Graph(database)
        self.caller = scope.caller
        self.scope = scope
        self.fates: dict[Node, Fate] = {}
        self.free: set[Node] = set()
        self.attached: set[Node] = set()
        """What was found to stay when all was under review for the last time."""
        self._fresh: list[Node] = []

    def make(self, targets: Iterable[Node], free: Collection[Node] = ()) -> None:
        """Find out what happens when this is done to the targets; ``free`` need no permission."""
        for target in targets:
            self.decide(target, Decision(self.fate_of_targets, target in free))
        while self._fresh:
            self._follow()
            self._settle(self._review())
        self.resolve_links()

    def decide(self, node: Node, decision: Decision) -> None:
        """Give a fate to an object that has none."""
        if node in self.fates:
            return
        self.fates[node] = decision.fate
        if decision.free:
            self.free.add(node)
        self._fresh.append(node)

    def having(self, fate: Fate) -> list[Node]:
        return [node for node, found in self.fates.items() if found is fate]

    # -- rules of the request

    def dependents(self, node: Node) -> Iterator[tuple[Node, Decision]]:
        """What shares the fate of an object."""
        for edge in self.graph.into(node):
            if is_dependent(edge):
                decision = self.fate_of_dependent(edge)
                if decision is not None:
                    yield edge.source, decision

    def fate_of_dependent(self, edge: Edge) -> Decision | None:
        """The fate of the source of ``edge``, whose target has one."""
        return Decision(self.fates[edge.target], edge.target in self.free)

    def uses(self, node: Node) -> Iterator[Use]:
        """What is used by an object that goes."""
        return used_by(self.graph, node)

    def reviews(self, use: Use) -> bool:
        """Whether something is reviewed because this user of it goes."""
        raise NotImplementedError

    def attaches(self, use: Use) -> bool:
        """Whether something stays for a reason in this use, though its user goes."""
        return False

    def fate_of_orphan(self, node: Node, uses: list[Use], *, forced: bool) -> Decision | None:
        """The fate of what has no user left; None: it stays all the same. ``forced``: by a child option."""
        raise NotImplementedError

    def resolve_links(self) -> None:
        """Decide about links, when all else has been."""

    # -- growing

    def _follow(self) -> None:
        while self._fresh:
            batch, self._fresh = self._fresh, []
            self.graph.explore(batch)
            for node in batch:
                if not self._is_end(node):
                    for dependent, decision in self.dependents(node):
                        self.decide(dependent, decision)

    def _is_end(self, node: Node) -> bool:
        return bool(self.scope.start_from) and node.is_a(*self.scope.start_from)

    def _review(self) -> _Review:
        review = _Review()
        for node in list(self.fates):
            if self._is_end(node):
                continue
            for use in self.uses(node):
                if use.used not in self.fates and not use.used.entity.is_global and self.reviews(use):
                    review.candidates.setdefault(use.used, []).append(use)
        self._widen(review)
        review.verdicts = self._verdicts(review.candidates)
        return review

    def _widen(self, review: _Review) -> None:
        """To review an image is to review its fileset."""
        fresh = list(review.candidates)
        while fresh:
            self.graph.explore(fresh)
            bonded = [
                use.used for node in fresh for use in used_by(self.graph, node) if use.key in self.bonds
            ]
            fresh = [
                node
                for node in dict.fromkeys(bonded)
                if node not in review.candidates and node not in self.fates
            ]
            review.candidates |= {node: [] for node in fresh}

    def _settle(self, review: _Review) -> None:
        self.attached = self._attached(review)
        for node, uses in review.candidates.items():
            if node in self.attached:
                continue
            decision = self.fate_of_orphan(node, uses, forced=review.verdicts.get(node, False))
            if decision is not None:
                self.decide(node, decision)

    def _attached(self, review: _Review) -> set[Node]:
        attached = {node for node in review.candidates if self._is_attached(node, review)}
        grows = True
        while grows:
            more = {
                node
                for node in review.candidates.keys() - attached
                if node not in review.verdicts and self._follows(node, attached)
            }
            attached |= more
            grows = bool(more)
        return attached

    def _is_attached(self, node: Node, review: _Review) -> bool:
        if node in review.verdicts:
            return not review.verdicts[node]
        return any(
            self._keeps(use, review) or (use.user in self.fates and self.attaches(use))
            for use in users_of(self.graph, node)
        )

    def _keeps(self, use: Use, review: _Review) -> bool:
        return use.user not in self.fates and use.user not in review.candidates and not self._is_cut(use)

    def _is_cut(self, use: Use) -> bool:
        """Whether the link that says so goes, though both its ends may stay."""
        return use.link is not None and self.fates.get(use.link) is Fate.DELETE

    def _follows(self, node: Node, attached: set[Node]) -> bool:
        """Whether a user that stays keeps it, or it is bound to something that stays."""
        users = (use.user for use in users_of(self.graph, node) if not self._is_cut(use))
        return any(user in attached for user in users) or any(
            use.used in attached for use in used_by(self.graph, node) if use.key in self.bonds
        )

    # -- child options

    def _verdicts(self, nodes: Iterable[Node]) -> dict[Node, bool]:
        found = {}
        for node in nodes if self.scope.options else ():
            verdict = self._verdict(node)
            if verdict is not None:
                found[node] = verdict
        return found

    def _verdict(self, node: Node) -> bool | None:
        """The first option that says something; to include needs the permission to delete (or to move)."""
        namespace = self._namespace(node)
        for option in self.scope.options:
            verdict = option.verdict(node, namespace)
            if verdict is False or (verdict is True and self.may_include(node)):
                return verdict
        return None

    def _namespace(self, node: Node) -> str | None:
        if node.root != "Annotation":
            return None
        found: str | None = self.database.value('select ns from "Annotation" where id = ?', node.id)
        return found

    def may_include(self, node: Node) -> bool:
        """Whether the caller may do to this what the request does."""
        return self.may_delete(node)

    # -- permissions

    @cached_property
    def is_unchecked(self) -> bool:
        """A full administrator may do everything, and nothing is asked about him (GraphTraversal)."""
        return self.caller.is_admin and self.caller.privileges == ALL_PRIVILEGES

    def may_delete(self, node: Node) -> bool:
        if self.is_unchecked:
            return True
        if node.root == "OriginalFile" and not self._is_among_his(node):
            return self._may_delete_file(node)
        return is_allowed(self.caller, Right.DELETE, node.entity, node.owner_id, node.group_id)

    def _is_among_his(self, node: Node) -> bool:
        """The caller's own, or of a group that he leads or writes in."""
        group_id = node.group_id
        if group_id is None:
            return False
        writes = self.caller.is_in(group_id) and self.caller.groups[group_id].group_writable
        return node.owner_id == self.caller.user_id or self.caller.leads(group_id) or writes

    def _may_delete_file(self, node: Node) -> bool:
        repo = self.database.value('select repo from "OriginalFile" where id = ?', node.id)
        return self.caller.may(Privilege.DELETE_FILE if repo is None else Privilege.DELETE_MANAGED_REPO)

    def may_update(self, node: Node) -> bool:
        return self.is_unchecked or is_allowed(
            self.caller, Right.EDIT, node.entity, node.owner_id, node.group_id
        )

    def owns(self, node: Node) -> bool:
        return self.is_unchecked or node.owner_id == self.caller.user_id

    def require(self, nodes: Iterable[Node], forbidden: str, test: str) -> None:
        """Refuse unless ``test``, one of the methods above, holds for all that are not free.

        Raises:
            CommandFailed: naming those for which it does not, after the text ``forbidden``.
        """
        refused = [node for node in nodes if node not in self.free and not getattr(self, test)(node)]
        if refused:
            raise graph_failed(f"{forbidden} {listed(refused)}")
