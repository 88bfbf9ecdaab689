"""What the use cases need of OMERO where files become images, and of what remembers where they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.model.imports import Imported, ImportOptions, LinkedFile, MarkedFileset
from omero_irods_bridge.model.loads import CONTAINER_KINDS, LoadRecord, MarkedObject
from omero_irods_bridge.ports.bytes import ByteSource


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file to import, and how to get at its bytes.

    ``client_path`` is what the fileset shall say of its origin: components joined by ``/``, none of them
    ``.`` or ``..``, no leading slash. ``size`` is in bytes. ``expected`` is compared while the bytes pass,
    when its hasher is known. ``open`` gives the bytes from their start, again when it is called again; files
    of one import are opened and read by several threads, each by one.
    """

    client_path: str
    size: int
    open: Callable[[], AbstractContextManager[ByteSource]]
    expected: OmeroHash | None = None


class Importer(Protocol):
    """Makes images in OMERO out of files, as one user in one group. One thread at a time.

    An import that fails is removed again from OMERO, as far as the server answers; the message says what is
    left. With ``ImportOptions.mark`` also what a killed process left is found by :meth:`find_marked`.
    """

    def import_fileset(
        self,
        files: Sequence[ImportFile],
        options: ImportOptions,
        report: Report = ...,
        cancel: CancelToken | None = None,
    ) -> Imported:
        """Send files, the first is what OMERO opens, and wait until their images are there.

        Raises:
            BadName: a client path cannot be kept, or two files would be one; nothing was made.
            ChecksumMismatch: a file is not what it should be, at its source or as OMERO got it.
            UnreadableImage: OMERO cannot read the files.
            ImportFailed: OMERO could not import them, or made another number of images than was announced.
            NotFound, AccessDenied: the target is not there or not writable.
            NoSpace: the disk of OMERO is full.
        """
        ...

    def check_in_place(self, files: Sequence[LinkedFile]) -> None:
        """Look whether this machine sees all these files, with their sizes; reads and changes nothing.

        Raises:
            NotInPlace: one is not a readable regular file of this size here.
        """
        ...

    def import_in_place(
        self,
        files: Sequence[LinkedFile],
        options: ImportOptions,
        report: Report = ...,
        cancel: CancelToken | None = None,
    ) -> Imported:
        """Import files from where they are, the first is what OMERO opens; nothing of them is copied.

        They have to stay as and where they are from then on.

        Raises:
            NotInPlace: a file is not a readable regular file here and on the server, or this machine does not
                see the repository of OMERO; no link stays.
            BridgeError: as :meth:`import_fileset`.
        """
        ...

    @property
    def at_once(self) -> int:
        """How many imports may run at the same time, one through each importer of :meth:`another`."""
        ...

    def another(self) -> AbstractContextManager[Importer]:
        """An importer of the same user and group for another thread, with a connection of its own."""
        ...

    def find_marked(self, load: str) -> list[MarkedFileset]:
        """All filesets that a load has made, complete or not, by id."""
        ...

    def discard(self, filesets: Sequence[int]) -> None:
        """Delete just these filesets with their files, images and the plates that hold nothing else.

        Done when none is there. The files that links point to stay.

        Raises:
            BridgeError: OMERO refuses; what it says is in the message. Nothing was deleted.
        """
        ...


class LoadBook(Protocol):
    """What loads have left in OMERO, as one user sees it in all of his groups; writes in one group."""

    def begin(self, record: LoadRecord) -> LoadRecord:
        """Record a load that starts, or give the record that it has already, as it is."""
        ...

    def claim(self, load: str) -> AbstractContextManager[None]:
        """Be the only process that carries out a load that has a record, until the end of the block.

        Raises:
            Busy: another process is at it, as far as can be known.
            NotFound: the load has no record.
        """
        ...

    def remove_left_claim(self, load: str) -> None:
        """Remove a claim that a dead process left; done when there is none, or a living one holds it."""
        ...

    def finish(self, record: LoadRecord) -> None:
        """Let the record of a load that began say what ``record`` says.

        Raises:
            NotFound: it has no record.
        """
        ...

    def find(self, load: str, *, is_own: bool = False) -> LoadRecord | None:
        """None also where a person has changed the record so that it cannot be read.

        With ``is_own`` only what this user has recorded himself counts: others can write anything.
        """
        ...

    def list_loads(self) -> list[LoadRecord]:
        """All that this user may see, the last to start first; of other users too, where groups share."""
        ...

    def forget(self, load: str) -> None:
        """Delete record and id map of a load, not those of other users; done when there are none."""
        ...

    def find_marked(self, load: str, kinds: Sequence[str] = CONTAINER_KINDS) -> list[MarkedObject]:
        """Objects of these classes that carry the mark of a load, in the order of kinds and ids.

        ``Annotation`` stands for all kinds of annotations.
        """
        ...

    def write_id_map(self, load: str, pairs: Iterable[tuple[str, str]]) -> None:
        """Keep what became of the objects of a packet: (key there, key here); replaces what was kept.

        Raises:
            NotFound: the load has no record.
        """
        ...

    def read_id_map(self, load: str) -> list[tuple[str, str]]:
        """As it was written; empty when none was."""
        ...


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link to the annotation ``child`` that a source (a card) has made."""

    key: str
    child: str


@dataclass(frozen=True, slots=True)
class FilePlace:
    """An OriginalFile of a fileset: ``path`` in the repository, and where its link leads on the server.

    ``target`` is none for a file that is no link, or that this machine does not see.
    """

    file: int
    client_path: str
    path: str
    target: PurePosixPath | None
    size: int
    hash: OmeroHash | None


class IngestBook(Protocol):
    """What ingest asks of OMERO besides importing, as one user in one group. One thread at a time."""

    @property
    def sees_everything(self) -> bool:
        """Whether this user is an administrator, who sees also what others have in private groups."""
        ...

    def made_links(self, source: str, container: str) -> list[MadeLink]:
        """Annotation links of a Project, Dataset or Screen that ``source`` has made.

        A link says so by its ExternalInfo: entityType ``source``.
        """
        ...

    def annotations_of(self, container: str) -> set[str]:
        """Keys of the annotations that this user has linked to a container himself, or by the bridge."""
        ...

    def existing(self, kind: str, ids: Sequence[int]) -> set[int]:
        """Those ids that there are objects of, in all groups that this user may see."""
        ...

    def files_of(self, filesets: Sequence[int]) -> Mapping[int, Sequence[FilePlace]]:
        """The files of filesets in the order of their entries, by fileset."""
        ...

    def link_anew(self, place: FilePlace, target: PurePosixPath) -> None:
        """Let the link of a file lead to where the server sees it now; in one step, or not at all.

        Raises:
            NotInPlace: it is no link, or may not be changed here.
        """
        ...
