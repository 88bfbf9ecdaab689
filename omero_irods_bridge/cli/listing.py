"""``omero-irods list`` and ``find``."""

from __future__ import annotations

from typing import Annotated

import typer

from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, Filters, Page, Shown
from omero_irods_bridge.model.snapshot import Snapshot

_Name = Annotated[str | None, typer.Option(metavar="TEXT", help="Name of what was packed contains this.")]
_Text = Annotated[str, typer.Argument(metavar="TEXT", hidden=True)]

_HEADS = ("PACKED (UTC)", "SOURCE", "IMAGES", "SIZE", "STATE", "OWNER", "PATH")


def list_snapshots(*, name: _Name = None, filters: Filters, page: Page, shown: Shown, config: Config) -> None:
    """List snapshots in iRODS; those that fulfil all options, in the order of their paths.

    Example:  omero-irods list --owner alice --since 2026-01-01
    """
    _list(name, filters, page, shown, config)


def find_snapshots(text: _Text, filters: Filters, page: Page, shown: Shown, config: Config) -> None:
    """List snapshots of objects whose name contains TEXT; upper and lower case differ.

    Example:  omero-irods find "HeLa day 3" --group lab
    """
    _list(text, filters, page, shown, config)


def _list(name: str | None, filters: Filters, page: Page, shown: Shown, config: Config) -> None:
    from omero_irods_bridge.operations.find import find
    from omero_irods_bridge.operations.zones import in_another_zone
    from omero_irods_bridge.wiring import open_object_store

    criteria, settings = filters.criteria(name), working.settings_of(config)
    with open_object_store(settings) as store:
        prefix = settings.snapshots.prefix
        found = find(store, criteria, skip=page.skip, limit=page.limit + 1, prefix=prefix)
        below = criteria.below or "/"
        if not found and below != "/" and (elsewhere := in_another_zone(store, below)) is not None:
            raise elsewhere
    hint = "; upper and lower case of names differ" if name else ""
    _show(found[: page.limit], page, shown, more=len(found) > page.limit, hint=hint)


def _show(found: list[Snapshot], page: Page, shown: Shown, *, more: bool, hint: str) -> None:
    if shown.as_json:
        snapshots = [views.snapshot_fields(snapshot) for snapshot in found]
        output.json_result({"snapshots": snapshots, "page": page.page, "more": more})
        return
    if found:
        output.table(_HEADS, (_row(snapshot) for snapshot in found), right=("IMAGES", "SIZE"))
    if more:
        output.note(f"There are more: --page {page.page + 1}")
    elif not found:
        output.note(f"No snapshots found{hint}." if page.page == 1 else f"Nothing on page {page.page}.")


def _row(snapshot: Snapshot) -> tuple[str, ...]:
    about = snapshot.description
    return (
        f"{about.packed_at:%Y-%m-%d %H:%M}",
        _sources(about.sources),
        f"{about.images:,}",
        views.size(about.size),
        about.state,
        about.owner,
        snapshot.path,
    )


def _sources(sources: tuple[str, ...]) -> str:
    return sources[0] + (f" +{len(sources) - 1}" if len(sources) > 1 else "") if sources else ""
