"""The graph of a packet as it shall be in OMERO: with what the load adds, and without what cannot be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set

from omero_irods_bridge.operations.unpacking.additions import add_markers, add_target
from omero_irods_bridge.operations.unpacking.filling import ids_here
from omero_irods_bridge.operations.unpacking.owners import NOBODY, owner_of
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.packet.figures import remap_figure_description
from omero_irods_bridge.packet.file_list import is_figure
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import Row


def prepared(
    plan: UnpackPlan,
    images: Mapping[str, str],
    merged: Mapping[str, str],
    reused: Set[str] = frozenset(),
) -> Graph:
    """The graph of ``plan``, which is not to be used any more. ``images`` are keys there and here.

    ``merged`` are containers that are used instead of new ones: they keep their own annotations. ``reused``
    are tags of the packet that are there already: which of them are in which tag set is the user's affair.
    """
    graph = plan.content.graph
    add_markers(graph, plan.content)
    if plan.request.into is not None:
        add_target(graph, plan.content.roots, plan.request.into)
    changes: dict[str, Row | None] = dict(_figures(graph, images))
    changes |= dict.fromkeys(_annotation_links(graph, merged))
    changes |= dict.fromkeys(
        _files_without_bytes(graph, {one.original_file for one in plan.content.attachments})
    )
    changes |= dict.fromkeys(_links_between(graph, reused))
    if not plan.request.as_owner:
        changes |= dict.fromkeys(_settings_of_others(graph))
    return graph.changed(changes) if changes else graph


def left_out(plan: UnpackPlan, merged: Mapping[str, str]) -> dict[str, int]:
    """How much of the packet :func:`prepared` leaves out that people may miss, by class and why.

    To be asked before it. History of the other server is no news, and so are logs of imports.
    """
    graph, attached = plan.content.graph, {one.original_file for one in plan.content.attachments}
    logs = {row.get("child") for row in graph.rows("JobOriginalFileLink")}
    files = [key for key in _files_without_bytes(graph, attached) if key not in logs]
    settings = () if plan.request.as_owner else _settings_of_others(graph)
    found = Counter(
        f"{key.partition(':')[0]}: a container that was there keeps its own"
        for key in _annotation_links(graph, merged)
    )
    found["OriginalFile: the packet does not have its bytes"] = len(files)
    found["RenderingDef: it is not the image owner's, and would hide his"] = sum(
        key.startswith("RenderingDef:") for key in settings
    )
    return dict(+found)


def _figures(graph: Graph, images: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    """Figures name their first image in their description too."""
    ids = ids_here(images)
    for row in graph.rows("FileAnnotation"):
        if is_figure(row) and row.get("description"):
            text, _ = remap_figure_description(row["description"], ids)
            yield row["@"], {**row, "description": text}


def _annotation_links(graph: Graph, merged: Mapping[str, str]) -> Iterator[str]:
    for name in ("ProjectAnnotationLink", "DatasetAnnotationLink", "ScreenAnnotationLink"):
        yield from (row["@"] for row in graph.rows(name) if row.get("parent") in merged)


def _links_between(graph: Graph, tags: Set[str]) -> Iterator[str]:
    for row in graph.rows("AnnotationAnnotationLink"):
        if row.get("parent") in tags and row.get("child") in tags:
            yield row["@"]


def _files_without_bytes(graph: Graph, attached: Set[str]) -> Iterator[str]:
    """Files that the packet only speaks of: in OMERO they would look like files and be empty."""
    of_filesets = {row.get("originalFile") for row in graph.rows("FilesetEntry")}
    for row in graph.rows("OriginalFile"):
        if row["@"] not in of_filesets and row["@"] not in attached:
            yield row["@"]


def _settings_of_others(graph: Graph) -> Iterator[str]:
    """Rendering settings that are not the image's owner's.

    As settings of the user who loads they would hide the owner's: of several the latest counts.
    """
    owners = {row["@"]: owner_of(row) for row in graph.rows("Pixels")}
    for row in graph.rows("RenderingDef"):
        owner = owner_of(row)
        if owner != NOBODY and owner != owners.get(row.get("pixels")):
            yield row["@"]
            yield from _parts_of(graph, row)


def _parts_of(graph: Graph, row: Row) -> Iterator[str]:
    bindings = [one for one in row.get("waveRendering") or [] if one]
    contexts = list(row.get("spatialDomainEnhancement") or [])
    for binding in bindings:
        contexts += (graph.one(binding) or {}).get("spatialDomainEnhancement") or []
    quantization = row.get("quantization")
    yield from (*bindings, *(one for one in contexts if one), *([quantization] if quantization else []))
