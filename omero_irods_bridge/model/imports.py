"""What is asked of an import into OMERO, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef

MARK_NAMESPACE: Final = "omero-irods-bridge/load"
"""Of the map annotation on each fileset that a load has made."""

_TARGETS: Final = (Kind.DATASET, Kind.SCREEN)


@dataclass(frozen=True, slots=True)
class ImportMark:
    """Says on a fileset, from the moment it exists, which load made it and what of the snapshot it is.

    ``load`` is the id of the load; ``source`` names the fileset where it came from, in words of the snapshot
    (``Fileset:12``); one load has at most one complete fileset of each source.
    """

    load: str
    snapshot: str
    source: str

    def __post_init__(self) -> None:
        if not (self.load and self.source):
            raise ValueError("a mark needs a load and a source")


@dataclass(frozen=True, slots=True)
class MarkedFileset:
    """A fileset that a load has made.

    ``images`` are ids in the order of their series, ``plates`` those that show one of them. One that is not
    ``complete`` may still be on its way in the server; whatever becomes of it, its import was not heard to
    end well. ``may_delete`` is whether OMERO lets this user delete it, whoever it was given to.
    """

    id: int
    mark: ImportMark
    complete: bool
    images: tuple[int, ...]
    plates: tuple[int, ...] = ()
    may_delete: bool = True


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a fileset shall be imported. Owner and group are those of the session.

    ``target`` is a Dataset for images or a Screen for plates. ``name`` replaces that of the first file; OMERO
    appends ``[series]`` where there are several images. ``images`` is how many images must come of it, none
    where nobody knows. Without ``thumbnails`` OMERO makes no rendering settings either, without
    ``statistics`` it reads no pixels: no minima and maxima, no checksum of the pixels. ``reader`` is the Java
    class of the Bio-Formats reader that imported the files before, if known: it decides which parent folders
    are kept.
    """

    target: ObjectRef | None = None
    name: str | None = None
    mark: ImportMark | None = None
    images: int | None = None
    thumbnails: bool = True
    statistics: bool = True
    reader: str | None = None

    def __post_init__(self) -> None:
        if self.target is not None and self.target.kind not in _TARGETS:
            raise UsageError(
                f"Nothing can be imported into {self.target}.", hint="Name a Dataset, or a Screen for plates."
            )


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has made, as the server answered it.

    ``images`` are ids in the order of their series, those in plates included. ``files`` are ids of
    OriginalFiles and ``paths`` their places in the ManagedRepository, both in the order in which the files
    were given.
    """

    fileset: int
    images: tuple[int, ...]
    plates: tuple[int, ...]
    files: tuple[int, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """A file that OMERO is to use where it is.

    ``target`` is where the OMERO server sees it, an absolute path; ``client_path`` what the fileset shall say
    of its origin. ``size`` in bytes, ``expected`` (when its hasher is known) and ``sha256`` are compared with
    the file before anything starts.
    """

    client_path: str
    target: PurePosixPath
    expected: OmeroHash | None = None
    sha256: Sha256 | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if not self.target.is_absolute() or ".." in self.target.parts:
            raise UsageError(f"{self.target} is not an absolute path without '..'.")


@dataclass(frozen=True, slots=True)
class MountedAt:
    """A folder of the OMERO server and where this machine sees the same folder."""

    server: PurePosixPath
    here: PurePosixPath


@dataclass(frozen=True, slots=True)
class Mounts:
    """Where the server's files are seen here: under the same path, but for these folders."""

    table: tuple[MountedAt, ...] = field(default=())

    def here(self, server_path: PurePosixPath) -> PurePosixPath:
        """Where this machine sees a path of the server; the longest folder that holds it decides."""
        fitting = [one for one in self.table if server_path.is_relative_to(one.server)]
        if not fitting:
            return server_path
        nearest = max(fitting, key=lambda one: len(one.server.parts))
        return nearest.here / server_path.relative_to(nearest.server)
