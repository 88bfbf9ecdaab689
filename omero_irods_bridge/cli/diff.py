"""``omero-irods diff``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, OmeroLogin, Told
from omero_irods_bridge.cli.unpack import opened
from omero_irods_bridge.model.errors import ExitStatus, UsageError
from omero_irods_bridge.model.objects import ObjectRef, parse_objects

if TYPE_CHECKING:
    from omero_irods_bridge.model.events import CancelToken, Report
    from omero_irods_bridge.operations.diff import Compared
    from omero_irods_bridge.settings import Settings

_Place = Annotated[str, typer.Argument(metavar="SNAPSHOT", hidden=True)]
_Other = Annotated[str, typer.Argument(metavar="[OBJECT|SNAPSHOT]", hidden=True)]
_OBJECT: Final = re.compile(r"[A-Za-z]+:[0-9][0-9,-]*")
_BY: Final = {
    "ids": "the ids that objects have on the OMERO server that they were packed from",
    "load": "the id map of the load",
    "names": "names, as no ids are known",
}


def diff(snapshot: _Place, other: _Other = "", *, told: Told, login: OmeroLogin, config: Config) -> int:
    """Say what is otherwise than in SNAPSHOT: in OMERO now, in one OBJECT of it, or in another snapshot.

    Ends with the status 0 when all is identical, and with 5 when something differs.

    Example:  omero-irods diff /tempZone/home/alice/hela.zip Dataset:51
    """
    settings = working.settings_of(config, login)
    with working.at_work(told) as (report, cancel):
        if other and not _OBJECT.fullmatch(other):
            found = _with_snapshot(snapshot, other, settings, report)
        else:
            found = _with_omero(snapshot, other, settings, (report, cancel))
    if told.as_json:
        output.json_result({"diff": _fields(found)})
    else:
        output.result("\n".join(_lines(found)))
    return ExitStatus.DONE if found.is_identical else ExitStatus.DIFFERENT


def _with_omero(
    snapshot: str, other: str, settings: Settings, watching: tuple[Report, CancelToken]
) -> Compared:
    from omero_irods_bridge.operations import diff as operation
    from omero_irods_bridge.wiring import open_receiver

    there, (report, cancel) = _one(other), watching
    with opened(snapshot, settings) as (packet, _), open_receiver(settings, working.asker()) as receiver:
        return operation.with_server(
            snapshot, packet, receiver, object_there=there, report=report, cancel=cancel
        )


def _with_snapshot(snapshot: str, other: str, settings: Settings, report: Report) -> Compared:
    from omero_irods_bridge.operations import diff as operation
    from omero_irods_bridge.wiring import object_model

    with opened(snapshot, settings) as (first, _), opened(other, settings) as (second, _):
        return operation.with_packet(snapshot, first, other, second, object_model(), report=report)


def _one(text: str) -> ObjectRef | None:
    if not text:
        return None
    found = parse_objects([text])
    if len(found) != 1:
        raise UsageError("A snapshot is compared with one object at a time.")
    return found[0]


def _lines(found: Compared) -> Iterator[str]:
    if found.is_identical:
        yield "Identical"
    else:
        yield f"{views.count(len(found.changes), 'difference')}; this is otherwise in the second:"
    yield from views.aligned(_facts(found))
    yield from (f"- {output.in_a_line(str(change))}" for change in found.changes)


def _facts(found: Compared) -> Iterator[tuple[str, str]]:
    yield "first", found.first
    yield "second", found.second
    yield "in both", views.counts(found.counts) or "nothing"
    yield "known by", _BY[found.how] + (f" {found.load}" if found.load else "")
    if found.not_loaded:
        yield "left out", f"{found.not_loaded:,} rows of the packet that the load could not keep"


def _fields(found: Compared) -> dict[str, Any]:
    return {
        "first": found.first,
        "second": found.second,
        "identical": found.is_identical,
        "by": found.how.value,
        "load": found.load,
        "not_loaded": found.not_loaded,
        "counts": dict(found.counts),
        "changes": [change.to_json() for change in found.changes],
    }
