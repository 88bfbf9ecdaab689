"""What the use cases need of OMERO: reading and writing its objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from omero_irods_bridge.model.events import CancelToken, Report
from omero_irods_bridge.model.files import SourceFile
from omero_irods_bridge.model.loads import LoadTarget, Remapped, TagText
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.shapes import ClassShape
from omero_irods_bridge.ports.bytes import ByteSource

Row: TypeAlias = Mapping[str, Any]
"""One OMERO object as JSON, in the form of docs/packet-format.md, ``bridge/omero.jsonl``."""


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

    def find_tags(self, texts: Sequence[str], *, owner: int | None = None) -> Mapping[TagText, str]:
        """This user's own tags of this group, or that user's, with one of these texts, each with its key.

        Of several alike, the oldest.
        """
        ...

    def find_users(self, names: Sequence[str]) -> Mapping[str, int]:
        """Ids of the users who log in under these names; who is not there is left out."""
        ...

    def find_groups(self, names: Sequence[str]) -> Mapping[str, int]:
        """Ids of the groups of these names; what is not there is left out."""
        ...

    def find_members(self, users: Sequence[int]) -> frozenset[int]:
        """Those of these users who are members of this group."""
        ...

    def is_private(self) -> bool:
        """Whether members of this group do not see each other's data: then OMERO lets nobody mix them."""
        ...

    def find_target(self, target: ObjectRef) -> LoadTarget | None:
        """Where something is to be put; none when it is not there, or not for this user to see."""
        ...

    def may_write_for_others(self) -> bool:
        """Whether drafts of any class, files too, may name another owner."""
        ...

    def may_give(self) -> bool:
        """Whether this user may give what is his to any user (``Ownership.give``)."""
        ...


class Ownership(Protocol):
    """Gives to others what a load has imported, as one user in one group."""

    def give(self, filesets: Sequence[int], plates: Sequence[int], to: int) -> int:
        """Let all that was imported with these become the user's ``to``, as far as it is this user's still.

        That is filesets, plates, and their images with all that an import makes of them, but not the marks.
        In one transaction. How many filesets and plates were given; none is a success.

        Raises:
            AccessDenied: OMERO does not let this user give them to that one; nothing was given.
        """
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
