"""``omero-irods loads`` and ``omero-irods undo``: what was loaded, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, OmeroLogin, Shown, Told
from omero_irods_bridge.model.errors import ExitStatus, NotFound

if TYPE_CHECKING:
    from omero_irods_bridge.model.loads import LoadRecord

_Load = Annotated[str, typer.Argument(metavar="LOAD", hidden=True)]
_MaybeLoad = Annotated[str, typer.Argument(metavar="[LOAD]", hidden=True)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be removed; change nothing.")]


def loads(*, load: _MaybeLoad = "", shown: Shown, login: OmeroLogin, config: Config) -> None:
    """List what was loaded into OMERO and from where; of one LOAD what became of each object.

    Example:  omero-irods loads
    """
    from omero_irods_bridge.wiring import open_receiver

    with open_receiver(working.settings_of(config, login), working.asker()) as receiver:
        records = receiver.book.list_loads() if not load else [receiver.book.find(load)]
        pairs = receiver.book.read_id_map(load) if load else []
    found = [one for one in records if one is not None]
    if not load:
        _show_all(found, shown)
    elif not found:
        raise NotFound(f"There is no load {load}.", hint="See which there are: omero-irods loads")
    else:
        _show_one(found[0], pairs, shown)


def _show_all(records: list[LoadRecord], shown: Shown) -> None:
    if shown.as_json:
        output.json_result({"loads": views.plain(records)})
        return
    if not records:
        output.note("Nothing was loaded here that you may see.")
        return
    rows = (
        (f"{one.started:%Y-%m-%d %H:%M}", str(one.state), one.by, one.group, one.load, one.snapshot)
        for one in records
    )
    output.table(("STARTED (UTC)", "STATE", "BY", "GROUP", "LOAD", "SNAPSHOT"), rows)


def _show_one(record: LoadRecord, pairs: list[tuple[str, str]], shown: Shown) -> None:
    if shown.as_json:
        output.json_result({"load": views.plain(record), "objects": [list(pair) for pair in pairs]})
        return
    output.result("\n".join(views.aligned([*record.pairs(), ("group", record.group)])))
    output.table(("THERE", "HERE"), sorted(pairs, key=_by_class_and_id))


def _by_class_and_id(pair: Sequence[str]) -> tuple[str, int]:
    kind, _, number = pair[0].partition(":")
    return kind, int(number)


def undo(load: _Load, *, dry_run: _DryRun = False, told: Told, login: OmeroLogin, config: Config) -> int:
    """Remove from OMERO just what LOAD has made: not what others have added, not what was there before.

    Example:  omero-irods undo 3f9a0c2b1d4e5f6071829304
    """
    from omero_irods_bridge.operations import undo as operation
    from omero_irods_bridge.wiring import open_receiver

    settings = working.settings_of(config, login)
    with (
        working.at_work(told) as (report, cancel),
        open_receiver(settings, working.asker()) as receiver,
    ):
        plan = operation.plan(load, receiver, cancel=cancel)
        if not dry_run:
            operation.apply(plan, receiver, report=report)
    done = "Would be removed; nothing was changed" if dry_run else "Removed"
    if plan.problems:
        output.note(f"Cannot be removed: {plan.problems[0].message} {plan.problems[0].hint}")
    if told.as_json:
        output.json_result({"undo": {"load": load, "dry_run": dry_run, "counts": dict(plan.counts)}})
    else:
        facts = [("load", load), ("objects", views.counts_of_all(plan.counts) or "nothing but its record")]
        output.result("\n".join([f"{done}, with all that belongs to it:", *views.aligned(facts)]))
    return plan.problems[0].exit_status if plan.problems else ExitStatus.DONE
