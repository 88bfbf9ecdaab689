"""Save the selection as a verified snapshot in iRODS."""

from __future__ import annotations

from typing import Any

from omero import scripts
from omero.rtypes import rstring

from omero_irods_bridge.omero_scripts.agent_call import (
    Agent,
    chosen,
    group_of,
    plain,
    run_script,
    selection,
)

FORMS = ("zip", "expanded")


def save(client: Any, agent: Agent) -> tuple[str, object, str]:
    """One job with all that is selected."""
    kind, ids = chosen(client, "Data_Type"), chosen(client, "IDs")
    work = {
        "objects": [f"{kind}:{one}" for one in ids],
        "group": group_of(client),
        "form": chosen(client, "Form", FORMS[0]),
        "target": chosen(client, "Target").strip(),
        "note": chosen(client, "Note").strip(),
    }
    job = agent.submit("pack", work)
    number, what = plain(job.get("id")), _named(kind, ids)
    message = f"Job {number} saves {what} to iRODS. You may go on working, or log out."
    return message, job.get("url"), "Follow the job"


def _named(kind: str, ids: list[int]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"{kind}:{','.join(map(str, ids[:3]))}{more}"


def main() -> None:
    """What OMERO runs."""
    run_script(
        "Save_to_iRODS.py",
        "Saves the selected data, with all that OMERO knows about it, as a verified snapshot in iRODS.\n"
        "The work is done in the background.",
        *selection("Which ones.", optional=False),
        scripts.String("Note", grouping="3", description="Is kept with the snapshot."),
        scripts.String(
            "Form",
            grouping="4",
            description="One zip, or expanded: a collection with one data object for each file.",
            values=[rstring(one) for one in FORMS],
            default=FORMS[0],
        ),
        scripts.String(
            "Target", grouping="5", description="A path in iRODS; the usual place when it is empty."
        ),
        act=save,
    )


if __name__ == "__main__":
    main()
