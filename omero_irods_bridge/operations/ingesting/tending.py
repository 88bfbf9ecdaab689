"""What a scan does besides importing: packets are described, edited cards applied, the deleted released."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from omero_irods_bridge.model.errors import (
    AccessDenied,
    BridgeError,
    Busy,
    Interrupted,
    StalePlan,
    UsageError,
)
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.ingest import (
    Card,
    Described,
    IngestFailure,
    IngestState,
    OptIn,
    Packets,
    version_of,
)
from omero_irods_bridge.model.stored import Avu, parent_of
from omero_irods_bridge.operations.ingesting.annotating import annotate
from omero_irods_bridge.operations.ingesting.claiming import claimed
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.ingesting.links import gone, linked_among, release
from omero_irods_bridge.operations.ingesting.moving import move, places_of
from omero_irods_bridge.operations.ingesting.packets import describe_packet
from omero_irods_bridge.operations.ingesting.planning import IngestPlan
from omero_irods_bridge.operations.ingesting.telling import breaks_off, forget_target, mark, note_card

_CONTAINER: Final = re.compile(r"(?:Dataset|Screen):[0-9]{1,18}", re.ASCII)

Fail = Callable[[IngestFailure], None]
Wait = Callable[[str, BridgeError], None]


def describe_packets(plan: IngestPlan, work: Work, fail: Fail, wait: Wait) -> Iterator[Described]:
    """Describe what is a packet; an archive that is none has failed."""
    for found in plan.packets:
        work.cancel.check()
        try:
            opt_in = plan.opt_ins.over(parent_of(found.path))
            is_expanded = isinstance(opt_in, OptIn) and opt_in.packets is Packets.EXPAND
            if is_expanded:
                mark(found.path, IngestState.QUEUED, plan.avus.get(found.path, ()), work)
            yield describe_packet(found, work, is_expanded=is_expanded)
        except (Busy, StalePlan) as error:
            wait(found.path, error)
        except BridgeError as error:
            _unless_passing(error, IngestFailure(found.path, error, version_of(found)), fail)


def apply_cards(plan: IngestPlan, work: Work, fail: Fail) -> Iterator[str]:
    """Apply cards that were edited since they were applied, to what they were applied to; their paths.

    One scan at a time: two would each make the annotations that it finds missing.
    """
    for opt_in in plan.cards:
        card = opt_in.card
        if card is None or not is_edited(card, plan):
            continue
        work.cancel.check()
        try:
            for target in targets_of(card, plan):
                _apply(card, opt_in, target, plan, work)
            yield card.path
        except Busy as error:
            work.report(Notice(f"The card {card.path} is applied by the next scan: {error.message}"))
        except BridgeError as error:
            _unless_passing(error, IngestFailure(card.path, error, card.version), fail)


def is_edited(card: Card, plan: IngestPlan) -> bool:
    """Whether the card was applied before, with another content."""
    version = plan.options.name("card_version")
    before = [one for one in plan.avus.get(card.path, ()) if one.attribute == version]
    return bool(before) and Avu(version, card.version, str(card.id)) not in before


def targets_of(card: Card, plan: IngestPlan) -> Iterator[tuple[str, str, str]]:
    """Containers that the card was applied to, with the user and group as whom.

    Raises:
        UsageError: somebody has written there what is none.
    """
    for one in plan.avus.get(card.path, ()):
        if one.attribute == plan.options.name("card_target"):
            if not _CONTAINER.fullmatch(one.value):
                raise UsageError(
                    f"{one.attribute} of the card {card.path} is {one.value!r}, no Dataset or Screen.",
                    hint="Remove that AVU (imeta rm -d); the bridge sets it.",
                )
            user, _, group = one.unit.partition("/")
            yield one.value, user, group


def _apply(card: Card, opt_in: OptIn, applied: tuple[str, str, str], plan: IngestPlan, work: Work) -> None:
    """AVUs can be written by others than the bridge: whom they name is checked again."""
    container, user, group = applied
    if not work.hands.may_act_as(opt_in.owner, user):
        raise AccessDenied(
            f"The card {card.path} of {opt_in.owner} was applied as {user}, for whom its owner may not act.",
            hint="Ask the administrator of the bridge.",
        )
    with work.hands.omero(user, group) as side, claimed(side, plan.collection, work):
        places = places_of(card, user, plan, side) or {container: []}
        for new, keys in places.items():
            move(keys, container, new, side.receiver)
            annotate(card, work.store.zone, new, side)
        if container not in places:
            annotate(_silent(card), work.store.zone, container, side)
    for new in places:
        note_card(card, new, user, group, work)
    if container not in places:
        forget_target(card, container, work)


def _silent(card: Card) -> Card:
    """One that says nothing of its data."""
    return replace(card, pairs=(), tags=(), comment="", title="")


def release_deleted(plan: IngestPlan, work: Work) -> Iterator[str]:
    """Take the AVUs from objects whose image somebody has deleted in OMERO; their paths."""
    linked = linked_among(plan.objects.values(), plan.avus, plan.options)
    if not linked:
        return
    with work.hands.witness() as side:
        found = gone(linked, side)
    for one in found:
        try:
            yield from release([one], work.store, plan.options)
        except BridgeError as error:  # the rules let the service account do this, and administrators
            if error.retryable:
                raise
            work.report(Notice(f"{one.found.path} is gone from OMERO and stays protected: {error.message}"))


def _unless_passing(error: BridgeError, failure: IngestFailure, fail: Fail) -> None:
    if breaks_off(error) or isinstance(error, Interrupted):
        raise error
    fail(failure)
