"""``omero-irods ingest``: what lies in iRODS appears in OMERO."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omero_irods_bridge.cli import by_agent, output, parsing, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, OmeroLogin, Shown, Told
from omero_irods_bridge.model.errors import BridgeError, ExitStatus, Interrupted, NotFound
from omero_irods_bridge.model.ingest import IngestResult
from omero_irods_bridge.model.jobs import IngestWork

if TYPE_CHECKING:
    from omero_irods_bridge.model.events import CancelToken
    from omero_irods_bridge.operations.ingest import Checked, Hands, IngestPlan, Relinked
    from omero_irods_bridge.operations.ingesting.standing import Standing
    from omero_irods_bridge.ports import TreeStore
    from omero_irods_bridge.settings import Settings

_Collection = Annotated[str | None, typer.Argument(metavar="COLLECTION", hidden=True)]
_Path = Annotated[str, typer.Argument(metavar="PATH", hidden=True)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")]
_Every = Annotated[
    str | None, typer.Option(metavar="TIME", help="Between scans, e.g. 30s or 5m.  [default: ingest.every_s]")
]
_Release = Annotated[bool, typer.Option("--release", help="Take the AVUs from what was deleted in OMERO.")]


@dataclass(frozen=True)
class Service:
    """In whose hands."""

    service: Annotated[
        bool, typer.Option("--service", help="Work for all users: as a rodsadmin, and by sudo in OMERO.")
    ] = False


@contextmanager
def _opened(
    settings: Settings, collection: str | None, service: Service
) -> Iterator[tuple[TreeStore, Hands, str]]:
    from omero_irods_bridge.ingest_wiring import open_hands, open_tree_store

    with (
        open_tree_store(settings, is_service=service.service) as store,
        open_hands(settings, store, working.asker(), is_service=service.service) as hands,
    ):
        place = (collection or (f"/{store.zone}" if service.service else store.home)).rstrip("/") or "/"
        if store.find(place) is None:
            raise NotFound(f"There is nothing at {place}, or you may not see it.", hint="Look with: ils")
        yield store, hands, place


def scan(
    *,
    collection: _Collection = None,
    dry_run: _DryRun = False,
    service: Service,
    by: ByAgent,
    told: Told,
    login: OmeroLogin,
    config: Config,
) -> int:
    """Import what is complete in collections that opted in, at and below COLLECTION (your home).

    Nothing is imported twice; what waits or failed says so by its AVUs.
    Example:  omero-irods ingest scan /tempZone/home/lab --dry-run
    """
    settings = working.settings_of(config, login)
    agent = by_agent.agent_for(by, settings, not_because=_not_by_agent(service, dry_run=dry_run))
    if agent is not None:
        return by_agent.hand_over(agent, IngestWork(collection or ""), by, told, settings)
    return _scan_here(collection, service, told, settings, dry_run=dry_run)


def _not_by_agent(service: Service, *, dry_run: bool) -> str:
    if service.service:
        return "The agent works for all users where an administrator of it asks, without --service."
    return by_agent.DRY_RUN if dry_run else ""


def _scan_here(
    collection: str | None, service: Service, told: Told, settings: Settings, *, dry_run: bool
) -> int:
    from omero_irods_bridge.ingest_wiring import options_of
    from omero_irods_bridge.operations import ingest as operation
    from omero_irods_bridge.wiring import SystemClock

    clock = SystemClock()
    with (
        working.at_work(told) as (report, cancel),
        _opened(settings, collection, service) as (store, hands, place),
    ):
        plan = operation.plan(
            store, place, hands, options_of(settings), clock=clock, report=report, cancel=cancel
        )
        if not (plan.objects or plan.failed or told.as_json or told.quiet):
            output.note(
                f"Nothing at or below {place} is in a collection that opted in, by omero::ingest or a card."
            )
        done = None
        if not dry_run:
            done = operation.apply(plan, store, hands, clock=clock, report=report, cancel=cancel)
    if done is None:
        _show_plan(plan, told)
        return ExitStatus.PARTIAL if plan.failed else ExitStatus.DONE
    _show_result(done, told)
    return _status(done)


def watch(
    *,
    collection: _Collection = None,
    every: _Every = None,
    service: Service,
    told: Told,
    login: OmeroLogin,
    config: Config,
) -> int:
    """Scan again and again until Ctrl-C or SIGTERM; for sites without the agent.

    Example:  omero-irods ingest watch /tempZone/home/lab --every 5m --service
    """
    from omero_irods_bridge.ingest_wiring import options_of
    from omero_irods_bridge.operations import ingest as operation
    from omero_irods_bridge.wiring import SystemClock

    settings, clock = working.settings_of(config, login), SystemClock()
    pause_s = parsing.age(every) if every else settings.ingest.every_s
    with working.at_work(told) as (report, cancel):
        while not cancel.is_cancelled:
            try:
                with _opened(settings, collection, service) as (store, hands, place):
                    options = options_of(settings)
                    done = operation.scan(
                        store, place, hands, options, clock=clock, report=report, cancel=cancel
                    )
                _tell(done, told)
            except Interrupted:
                break
            except BridgeError as error:
                if not error.retryable:
                    raise
                output.note(f"{error.message} Trying again in {pause_s:.0f} s.")
            _wait(pause_s, cancel)
    return ExitStatus.DONE


def _wait(seconds: float, cancel: CancelToken) -> None:
    end = time.monotonic() + seconds
    while not cancel.is_cancelled and time.monotonic() < end:
        time.sleep(min(0.2, seconds))


def _tell(done: IngestResult, told: Told) -> None:
    """A line a scan that did something."""
    if told.as_json:
        output.json_line(_result_fields(done))
    elif done.done or done.failed or done.packets or done.released or done.cards:
        output.note(_summary(done))


def status(*, path: _Path, service: Service, shown: Shown, login: OmeroLogin, config: Config) -> None:
    """Say whether PATH is in OMERO, waits, or failed, and why; of a collection all in it.

    Example:  omero-irods ingest status /tempZone/home/lab/day1/cells.tif
    """
    from omero_irods_bridge.ingest_wiring import options_of
    from omero_irods_bridge.operations import ingest as operation
    from omero_irods_bridge.wiring import SystemClock

    settings = working.settings_of(config, login)
    with _opened(settings, path, service) as (store, hands, place):
        found = operation.status(store, place, hands, options_of(settings), clock=SystemClock())
    if shown.as_json:
        output.json_result(views.plain(found))
    else:
        output.result("\n".join(_standing_lines(found)))


def retry(*, path: _Path, service: Service, shown: Shown, config: Config) -> None:
    """Let the next scan try again what failed at and below PATH, or was deleted in OMERO.

    Example:  omero-irods ingest retry /tempZone/home/lab/day1
    """
    from omero_irods_bridge.ingest_wiring import open_tree_store, options_of
    from omero_irods_bridge.operations import ingest as operation

    settings = working.settings_of(config)
    with open_tree_store(settings, is_service=service.service) as store:
        tried = operation.retry(store, path.rstrip("/"), options_of(settings))
    if shown.as_json:
        output.json_result({"tried": tried})
    else:
        output.result("\n".join([*tried, f"The next scan takes {views.count(len(tried), 'object')}."]))


def check(
    *,
    collection: _Collection = None,
    release: _Release = False,
    service: Service,
    told: Told,
    login: OmeroLogin,
    config: Config,
) -> int:
    """Look whether what OMERO links to is still there, unchanged, with enough replicas.

    Example:  omero-irods ingest check /tempZone/home/lab
    """
    from omero_irods_bridge.ingest_wiring import options_of
    from omero_irods_bridge.operations import ingest as operation

    settings = working.settings_of(config, login)
    with (
        working.at_work(told) as (report, cancel),
        _opened(settings, collection, service) as (store, hands, place),
    ):
        found = operation.check(
            store, place, hands, options_of(settings), is_release=release, report=report, cancel=cancel
        )
    _show_checked(found, told)
    return ExitStatus.PARTIAL if found.faults else ExitStatus.DONE


def relink(
    *,
    collection: _Collection = None,
    dry_run: _DryRun = False,
    service: Service,
    told: Told,
    login: OmeroLogin,
    config: Config,
) -> int:
    """Let OMERO's links lead to where the data is now, after an administrator has renamed it in iRODS.

    Example:  omero-irods ingest relink /tempZone/home/lab --dry-run
    """
    from omero_irods_bridge.ingest_wiring import options_of
    from omero_irods_bridge.operations import ingest as operation

    settings = working.settings_of(config, login)
    with (
        working.at_work(told) as (report, cancel),
        _opened(settings, collection, service) as (store, hands, place),
    ):
        found = operation.relink(
            store, place, hands, options_of(settings), dry_run=dry_run, report=report, cancel=cancel
        )
    _show_relinked(found, told)
    return ExitStatus.PARTIAL if found.failed else ExitStatus.DONE


# -- shown


def _status(done: IngestResult) -> int:
    if done.stopped is not None:
        return done.stopped.exit_status
    return ExitStatus.PARTIAL if done.failed else ExitStatus.DONE


def _show_plan(plan: IngestPlan, told: Told) -> None:
    if told.as_json:
        output.json_result({"plan": _plan_fields(plan)})
        return
    for item in plan.items:
        output.result(f"{item.files.path} -> {item.target}, as {item.user}, {item.opt_in.mode}")
    for found in plan.packets:
        output.result(f"{found.path} is looked at: it may be a packet")
    output.result("\n".join(_waiting_lines(plan.waiting, plan.failed)) or "Nothing waits.")
    sets, size = views.count(len(plan.items), "set"), views.size(plan.size)
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


def _show_result(done: IngestResult, told: Told) -> None:
    if told.as_json:
        output.json_result(_result_fields(done))
        return
    for one in done.done:
        ids = ", ".join(f"Image:{image}" for image in one.images[:5])
        more = f" and {len(one.images) - 5} more" if len(one.images) > 5 else ""
        output.result(f"{one.path} is {ids}{more}")
    for packet in done.packets:
        where = f", expanded into {packet.expanded}" if packet.expanded else ""
        output.result(f"{packet.path} is a packet of {views.count(packet.images, 'image')}{where}")
    for line in _waiting_lines(done.waiting, done.failed):
        output.result(line)
    for path in done.released:
        output.result(f"{path} was deleted in OMERO; it is not protected any more")
    output.result(_summary(done))


def _summary(done: IngestResult) -> str:
    parts = [f"{views.count(len(done.done), 'set')} imported"]
    told = ((done.waiting, "waiting"), (done.failed, "failed"), (done.packets, "packets described"))
    parts += [f"{len(found):,} {what}" for found, what in told if found]
    if done.stopped is not None:
        parts.append(f"stopped: {done.stopped.message}")
    return ", ".join(parts) + ("" if done.stopped is not None else ".")


def _result_fields(done: IngestResult) -> dict[str, Any]:
    fields: dict[str, Any] = views.plain(done)
    return fields


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


def _show_checked(found: Checked, told: Told) -> None:
    if told.as_json:
        output.json_result(views.plain(found))
        return
    for one in found.faults:
        output.result(f"{one.text}. {one.remedy}")
    for path in found.released:
        output.result(f"{path} is not protected any more: its image was deleted")
    number, wrong = views.count(found.checked, "object"), len(found.faults)
    output.result(f"{number} checked, {views.count(wrong, 'problem')}.")


def _show_relinked(found: Relinked, told: Told) -> None:
    if told.as_json:
        output.json_result(
            {
                "planned": [{"path": one.path, "target": str(one.target)} for one in found.planned],
                "done": list(found.done),
                "failed": [{"path": path, "error": views.plain(error)} for path, error in found.failed],
            }
        )
        return
    for one in found.planned:
        output.result(f"{one.path}: {one.place.target} -> {one.target}")
    for path, error in found.failed:
        output.result(f"{path} failed: {error.message} {error.hint}")
    number = views.count(len(found.planned), "link")
    output.result(f"{len(found.done):,} of {number} repaired.")
