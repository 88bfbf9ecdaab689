"""omero.api.ITimeline: what was made or changed lately (TimelineI)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import omero
from omero.rtypes import rlong, rstring, rtime, unwrap

from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, Parameters, RType
from omero_irods_sandbox.omero_server.services.options import Conditions, Options, options_of
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_LIMIT: Final = 50
_FIRST_MS: Final = 0
_LAST_MS: Final = 253_402_300_799_000
"""The end of the year 9999."""

_UNKNOWN: Final = -1
"""The count of a type that has no timeline."""


@dataclass(frozen=True, slots=True)
class _Timeline:
    """How the objects of one type are found by time: ``when`` tests :start and :end."""

    joins: str
    when: str
    order: str
    owned: str = "o"


_DETAILS: Final = " join fetch o.details.creationEvent join fetch o.details.owner join fetch o.details.group"
_BY_EVENTS: Final = (
    "(o.details.creationEvent.time >= :start or o.details.updateEvent.time >= :start)"
    " and (o.details.creationEvent.time <= :end or o.details.updateEvent.time <= :end)"
)
_BY_ACQUISITION: Final = "o.acquisitionDate >= :start and o.acquisitionDate <= :end"

_TIMELINES: Final = {
    "Project": _Timeline(_DETAILS, _BY_EVENTS, "o.details.updateEvent.id desc"),
    "Dataset": _Timeline(_DETAILS, _BY_EVENTS, "o.details.updateEvent.id desc"),
    "Image": _Timeline(_DETAILS, _BY_ACQUISITION, "o.acquisitionDate desc"),
    "RenderingDef": _Timeline(
        f"{_DETAILS} left outer join fetch o.pixels p left outer join fetch p.image i",
        _BY_EVENTS,
        "i.details.creationEvent.time desc",
        owned="i",
    ),
}

_LOGGED: Final = ("ome.model.containers.Dataset", "ome.model.containers.Project")
_LINK_PARENTS: Final = ("Project", "Dataset", "Image")


@service(omero.api.ITimeline, getter="getTimelineService")
class TimelineService(Service):
    """Without an owner and a group in the options only the caller's own things count; 50 of each type."""

    def getMostRecentObjects(
        self, types: Sequence[str], options: Parameters, merge: bool, call: Call
    ) -> dict[str, list[IObject]]:
        return self.getByPeriod(types, None, None, options, merge, call)

    def getByPeriod(  # the slice's arguments
        self, types: Sequence[str], start: RType, end: RType, options: Parameters, merge: bool, call: Call
    ) -> dict[str, list[IObject]]:
        """Objects by type, latest first; with ``merge`` the limit is for all types together."""
        asked = _with_defaults(options, call)
        found = {
            type_: _find(_TIMELINES[type_], type_, _period(start, end), asked, call)
            for type_ in types or _TIMELINES
            if type_ in _TIMELINES
        }
        return _merged(found, asked) if merge else found

    def countByPeriod(
        self, types: Sequence[str], start: RType, end: RType, options: Parameters, call: Call
    ) -> dict[str, int]:
        asked, period = _with_defaults(options, call), _period(start, end)
        return {type_: _count(type_, period, asked, call) for type_ in types or _TIMELINES}

    def getEventLogsByPeriod(
        self, start: RType, end: RType, options: Parameters, call: Call
    ) -> list[IObject]:
        """Changes of projects and datasets, and an INSERT for each image at the time it was acquired."""
        asked, period = _with_defaults(options, call), _period(start, end)
        where = Conditions(values=dict(period))
        where.add(
            "l.entityType in (:types) and l.action in ('INSERT', 'UPDATE', 'REINDEX')", types=list(_LOGGED)
        )
        where.add("l.event.time >= :start and l.event.time <= :end")
        if asked.owner_id is not None:
            where.add("l.event.experimenter.id = :owner", owner=asked.owner_id)
        if asked.group_id is not None:
            where.add("l.event.experimenterGroup.id = :group", group=asked.group_id)
        logs = call.store.objects(
            f"select l from EventLog l left outer join fetch l.event{where}", call.caller, **where.values
        )
        return logs + [_acquired(image) for image in _find(_TIMELINES["Image"], "Image", period, asked, call)]

    def getMostRecentAnnotationLinks(
        self,
        parent_types: Sequence[str],
        child_types: Sequence[str],
        namespaces: Sequence[str],
        options: Parameters,
        call: Call,
    ) -> list[IObject]:
        """Links with their annotations, latest first; namespaces may hold ``%``."""
        if child_types and len(child_types) > 1:
            raise api_usage("only one type of annotation can be asked for at a time")
        asked = _with_defaults(options, call)
        found = {
            parent: _links(parent, child_types, namespaces, asked, call)
            for parent in parent_types or _LINK_PARENTS
        }
        merged = _merged(found, asked)
        return sorted((link for links in merged.values() for link in links), key=_update_event, reverse=True)

    def getMostRecentShareCommentLinks(self, _options: Parameters, _call: Call) -> list[IObject]:
        """There are no shares."""
        return []


def _with_defaults(parameters: Parameters, call: Call) -> Options:
    asked = options_of(parameters)
    names_nobody = parameters is None or parameters.theFilter is None or parameters.theFilter.ownerId is None
    owner = call.caller.user_id if names_nobody and asked.group_id is None else asked.owner_id
    return replace(asked, owner_id=owner, limit=_LIMIT if asked.limit is None else asked.limit)


def _period(start: RType, end: RType) -> dict[str, int]:
    return {
        "start": _FIRST_MS if start is None else unwrap(start),
        "end": _LAST_MS if end is None else unwrap(end),
    }


def _find(
    timeline: _Timeline, type_: str, period: Mapping[str, int], asked: Options, call: Call
) -> list[IObject]:
    where = Conditions([timeline.when], dict(period))
    where.owned(timeline.owned, asked)
    query = f"select o from {type_} o{timeline.joins}{where} order by {timeline.order}"
    return call.store.query(
        query, where.values, call.caller, limit=asked.limit, offset=asked.offset
    ).objects()


def _count(type_: str, period: Mapping[str, int], asked: Options, call: Call) -> int:
    timeline = _TIMELINES.get(type_)
    if timeline is None:
        return _UNKNOWN
    where = Conditions([timeline.when], dict(period))
    where.owned(timeline.owned, asked)
    joins = timeline.joins.replace(" fetch ", " ")
    rows = call.store.query(f"select count(o) from {type_} o{joins}{where}", where.values, call.caller).rows
    return int(unwrap(rows[0][0]))


def _links(
    parent: str, child_types: Sequence[str], namespaces: Sequence[str], asked: Options, call: Call
) -> list[IObject]:
    where = Conditions()
    if child_types:
        where.add(f"TYPE(a) = {MODEL.entity(child_types[0]).name}")
    if namespaces:
        names = [f"ns{number}" for number in range(len(namespaces))]
        tests = " or ".join(f"a.ns like :{name}" for name in names)
        where.add(f"({tests})", **dict(zip(names, namespaces, strict=True)))
    where.owned("l", asked)
    query = (
        f"select l from {parent}AnnotationLink l join fetch l.child a join fetch l.details.creationEvent"
        f" join fetch l.details.updateEvent{where} order by l.details.updateEvent.id desc"
    )
    return call.store.query(
        query, where.values, call.caller, limit=asked.limit, offset=asked.offset
    ).objects()


def _merged(found: Mapping[str, list[IObject]], asked: Options) -> dict[str, list[IObject]]:
    """The latest of all types together."""
    entries = [(type_, obj) for type_, objects in found.items() for obj in objects]
    entries.sort(key=lambda entry: _update_event(entry[1]), reverse=True)
    merged: dict[str, list[IObject]] = {type_: [] for type_ in found}
    for type_, obj in entries[: asked.limit]:
        merged[type_].append(obj)
    return merged


def _update_event(obj: IObject) -> int:
    """Events are numbered in the order in which they happened."""
    return int(obj.details.updateEvent.id.val)


def _acquired(image: IObject) -> IObject:
    log = omero.model.EventLogI()
    log.entityId, log.entityType, log.action = (
        rlong(image.id.val),
        rstring("ome.model.core.Image"),
        rstring("INSERT"),
    )
    log.event = omero.model.EventI()
    log.event.time = rtime(image.acquisitionDate.val)
    return log
