"""SkipHead: a request on what another would reach, not on what it starts from (SkipHeadI, SkipHeadPolicy)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, Final

import omero.cmd

from omero_irods_sandbox.omero_server.requests import chgrp, chown, delete
from omero_irods_sandbox.omero_server.requests.graph_objects import Node
from omero_irods_sandbox.omero_server.requests.graph_options import classes
from omero_irods_sandbox.omero_server.requests.graph_plan import Plan
from omero_irods_sandbox.omero_server.requests.graph_targets import target_nodes
from omero_irods_sandbox.omero_server.requests.registry import Progress, command, graph_failed
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

_PERFORM: Final[dict[type, Callable[..., Any]]] = {
    omero.cmd.Delete2: delete.perform,
    omero.cmd.Chgrp2: chgrp.perform,
    omero.cmd.Chown2: chown.perform,
}
_LEGAL: Final = {
    omero.cmd.Delete2: delete.LEGAL,
    omero.cmd.Chgrp2: chgrp.LEGAL,
    omero.cmd.Chown2: chown.LEGAL,
}


@command(omero.cmd.SkipHead)
def skip_head(request: Any, call: Call, progress: Progress) -> Any:
    """The wrapped request, done to what it would reach of the classes ``startFrom``; its response.

    The child options of the SkipHead hold on the way there, those of the wrapped request from there on.
    """
    inner = request.request
    if inner is None:
        raise graph_failed("must pass a request argument")
    if type(inner) not in _PERFORM:
        raise graph_failed(f"cannot use SkipHead on {type(inner).__name__}")
    start_from = classes(request.startFrom)
    if not start_from:
        raise graph_failed("SkipHead requires the start classes to be named")
    reached, free = _reached(request, inner, call, start_from)
    tail = copy(inner)
    tail.targetObjects = reached
    tail.dryRun = request.dryRun or inner.dryRun
    return _PERFORM[type(inner)](tail, call, progress, free)


def _reached(
    request: Any, inner: Any, call: Call, start_from: tuple[str, ...]
) -> tuple[dict[str, list[int]], set[Node]]:
    """What to start from, by class, and what of it needs no permission."""
    head = copy(inner)
    head.childOptions = request.childOptions
    caller = call.caller.in_group(ALL_GROUPS)
    with call.store.work(caller) as work:
        plan = _plan(head, call, work.database, start_from)
        plan.make(target_nodes(plan.graph, request.targetObjects, _LEGAL[type(inner)], caller))
    found: dict[str, list[int]] = defaultdict(list)
    for node in plan.having(plan.fate_of_targets):
        if node.is_a(*start_from):
            found[node.entity.name].append(node.id)
    return dict(found), plan.free


def _plan(head: Any, call: Call, database: Any, start_from: tuple[str, ...]) -> Plan:
    caller = call.caller.in_group(ALL_GROUPS)
    if isinstance(head, omero.cmd.Delete2):
        return delete.delete_plan(head, caller, database, start_from)
    make = chgrp.chgrp_plan if isinstance(head, omero.cmd.Chgrp2) else chown.chown_plan
    return make(head, call, caller, database, start_from)
