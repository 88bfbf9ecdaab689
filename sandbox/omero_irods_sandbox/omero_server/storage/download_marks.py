"""Which objects say of themselves that their files may not be downloaded (BinaryAccessPolicy.java).

Clients look for RESTRICT-BINARY-ACCESS in ``details.permissions`` before they ask for
bytes. What is refused when they ask all the same: :mod:`binary_access`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed
from omero_irods_sandbox.omero_server.storage.binary_access import SETTING

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer

_ON_PLATES: Final = {
    # Of these ids, those that have to do with a plate.
    "Image": 'select image_id from "WellSample" where image_id in ({ids})',
    "OriginalFile": (
        'select e.originalFile_id from "FilesetEntry" e join "OriginalFile" f on f.id = e.originalFile_id'
        ' join "Image" i on i.fileset_id = e.fileset_id join "WellSample" w on w.image_id = i.id'
        " where f.name not like '%.txt' and e.originalFile_id in ({ids})"
    ),
    "Plate": 'select id from "Plate" where id in ({ids})',
    "PlateAcquisition": 'select id from "PlateAcquisition" where id in ({ids})',
    "Well": 'select id from "Well" where id in ({ids})',
    "WellSample": 'select id from "WellSample" where id in ({ids})',
}

_OF_IMAGES: Final = {
    "Image": 'select id from "Image" where id in ({ids})',
    "OriginalFile": (
        'select e.originalFile_id from "FilesetEntry" e join "OriginalFile" f on f.id = e.originalFile_id'
        ' join "Image" i on i.fileset_id = e.fileset_id'
        " where f.name not like '%.txt' and e.originalFile_id in ({ids})"
    ),
}


class DownloadMarks:
    """The policy as of now: settings and the configuration of groups are looked up each time."""

    def __init__(self, server: OmeroServer) -> None:
        self._server = server

    def __call__(
        self, caller: Caller, entity: EntityType, owners: Mapping[int, tuple[int | None, int | None]]
    ) -> set[int]:
        """The ids among ``owners`` (id -> owner, group) that are marked for ``caller``."""
        if entity.root not in _ON_PLATES:
            return set()
        terms = {group: self._terms(group) for group in {group for _, group in owners.values()}}
        marked = {
            id_
            for id_, (owner, group) in owners.items()
            if not _granted("write", terms[group])
            or not (_granted("read", terms[group]) or is_allowed(caller, Right.EDIT, entity, owner, group))
        }
        for term, queries in (("plate", _ON_PLATES), ("image", _OF_IMAGES)):
            kept_back = [id_ for id_, (_, group) in owners.items() if not _granted(term, terms[group])]
            marked |= self._found(queries.get(entity.root), kept_back)
        return marked

    def _found(self, sql: str | None, ids: list[int]) -> set[int]:
        if sql is None:
            return set()
        return {row[0] for row in self._server.store.database.tuples_by_id(sql, ids)}

    def _terms(self, group_id: int | None) -> frozenset[str]:
        rows = self._server.store.database.tuples(
            "select value from named_value where root = 'ExperimenterGroup' and owner_id = ? and name = ?",
            (group_id, SETTING),
        )
        values = [self._server.settings.get(SETTING), *(row[0] for row in rows)]
        return frozenset(term for value in values for term in value.split(","))


def _granted(term: str, terms: frozenset[str]) -> bool:
    return f"-{term}" not in terms and f"+{term}" in terms
