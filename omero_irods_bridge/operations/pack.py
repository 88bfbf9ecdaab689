"""Pack: OMERO objects become a sealed, verified snapshot in iRODS.

The order of writing is a promise to readers (docs/packet-format.md): data, server checksums compared with
ours, AVUs, then one rename to the final name. What has the final name is complete; a run that ends early
leaves only what the next one continues or ``gc`` removes.
"""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.model.events import CancelToken, Report, Step, silent
from omero_irods_bridge.model.packing import TransferOptions
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Snapshot
from omero_irods_bridge.operations.incoming import held, incoming_of
from omero_irods_bridge.operations.packing.comparing import compare_replicas
from omero_irods_bridge.operations.packing.planning import PackPlan, plan
from omero_irods_bridge.operations.packing.sealing import annotate, describe, seal
from omero_irods_bridge.operations.packing.writing import write
from omero_irods_bridge.ports import ImageServer, ObjectStore

__all__ = ["PackPlan", "apply", "plan"]

WORTH_ASKING_BYTES: Final = 64 << 20
"""From so many on iRODS is asked what its checksums are first; fewer are there as soon as it has answered."""


def apply(
    plan: PackPlan,
    server: ImageServer,
    store: ObjectStore,
    *,
    options: TransferOptions | None = None,
    prefix: str = DEFAULT_PREFIX,
    report: Report = silent,
    cancel: CancelToken | None = None,
) -> Snapshot:
    """Carry out ``plan`` and return the sealed snapshot. Safe to repeat after any interruption.

    Raises:
        TargetExists: somebody made something at the target meanwhile, and the request says to refuse.
        Busy: the same objects are being packed into the same collection.
        ChecksumMismatch: a file is not what OMERO recorded of it, or iRODS has something else than was sent.
        BridgeError: what else prevented it; nothing has the final name then.
    """
    if plan.problems:
        raise plan.problems[0]
    place, cancel = incoming_of(plan.target, plan.id), cancel or CancelToken()
    with held(store, place, asks_for_checksum=plan.bytes_total >= WORTH_ASKING_BYTES):
        stored = write(plan, place.path, server, store, options or TransferOptions(), report, cancel)
        cancel.check()
        compare_replicas(store, place.path)
        description = describe(plan, stored)
        report(Step("Sealing"))
        annotate(store, place.path, description, prefix)
        path = seal(store, place.path, plan, report)
    return Snapshot(path, description)
