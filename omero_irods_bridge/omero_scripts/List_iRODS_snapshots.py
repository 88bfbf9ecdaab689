"""Show which snapshots there are in iRODS."""

from __future__ import annotations

from typing import Any

from omero import scripts
from omero.rtypes import rlong, rstring

from omero_irods_bridge.omero_scripts.agent_call import AGENT, VERSION, Agent, answer, chosen, plain

KINDS = ("Project", "Dataset", "Image", "Screen", "Plate", "Well")
SHOWN = 3


def show(client: Any, agent: Agent) -> tuple[str, object, str]:
    """The newest in the message, all that were asked for in what the script prints."""
    found = agent.snapshots(**_wanted(client))
    lines = [_line(one) for one in found]
    for line in lines:
        print(line)  # noqa: T201 -- OMERO keeps it as the script's text
    url, title = AGENT + "/snapshots", "All snapshots"
    if not lines:
        return "No snapshot of that is there that you may read.", url, title
    more = f" and {len(lines) - SHOWN} more (Info shows all)" if len(lines) > SHOWN else ""
    return f"{len(lines)} found: {'; '.join(lines[:SHOWN])}{more}.", url, title


def _wanted(client: Any) -> dict[str, Any]:
    """All where nothing is selected or named."""
    wanted = {}
    name, kind, ids = chosen(client, "Name").strip(), chosen(client, "Data_Type"), chosen(client, "IDs", [])
    if name:
        wanted["name"] = name
    elif kind and len(ids) == 1:
        wanted = {"image": ids[0]} if kind == "Image" else {"source": f"{kind}:{ids[0]}"}
    return wanted


def _line(one: dict[str, Any]) -> str:
    """Path, when, how many images, how large."""
    path, when, images, size, state = (
        plain(one.get(name)) for name in ("path", "packed_at", "images", "bytes", "state")
    )
    return f"{path} ({when}, {images} images, {size} bytes, {state})"


def main() -> None:
    """What OMERO runs."""
    client = scripts.client(
        "List_iRODS_snapshots.py",
        "Lists snapshots in iRODS, the newest first: of the selected object, of a name, or all of yours.",
        scripts.String(
            "Data_Type",
            grouping="1",
            description="What is selected.",
            values=[rstring(one) for one in KINDS],
            default="Dataset",
        ),
        scripts.List("IDs", grouping="2", description="Which one.").ofType(rlong(0)),
        scripts.String("Name", grouping="3", description="Of objects whose name contains this."),
        version=VERSION,
        authors=["OMERO-iRODS bridge"],
        institutions=[""],
    )
    try:
        answer(client, show)
    finally:
        client.closeSession()


if __name__ == "__main__":
    main()
