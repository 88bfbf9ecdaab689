"""``omero-irods ingest``: what lies in iRODS appears in OMERO."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from omero_irods_bridge.cli import by_agent, ingest_views, output, parsing, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, OmeroLogin, Shown, Told
from omero_irods_bridge.model.errors import BridgeError, ExitStatus, Interrupted, NotFound, UsageError
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.ingest import IngestResult
from omero_irods_bridge.model.jobs import IngestWork

if TYPE_CHECKING:
    from omero_irods_bridge.operations.ingest import Hands
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
    from omero_irods_bridge.operations.zones import in_another_zone

    with (
        open_tree_store(settings, is_service=service.service) as store,
        open_hands(settings, store, working.asker(), is_service=service.service) as hands,
    ):
        place = (collection or (f"/{store.zone}" if service.service else store.home)).rstrip("/") or "/"
        if store.find(place) is None:
            raise in_another_zone(store, place) or NotFound(
                f"There is nothing at {place}, or you may not see it.", hint="Look with: ils"
            )
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
        options = options_of(settings)
        plan = operation.plan(store, place, hands, options, clock=clock, report=report, cancel=cancel)
        if not (plan.objects or plan.failed):
            opted = f"{options.name('ingest')} or a card"
            report(Notice(f"Nothing at or below {place} is in a collection that opted in, by {opted}."))
        done = None
        if not dry_run:
            done = operation.apply(plan, store, hands, clock=clock, report=report, cancel=cancel)
    if done is None:
        ingest_views.show_plan(plan, told)
        return ExitStatus.PARTIAL if plan.failed else ExitStatus.DONE
    ingest_views.show_result(done, told, _again(place, service))
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
    pause_s = _pause(every) if every else settings.ingest.every_s
    with working.at_work(told) as (report, cancel):
        while not cancel.is_cancelled:
            try:
                with _opened(settings, collection, service) as (store, hands, place):
                    options = options_of(settings)
                    done = operation.scan(
                        store, place, hands, options, clock=clock, report=report, cancel=cancel
                    )
                _tell(done, told, _again(place, service))
            except Interrupted:
                break
            except BridgeError as error:
                if not error.retryable:
                    raise
                working.teller(told)(f"{error.message} Trying again in {pause_s:.0f} s.")
            cancel.wait(pause_s)
    return ExitStatus.DONE


def _pause(text: str) -> float:
    """As the setting ``ingest.every_s`` may be."""
    from omero_irods_bridge.ingest_settings import WEEK_S

    pause_s = parsing.age(text)
    if not 1 <= pause_s <= WEEK_S:
        raise UsageError(f"{text} is no time between scans.", hint="Write one from 1s to 1w.")
    return pause_s


def _again(place: str, service: Service) -> str:
    """Arguments of a command that looks at the same place in the same hands."""
    return shlex.quote(place) + (" --service" if service.service else "")


def _tell(done: IngestResult, told: Told, again: str) -> None:
    """A line a scan that did something."""
    if told.as_json:
        output.json_line(ingest_views.result_fields(done, again))
    elif done.done or done.failed or done.packets or done.released or done.cards:
        output.note(ingest_views.summary(done))


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
    ingest_views.show_standing(found, shown)


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
    ingest_views.show_checked(found, told)
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
    ingest_views.show_relinked(found, told)
    return ExitStatus.PARTIAL if found.failed else ExitStatus.DONE


def _status(done: IngestResult) -> int:
    if done.stopped is not None:
        return done.stopped.exit_status
    return ExitStatus.PARTIAL if done.failed else ExitStatus.DONE
