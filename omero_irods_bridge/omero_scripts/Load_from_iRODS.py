"""Make OMERO objects of a snapshot in iRODS again."""

from __future__ import annotations

from typing import Any

from omero import scripts

from omero_irods_bridge.omero_scripts.agent_call import (
    Agent,
    Refused,
    chosen,
    group_of,
    plain,
    run_script,
    selection,
    snapshots_of,
)


def load(client: Any, agent: Agent) -> tuple[str, object, str]:
    """One job with the snapshot that was named, or the newest one of what is selected."""
    path = chosen(client, "Snapshot").strip() or _newest(client, agent)
    work = {"path": path, "group": group_of(client)}
    into, again = chosen(client, "Into").strip(), chosen(client, "Again").strip()
    work |= {name: text for name, text in (("into", into), ("again", again)) if text}
    job = agent.submit("unpack", work)
    message = f"Job {plain(job.get('id'))} loads {plain(path)} into OMERO. You may go on working, or log out."
    return message, job.get("url"), "Follow the job"


def _newest(client: Any, agent: Agent) -> str:
    """The path of the newest whole snapshot of the one object that is selected."""
    kind, ids = chosen(client, "Data_Type"), chosen(client, "IDs", [])
    if not kind or len(ids) != 1:
        raise Refused(
            "Name a snapshot, or select one object that was saved to iRODS. List iRODS snapshots shows them."
        )
    found = snapshots_of(client, agent, kind, ids[0], state="sealed")
    if not found:
        raise Refused(f"There is no snapshot of {kind}:{ids[0]} that you may read.")
    return str(found[0].get("path"))


def main() -> None:
    """What OMERO runs."""
    run_script(
        "Load_from_iRODS.py",
        "Makes OMERO objects of a snapshot in iRODS: of the one that is named, or else of the newest one of "
        "the selected object.\nThe work is done in the background. The same snapshot is never loaded twice.",
        *selection("Which one."),
        scripts.String("Snapshot", grouping="3", description="Its path in iRODS."),
        scripts.String(
            "Into", grouping="4", description="A container of yours, such as Project:7 or Dataset:12."
        ),
        scripts.String(
            "Again", grouping="5", description="Any word: make another copy of what is loaded already."
        ),
        act=load,
    )


if __name__ == "__main__":
    main()
