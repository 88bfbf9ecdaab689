"""omero.api.IUpdate."""

from __future__ import annotations

from collections.abc import Sequence

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, security_violation, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.requests.delete import delete_objects
from omero_irods_sandbox.omero_server.requests.registry import CommandFailed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service


@service(omero.api.IUpdate, getter="getUpdateService")
class UpdateService(Service):
    """Saves objects. Each call is one transaction."""

    def saveObject(self, obj: IObject, call: Call) -> None:
        with call.store.work(call.caller) as work:
            work.save(_given(obj))

    def saveAndReturnObject(self, obj: IObject, call: Call) -> IObject:
        with call.store.work(call.caller) as work:
            return work.save_and_return(_given(obj))

    def saveArray(self, objects: Sequence[IObject], call: Call) -> None:
        with call.store.work(call.caller) as work:
            work.save_ids([_given(obj) for obj in objects])

    def saveCollection(self, objects: Sequence[IObject], call: Call) -> None:
        self.saveArray(objects, call)

    def saveAndReturnArray(self, objects: Sequence[IObject], call: Call) -> list[IObject]:
        with call.store.work(call.caller) as work:
            return work.save_all([_given(obj) for obj in objects])

    def saveAndReturnIds(self, objects: Sequence[IObject], call: Call) -> list[int]:
        """Inserts only (UpdateImpl)."""
        known = next((obj for obj in objects if _given(obj).id is not None), None)
        if known is not None:
            raise api_usage(
                f"saveAndReturnIds is for new objects: {type(known).__name__}:{known.id.val} is not"
            )
        with call.store.work(call.caller) as work:
            return work.save_ids(objects)

    def deleteObject(self, obj: IObject, call: Call) -> None:
        """Delete an object with what belongs to it, as the request Delete2 does.

        Raises:
            ValidationException: it is not there, or something keeps it.
            SecurityViolation: the caller may not delete it.
        """
        entity = MODEL.entity_of(_given(obj))
        if obj.id is None:
            raise api_usage("an object without an id cannot be deleted")
        found = call.store.get(entity.name, obj.id.val, call.in_group(ALL_GROUPS).caller)
        if not found.details.permissions.canDelete():
            raise security_violation(f"Deleting {entity.name}:{obj.id.val} is not permitted")
        try:
            with call.store.work(call.caller) as work:
                delete_objects(work, {entity.name: [obj.id.val]}, call.caller, storage=call.server.storage)
        except CommandFailed as failed:
            raise validation(failed.message) from failed

    def indexObject(self, obj: IObject, call: Call) -> None:
        """There is no full-text index."""


def _given(obj: IObject | None) -> IObject:
    if obj is None:
        raise api_usage("there is nothing to save: the object is null")
    return obj
