"""The objects that a request is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from omero_irods_sandbox.omero_server.model.catalog import MODEL, UnknownEntity
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.requests.graph_objects import Graph, Node
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed, graph_failed
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed

Targets = Mapping[str, Sequence[int]]


def target_class(name: str, legal: Collection[str]) -> EntityType:
    """The class of targets called ``name``.

    Raises:
        CommandFailed: ``bad-target``: no class has the name, or the request does not take it (GraphHelper).
    """
    short = name.rpartition(".")[2]
    try:
        entity = MODEL.entity(short)
    except UnknownEntity as error:
        raise CommandFailed("bad-target", f"cannot target {short}: {error}") from error
    takes_links = entity.is_link and (
        "Link" in legal or (short.endswith("AnnotationLink") and "IAnnotationLink" in legal)
    )
    if not takes_links and not any(
        one in MODEL.entity(entity.root).subclasses and MODEL.is_a(entity.name, one) for one in legal
    ):
        raise CommandFailed("bad-target", f"cannot target {short}")
    return entity


def target_nodes(graph: Graph, targets: Targets | None, legal: Collection[str], caller: Caller) -> list[Node]:
    """The targets, all of which the caller can read.

    Raises:
        CommandFailed: ``bad-target``; ``graph-fail``: one is not there or not readable (GraphTraversal).
    """
    found: dict[Node, None] = {}
    for name, ids in (targets or {}).items():
        entity = target_class(name, legal)
        nodes = [node for node in graph.nodes(entity, ids) if _is_readable(caller, node)]
        if len(nodes) != len(set(ids)):
            raise graph_failed(f"cannot read all the specified objects of class {entity.java_name}")
        found |= dict.fromkeys(nodes)
    return list(found)


def _is_readable(caller: Caller, node: Node) -> bool:
    return is_allowed(caller, Right.READ, node.entity, node.owner_id, node.group_id)
