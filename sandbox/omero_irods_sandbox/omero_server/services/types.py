"""omero.api.ITypes: enumerations (TypesImpl)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import omero
from omero.rtypes import rstring, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage, security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType
from omero_irods_sandbox.omero_server.model.enumerations import initial_values
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service
from omero_irods_sandbox.omero_server.store.constraints import check_unreferenced

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


def _enumerations() -> list[EntityType]:
    return [entity for entity in MODEL.entities if entity.is_enumeration and not entity.is_abstract]


def _enumeration(name: str) -> EntityType:
    entity = MODEL.entity(name)
    if not entity.is_enumeration:
        raise api_usage(f"{entity.name} is not an enumeration")
    return entity


@service(omero.api.ITypes, getter="getTypesService")
class TypesService(Service):
    """Enumerations and their values; only administrators change them."""

    def allEnumerations(self, type_: str, call: Call) -> list[IObject]:
        return call.store.objects(f"select e from {_enumeration(type_).name} e order by e.id", call.caller)

    def getEnumeration(self, type_: str, value: str, call: Call) -> IObject:
        """Raises ApiUsageException when there is no such value."""
        entity = _enumeration(type_)
        found = call.store.objects(f"select e from {entity.name} e where e.value = :v", call.caller, v=value)
        if not found:
            raise api_usage(f"An {entity.java_name} enum does not exist with the value: {value}")
        return found[0]

    def getEnumerationTypes(self, _call: Call) -> list[str]:
        return [entity.name for entity in _enumerations()]

    def getEnumerationsWithEntries(self, call: Call) -> dict[str, list[IObject]]:
        return {entity.name: self.allEnumerations(entity.name, call) for entity in _enumerations()}

    def getAnnotationTypes(self, _call: Call) -> list[str]:
        """The classes that can be annotated."""
        return [entity.name for entity in MODEL.entities if MODEL.link(entity.name, "Annotation")]

    def getOriginalEnumerations(self, _call: Call) -> list[IObject]:
        """The values that a new server has, as objects without ids."""
        made = []
        for name, values in initial_values(_enumerations()).items():
            for value in values:
                one = MODEL.entity(name).make()
                one.value = rstring(value)
                made.append(one)
        return made

    def createEnumeration(self, value: IObject, call: Call) -> IObject:
        with call.store.work(call.caller) as work:
            return work.save_and_return(value)

    def updateEnumeration(self, value: IObject, call: Call) -> IObject:
        _require_administrator(call)
        return self.createEnumeration(value, call)

    def updateEnumerations(self, values: Sequence[IObject], call: Call) -> None:
        _require_administrator(call)
        with call.store.work(call.caller) as work:
            work.save_ids(values)

    def deleteEnumeration(self, value: IObject, call: Call) -> None:
        """Raises ValidationException while something refers to the value."""
        _require_administrator(call)
        entity, id_ = _enumeration(type(value).__name__), int(unwrap(value.id))
        with call.store.work(call.caller) as work:
            check_unreferenced(call.store.database.value, entity, id_)
            work.delete(entity.name, [id_])


def _require_administrator(call: Call) -> None:
    if not call.caller.is_admin:
        raise security_violation("enumerations are changed by administrators")
