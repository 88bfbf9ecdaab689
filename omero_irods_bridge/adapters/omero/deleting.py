"""Objects deleted by name, and what was not named kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import omero
import omero.clients
import omero.cmd
import omero.cmd.graphs

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_requests import failure_of, refused
from omero_irods_bridge.adapters.omero.import_marks import batches
from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.model.errors import UsageError

CONTENTS: Final = ("Dataset", "Folder", "Image", "Plate")
"""What containers hold, which is there without them. Wells, runs and fields are parts of their plate."""

_TRIES: Final = 3
_REFUSALS: Final = ("not permitted", "cannot be deleted by", "security violation", "does not own")
_WHOM_TO_ASK: Final = "Ask the owner of the data or of the group."


def delete_objects(
    connection: OmeroConnection, objects: Mapping[str, Sequence[int]], keep: Sequence[str] = ()
) -> None:
    """See ``GraphWriter.delete``."""
    names = _names(objects)
    with omero_errors(f"deleting {names}"):
        failed: Any = None
        for _try in range(_TRIES):  # somebody else may delete one of them after we have looked
            present = _present(connection, objects)
            if not present:
                return
            failed = _failure(connection, present, keep)
            if failed is None:
                return
            if present == _present(connection, objects):
                break
    raise refused(failed, f"delete {names}", refusals=_REFUSALS, hint=_WHOM_TO_ASK)


def _present(connection: OmeroConnection, objects: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    queries = Queries(connection)
    found = {kind: _existing(queries, _known(kind), ids) for kind, ids in objects.items()}
    return {kind: ids for kind, ids in found.items() if ids}


def _existing(queries: Queries, kind: str, ids: Sequence[int]) -> list[int]:
    return sorted(id_ for some in batches(sorted(set(ids))) for id_ in queries.existing(kind, some))


def _known(kind: str) -> str:
    if not kind.isidentifier() or not hasattr(omero.model, kind):
        raise UsageError(f"OMERO's model has no {kind!r}.")
    return kind


def _failure(
    connection: OmeroConnection, targets: Mapping[str, list[int]], keep: Sequence[str]
) -> Any | None:
    """The ERR of the request; none when it was done, and OMERO did all or nothing."""
    stays = omero.cmd.graphs.ChildOption(excludeType=[*CONTENTS, *keep])
    request = omero.cmd.Delete2(targetObjects=dict(targets), childOptions=[stays])
    return failure_of(connection.client, request)


def _names(objects: Mapping[str, Sequence[int]]) -> str:
    keys = [f"{kind}:{id_}" for kind, ids in objects.items() for id_ in ids]
    few = ", ".join(keys[:5])
    return few if len(keys) <= 5 else f"{few} and {len(keys) - 5:,} more"
