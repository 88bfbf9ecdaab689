"""What was imported becomes whose it is in the packet (docs/decisions/0017-chown-after-import.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.model.events import CancelToken, Notice, Progress, Report, Step
from omero_irods_bridge.operations.unpacking.importing import Arrived
from omero_irods_bridge.operations.unpacking.owners import owner_of_fileset
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.operations.unpacking.receiver import Receiver


def hand_over(
    plan: UnpackPlan, arrived: Arrived, receiver: Receiver, report: Report, cancel: CancelToken
) -> None:
    """Give each fileset with its plates to its owner, all of one owner at once; done again nothing happens.

    What OMERO refuses to give stays the session's, and is told of as not kept.

    Raises:
        AccessDenied: OMERO refuses in a private group, where the rest could not be made for its owner.
    """
    if plan.owners is None:
        return
    shares = _shares(plan, arrived)
    report(Step("Giving what was imported to its owners", items_total=len(shares)))
    for number, (owner, filesets) in enumerate(sorted(shares.items()), 1):
        cancel.check()
        plates = sorted({plate for one in filesets for plate in arrived.plates_of.get(one, ())})
        try:
            receiver.ownership.give(filesets, plates, owner)
        except AccessDenied as error:
            if plan.owners.is_private:
                raise
            report(Notice(f"{error.message.rstrip('.')}. It stays yours."))
        report(Progress(items_done=number))


def _shares(plan: UnpackPlan, arrived: Arrived) -> Mapping[int, list[int]]:
    """Filesets here by who else gets them."""
    assert plan.owners is not None
    found: dict[int, list[int]] = defaultdict(list)
    for fileset, here in zip(plan.content.filesets, arrived.filesets, strict=True):
        owner = owner_of_fileset(fileset, plan.content.graph, plan.owners)
        if owner != plan.owners.me:
            found[owner].append(here)
    return found
