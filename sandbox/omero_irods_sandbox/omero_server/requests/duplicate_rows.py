"""Copies of rows and of the files behind them, for Duplicate."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.omero_server.model.entities import FieldKind
from omero_irods_sandbox.omero_server.repository.managed_directories import ManagedDirectories
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath
from omero_irods_sandbox.omero_server.repository.tree import RepositoryTree
from omero_irods_sandbox.omero_server.requests.graph_objects import EXTERNAL_INFO, Graph, Node

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork

_OWN_COLUMNS: Final = frozenset(
    {"id", "_class", "version", "d_owner", "d_group", "d_creation", "d_update", "d_external", "d_permissions"}
)
_LOG_SUFFIX: Final = ".log"


class RowCopies:
    """Copies within one unit of work. Files made are removed when it fails."""

    def __init__(self, work: UnitOfWork, call: Call, graph: Graph) -> None:
        self._work = work
        self._call = call
        self._graph = graph
        self._storage = call.server.storage
        self._ids: dict[Node, int] = {}
        self._prefixes: dict[str, str] = {}
        self._files: list[Path] = []

    def make(self, nodes: Iterable[Node], is_ignored: Callable[[Node], bool]) -> dict[str, list[int]]:
        """Copy all; ids of the copies by Java class. References to what is ignored become null."""
        try:
            self._copy(list(nodes), is_ignored)
        except BaseException:
            for path in self._files:
                path.unlink(missing_ok=True)
            raise
        found: dict[str, list[int]] = defaultdict(list)
        for node, id_ in self._ids.items():
            found[node.entity.java_name].append(id_)
        return {name: sorted(ids) for name, ids in found.items()}

    def _copy(self, nodes: list[Node], is_ignored: Callable[[Node], bool]) -> None:
        nodes.sort(key=lambda node: (node.root != "Fileset", node.root, node.id))
        for node in nodes:
            self._copy_values(node)
        for node in nodes:
            self._copy_references(node, is_ignored)
        for node in nodes:
            self._copy_bytes(node)

    # -- rows

    def _row(self, node: Node) -> sqlite3.Row:
        row = self._work.database.row(f'select * from "{node.root}" where id = ?', node.id)
        assert row is not None
        return row

    def _copy_values(self, node: Node) -> None:
        row = self._row(node)
        references = {field.column for field in node.entity.of_kind(FieldKind.REFERENCE)}
        kept = {name: row[name] for name in row.keys() if name not in _OWN_COLUMNS | references}  # noqa: SIM118
        if node.root == "Fileset":
            kept["templatePrefix"] = self._new_prefix(row["templatePrefix"])
        if node.root == "OriginalFile" and row["repo"] == self._storage.managed_uuid:
            kept |= self._new_place(row)
        if node.root == "Pixels" and row["path"]:
            kept["path"] = self._moved(row["path"])
        self._ids[node] = self._work.insert(node.entity.name, **kept)
        self._copy_pairs(node)

    def _copy_pairs(self, node: Node) -> None:
        rows = self._work.database.tuples(
            "select field, name, value from named_value where root = ? and owner_id = ?"
            " order by field, position",
            (node.root, node.id),
        )
        pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for field, name, value in rows:
            pairs[field].append((name, value))
        for field, found in pairs.items():
            self._work.named_values(node.entity.name, self._ids[node], field, found)

    def _copy_references(self, node: Node, is_ignored: Callable[[Node], bool]) -> None:
        row = self._row(node)
        columns: dict[str, Any] = {
            field.column: row[field.column] for field in node.entity.of_kind(FieldKind.REFERENCE)
        }
        for edge in self._graph.out(node):
            if edge.field == EXTERNAL_INFO:
                columns["d_external"] = self._ids.get(edge.target)
                continue
            copied = None if is_ignored(edge.target) else edge.target.id
            columns[f"{edge.field}_id"] = self._ids.get(edge.target, copied)
        self._work.update(node.entity.name, self._ids[node], **columns)

    # -- files

    def _tree(self) -> RepositoryTree:
        return RepositoryTree(self._call.server, self._storage.repository(self._storage.managed_uuid))

    def _new_prefix(self, prefix: str | None) -> str | None:
        """A new folder of the managed repository for a fileset."""
        if not prefix:
            return prefix
        directories = ManagedDirectories(self._call.server, self._tree())
        made = f"{directories.make_for_import(self._call)}/".lstrip("/")
        self._prefixes[prefix.rstrip("/") + "/"] = made
        return made

    def _moved(self, path: str) -> str:
        """A path below the folder of a fileset that is copied, as it is below the folder of the copy."""
        for old, new in self._prefixes.items():
            if f"{path.strip('/')}/".startswith(old):
                return f"{new}{path.strip('/')[len(old) :]}".rstrip("/") + ("/" if path.endswith("/") else "")
        return path

    def _new_place(self, row: sqlite3.Row) -> dict[str, str]:
        """Path and name of the copy of a file in the managed repository; a log lies beside the folder."""
        whole = f"{row['path']}{row['name']}"
        for old, new in self._prefixes.items():
            if whole == old.rstrip("/") + _LOG_SUFFIX:
                folder, _, name = (new.rstrip("/") + _LOG_SUFFIX).rpartition("/")
                return {"path": f"{folder}/", "name": name}
        place = self._moved(row["path"])
        if place == row["path"]:
            place = self._new_folder(row["path"])
        directories = ManagedDirectories(self._call.server, self._tree())
        directories.make(self._work, RepositoryPath.parse(place), self._call, parents=True)
        return {"path": place, "name": row["name"]}

    def _new_folder(self, path: str) -> str:
        """For a file that no fileset of the copies holds."""
        return self._new_prefix(path) or path

    def _copy_bytes(self, node: Node) -> None:
        if node.root == "OriginalFile":
            old, new = self._storage.path_by_id(node.id), self._storage.path_by_id(self._ids[node])
            in_repository = self._row(node)["repo"] is not None
        elif node.root == "Pixels":
            old, new = self._storage.pixels_path(node.id), self._storage.pixels_path(self._ids[node])
            in_repository = False
        else:
            return
        if old.is_file() and old != new:
            new.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(new)
            _link_or_copy(old, new) if in_repository else shutil.copyfile(old, new)


def _link_or_copy(old: Path, new: Path) -> None:
    """Files of the repository do not change, so that a second name is as good as a copy."""
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copyfile(old, new)
