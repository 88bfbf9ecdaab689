"""Carrying a plan out: references to null, rows deleted, files removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.requests.graph_objects import EXTERNAL_INFO, Edge, Node
from omero_irods_sandbox.omero_server.requests.graph_plan import Fate, Plan
from omero_irods_sandbox.omero_server.requests.registry import graph_failed

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.storage.files import FileStorage
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork


def unlinked(plan: Plan, edges: Iterable[Edge]) -> list[Edge]:
    """The references among ``edges`` that have to become null, once each.

    Raises:
        CommandFailed: one may not be null, or its holder may not be changed (GraphTraversal.unlinkTargets).
    """
    found = list(dict.fromkeys(edges))
    required = next((edge for edge in found if edge.is_required), None)
    if required is not None:
        raise graph_failed(f"cannot null {required.source.entity.java_name}.{required.field}")
    plan.require({edge.source for edge in found}, "not permitted to update", "may_update")
    return found


def edges_to_deleted(plan: Plan) -> list[Edge]:
    """References from what stays to what is deleted."""
    deleted = plan.having(Fate.DELETE)
    return [
        edge
        for node in deleted
        for edge in plan.graph.into(node)
        if plan.fates.get(edge.source) is not Fate.DELETE
    ]


def cut(work: UnitOfWork, edges: Iterable[Edge]) -> None:
    """Set references to null."""
    for edge in edges:
        column = "d_external" if edge.field == EXTERNAL_INFO else f"{edge.field}_id"
        work.update(edge.source.entity.name, edge.source.id, **{column: None})


def delete(work: UnitOfWork, nodes: Iterable[Node], storage: FileStorage | None) -> None:
    """Delete rows now and their files once all is committed (Deletion; omero-semantics.md, section 2)."""
    by_class: dict[str, list[int]] = defaultdict(list)
    for node in nodes:
        by_class[node.entity.name].append(node.id)
    if storage is not None:
        _remove_later(work, by_class, storage)
    for name, ids in by_class.items():
        work.delete(name, ids)


def _remove_later(work: UnitOfWork, by_class: dict[str, list[int]], storage: FileStorage) -> None:
    for file_id in by_class.get("OriginalFile", ()):
        row = work.database.row('select * from "OriginalFile" where id = ?', file_id)
        if row is not None:
            work.after_commit(partial(storage.remove, row))
    for pixels_id in by_class.get("Pixels", ()):
        work.after_commit(partial(_unlink, storage.pixels_path(pixels_id)))


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
