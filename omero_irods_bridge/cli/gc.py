"""``omero-irods gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omero_irods_bridge.cli import by_agent, output, parsing, views, working
from omero_irods_bridge.cli.options import ByAgent, Config, Told
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import GcWork

if TYPE_CHECKING:
    from omero_irods_bridge.operations.gc import Collected, GcPlan, Judged
    from omero_irods_bridge.settings import Settings

_Place = Annotated[str | None, typer.Argument(metavar="COLLECTION", hidden=True)]
_Age = Annotated[
    str, typer.Option(metavar="AGE", help="Leave what changed since: 90s, 30m, 12h, 1d or 2w ago.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be removed; remove nothing.")]


def gc(
    *,
    collection: _Place = None,
    older_than: _Age = "1d",
    dry_run: _DryRun = False,
    by: ByAgent,
    told: Told,
    config: Config,
) -> int:
    """Remove what broken runs left in .incoming; at and below COLLECTION, your home if none is named.

    Snapshots are never touched.  Example:  omero-irods gc /tempZone/home/alice --dry-run
    """
    age, settings = parsing.age(older_than), working.settings_of(config)
    agent = by_agent.agent_for(by, settings, not_because=by_agent.DRY_RUN if dry_run else "")
    if agent is not None:
        return by_agent.hand_over(agent, GcWork(collection or "", age), by, told, settings)
    return _gc_here(collection, age, told, settings, dry_run=dry_run)


def _gc_here(collection: str | None, age: float, told: Told, settings: Settings, *, dry_run: bool) -> int:
    from omero_irods_bridge.operations import gc as operation
    from omero_irods_bridge.wiring import SystemClock, open_object_store

    with working.at_work(told) as (report, cancel), open_object_store(settings) as store:
        plan = operation.plan(store, collection or store.home, clock=SystemClock(), older_than_s=age)
        done = None if dry_run else operation.apply(plan, store, report=report, cancel=cancel)
    if done is None:
        _show_plan(plan, told)
        return ExitStatus.DONE
    _show_done(plan, done, told)
    return ExitStatus.PARTIAL if done.kept else ExitStatus.DONE


def _show_plan(plan: GcPlan, told: Told) -> None:
    if told.as_json:
        judged = [_fields(one) for one in plan.judged]
        output.json_result({"collection": plan.collection, "leftovers": judged, "bytes": plan.size})
        return
    if plan.judged:
        output.table(("WHAT", "SIZE", "AGE", "PATH"), map(_row, plan.judged), right=("SIZE", "AGE"))
    if plan.removable:
        output.result(f"Would remove {_amount(len(plan.removable), plan.size)}; nothing was removed.")
    else:
        output.result(_nothing(plan))


def _row(one: Judged) -> tuple[str, ...]:
    return one.verdict, views.size(one.leftover.size), views.age(one.age_s), one.leftover.path


def _fields(one: Judged) -> dict[str, Any]:
    return {
        "path": one.leftover.path,
        "verdict": one.verdict.value,
        "bytes": one.leftover.size,
        "age_s": one.age_s,
    }


def _nothing(plan: GcPlan) -> str:
    return f"There is nothing to remove at and below {plan.collection}."


def _amount(number: int, size: int) -> str:
    return f"{views.count(number, 'leftover')} with {views.size(size)}"


def _show_done(plan: GcPlan, done: Collected, told: Told) -> None:
    left = [one for one in plan.judged if one.leftover not in plan.removable]
    if told.as_json:
        removed = [one.path for one in done.removed]
        kept = [{"path": one.path, "reason": why} for one, why in done.kept]
        left_fields = [_fields(one) for one in left]
        output.json_result({"removed": removed, "bytes": done.size, "kept": kept, "left": left_fields})
    else:
        did = f"Removed {_amount(len(done.removed), done.size)}."
        output.result(did if plan.removable else _nothing(plan))
        for one in left:
            output.result(f"Left {one.leftover.path}, {views.age(one.age_s)} old: {one.verdict}.")
