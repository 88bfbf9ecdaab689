"""``omero-irods pack``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omero_irods_bridge.cli import by_agent, output, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, OmeroLogin, Told
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import PackWork
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.model.packing import Existing, PackRequest
from omero_irods_bridge.model.snapshot import Form, Snapshot
from omero_irods_bridge.operations.targets import choose

if TYPE_CHECKING:
    from omero_irods_bridge.operations.pack import PackPlan
    from omero_irods_bridge.settings import Settings

_Objects = Annotated[list[str], typer.Argument(metavar="OBJECT", hidden=True)]


@dataclass(frozen=True)
class Wish:
    """What to make, and where."""

    to: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Collection, new path, or template.  [default: of the settings]"),
    ] = None
    expanded: Annotated[
        bool, typer.Option("--expanded", help="A collection, with a data object for each file, no zip.")
    ] = False
    existing: Annotated[
        Existing, typer.Option(metavar="HOW", help="Target is there: version (take name-2) or refuse.")
    ] = Existing.VERSION
    note: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the snapshot.", show_default=False)] = (
        ""
    )
    figures: Annotated[
        bool, typer.Option("--figures", help="Also OMERO.figure files that show one of the images.")
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be packed and what is in the way; write nothing."),
    ] = False

    @property
    def form(self) -> Form:
        return Form.EXPANDED if self.expanded else Form.ZIP


def pack(objects: _Objects, wish: Wish, by: ByAgent, told: Told, login: OmeroLogin, config: Config) -> int:
    """Save OMERO objects as a verified snapshot in iRODS. Nothing is ever overwritten.

    Example:  omero-irods pack Dataset:51 Image:1,3,7-9 --note "for the paper"
    """
    refs, settings = parse_objects(objects), working.settings_of(config, login)
    agent = by_agent.agent_for(by, settings, not_because=by_agent.DRY_RUN if wish.dry_run else "")
    if agent is not None:
        return by_agent.hand_over(agent, _work(refs, wish, login), by, told, settings)
    return _pack_here(refs, wish, told, settings)


def _work(refs: tuple[ObjectRef, ...], wish: Wish, login: OmeroLogin) -> PackWork:
    group = login.group or ""
    return PackWork(refs, wish.to or "", group, wish.form, wish.existing, wish.note, wish.figures)


def _pack_here(refs: tuple[ObjectRef, ...], wish: Wish, told: Told, settings: Settings) -> int:
    from omero_irods_bridge.operations import pack as operation
    from omero_irods_bridge.wiring import SystemClock, open_image_server, open_object_store

    with (
        working.at_work(told) as (report, cancel),
        open_object_store(settings) as store,
        open_image_server(settings, working.asker()) as server,
    ):
        target = choose(wish.to, settings.snapshots.target, store, wish.form)
        request = PackRequest(refs, target, wish.form, wish.existing, wish.note, wish.figures)
        plan = operation.plan(request, server, store, clock=SystemClock(), report=report, cancel=cancel)
        snapshot = None
        if not (wish.dry_run or plan.problems):
            snapshot = operation.apply(
                plan,
                server,
                store,
                options=settings.transfer.options(),
                prefix=settings.snapshots.prefix,
                report=report,
                cancel=cancel,
            )
    if snapshot is None:
        _show_plan(plan, wish, told)
    else:
        _show_snapshot(snapshot, told)
    return plan.problems[0].exit_status if plan.problems else ExitStatus.DONE


def _show_plan(plan: PackPlan, wish: Wish, told: Told) -> None:
    if told.as_json:
        output.json_plan(plan_fields(plan), plan.problems)
    else:
        output.plan(plan_lines(plan), is_result=wish.dry_run)


def plan_fields(plan: PackPlan) -> dict[str, Any]:
    """A plan as programs get it."""
    return {
        "target": plan.target,
        "form": plan.request.form.value,
        "objects": [str(ref) for ref in plan.request.objects],
        "counts": dict(plan.counts),
        "files": len(plan.files),
        "bytes": plan.bytes_total,
        "problems": views.plain(plan.problems),
        "notices": list(plan.notices),
    }


def plan_lines(plan: PackPlan) -> list[str]:
    """A plan as people read it."""
    identity = plan.identity
    unknown = sum(file.size is None for file in plan.files)
    more = f" and {views.count(unknown, 'file')} of a size that OMERO does not know" if unknown else ""
    facts = [
        ("objects", ", ".join(map(str, plan.request.objects))),
        ("from", f"{identity.host}, as {identity.user} in group {identity.group}"),
        ("to", f"{plan.target} ({'one zip' if plan.request.form is Form.ZIP else 'a collection'})"),
        ("content", views.counts(plan.counts) or "nothing"),
        ("files", f"{len(plan.files):,}, {views.exact_size(plan.bytes_total)}{more}"),
    ]
    title = "Cannot be packed as it is" if plan.problems else "Would be packed; nothing was written"
    return [title, *views.aligned(facts), *(f"Note: {text}" for text in plan.notices), *_problems(plan)]


def _problems(plan: PackPlan) -> list[str]:
    if not plan.problems:
        return []
    told = [line for one in plan.problems for line in (f"- {one.message}", f"  {one.hint}") if line.strip()]
    return [f"{views.count(len(plan.problems), 'problem')} to solve first:", *told]


def _show_snapshot(snapshot: Snapshot, told: Told) -> None:
    if told.as_json:
        output.json_result({"snapshot": views.snapshot_fields(snapshot)})
    else:
        output.result("Packed, compared with what was sent, and sealed:\n" + views.described(snapshot))
