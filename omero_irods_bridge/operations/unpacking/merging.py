"""Containers that are there already and are used instead of new ones (``--merge``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from omero_irods_bridge.model.objects import Kind
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.graph import Graph


def find_merged(plan: UnpackPlan, receiver: Receiver) -> dict[str, str]:
    """Projects, datasets and screens of the packet, by key, that this user has under the same name.

    A dataset of a project counts when it is in the project that is used for that one, another one when it is
    in the project that the load goes into, if any. What this load has made itself is no other's.
    """
    if not plan.request.merge:
        return {}
    graph = plan.content.graph
    own = {one.key for one in receiver.book.find_marked(plan.load)}
    merged: dict[str, str] = {}
    for kind in (Kind.PROJECT, Kind.SCREEN):
        merged |= _named(kind, _names(graph, kind), None, receiver)
    into = str(plan.request.into) if plan.request.into and plan.request.into.kind is Kind.PROJECT else None
    for project, datasets in _by_project(graph).items():
        within = merged.get(project) if project else into
        if within or not project:
            names = {key: name for key, name in _names(graph, Kind.DATASET).items() if key in datasets}
            merged |= _named(Kind.DATASET, names, within, receiver)
    return {there: here for there, here in merged.items() if here not in own}


def _names(graph: Graph, kind: Kind) -> dict[str, str]:
    return {row["@"]: row.get("name") or "" for row in graph.rows(kind)}


def _named(kind: Kind, names: Mapping[str, str], within: str | None, receiver: Receiver) -> dict[str, str]:
    found = receiver.links.by_name(kind, list(names.values()), within=within) if names else {}
    taken: set[str] = set()
    merged = {}
    for key, name in names.items():
        if name in found and found[name] not in taken:
            merged[key] = found[name]
            taken.add(found[name])
    return merged


def _by_project(graph: Graph) -> dict[str, set[str]]:
    """Datasets by the project that holds them, by "" those that none does."""
    found: dict[str, set[str]] = defaultdict(set)
    held: set[str] = set()
    for link in graph.rows("ProjectDatasetLink"):
        found[link["parent"]].add(link["child"])
        held.add(link["child"])
    found[""] = set(_keys(graph)) - held
    return dict(found)


def _keys(graph: Graph) -> Iterable[str]:
    return (f"Dataset:{number}" for number in graph.ids("Dataset"))
