"""The port Ownership over omero-py: Chown2 of what a load has imported.

Chown2 of a fileset takes its images, pixels, instruments and files along. Where members see each other's data
it leaves rendering settings, regions and annotations with whoever made them (reference/omero-semantics.md,
5): those that the import itself has made are named too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import omero
import omero.clients
import omero.cmd
import omero.sys

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_requests import failure_of, refused
from omero_irods_bridge.adapters.omero.import_marks import batches
from omero_irods_bridge.model.imports import MARK_NAMESPACE

CHOWN: Final = "Chown"
"""What it takes to give to any user (Chown2I)."""

_NAMED: Final = "select o.id from {} o where o.id in (:ids)"
_AND_MINE: Final = " and o.details.owner.id = :me"
_OF_IMAGES: Final[Mapping[str, str]] = {
    "RenderingDef": "select o.id from RenderingDef o where o.pixels.image.fileset.id in (:ids)",
    "Thumbnail": "select o.id from Thumbnail o where o.pixels.image.fileset.id in (:ids)",
    "Roi": "select o.id from Roi o where o.image.fileset.id in (:ids)",
    "ImageAnnotationLink": "select o.id from ImageAnnotationLink o where o.parent.fileset.id in (:ids)",
}
_OF_PLATES: Final[Mapping[str, str]] = {
    "PlateAnnotationLink": "select o.id from PlateAnnotationLink o where o.parent.id in (:ids)",
    "WellAnnotationLink": "select o.id from WellAnnotationLink o where o.parent.plate.id in (:ids)",
}
_ANNOTATIONS: Final = (
    "select o.id from {} l join l.child o where l.id in (:ids) and (o.ns is null or o.ns <> :mark)"
)
_REFUSALS: Final = (
    "cannot process",
    "not an owner",
    "not a member",
    "not permitted",
    "may not",
    "does not own",
)
_WHAT_IT_TAKES: Final = "See that he is a member of the group, and that you may (Chown)."


class OmeroOwnership:
    """``Ownership`` on a connection, which the caller closes."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection
        with omero_errors("preparing to give to others"):
            self._query = connection.session.getQueryService()
        self._context = connection.client.getContext(group=connection.identity.group_id)

    def give(self, filesets: Sequence[int], plates: Sequence[int], to: int) -> int:
        with omero_errors(f"giving what was imported to Experimenter:{to}"):
            targets = {
                "Fileset": self._mine(_NAMED.format("Fileset"), filesets),
                "Plate": self._mine(_NAMED.format("Plate"), plates),
            }
            count = sum(map(len, targets.values()))
            if count:
                self._submit(targets | self._made_by_import(targets), to)
        return count

    def _made_by_import(self, targets: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for holder, texts in (("Fileset", _OF_IMAGES), ("Plate", _OF_PLATES)):
            for kind, text in texts.items():
                found[kind] = self._mine(text, targets[holder])
        annotations = [
            id_
            for kind, ids in found.items()
            if kind.endswith("Link")
            for id_ in self._mine(_ANNOTATIONS.format(kind), ids)
        ]
        return found | {"Annotation": sorted(set(annotations))}

    def _submit(self, targets: Mapping[str, list[int]], to: int) -> None:
        named = {kind: ids for kind, ids in targets.items() if ids}
        request = omero.cmd.Chown2(targetObjects=named, userId=to)
        failed = failure_of(self._connection.client, request)
        if failed is not None:
            what = f"give what was imported to Experimenter:{to}"
            raise refused(failed, what, refusals=_REFUSALS, hint=_WHAT_IT_TAKES)

    def _mine(self, text: str, ids: Sequence[int]) -> list[int]:
        """What ``text`` finds of these ids that is this user's."""
        found: set[int] = set()
        for some in batches(sorted(set(ids))):
            parameters = omero.sys.ParametersI().addIds(some)
            parameters.addLong("me", self._connection.identity.user_id)
            if ":mark" in text:
                parameters.addString("mark", MARK_NAMESPACE)
            rows = self._query.projection(text + _AND_MINE, parameters, self._context)
            found.update(row[0].val for row in rows)
        return sorted(found)
