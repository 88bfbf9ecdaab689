"""What the use cases need of the world. Adapters fulfil these; everything above speaks of nothing else.

Every method raises only ``BridgeError`` (model/errors.py): adapters translate at the border. Unless a
docstring says otherwise, objects may be used by several threads, the readers and writers that they hand out
by one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol, TypeAlias

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.model.imports import Imported, ImportOptions, LinkedFile, MarkedFileset
from omero_irods_bridge.model.loads import (
    CONTAINER_KINDS,
    LoadRecord,
    LoadTarget,
    MarkedObject,
    Remapped,
    TagText,
)
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_bridge.model.stored import Avu, Collection, DataObject

Row: TypeAlias = Mapping[str, Any]
"""One OMERO object as JSON, in the form of docs/packet-format.md, ``bridge/omero.jsonl``."""


class ByteSource(Protocol):
    """Bytes at places: a local file, a data object. Several threads may read at once."""

    @property
    def size(self) -> int:
        """In bytes; does not change while the source is open."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes from ``offset``, fewer only where the source ends."""
        ...


# -- OMERO


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Which OMERO this is, and as whom we are in it. ``uuid`` is its database's."""

    host: str
    uuid: str
    version: str
    user: str
    user_id: int
    group: str
    group_id: int


class ObjectModel(Protocol):
    """The classes that OMERO knows. Needs no server."""

    def shape(self, class_name: str) -> ClassShape | None:
        """What a concrete class is made of; none where the model has no such class."""
        ...


class FileReader(Protocol):
    """Gives bytes of one file after the other; one thread at a time."""

    def open(self, file: SourceFile) -> int:
        """Turn to this file; how many bytes it has.

        Raises:
            NotFound: the file is not there, on the server's disk either.
            AccessDenied: OMERO refuses its bytes (binary access policy, group).
        """
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Just ``length`` bytes of the present file, fewer only where it ends; at most 16 MiB at once."""
        ...


class ImageServer(Protocol):
    """An OMERO server, as one user."""

    @property
    def identity(self) -> ServerIdentity: ...

    @property
    def is_mounted(self) -> bool:
        """Whether original files are read from a mounted ManagedRepository, past OMERO's download policy."""
        ...

    def read_graph(
        self,
        objects: Sequence[ObjectRef],
        add: Callable[[Row], None],
        *,
        figures: bool = False,
        also: Sequence[str] = (),
        report: Report = ...,
        cancel: CancelToken | None = None,
    ) -> None:
        """Hand over everything that OMERO knows of ``objects`` and of what is in them, each object once.

        The number of queries depends on the kinds of objects, not on how many there are (pages of ids). With
        ``figures`` also the OMERO.figure files that show one of the images, and with ``also`` objects of any
        class (``FileAnnotation:7``), as far as they are there.

        Raises:
            NotFound: one of ``objects`` is not there, or this user may not see it.
        """
        ...

    def file_reader(self) -> AbstractContextManager[FileReader]:
        """A reader of its own connection or store, for one thread."""
        ...


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


Draft: TypeAlias = Mapping[str, Any]
"""A row to be written (docs/decisions/0008-unpack-makes-two-graphs-equal.md)."""


class GraphWriter(Protocol):
    """Makes and changes objects in OMERO, as one user in one group. One thread at a time."""

    def save(self, drafts: Sequence[Draft]) -> Mapping[str, str]:
        """Save all drafts in one transaction, all or none; the key that each local key got.

        Raises:
            AccessDenied: this user may not make or change one of them.
            NotFound: an object that is referred to, or an enumeration's value, is not there.
            BridgeError: OMERO refuses; the message says which draft, as far as OMERO does.
        """
        ...

    def write_file(self, file: int, source: ByteSource) -> None:
        """Fill the OriginalFile of this id with the bytes of ``source``; OMERO records size and hash.

        Its bytes are those of ``source`` when this returns: the hash that OMERO computed was compared.
        """
        ...

    def delete(self, objects: Mapping[str, Sequence[int]], *, keep: Sequence[str] = ()) -> None:
        """Delete these objects by class and id in one request, with what only they hold together.

        Contents of containers that are not named stay. Done when none is there. Objects of the classes
        ``keep`` (``TagAnnotation``) go only when they are named. All or nothing: where OMERO refuses one,
        all stay.
        """
        ...

    def remap_table(self, file: int, ids: Mapping[str, Mapping[int, int]]) -> Remapped:
        """Replace the ids in the typed columns of a table that was written just now.

        ``ids`` are old and new ids by class. To do it again, write the file again first: a new id may also be
        an old one.
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

    def find(self, load: str) -> LoadRecord | None: ...

    def list_loads(self) -> list[LoadRecord]:
        """All that this user may see, the last to start first; of other users too, where groups share."""
        ...

    def forget(self, load: str) -> None:
        """Delete record and id map of a load; done when there are none."""
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


class ContainerLinks(Protocol):
    """What is in which container, asked from above: a graph is only read downwards."""

    def find(self, parents: Sequence[str], children: Sequence[str]) -> list[Row]:
        """Rows of the links from one of ``parents`` to one of ``children``; other keys are passed over."""
        ...

    def unused(self, annotations: Sequence[str]) -> list[str]:
        """Those annotations, of any classes, that are there and hang on nothing."""
        ...

    def by_name(self, kind: Kind, names: Sequence[str], *, within: str | None = None) -> Mapping[str, str]:
        """This user's containers of this group, by name; ``within`` a container of the kind above.

        Of several of one name, the oldest.
        """
        ...


class Surroundings(Protocol):
    """What a load finds in OMERO, as one user in one group."""

    def find_tags(self, texts: Sequence[str]) -> Mapping[TagText, str]:
        """This user's own tags of this group with one of these texts, each with its key.

        Of several alike, the oldest.
        """
        ...

    def find_users(self, names: Sequence[str]) -> Mapping[str, int]:
        """Ids of the users who log in under these names; who is not there is left out."""
        ...

    def find_groups(self, names: Sequence[str]) -> Mapping[str, int]:
        """Ids of the groups of these names; what is not there is left out."""
        ...

    def find_target(self, target: ObjectRef) -> LoadTarget | None:
        """Where something is to be put; none when it is not there, or not for this user to see."""
        ...

    def may_write_for_others(self) -> bool:
        """Whether drafts of any class, files too, may name another owner."""
        ...


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link that a source (a card) has made: from ``parent`` to the annotation ``child``."""

    key: str
    parent: str
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

    def made_links(self, source: str, parents: Sequence[str]) -> list[MadeLink]:
        """Annotation links of containers of the classes Project, Dataset and Screen that ``source`` has made.

        All of them when ``parents`` is empty. A link says so by its ExternalInfo: entityType ``source``.
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


# -- iRODS


class ObjectWriter(Protocol):
    """Writes one data object through several streams at once.

    Each stream belongs to one thread at a time. What was written is not trusted before the server's checksum
    of it was compared: see ``ObjectStore.compute_checksum``.
    """

    @property
    def streams(self) -> int: ...

    def write_at(self, stream: int, offset: int, data: bytes | memoryview) -> None:
        """Write all of ``data`` at ``offset`` through the stream of this number (from 0)."""
        ...

    def close(self) -> None:
        """End all streams; the replica is good afterwards.

        Raises:
            BridgeError: it may not be; the object must not be used.
        """
        ...

    def abort(self) -> None:
        """Let go of the connections at once; the replica stays stale. Never raises."""
        ...


class ObjectStore(Protocol):
    """An iRODS zone, as one user. Paths are absolute logical paths."""

    @property
    def zone(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def home(self) -> str:
        """``/zone/home/user``."""
        ...

    def find(self, path: str) -> DataObject | Collection | None:
        """What is there, as far as this user may see it; none for nothing."""
        ...

    def children(self, collection: str, *, recursive: bool = False) -> Iterator[DataObject | Collection]:
        """What is in a collection, sorted by path; ``recursive`` gives what is below it too."""
        ...

    def make_collection(self, path: str) -> None:
        """Make a collection and those above it that are missing; done when it is there already.

        Raises:
            AccessDenied: this user may not make it there.
        """
        ...

    def open_writer(self, path: str, *, streams: int = 1, keep: bool = False) -> ObjectWriter:
        """Write to a data object, made if it is not there.

        ``keep`` leaves the bytes that it has, else it is emptied.

        Raises:
            Busy: somebody else writes to it.
            AccessDenied: this user may not write there.
            NotFound: the collection is not there.
        """
        ...

    def truncate(self, path: str, size: int) -> None:
        """Cut a data object that nobody has open to its first ``size`` bytes."""
        ...

    def open_source(
        self, path: str, *, streams: int = 1, replica: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        """Read a data object over as many connections; a stale replica is read where none is good.

        With ``replica`` just the bytes of the replica of this number are read, whatever its state.
        """
        ...

    def compute_checksum(self, path: str, *, replica: int | None = None) -> Sha256:
        """Let the server read all bytes, compute their SHA-256 now, and record it over what was recorded.

        Raises:
            ChecksumMismatch: the replica is marked damaged or the server cannot read it as it should be.
        """
        ...

    def verify_checksum(self, path: str, *, replica: int) -> bool:
        """Let the server read a replica and compare it with what it has recorded; changes nothing."""
        ...

    def move(self, source: str, target: str) -> None:
        """Rename a data object or collection within the zone. Nothing is ever overwritten.

        Raises:
            TargetExists: there is something at ``target``; nothing was changed.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove a data object, or a collection with all in it, for good; done when nothing is there."""
        ...

    def remove_if_empty(self, collection: str) -> bool:
        """Remove a collection unless something is in it, in one atomic call; whether it is gone.

        What this user does not see counts too.
        """
        ...

    def avus(self, path: str) -> tuple[Avu, ...]:
        """All AVUs of a data object or collection, sorted."""
        ...

    def change_avus(self, path: str, *, add: Iterable[Avu] = (), remove: Iterable[Avu] = ()) -> None:
        """Change AVUs of a data object or collection in one atomic call: all or none."""
        ...

    def find_by_avus(
        self,
        conditions: Sequence[AvuCondition],
        *,
        below: str | None = None,
        skip: int = 0,
        limit: int = 100,
    ) -> list[str]:
        """Paths of data objects and collections that fulfil all ``conditions``.

        They are in the order of their collections and, within one, of their names, as the zone compares
        texts. Those below a collection named ``.incoming`` are left out. ``below`` is a collection.
        """
        ...

    def avus_of_many(self, paths: Sequence[str]) -> Mapping[str, tuple[Avu, ...]]:
        """All AVUs of each path in a few queries; a path that is not there is left out."""
        ...


class TreeStore(ObjectStore, Protocol):
    """An ``ObjectStore`` that answers for whole trees in few queries, however many objects are in them."""

    def avus_below(self, collection: str, prefix: str) -> Mapping[str, tuple[Avu, ...]]:
        """AVUs whose attribute begins so, by path: of ``collection`` and of all that is in it."""
        ...

    def objects_named(self, ending: str, collection: str, *, recursive: bool = True) -> Sequence[DataObject]:
        """Data objects whose names end so, in a collection and below it, by path."""
        ...

    def time_there(self) -> float:
        """Seconds since 1970 as the server counts them, by whose clock objects have their times.

        Raises:
            AccessDenied: this user may write nothing there by which to see it.
        """
        ...


@dataclass(frozen=True, slots=True)
class AvuCondition:
    """``attribute`` has a value that equals, contains, or lies between these (as texts, both inclusive).

    ``length`` is the least and the most characters that the value has: numbers of one length sort as texts as
    they do as numbers. Just one of the four is given, or ``between`` with a ``length``: the two are then of one
    value; with none the attribute only has to be there.
    """

    attribute: str
    equals: str | None = None
    contains: str | None = None
    between: tuple[str, str] | None = None
    length: tuple[int, int] | None = None


class Clock(Protocol):
    """Tells the time, so that tests can."""

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        ...


class ScriptRepository(Protocol):
    """The scripts that an OMERO server offers to everybody, by path, such as ``/omero/iRODS/Name.py``."""

    def read(self, path: str) -> str | None:
        """The text; none where there is no such script."""
        ...

    def write(self, path: str, text: str) -> None:
        """Add a script, or replace the text of the one that is there.

        Raises:
            AccessDenied: this user may not.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove a script; nothing happens where there is none.

        Raises:
            AccessDenied: this user may not.
        """
        ...
