"""The result of a verification as AVUs of the snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from omero_irods_bridge.model.errors import AccessDenied, NotFound, StalePlan
from omero_irods_bridge.model.events import Notice, Report
from omero_irods_bridge.model.snapshot import Description, State, from_avus, timestamp
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Marks:
    """What the AVUs are to say; none leaves what they say."""

    state: State | None = None
    verified_at: float | None = None


def write_marks(
    store: ObjectStore, path: str, planned: Description, marks: Marks, prefix: str, report: Report
) -> State:
    """Replace the AVUs ``state`` and ``verified_at`` in one atomic call; the state that they tell afterwards.

    A user who may not write them is told so; the result is not less true for that.

    Raises:
        StalePlan: this is another snapshot than ``planned``.
    """
    avus = _avus_of(store, path, planned, prefix)
    add, remove = set(_wanted(marks, prefix)), set(_replaced(avus, marks, prefix))
    if not add - set(avus) and not remove - add:
        return marks.state or planned.state
    try:
        store.change_avus(path, add=sorted(add - set(avus)), remove=sorted(remove - add))
    except AccessDenied:
        report(Notice(f"{store.user} may not change the AVUs of {path}: the result is not recorded there."))
        return planned.state
    return marks.state or planned.state


def _avus_of(store: ObjectStore, path: str, planned: Description, prefix: str) -> tuple[Avu, ...]:
    try:
        avus = store.avus(path)
    except NotFound as error:
        raise stale_plan(path) from error
    now = from_avus(avus, prefix)
    if now is None or (now.sha256, now.packed_at) != (planned.sha256, planned.packed_at):
        raise stale_plan(path)
    return avus


def stale_plan(path: str) -> StalePlan:
    """The error for something that changed after it was planned to verify it."""
    return StalePlan(
        f"{path} was replaced, or its AVUs changed, while it was verified.", hint="Verify it again."
    )


def _wanted(marks: Marks, prefix: str) -> Iterator[Avu]:
    if marks.state is not None:
        yield Avu(f"{prefix}state", marks.state.value)
    if marks.verified_at is not None:
        yield Avu(f"{prefix}verified_at", timestamp(datetime.fromtimestamp(marks.verified_at, UTC)))


def _replaced(avus: Collection[Avu], marks: Marks, prefix: str) -> Iterator[Avu]:
    given = {avu.attribute for avu in _wanted(marks, prefix)}
    return (avu for avu in avus if avu.attribute in given)
