"""Paths inside a repository, as values.

Source: FsFile and CheckedPath of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.repository.sanitising import Sanitiser

SEPARATOR: Final = "/"


@dataclass(frozen=True, slots=True)
class RepositoryPath:
    """A path below a repository's root; no component is empty or holds a separator.

    ``.`` and ``..`` are components like others until :meth:`resolved`.
    """

    components: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> RepositoryPath:
        """Of text with ``/``; leading, trailing and doubled ones do not count."""
        return cls(tuple(component for component in text.split(SEPARATOR) if component))

    def __str__(self) -> str:
        return SEPARATOR.join(self.components)

    def __truediv__(self, below: Iterable[str] | str) -> RepositoryPath:
        more = (below,) if isinstance(below, str) else tuple(below)
        return RepositoryPath(self.components + more)

    @property
    def is_root(self) -> bool:
        return not self.components

    @property
    def name(self) -> str:
        """What OriginalFile.name says."""
        return self.components[-1] if self.components else ""

    @property
    def parent(self) -> RepositoryPath:
        """The directory it is in; the root has none.

        Raises:
            ValidationException: it is the root.
        """
        if self.is_root:
            raise validation("May not obtain parent of repository root")
        return RepositoryPath(self.components[:-1])

    @property
    def lineage(self) -> list[RepositoryPath]:
        """From the topmost directory down to the path itself, without the root."""
        return [RepositoryPath(self.components[:end]) for end in range(1, len(self.components) + 1)]

    @property
    def parent_column(self) -> str:
        """What OriginalFile.path says: it ends in a separator, and is just that in the root."""
        return SEPARATOR.join(self.components[:-1]) + SEPARATOR

    @property
    def children_column(self) -> str:
        """What OriginalFile.path of everything in this directory says."""
        return str(self) + SEPARATOR

    def resolved(self) -> RepositoryPath:
        """Without ``.`` and ``..``.

        Raises:
            ValidationException: it leads above the root.
        """
        found: list[str] = []
        for component in self.components:
            if component == "..":
                if not found:
                    raise validation("Path may not make references above root")
                found.pop()
            elif component != ".":
                found.append(component)
        return RepositoryPath(tuple(found))

    def sanitised(self, sanitiser: Sanitiser) -> RepositoryPath:
        """With every component safe."""
        return RepositoryPath(sanitiser.components(self.components))

    def on_disk(self, root: Path) -> Path:
        """Where it is below ``root``. Only of a resolved path."""
        return root.joinpath(*self.components)


def checked_path(text: str, sanitiser: Sanitiser) -> RepositoryPath:
    """A path given by a client, resolved.

    Raises:
        ValidationException: it leads above the root, or has a component that the rules do not allow.
    """
    path = RepositoryPath.parse(text).resolved()
    if path.sanitised(sanitiser) != path:
        raise validation("Path contains illegal components")
    return path
