"""omero.api.IQuery."""

from __future__ import annotations

from typing import Any, Final

import omero
from omero.rtypes import rbool, rlist, rmap, robject, rstring, unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.hql.tree import Shape
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject, Parameters, RType
from omero_irods_sandbox.omero_server.model.values import page_of, parameters_of
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service
from omero_irods_sandbox.omero_server.store.answers import QueryResult

_PERMISSIONS_LABEL: Final = "_details_permissions"
"""An entity under a label that ends so is answered with its permissions as a map (used by OMERO.web)."""


@service(omero.api.IQuery, getter="getQueryService")
class QueryService(Service):
    """Objects by id, by value, by example and by HQL."""

    def get(self, class_name: str, id: int, call: Call) -> IObject:
        return call.store.get(class_name, id, call.caller)

    def find(self, class_name: str, id: int, call: Call) -> IObject | None:
        return call.store.find(class_name, id, call.caller)

    def refresh(self, obj: IObject, call: Call) -> IObject:
        return call.store.get(MODEL.entity_of(obj).name, obj.id.val, call.caller)

    def findAll(self, class_name: str, page: Any, call: Call) -> list[IObject]:
        limit, offset = _page(page)
        query = f"select o from {MODEL.entity(class_name).name} o"
        return call.store.query(query, {}, call.caller, limit=limit, offset=offset).objects()

    def findByString(self, class_name: str, field: str, value: str, call: Call) -> IObject | None:
        return _only(self._by_value(class_name, f"o.{field} = :value", value, call))

    def findAllByString(
        self, class_name: str, field: str, value: str, is_case_sensitive: bool, page: Any, call: Call
    ) -> list[IObject]:
        test = f"o.{field} like :value" if is_case_sensitive else f"o.{field} ilike :value"
        limit, offset = _page(page)
        return self._by_value(class_name, test, value, call, limit=limit, offset=offset)

    def _by_value(
        self, class_name: str, test: str, value: object, call: Call, **page: int | None
    ) -> list[IObject]:
        query = f"select o from {MODEL.entity(class_name).name} o where {test}"
        return call.store.query(query, {"value": value}, call.caller, **page).objects()

    def findByExample(self, example: IObject, call: Call) -> IObject | None:
        return _only(self.findAllByExample(example, None, call))

    def findAllByExample(self, example: IObject, page: Any, call: Call) -> list[IObject]:
        """Objects of the class with the same values in all scalars that the example has."""
        entity = MODEL.entity_of(example)
        values = {field.name: getattr(example, field.attribute) for field in entity.of_kind(FieldKind.SCALAR)}
        given = {name: value.getValue() for name, value in values.items() if value is not None}
        if not given:
            raise api_usage("the example has no values")
        tests = " and ".join(f"o.{name} = :{name}" for name in given)
        limit, offset = _page(page)
        query = f"select o from {entity.name} o where {tests}"
        return call.store.query(query, given, call.caller, limit=limit, offset=offset).objects()

    def findByQuery(self, query: str, params: Parameters, call: Call) -> IObject | None:
        return _only(self.findAllByQuery(query, params, call))

    def findAllByQuery(self, query: str, params: Parameters, call: Call) -> list[IObject]:
        result = _answer(query, params, call)
        if result.rows and len(result.rows[0]) > 1:
            raise api_usage(f"findAllByQuery returns objects of one kind; use projection [{query}]")
        if any(not isinstance(obj, (omero.model.IObject, type(None))) for obj in result.objects()):
            raise api_usage(f"findAllByQuery returns objects; use projection for values [{query}]")
        return result.objects()

    def projection(self, query: str, params: Parameters, call: Call) -> list[list[RType]]:
        result = _answer(query, params, call)
        if result.shape is Shape.MAP:
            return [[rmap(_labelled(result, row))] for row in result.rows]
        rows = [[_wrapped(value) for value in row] for row in result.rows]
        if result.shape is Shape.LIST:
            return [[rlist(row)] for row in rows]
        return [
            [] if row == [None] else row for row in rows
        ]  # a null list (QueryImpl.projection) comes empty


def _answer(query: str, params: Parameters, call: Call) -> QueryResult:
    limit, offset = page_of(params)
    return call.store.query(query, parameters_of(params), call.caller, limit=limit, offset=offset)


def _page(page: Any) -> tuple[int | None, int | None]:
    """Limit and offset of an omero.sys.Filter, which may be null."""
    return (None, None) if page is None else (unwrap(page.limit), unwrap(page.offset))


def _only(objects: list[IObject]) -> IObject | None:
    """The one object, however often it is there.

    Raises:
        ApiUsageException: there are several.
    """
    distinct = list({id(obj): obj for obj in objects}.values())
    if len(distinct) > 1:
        raise api_usage(f"query did not return a unique result: {len(distinct)}")
    return distinct[0] if distinct else None


def _wrapped(value: Any) -> RType:
    return robject(value) if isinstance(value, omero.model.IObject) else value


def _labelled(result: QueryResult, row: list[Any]) -> dict[str, RType]:
    """A row as a map; items without a name are called by their number, as Hibernate does."""
    made = {}
    for number, (label, value) in enumerate(zip(result.labels, row, strict=True)):
        name = label or str(number)
        made[name] = _permissions(value) if name.endswith(_PERMISSIONS_LABEL) and value else _wrapped(value)
    return made


def _permissions(obj: IObject) -> RType:
    permissions = obj.details.permissions
    return rmap(
        {
            "perm": rstring(str(permissions)),
            "canAnnotate": rbool(permissions.canAnnotate()),
            "canDelete": rbool(permissions.canDelete()),
            "canEdit": rbool(permissions.canEdit()),
            "canLink": rbool(permissions.canLink()),
            "canChgrp": rbool(permissions.canChgrp()),
            "canChown": rbool(permissions.canChown()),
        }
    )
