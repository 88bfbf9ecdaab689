"""How things stand with what opted in: status of a path, and letting what failed be tried again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.ingest import IngestMode, IngestOptions, IngestState, OptIn, Waiting
from omero_irods_bridge.model.stored import Collection, DataObject, parent_of
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.attributes import Known, has_failed, known_of
from omero_irods_bridge.operations.ingesting.opt_ins import is_in
from omero_irods_bridge.operations.ingesting.planning import IngestPlan
from omero_irods_bridge.ports import TreeStore


@dataclass(frozen=True, slots=True)
class InOmero:
    """An object that is in OMERO, as its AVUs say."""

    path: str
    fileset: int
    images: tuple[int, ...]
    server: str
    linked: str
    imported_at: str


@dataclass(frozen=True, slots=True)
class Standing:
    """``ready`` is what the next scan imports; those of it that are ``queued`` a scan is at, or has left.

    ``mode`` is none where nothing opted in.
    """

    path: str
    mode: IngestMode | None
    opted_in: str
    in_omero: tuple[InOmero, ...]
    ready: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    failed: tuple[Waiting, ...]
    released: tuple[str, ...]
    queued: tuple[str, ...] = ()


def collection_of(store: TreeStore, path: str) -> str:
    """``path`` itself when it is a collection, else the one that it is in.

    Raises:
        NotFound: nothing is there, or this user may not see it.
    """
    found = store.find(path)
    if found is None:
        raise NotFound(f"There is nothing at {path}, or {store.user} may not see it.")
    return path if isinstance(found, Collection) else parent_of(path)


def standing_of(path: str, plan: IngestPlan) -> Standing:
    """What the plan of a scan says of ``path`` and of all below it."""
    over = plan.opt_ins.over(path)
    inside = {one: plan.known(one) for one in plan.objects if _is_at(one, path)}
    ready = tuple(
        item.files.path
        for item in plan.timely
        if any(_is_at(member.path, path) for member in item.files.members)
    )
    return Standing(
        path=path,
        mode=over.mode if isinstance(over, OptIn) else None,
        opted_in=over.collection if isinstance(over, OptIn) else "",
        in_omero=tuple(_in_omero(plan.objects[one], known) for one, known in inside.items() if known.fileset),
        ready=ready,
        waiting=tuple(one for one in plan.waiting if _is_at(one.path, path)),
        failed=tuple(_failed(plan, path, inside)),
        released=tuple(one for one, known in inside.items() if known.released),
        queued=tuple(one for one in ready if plan.known(one).state == IngestState.QUEUED),
    )


def _failed(plan: IngestPlan, path: str, inside: Mapping[str, Known]) -> Iterator[Waiting]:
    """What was found wrong now or failed before: sets by the file that OMERO opens; then other members."""
    told = {one.path for one in plan.failed} | {one.path for one in plan.failed_before}
    told |= {member.path for item in plan.items for member in item.files.members}
    for one in plan.failed:
        if _is_at(one.path, path):
            yield Waiting(one.path, f"{one.error.message} {one.error.hint}".strip())
    yield from (one for one in plan.failed_before if _is_at(one.path, path))
    for late in plan.late:
        yield from (Waiting(one, f"{late.message} {late.hint}") for one in late.news if _is_at(one, path))
    for member, known in inside.items():
        if member not in told and has_failed(known, plan.objects[member]):
            yield Waiting(member, known.error)


def _in_omero(found: DataObject, known: Known) -> InOmero:
    return InOmero(
        found.path, known.fileset or 0, known.images, known.server, known.linked, known.imported_at
    )


def _is_at(one: str, path: str) -> bool:
    return one == path or is_in(one, path)


def try_again(store: TreeStore, path: str, options: IngestOptions) -> list[str]:
    """Let everything at and below ``path`` that failed, or was deleted in OMERO, be taken by the next scan.

    An object that changed under OMERO's link loses the AVUs of its old content. The paths.
    """
    collection = collection_of(store, path)
    tried = []
    avus = store.avus_below(collection, options.prefix)
    for one in store.children(collection, recursive=True):
        if not isinstance(one, DataObject) or not _is_at(one.path, path) or one.path not in avus:
            continue
        known = known_of(avus[one.path], options)
        stale = attributes.under_way(avus[one.path], options)
        if known.fileset is not None and not attributes.is_in_omero(known, one):
            stale += attributes.results(avus[one.path], options)
        if known.state == IngestState.FAILED or known.released or len(stale) > 1:
            waiting = attributes.of_state(IngestState.WAITING, options)
            store.change_avus(one.path, add=waiting, remove=[one for one in stale if one not in waiting])
            tried.append(one.path)
    return tried
