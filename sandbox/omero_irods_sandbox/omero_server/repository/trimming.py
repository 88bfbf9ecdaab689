"""Which directories of the client's paths are kept below the template path.

Source: ManagedRepositoryI.commonRoot, .trimPaths and .suggestImportPaths of omero-blitz.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.omero_server.errors import internal_error
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath

KEPT_PARENTS: Final = 3
"""Parent directories kept when no reader says how many it needs."""

READER_KEY: Final = "bioformats.reader"
"""In UploadJob.versionInfo the name of the class of the client's reader (ImportConfig.VersionInfo)."""

_LOADABLE_READER: Final = re.compile(r"loci\.formats\.in\.\w+Reader")


@dataclass(frozen=True, slots=True)
class Trimmed:
    """``base`` is what all of ``paths`` begin with."""

    base: RepositoryPath
    paths: tuple[RepositoryPath, ...]

    @property
    def remainders(self) -> list[RepositoryPath]:
        """The paths below ``base``."""
        depth = len(self.base.components)
        return [RepositoryPath(path.components[depth:]) for path in self.paths]


def common_root(paths: Sequence[RepositoryPath]) -> RepositoryPath:
    """The longest path that all begin with; it never takes a file's own name."""
    found: list[str] = []
    for components in zip(*(path.components[:-1] for path in paths), strict=False):
        if len(set(components)) > 1:
            break
        found.append(components[0])
    return RepositoryPath(tuple(found))


def trim(paths: Sequence[RepositoryPath], required_directories: int | None) -> Trimmed:
    """Drop leading directories that all paths share.

    ``required_directories`` is how many of the shared ones a reader needs; None:
    nobody knows, and three parents of the shortest path stay.

    Raises:
        InternalException: paths are deep and share less than what has to go
            (the Java server's unchecked IllegalArgumentException of List.subList).
    """
    base = common_root(paths)
    if required_directories is None:
        surplus = min(len(path.components) for path in paths) - KEPT_PARENTS - 1
    else:
        surplus = len(base.components) - required_directories
    if surplus < 0:
        return Trimmed(base, tuple(paths))
    if surplus > len(base.components):
        raise internal_error(f"fromIndex({surplus}) > toIndex({len(base.components)})")
    return Trimmed(_without(base, surplus), tuple(_without(path, surplus) for path in paths))


def _without(path: RepositoryPath, leading: int) -> RepositoryPath:
    return RepositoryPath(path.components[leading:])


def required_directories(version_info: Iterable[tuple[str, str]]) -> int | None:
    """What the reader named in an UploadJob's versionInfo needs; None when it names none that can be loaded.

    Bio-Formats' FormatReader.getRequiredDirectories is 0 unless a reader
    overrides it, and no reader for the formats read here does.
    """
    for name, value in version_info:
        if name == READER_KEY:
            return 0 if _LOADABLE_READER.fullmatch(value or "") else None
    return None
