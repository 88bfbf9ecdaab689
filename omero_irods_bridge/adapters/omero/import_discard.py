"""Filesets of imports taken back: just those that are named, with all that the import made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import omero
import omero.clients
import omero.cmd
import omero.sys
from omero.rtypes import unwrap

from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_requests import failure_of, refused
from omero_irods_bridge.adapters.omero.import_marks import batches
from omero_irods_bridge.adapters.omero.services import query_service

_PRESENT: Final = "select f.id from Fileset f where f.id in (:ids)"
_PLATES: Final = (
    "select distinct p.id from Plate p join p.wells w join w.wellSamples s join s.image i"
    " where i.fileset.id in (:ids)"
)
_SHARED_PLATES: Final = (
    "select distinct p.id from Plate p join p.wells w join w.wellSamples s join s.image i"
    " left outer join i.fileset f where p.id in (:plates) and (f.id is null or f.id not in (:ids))"
)


def discard(client: Any, filesets: Sequence[int]) -> None:
    """Delete these filesets in one request for each 500; see ``Importer.discard``."""
    with omero_errors(f"deleting {_names(filesets)}"):
        for some in batches(sorted(set(filesets))):
            _discard(client, some)


def _discard(client: Any, filesets: Sequence[int]) -> None:
    query = query_service(client)
    present = _ids(query, _PRESENT, ids=filesets)
    if not present:
        return
    targets = {"Fileset": present, "Plate": _own_plates(query, present)}
    request = omero.cmd.Delete2(targetObjects={kind: ids for kind, ids in targets.items() if ids})
    failed = failure_of(client, request)
    if failed is not None:
        raise refused(failed, f"delete {_names(present)}")


def _own_plates(query: Any, filesets: Sequence[int]) -> list[int]:
    """Plates that hold nothing else. An image in any other one keeps its fileset from being deleted."""
    plates = _ids(query, _PLATES, ids=filesets)
    shared = set(_ids(query, _SHARED_PLATES, ids=filesets, plates=plates)) if plates else set()
    return [plate for plate in plates if plate not in shared]


def _ids(query: Any, hql: str, **ids: Sequence[int]) -> list[int]:
    parameters = omero.sys.ParametersI()
    for name, values in ids.items():
        parameters.addLongs(name, list(values))
    return sorted(unwrap(row[0]) for row in query.projection(hql, parameters))


def _names(filesets: Sequence[int]) -> str:
    shown = ", ".join(f"Fileset:{id_}" for id_ in list(filesets)[:5])
    return shown if len(filesets) <= 5 else f"{shown} and {len(filesets) - 5} more"
