"""Saving the collections of an object: their elements, the order of lists, and what is no longer in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.security.rights import Right, is_allowed, readable_sql
from omero_irods_sandbox.omero_server.store.constraints import check_unreferenced

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.store.saving import Saver


@dataclass(frozen=True, slots=True)
class Pending:
    """A collection that is saved when all rows it may refer to exist."""

    owner: IObject
    owner_id: int
    field: Field
    is_new: bool
    """Whether the owner is: then there is nothing that could no longer be in it."""


@dataclass(frozen=True, slots=True)
class Placement:
    """An element's place in a list; ``columns`` are the element's."""

    columns: dict[str, int]


class Collections:
    """Saves collections for a :class:`Saver`."""

    def __init__(self, saver: Saver) -> None:
        self._saver = saver

    def save(self, pending: Pending) -> None:
        """Save the elements, and delete those of the database that the loaded collection does not hold."""
        field, element = pending.field, MODEL.entity(pending.field.target)
        kept = [
            self._save_element(pending, element, one, position)
            for position, one in enumerate(getattr(pending.owner, field.attribute) or [])
            if one is not None
        ]
        if not pending.is_new and _owns_elements(element, field):
            self._delete_all_but(pending, element, set(kept))

    def _save_element(self, pending: Pending, element: EntityType, one: IObject, position: int) -> int:
        field = pending.field
        if one.isLoaded() and getattr(one, f"_{field.inverse}") is None:
            setattr(one, f"_{field.inverse}", pending.owner)
        if not field.is_ordered:
            return self._saver.merge(one)
        place = {f"{field.inverse}_id": pending.owner_id, f"{field.inverse}_index": position}
        id_ = self._saver.merge(one, Placement(place))
        # A merge that met the element before, or only a reference to it, knew of no place.
        self._saver.database.update(element.root, id_, **place)
        return id_

    def _delete_all_but(self, pending: Pending, element: EntityType, kept: set[int]) -> None:
        for id_ in self._elements(pending, element) - kept - self._saver.saved_ids(element):
            row = self._saver.row(element, id_)
            entity = MODEL.entity(row["_class"])
            if not is_allowed(self._saver.caller, Right.DELETE, entity, row["d_owner"], row["d_group"]):
                raise security_violation(f"Deleting {entity.name}:{id_} is not permitted")
            check_unreferenced(self._saver.database.value, entity, id_)
            self._saver.work.delete(entity.name, [id_])

    def _elements(self, pending: Pending, element: EntityType) -> set[int]:
        """What is in the collection now, as far as the caller may see it."""
        readable = readable_sql(self._saver.caller, element, "e") or "1"
        sql = f'select e.id from "{element.root}" e where e."{pending.field.inverse}_id" = ? and {readable}'
        return {row[0] for row in self._saver.database.tuples(sql, (pending.owner_id,))}


def _owns_elements(element: EntityType, field: Field) -> bool:
    """Whether an element cannot be without its owner: it goes when the collection no longer holds it."""
    return element.is_link or field.is_ordered or not element.fields[field.inverse].is_nullable
