"""DiskUsage2: files and bytes below some objects, by owner and group (DiskUsage2I)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.requests.find_related import LEGAL as CONTENT
from omero_irods_sandbox.omero_server.requests.graph_objects import Graph, Node
from omero_irods_sandbox.omero_server.requests.graph_targets import target_class, target_nodes
from omero_irods_sandbox.omero_server.requests.graph_walk import children, reach
from omero_irods_sandbox.omero_server.requests.registry import Progress, command
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed, readable_sql
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.security.caller import Caller

LEGAL: Final = CONTENT | {"Experimenter", "ExperimenterGroup", "PixelsOriginalFileMap"}

_HOLDERS: Final = {
    # What refers to a file -> what the file counts for.
    "Annotation.file": "FileAnnotation",
    "FilesetEntry.originalFile": "FilesetEntry",
    "JobOriginalFileLink.child": "Job",
    "PixelsOriginalFileMap.parent": "Pixels",
    "Roi.source": "Roi",
}

_WITH_FILES: Final = ("Annotation", "Fileset", "Image", "Job", "OriginalFile", "Pixels", "Roi")
"""Whatever of a user or a group may have files."""

_ALONE: Final = "OriginalFile"


@dataclass(slots=True)
class _Usage:
    """Counts and sizes by (owner, group), in all and by what refers to the files."""

    counts: dict[Any, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    sizes: dict[Any, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    total_count: dict[Any, int] = field(default_factory=lambda: defaultdict(int))
    total_size: dict[Any, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, node: Node, referers: set[str], size: int) -> None:
        """Note a file; empty ones do not count."""
        if size <= 0:
            return
        who = omero.api.LongPair(node.owner_id, node.group_id)
        for referer in referers:
            self.counts[who][referer] += 1
            self.sizes[who][referer] += size
        self.total_count[who] += 1
        self.total_size[who] += size

    def response(self) -> Any:
        return omero.cmd.DiskUsage2Response(
            {who: dict(found) for who, found in self.counts.items()},
            {who: dict(found) for who, found in self.sizes.items()},
            dict(self.total_count),
            dict(self.total_size),
        )


@command(omero.cmd.DiskUsage2)
def disk_usage(request: Any, call: Call, _progress: Progress) -> Any:
    """What the files of the targets, and of all that is below them, take."""
    caller = call.caller.in_group(ALL_GROUPS)
    graph = Graph(call.store.database)
    with call.store.database.reading():
        start = list(_targets(graph, request, caller))
        nodes = [node for node in reach(graph, start, _below) if _is_readable(caller, node)]
        sizes = {node: _size(call, node) for node in nodes if node.root in ("OriginalFile", "Pixels")}
    usage = _Usage()
    included = set(nodes)
    for node, size in sizes.items():
        usage.add(node, {"Pixels"} if node.root == "Pixels" else _referers(graph, node, included), size)
    return usage.response()


def _below(graph: Graph, node: Node) -> Iterator[Node]:
    """An image counts with its whole fileset; a user and a group with what they own."""
    yield from children(graph, node)
    yield from (edge.target for edge in graph.out(node) if edge.key == "Image.fileset")


def _targets(graph: Graph, request: Any, caller: Caller) -> Iterator[Node]:
    for node in target_nodes(graph, request.targetObjects, LEGAL, caller):
        if node.root in ("Experimenter", "ExperimenterGroup"):
            yield from _belongings(
                graph, "d_owner" if node.root == "Experimenter" else "d_group", node.id, caller
            )
        else:
            yield node
    for name in request.targetClasses or ():
        entity = target_class(name, LEGAL)
        if entity.name in ("Experimenter", "ExperimenterGroup"):
            yield from _belongings(graph, None, 0, caller)
        else:
            yield from graph.nodes(entity, _ids(graph, entity.root, "1", caller))


def _belongings(graph: Graph, column: str | None, id_: int, caller: Caller) -> Iterator[Node]:
    for root in _WITH_FILES:
        test = "1" if column is None else f'o."{column}" = {id_}'
        yield from graph.nodes(MODEL.entity(root), _ids(graph, root, test, caller))


def _ids(graph: Graph, root: str, test: str, caller: Caller) -> list[int]:
    readable = readable_sql(caller, MODEL.entity(root), "o") or "1"
    return graph.ids(f'select o.id from "{root}" o where {test} and {readable}')


def _is_readable(caller: Caller, node: Node) -> bool:
    return is_allowed(caller, Right.READ, node.entity, node.owner_id, node.group_id)


def _referers(graph: Graph, file: Node, included: set[Node]) -> set[str]:
    found = {
        _HOLDERS[edge.key] for edge in graph.into(file) if edge.key in _HOLDERS and edge.source in included
    }
    return found or {_ALONE}


def _size(call: Call, node: Node) -> int:
    if node.root == "OriginalFile":
        return int(call.store.database.value('select size from "OriginalFile" where id = ?', node.id) or 0)
    return _file_size(call.server.storage.pixels_path(node.id))


def _file_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
