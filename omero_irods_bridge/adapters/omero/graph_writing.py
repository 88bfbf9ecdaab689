"""The port GraphWriter over omero-py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import omero
import omero.clients

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.deleting import delete_objects
from omero_irods_bridge.adapters.omero.draft_reading import DraftBatch, is_local, read_drafts
from omero_irods_bridge.adapters.omero.enumerations import Enumerations
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.file_writing import write_file
from omero_irods_bridge.adapters.omero.import_marks import batches
from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.adapters.omero.reflection import class_of
from omero_irods_bridge.adapters.omero.tables import remap_table
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.loads import LARGEST_BATCH, Remapped, draft_bytes
from omero_irods_bridge.ports import ByteSource, Draft

WRITE_OWNED: Final = "WriteOwned"
WRITE_FILE: Final = "WriteFile"
"""What it takes to make objects, and files, of others (OmeroInterceptor.newTransientDetails)."""


class OmeroGraphWriter:
    """A ``GraphWriter`` on a connection, which the caller closes; saves in the group of its session."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection
        with omero_errors("preparing to save"):
            self._update = connection.session.getUpdateService()
            self._queries = Queries(connection)
            self._enumerations = Enumerations(connection.session)
        self._context = connection.client.getContext(group=connection.identity.group_id)

    def save(self, drafts: Sequence[Draft]) -> Mapping[str, str]:
        if not drafts:
            return {}
        _check_size(drafts)
        what = f"saving {_named(drafts)}"
        with omero_errors(what):
            batch = read_drafts(drafts, self._enumerations, self._load)
            self._check_owners(batch)
            saved = self._saved(batch, what)
        return dict(_keys_of(batch, saved))

    def write_file(self, file: int, source: ByteSource) -> None:
        write_file(self._connection, file, source)

    def delete(self, objects: Mapping[str, Sequence[int]], *, keep: Sequence[str] = ()) -> None:
        delete_objects(self._connection, objects, keep)

    def remap_table(self, file: int, ids: Mapping[str, Mapping[int, int]]) -> Remapped:
        return remap_table(self._connection, file, ids)

    # -- saving

    def _load(self, root: str, ids: Sequence[int]) -> list[Any]:
        return [one for some in batches(ids) for one in self._queries.objects(root, some)]

    def _saved(self, batch: DraftBatch, what: str) -> list[Any]:
        objects = [batch.objects[key] for key in batch.top]
        try:
            found: list[Any] = self._update.saveAndReturnArray(objects, self._context)
        except omero.ValidationException as error:
            raise self._not_valid(batch, what) or error  # noqa: B904  # the same error, or what explains it
        return found

    def _not_valid(self, batch: DraftBatch, what: str) -> NotFound | None:
        """What OMERO has no words for: something that the batch refers to is gone."""
        for kind, ids in batch.references.items():
            there = {id_ for some in batches(sorted(ids)) for id_ in self._queries.existing(kind, some)}
            gone = sorted(ids - there)
            if gone:
                return NotFound(
                    f"{kind}:{gone[0]} is not there, or not for you to see, while {what}.",
                    hint="Somebody may have deleted it meanwhile. Run the same command again.",
                )
        return None

    def _check_owners(self, batch: DraftBatch) -> None:
        me = self._connection.identity.user_id
        others = [key for key, owner in batch.owners.items() if owner != me]
        privileges = privileges_of(self._connection) if others else frozenset()
        for key in others:
            needed = WRITE_FILE if key.startswith("OriginalFile:") else WRITE_OWNED
            if needed not in privileges:
                raise AccessDenied(
                    f"You may not make objects of other users: {key} is to be of"
                    f" Experimenter:{batch.owners[key]}.",
                    hint=f"Leave the owners out, or ask an administrator who has the privilege {needed}.",
                )


def privileges_of(connection: OmeroConnection) -> frozenset[str]:
    """What an administrator may do, and nothing for others; owners of groups may not make others' objects."""
    with omero_errors("asking what you may do"):
        context = connection.session.getAdminService().getEventContext()
    return frozenset(context.adminPrivileges) if context.isAdmin else frozenset()


# -- what came back


def _keys_of(batch: DraftBatch, saved: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Pairs by place: of the array, and of the lists in it. OMERO keeps both orders, ids tell none."""
    if len(saved) != len(batch.top):
        raise BridgeError(f"OMERO answered with {len(saved)} objects instead of {len(batch.top)}.")
    for key, obj in zip(batch.top, saved, strict=True):
        yield from _keys_below(batch, key, obj)


def _keys_below(batch: DraftBatch, key: str, obj: Any) -> Iterator[tuple[str, str]]:
    if is_local(key):
        yield key, f"{class_of(obj).name}:{obj.id.val}"
    for name, children in batch.lists.get(key, {}).items():
        if not any(map(is_local, children)):
            continue
        found = vars(obj)[class_of(obj).collections[name].attribute]
        if len(found) != len(children):
            raise BridgeError(f"OMERO answered with {len(found)} {name} of {key} instead of {len(children)}.")
        for child, element in zip(children, found, strict=True):
            yield from _keys_below(batch, child, element)


# -- sizes


def _check_size(drafts: Sequence[Draft]) -> None:
    size = sum(map(draft_bytes, drafts))
    if size > LARGEST_BATCH and len(drafts) > 1:
        raise UsageError(
            f"A batch of {len(drafts):,} drafts with {size:,} bytes does not fit into a message.",
            hint="Save it in several batches.",
        )


def _named(drafts: Sequence[Draft]) -> str:
    first = str(drafts[0].get("@"))
    return first if len(drafts) == 1 else f"{first} and {len(drafts) - 1:,} more"
