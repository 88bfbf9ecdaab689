"""How ``omero-irods ingest`` shows what it planned, did and found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from omero_irods_bridge.cli import output, views
from omero_irods_bridge.cli.options import Shown, Told
from omero_irods_bridge.model.ingest import IngestResult

if TYPE_CHECKING:
    from omero_irods_bridge.operations.ingest import Checked, IngestPlan, Relinked
    from omero_irods_bridge.operations.ingesting.standing import Standing


def _tell(lines: Iterable[str]) -> None:
    """Each in a line of its own, also where a name has several: names come from anybody."""
    shown = list(map(output.in_a_line, lines))
    if shown:
        output.result("\n".join(shown))


def show_plan(plan: IngestPlan, told: Told) -> None:
    """What a scan would do."""
    if told.as_json:
        output.json_result({"plan": _plan_fields(plan)})
        return
    _tell(f"{item.files.path} -> {item.target}, as {item.user}, {item.opt_in.mode}" for item in plan.timely)
    _tell(f"{found.path} is looked at: it may be a packet" for found in plan.packets)
    left = [*_waiting_lines(plan.waiting, plan.failed)]
    left += [f"{late.message} {late.hint}" for late in plan.late]
    left += [f"{one.path} failed before, and is not tried again: {one.reason}" for one in plan.failed_before]
    _tell(left or ["Nothing waits."])
    sets, size = views.count(len(plan.timely), "set"), views.size(plan.size)
    output.result(f"Would import {sets} with {size}; nothing was imported.")


def _plan_fields(plan: IngestPlan) -> dict[str, Any]:
    items = [
        {
            "path": item.files.path,
            "files": [one.path for one in item.files.members],
            "bytes": item.files.size,
            "target": item.target,
            "user": item.user,
            "group": item.group,
            "mode": item.opt_in.mode.value,
            "late": views.plain(item.late),
        }
        for item in plan.items
    ]
    return {
        "collection": plan.collection,
        "items": items,
        "packets": [one.path for one in plan.packets],
        "waiting": views.plain(plan.waiting),
        "failed": views.plain(plan.failed),
        "failed_before": views.plain(plan.failed_before),
    }


def _waiting_lines(waiting: Iterable[Any], failed: Iterable[Any]) -> Iterator[str]:
    yield from (f"{one.path} waits: {one.reason}" for one in waiting)
    for one in failed:
        yield f"{one.path} failed: {one.error.message}"
        if one.error.hint:
            yield f"  {one.error.hint}"


def show_result(done: IngestResult, told: Told, again: str) -> None:
    """What a scan has done; ``again`` are the arguments by which to ask for the same place."""
    if told.as_json:
        output.json_result(result_fields(done, again))
        return
    _tell(_result_lines(done))
    if done.failed_before:
        output.result(_how_to_see(again))


def _result_lines(done: IngestResult) -> Iterator[str]:
    for one in done.done:
        ids = ", ".join(f"Image:{image}" for image in one.images[:5])
        more = f" and {len(one.images) - 5} more" if len(one.images) > 5 else ""
        yield f"{one.path} is {ids}{more}"
    for packet in done.packets:
        where = f", expanded into {packet.expanded}" if packet.expanded else ""
        yield f"{packet.path} is a packet of {views.count(packet.images, 'image')}{where}"
    yield from _waiting_lines(done.waiting, done.failed)
    yield from (f"{path} was deleted in OMERO; it is not protected any more" for path in done.released)
    yield summary(done)


def _how_to_see(again: str) -> str:
    """What to do about what failed before."""
    return (
        "What failed before is tried again when the file changes, or after: omero-irods ingest retry"
        f" {again}\nWhich, and why: omero-irods ingest status {again}"
    )


def summary(done: IngestResult) -> str:
    """One line of a scan."""
    parts = [f"{views.count(len(done.done), 'set')} imported"]
    told = (
        (done.waiting, "waiting"),
        (done.failed, "failed"),
        (done.failed_before, "left that failed before"),
        (done.packets, "packets described"),
    )
    parts += [f"{len(found):,} {what}" for found, what in told if found]
    if done.stopped is not None:
        parts.append(f"stopped: {done.stopped.message}")
    return ", ".join(parts) + ("" if done.stopped is not None else ".")


def result_fields(done: IngestResult, again: str) -> dict[str, Any]:
    """A scan as programs get it."""
    hint = _how_to_see(again) if done.failed_before else ""
    return {**views.plain(done), "hint": hint}


def show_standing(found: Standing, shown: Shown) -> None:
    """How things stand with objects."""
    if shown.as_json:
        output.json_result(views.plain(found))
    else:
        _tell(_standing_lines(found))


def _standing_lines(found: Standing) -> Iterator[str]:
    yield f"{found.path}: {found.mode}, by {found.opted_in}" if found.mode else f"{found.path}: not opted in"
    for one in found.in_omero:
        images = ", ".join(f"Image:{image}" for image in one.images) or f"Fileset:{one.fileset}"
        yield f"{one.path} is in OMERO as {images} ({one.linked}, {one.imported_at})"
    for path in found.ready:
        is_queued = path in found.queued
        yield f"{path} is " + ("queued: a scan is at it" if is_queued else "ready: the next scan imports it")
    yield from (f"{one.path} waits: {one.reason}" for one in found.waiting)
    yield from (f"{one.path} failed: {one.reason}" for one in found.failed)
    yield from (f"{path} was in OMERO and was deleted there" for path in found.released)


def show_checked(found: Checked, told: Told) -> None:
    """What a look at links has found."""
    if told.as_json:
        output.json_result(views.plain(found))
        return
    _tell(f"{one.text}. {one.remedy}" for one in found.faults)
    _tell(f"{path} is not protected any more: its image was deleted" for path in found.released)
    number, wrong = views.count(found.checked, "object"), len(found.faults)
    output.result(f"{number} checked, {views.count(wrong, 'problem')}.")


def show_relinked(found: Relinked, told: Told) -> None:
    """Which links were repaired."""
    if told.as_json:
        output.json_result(
            {
                "planned": [{"path": one.path, "target": str(one.target)} for one in found.planned],
                "done": list(found.done),
                "failed": [{"path": path, "error": views.plain(error)} for path, error in found.failed],
            }
        )
        return
    _tell(f"{one.path}: {one.place.target} -> {one.target}" for one in found.planned)
    _tell(f"{path} failed: {error.message} {error.hint}" for path, error in found.failed)
    number = views.count(len(found.planned), "link")
    output.result(f"{len(found.done):,} of {number} repaired.")
