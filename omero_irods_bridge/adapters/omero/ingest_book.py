"""The port IngestBook over omero-py: links that cards made, and the files of filesets."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final

import omero
import omero.clients
import omero.sys
from omero.rtypes import unwrap

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.import_in_place import mounts_with, repository_of
from omero_irods_bridge.adapters.omero.import_marks import batches
from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.adapters.omero.rows import key_of
from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.errors import NotInPlace
from omero_irods_bridge.model.imports import Mounts
from omero_irods_bridge.ports import FilePlace, MadeLink

_MADE: Final = (
    "select l.id, l.child from {}AnnotationLink l join l.details.externalInfo e join l.child"
    " where e.entityType = :source and l.parent.id = :id and l.details.owner.id = :me order by l.id"
)
_LINKED: Final = "select l.child from {}AnnotationLink l where l.parent.id = :id and l.details.owner.id = :me"
_FILES: Final = (
    "select s.id, e.clientPath, f.id, f.path, f.name, f.size, f.hash, h.value"
    " from Fileset s join s.usedFiles e join e.originalFile f left outer join f.hasher h"
    " where s.id in (:ids) order by s.id, index(e)"
)
_HINT: Final = "Run this where the ManagedRepository of OMERO is mounted for writing."


class OmeroIngestBook:
    """``IngestBook`` on a connection, which the caller closes.

    ``mounts`` says where this machine sees folders of the server, ``repository`` where its ManagedRepository.
    """

    def __init__(
        self, connection: OmeroConnection, mounts: Mounts | None = None, repository: Path | None = None
    ) -> None:
        self._connection = connection
        self._mounts, self._repository = mounts or Mounts(), repository
        with omero_errors("preparing to ingest"):
            self._query = connection.session.getQueryService()

    @property
    def sees_everything(self) -> bool:
        with omero_errors("asking who you are"):
            return bool(self._connection.session.getAdminService().getEventContext().isAdmin)

    def made_links(self, source: str, container: str) -> list[MadeLink]:
        kind, _, number = container.partition(":")
        parameters = omero.sys.ParametersI().addId(int(number)).addString("source", source)
        parameters.addLong("me", self._connection.identity.user_id)
        with omero_errors(f"looking for what {source} has made"):
            rows = self._rows(_MADE.format(_known(kind)), parameters)
        return [MadeLink(f"{kind}AnnotationLink:{link.val}", key_of(child.val)) for link, child in rows]

    def annotations_of(self, container: str) -> set[str]:
        kind, _, number = container.partition(":")
        parameters = omero.sys.ParametersI().addId(int(number))
        parameters.addLong("me", self._connection.identity.user_id)
        with omero_errors(f"looking what {container} is annotated with"):
            rows = self._rows(_LINKED.format(_known(kind)), parameters)
        return {key_of(row[0].val) for row in rows}

    def existing(self, kind: str, ids: Sequence[int]) -> set[int]:
        queries = Queries(self._connection)
        with omero_errors(f"looking whether a {kind} is there"):
            return {one for some in batches(sorted(set(ids))) for one in queries.existing(_known(kind), some)}

    # -- files

    def files_of(self, filesets: Sequence[int]) -> Mapping[int, Sequence[FilePlace]]:
        found: dict[int, list[FilePlace]] = defaultdict(list)
        with omero_errors("looking where the files of filesets are"):
            for some in batches(sorted(set(filesets))):
                for row in self._rows(_FILES, omero.sys.ParametersI().addIds(some)):
                    fileset, *told = unwrap(row)
                    found[fileset].append(self._place(*told))
        return found

    def _place(
        self, client_path: str, file: int, path: str, name: str, size: int, digest: str, hasher: str
    ) -> FilePlace:
        known = OmeroHash(hasher, digest) if digest and hasher else None
        whole = (path + name).lstrip("/")
        return FilePlace(file, client_path, whole, self._target(whole), size, known)

    def _target(self, path: str) -> PurePosixPath | None:
        try:
            return PurePosixPath(self._here(path).readlink())
        except OSError:
            return None

    def link_anew(self, place: FilePlace, target: PurePosixPath) -> None:
        here = self._here(place.path)
        if not here.is_symlink():
            raise NotInPlace(f"{here} is no link, or not seen here.", hint=_HINT)
        beside = here.with_name(f".{uuid.uuid4().hex}")
        try:
            beside.symlink_to(target)
            beside.replace(here)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise NotInPlace(f"{here} cannot be changed: {error.strerror}.", hint=_HINT) from error

    def _here(self, path: str) -> Path:
        root, mounts = self._seen
        return Path(mounts.here(root / path))

    @cached_property
    def _seen(self) -> tuple[PurePosixPath, Mounts]:
        """The repository as the server names it, and where this machine sees its folders."""
        client = self._connection.client
        with omero_errors("asking where the repository is"):
            return repository_of(client), mounts_with(self._repository, self._mounts, client)

    def _rows(self, text: str, parameters: Any) -> list[list[Any]]:
        rows: list[list[Any]] = self._query.projection(text, parameters, self._connection.all_groups())
        return rows


def _known(kind: str) -> str:
    if not kind.isidentifier() or not hasattr(omero.model, kind):
        raise ValueError(f"OMERO's model has no {kind!r}")
    return kind
