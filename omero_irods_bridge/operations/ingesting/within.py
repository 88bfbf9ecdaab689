"""A plan of a part of what opted in, where sets may have files outside of that part. Pure."""

from __future__ import annotations

from dataclasses import replace

from omero_irods_bridge.operations.ingesting.opt_ins import is_in
from omero_irods_bridge.operations.ingesting.planning import IngestPlan


def only_within(plan: IngestPlan, collection: str) -> IngestPlan:
    """What ``plan``, of a collection above, says of what is at and below ``collection``; sets stay whole."""

    def at(path: str) -> bool:
        return path == collection or is_in(path, collection)

    above = {one.path for place, one in plan.opt_ins.broken.items() if is_in(collection, place)}
    return replace(
        plan,
        collection=collection,
        items=tuple(one for one in plan.items if any(at(member.path) for member in one.files.members)),
        waiting=tuple(one for one in plan.waiting if at(one.path)),
        failed=tuple(one for one in plan.failed if at(one.path) or one.path in above),
        failed_before=tuple(one for one in plan.failed_before if at(one.path)),
        unmarked=tuple(filter(at, plan.unmarked)),
        healed=tuple(filter(at, plan.healed)),
        packets=tuple(one for one in plan.packets if at(one.path)),
        cards=tuple(one for one in plan.cards if at(one.collection)),
        objects={path: one for path, one in plan.objects.items() if at(path)},
    )
