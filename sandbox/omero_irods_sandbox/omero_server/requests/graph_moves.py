"""What moving to a group and giving to a user have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from omero_irods_sandbox.omero_server.requests import graph_changes
from omero_irods_sandbox.omero_server.requests.graph_objects import EXTERNAL_INFO, Edge, Node, links_of
from omero_irods_sandbox.omero_server.requests.graph_plan import Decision, Fate, Plan
from omero_irods_sandbox.omero_server.requests.graph_rules import OWN_JOBS, Use, ends, users_of
from omero_irods_sandbox.omero_server.requests.registry import graph_failed
from omero_irods_sandbox.omero_server.security.roles import USER_GROUP

SHARED_BY_IMAGES: Final = frozenset(
    {"Image.experiment", "Image.imagingEnvironment", "Image.instrument", "Image.stageLabel"}
)
"""Images that share one of these move together or not at all."""

FILE_USES: Final = frozenset(
    {
        "Annotation.file",
        "FilesetEntry.originalFile",
        "JobOriginalFileLink",
        "PixelsOriginalFileMap",
        "Roi.source",
    }
)

_SCRIPT_JOBS: Final = ("ParseJob", "ScriptJob")


class MovePlan(Plan):
    """Objects that move, and those deleted because they can go neither along nor stay."""

    fate_of_targets = Fate.MOVE
    bonds = frozenset({"Image.fileset"}) | SHARED_BY_IMAGES
    verb = "move"

    def dependents(self, node: Node) -> Iterator[tuple[Node, Decision]]:
        yield from super().dependents(node)
        if self.fates[node] is Fate.DELETE:
            for link in links_of(self.graph, node):
                yield link, Decision(Fate.DELETE, free=True)

    def reviews_file(self, use: Use) -> bool:
        """A job's files go along when both have the same owner; scripts that everybody uses never."""
        if use.key != "JobOriginalFileLink":
            return True
        if use.user.is_a(*_SCRIPT_JOBS) and use.used.group_id == USER_GROUP:
            return False
        return use.user.is_a(*OWN_JOBS, *_SCRIPT_JOBS) and use.user.shares_owner(use.used)

    def check_files(self) -> None:
        for node in self.attached:
            if node.root == "OriginalFile" and node.group_id != USER_GROUP and node not in self.fates:
                raise graph_failed(f"cannot {self.verb} {node} while objects using it remain")

    # -- links

    def resolve_links(self) -> None:
        """A link moves with its two ends or is deleted; one that would be torn is deleted, or stays."""
        moved = self.having(Fate.MOVE)
        links = dict.fromkeys(link for node in moved for link in links_of(self.graph, node))
        self.graph.explore(links)
        for link in links:
            joined = ends(self.graph, link)
            if link not in self.fates and joined is not None:
                decision = self.fate_of_link(link, *joined)
                if decision is not None:
                    self.decide(link, decision)
        self._take_external_infos(links)
        self._fresh.clear()

    def _take_external_infos(self, links: dict[Node, None]) -> None:
        for link in links:
            for edge in self.graph.out(link):
                if edge.field == EXTERNAL_INFO and link in self.fates:
                    self.decide(edge.target, Decision(self.fates[link], free=True))

    def fate_of_link(self, link: Node, parent: Node, child: Node) -> Decision | None:
        """The fate of a link of which one end or both move."""
        raise NotImplementedError

    def moves(self, node: Node) -> bool:
        return self.fates.get(node) is Fate.MOVE

    # -- errors

    def check_split(self, key: str, text: str) -> None:
        """Refuse when some of the users of something move and others stay.

        ``text`` has the places moved, remaining and shared.
        """
        for node in self.having(Fate.MOVE):
            for edge in self.graph.out(node):
                if edge.key != key:
                    continue
                self.graph.explore([edge.target])
                for use in users_of(self.graph, edge.target):
                    if use.key == key and use.user not in self.fates:
                        raise graph_failed(text.format(moved=node, remaining=use.user, shared=edge.target))

    def check_filesets(self) -> None:
        self.check_split(
            "Image.fileset", f"within {{shared}} may not {self.verb} {{moved}} while {{remaining}} remains"
        )

    def check_shared_by_images(self) -> None:
        for key in sorted(SHARED_BY_IMAGES):
            self.check_split(
                key, f"may not {self.verb} {{moved}} while {{remaining}} remains as they share {{shared}}"
            )

    def check_jobs(self) -> None:
        """A job and its files stay together, unless the file is everybody's."""
        for node in self.having(Fate.MOVE):
            for link in links_of(self.graph, node):
                joined = ends(self.graph, link)
                if link.root != "JobOriginalFileLink" or joined is None:
                    continue
                job, file = joined
                if self.moves(job) and not self.moves(file) and file.group_id != USER_GROUP:
                    raise graph_failed(f"may not {self.verb} {job} while {file} remains")
                if self.moves(file) and not self.moves(job):
                    raise graph_failed(f"may not {self.verb} {file} until {job} can be {self.verb}d")

    def refuse_between(self, edge: Edge, *, source_moves: bool, text: str) -> None:
        """Refuse a reference of which one end moves only; ``text`` has the places source and target."""
        stays = edge.target if source_moves else edge.source
        if not self.moves(stays) and self.fates.get(stays) is None:
            raise graph_failed(text.format(source=edge.source, target=edge.target))

    def edges_to_deleted(self) -> list[Edge]:
        return graph_changes.edges_to_deleted(self)
