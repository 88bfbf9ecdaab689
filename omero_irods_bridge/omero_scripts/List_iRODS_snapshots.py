"""Show which snapshots there are in iRODS."""

from __future__ import annotations

from typing import Any

from omero import scripts

from omero_irods_bridge.omero_scripts.agent_call import (
    AGENT,
    Agent,
    chosen,
    newest_first,
    plain,
    run_script,
    selection,
    snapshots_of,
)

SHOWN = 3
MOST_ASKED = 20


def show(client: Any, agent: Agent) -> tuple[str, object, str]:
    """The newest in the message, all in what the script prints."""
    lines = [_line(one) for one in _wanted(client, agent)]
    for line in lines:
        print(line)  # noqa: T201 -- OMERO keeps it as the script's text
    url, title = AGENT + "/snapshots", "All snapshots"
    if not lines:
        return "No snapshot of that is there that you may read.", url, title
    more = f" and {len(lines) - SHOWN} more (Info shows all)" if len(lines) > SHOWN else ""
    return f"{len(lines)} found: {'; '.join(lines[:SHOWN])}{more}.", url, title


def _wanted(client: Any, agent: Agent) -> list[dict[str, Any]]:
    """Those of the name, else of what is selected, else all."""
    name, kind, ids = chosen(client, "Name").strip(), chosen(client, "Data_Type"), chosen(client, "IDs", [])
    if name:
        return agent.snapshots(name=name)
    if not (kind and ids):
        return agent.snapshots()
    found = (one for id_ in ids[:MOST_ASKED] for one in snapshots_of(client, agent, kind, id_))
    return newest_first(list({str(one.get("path")): one for one in found}.values()))


def _line(one: dict[str, Any]) -> str:
    """Path, when, how many images, how large."""
    path, when, images, size, state = (
        plain(one.get(name)) for name in ("path", "packed_at", "images", "bytes", "state")
    )
    return f"{path} ({when}, {images} images, {size} bytes, {state})"


def main() -> None:
    """What OMERO runs."""
    run_script(
        "List_iRODS_snapshots.py",
        "Lists snapshots in iRODS, the newest first: of the selected object, of a name, or all of yours.",
        *selection("Which one."),
        scripts.String("Name", grouping="3", description="Of objects whose name contains this."),
        act=show,
    )


if __name__ == "__main__":
    main()
