"""``omero-irods unpack``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omero_irods_bridge.cli import by_agent, output, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, OmeroLogin, Told
from omero_irods_bridge.cli.owners_file import read_owners
from omero_irods_bridge.model.errors import BridgeError, Busy, ExitStatus, NotInPlace, UsageError
from omero_irods_bridge.model.events import Notice, Report
from omero_irods_bridge.model.jobs import UnpackWork
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.ownership import OwnerMap
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest

if TYPE_CHECKING:
    from omero_irods_bridge.operations.unpack import UnpackPlan
    from omero_irods_bridge.packet.reading import Packet
    from omero_irods_bridge.ports import ObjectStore
    from omero_irods_bridge.settings import Settings

_Place = Annotated[str, typer.Argument(metavar="SNAPSHOT", hidden=True)]


@dataclass(frozen=True)
class Wish:
    """What to load, and where to."""

    only: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECT", help="Only these, by their ids there, e.g. Image:3. May be repeated."),
    ] = None
    into: Annotated[
        str | None, typer.Option(metavar="OBJECT", help="Into this Project, Dataset or Screen of yours.")
    ] = None
    merge: Annotated[
        bool, typer.Option("--merge", help="Use your containers of the same names instead of new ones.")
    ] = False
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Let OMERO use the files where they are; copy nothing.")
    ] = False
    as_owner: Annotated[
        bool, typer.Option("--as-owner", help="Everybody keeps what was his. For administrators.")
    ] = False
    owners: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --as-owner: who is who here (TOML).")
    ] = None
    again: Annotated[
        str, typer.Option(metavar="WORD", help="Make a copy of what is loaded already.", show_default=False)
    ] = ""
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be loaded, and what is in the way.")
    ] = False

    def request(self, place: str) -> UnpackRequest:
        """Raises UsageError for what is no object, and for a file of owners that is none."""
        return UnpackRequest(
            packet=place,
            only=parse_objects(self.only) if self.only else (),
            into=_container(self.into) if self.into else None,
            merge=self.merge,
            in_place=self.in_place,
            as_owner=self.as_owner,
            again=self.again,
            owners=read_owners(self.owners) if self.owners else OwnerMap(),
        )


def _container(text: str) -> ObjectRef:
    found = parse_objects([text])
    if len(found) != 1:
        raise UsageError(
            "A packet is loaded into one container at a time.", hint="For example: --into Project:7"
        )
    return found[0]


def unpack(snapshot: _Place, wish: Wish, by: ByAgent, told: Told, login: OmeroLogin, config: Config) -> int:
    """\b
    Make OMERO objects of SNAPSHOT, here or in iRODS, once. Run again to go on.
    Example:  omero-irods unpack /tempZone/home/alice/hela.zip --into Project:7
    """  # noqa: D205, D301, D415 -- click keeps lines after a \b, and a screen has no line to spare
    from omero_irods_bridge.wiring import zone_of

    request, settings = wish.request(snapshot), working.settings_of(config, login)
    why_not = by_agent.here_only(snapshot, zone_of(settings)) or (by_agent.DRY_RUN if wish.dry_run else "")
    agent = by_agent.agent_for(by, settings, not_because=why_not)
    if agent is not None:
        group = settings.omero.group if request.as_owner else login.group
        return by_agent.hand_over(agent, _work(request, group or ""), by, told, settings)
    return _unpack_here(request, wish, told, settings)


def _work(request: UnpackRequest, group: str) -> UnpackWork:
    from omero_irods_bridge.operations.opening import IRODS

    return UnpackWork(
        request.packet.removeprefix(IRODS),
        request.only,
        request.into,
        request.merge,
        request.in_place,
        request.as_owner,
        request.again,
        group,
        request.owners,
    )


def _unpack_here(request: UnpackRequest, wish: Wish, told: Told, settings: Settings) -> int:
    from omero_irods_bridge.operations import unpack as operation
    from omero_irods_bridge.wiring import SystemClock, open_receiver

    with (
        working.at_work(told) as (report, cancel),
        opened(request.packet, settings) as (packet, store),
    ):
        request = _in_its_group(request, settings)
        content = operation.read_content(request, packet)
        group = operation.group_of(content, request)
        with open_receiver(settings, working.asker(), group=group) as receiver:
            places = places_of(request, store, settings)
            plan = operation.plan(request, packet, receiver, places=places, content=content)
            loaded = None
            if not (wish.dry_run or plan.problems):
                with _told(plan, report):
                    loaded = operation.apply(
                        plan, packet, receiver, clock=SystemClock(), report=report, cancel=cancel
                    )
    if loaded is None:
        _show_plan(plan, wish, told)
    else:
        _show_loaded(loaded, told)
    return plan.problems[0].exit_status if plan.problems else ExitStatus.DONE


def _in_its_group(request: UnpackRequest, settings: Settings) -> UnpackRequest:
    """Who keeps owners keeps the group too, unless one is named, or something that is in one."""
    is_open = settings.omero.group is None and request.into is None
    return replace(request, keep_group=request.as_owner and is_open)


@contextmanager
def _told(plan: UnpackPlan, report: Report) -> Iterator[None]:
    """Say what of the packet cannot be carried, and after a failure how to go on or back."""
    for text in plan.notices:
        report(Notice(text))
    try:
        yield
    except Busy:
        raise
    except BridgeError:
        report(
            Notice(
                f"The load {plan.load} is not complete. The same command goes on with it;"
                f" omero-irods undo {plan.load} takes back what it has made."
            )
        )
        raise


@contextmanager
def opened(place: str, settings: Settings) -> Iterator[tuple[Packet, ObjectStore | None]]:
    """The packet that a person named, and the zone that it is in.

    No connection is made for one on this computer.
    """
    from omero_irods_bridge.operations.opening import is_in_irods, open_packet
    from omero_irods_bridge.wiring import open_local, open_object_store, zone_of

    with ExitStack() as stack:
        store = None
        if is_in_irods(place, zone_of(settings)):
            store = stack.enter_context(open_object_store(settings))
        streams = settings.transfer.streams
        yield stack.enter_context(open_packet(store, place, open_local=open_local, streams=streams)), store


def places_of(
    request: UnpackRequest, store: ObjectStore | None, settings: Settings
) -> dict[str, PurePosixPath] | None:
    """Where OMERO sees the members, if it shall use them there.

    Raises:
        NotInPlace: the packet is on this computer, or one file.
    """
    from omero_irods_bridge.operations.opening import IRODS
    from omero_irods_bridge.operations.placing import places_in

    if not request.in_place:
        return None
    if store is None:
        raise NotInPlace(
            f"{request.packet} is on this computer, and OMERO links to files of iRODS only.",
            hint="Load it without --in-place.",
        )
    return places_in(store, request.packet.removeprefix(IRODS), settings.paths)


def _show_plan(plan: UnpackPlan, wish: Wish, told: Told) -> None:
    if told.as_json:
        output.json_plan(plan_fields(plan), plan.problems)
    else:
        output.plan(plan_lines(plan), is_result=wish.dry_run)


def plan_fields(plan: UnpackPlan) -> dict[str, Any]:
    """A plan as programs get it."""
    return {
        "load": plan.load,
        "done": plan.is_done,
        "form": plan.content.form.value,
        "roots": [str(root) for root in plan.content.roots],
        "counts": _counts(plan),
        "filesets": len(plan.content.filesets),
        "bytes": plan.bytes_total,
        "group": plan.identity.group,
        "owners": [views.plain(one) for one in plan.owners.people] if plan.owners else None,
        "problems": views.plain(plan.problems),
        "notices": list(plan.notices),
    }


def _counts(plan: UnpackPlan) -> dict[str, int]:
    kinds = ("Project", "Dataset", "Screen", "Plate", "Image", "Roi", "Annotation")
    return {kind: count for kind in kinds if (count := plan.content.graph.count(kind))}


def plan_lines(plan: UnpackPlan) -> Iterator[str]:
    """A plan as people read it."""
    identity, filesets = plan.identity, views.count(len(plan.content.filesets), "fileset")
    if plan.problems:
        yield "Cannot be loaded as it is"
    else:
        yield "Is loaded already" if plan.is_done else "Would be loaded; nothing was changed"
    yield from views.aligned(
        [
            ("load", plan.load),
            ("from", f"{plan.request.packet} ({plan.content.form})"),
            ("to", f"{identity.host}, as {identity.user} in group {identity.group}"),
            ("content", views.counts(_counts(plan)) or "nothing"),
            ("files", f"{views.exact_size(plan.bytes_total)} in {filesets}"),
            *_owner_facts(plan),
        ]
    )
    yield from (f"Note: {text}" for text in plan.notices)
    for one in plan.problems:
        yield from (line for line in (f"- {one.message}", f"  {one.hint}") if line.strip())


def _owner_facts(plan: UnpackPlan) -> Iterator[tuple[str, str]]:
    for one in plan.owners.people if plan.owners else ():
        yield "owner", f"{one.there} is {one.here or 'not known'} here: {views.count(one.objects, 'object')}"


def _show_loaded(loaded: Loaded, told: Told) -> None:
    if told.as_json:
        output.json_result({"loaded": views.plain(loaded)})
        return
    title = (
        "Is loaded already; nothing was done"
        if loaded.was_complete
        else "Loaded, and compared with the packet"
    )
    facts = [("load", loaded.load), ("made", views.counts_of_all(loaded.made) or "nothing new")]
    facts += [("object", f"{there} is now {here}") for there, here in loaded.objects.items()]
    facts.append(("undo", f"omero-irods undo {loaded.load}"))
    output.result("\n".join([title, *views.aligned(facts)]))
