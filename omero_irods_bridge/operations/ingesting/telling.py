"""What a scan says in iRODS: what waits, what failed and why, what of a card was applied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from omero_irods_bridge.model.errors import (
    BadName,
    BadPacket,
    BridgeError,
    ChecksumMismatch,
    ImportFailed,
)
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.ingest import Card, IngestFailure, IngestState, LateMember, version_there
from omero_irods_bridge.model.stored import Avu, DataObject, is_sendable
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.importing import Work

_OF_CONTENT = (BadName, BadPacket, ChecksumMismatch, ImportFailed, LateMember)
"""Errors that last until the file is another one, or a person acts; each scan tries all others."""
_SESSION_IS_OVER: Final = "session-expired"


def breaks_off(error: BridgeError) -> bool:
    """Whether it is no fault of what was at hand: a server is away, or ended the session."""
    return error.retryable or error.code == _SESSION_IS_OVER


def is_of_content(error: BridgeError) -> bool:
    """Whether trying the same bytes again is of no use."""
    return isinstance(error, _OF_CONTENT)


@contextmanager
def _noted(what: str, work: Work) -> Iterator[None]:
    """What cannot be said at one object keeps nobody from saying it at others."""
    try:
        yield
    except BridgeError as error:
        if error.retryable:
            raise
        work.report(Notice(f"That {what} cannot be noted in iRODS: {error.message}"))


def tell_failure(failure: IngestFailure, work: Work, tried: DataObject | None = None) -> None:
    """Let the object say that it failed, and why; the result says so too, if that is not possible.

    ``tried`` is the object as it was: what has changed meanwhile was not tried, and the next scan takes it.
    Where the path itself is what is wrong, only the result says so.
    """
    if not is_sendable(failure.path):
        return
    with _noted(f"{failure.path} failed", work):
        found = work.store.find(failure.path)
        if found is None:
            return
        there = tried or found
        sticks = is_of_content(failure.error)
        version = version_there(there) if sticks and isinstance(there, DataObject) else ""
        told = attributes.of_failure(failure.error, version, work.options)
        before = attributes.under_way(work.store.avus(failure.path), work.options)
        add = [one for one in told if one not in before]
        remove = [one for one in before if one not in told]
        if add or remove:
            work.store.change_avus(failure.path, add=add, remove=remove)


def mark(path: str, state: IngestState, before: Sequence[Avu], work: Work) -> None:
    """Let the object say that it waits, or is about to be imported; ``before`` are its AVUs."""
    told = attributes.of_state(state, work.options)
    stale = [one for one in attributes.states(before, work.options) if one not in told]
    with _noted(f"{path} is {state}", work):
        work.store.change_avus(path, add=[one for one in told if one not in before], remove=stale)


def clear(path: str, work: Work) -> None:
    """Take away what says that something waits or failed here; it does no more."""
    with _noted(f"{path} neither waits nor failed", work):
        work.store.change_avus(path, remove=attributes.states(work.store.avus(path), work.options))


_BEGUN: Final = "begun"


def note_card_begun(card: Card, container: str, user: str, group: str, work: Work) -> None:
    """Let the card say to what it is about to be applied, unless it says so already.

    Until :func:`note_card` it counts as edited, so that the next scan applies it.
    """
    version, target = _card_avus(card, container, user, group, work)
    with _noted(f"the card {card.path} is being applied", work):
        before = work.store.avus(card.path)
        if target in before and version in before:
            return
        stale = [one for one in before if one.attribute == version.attribute]
        begun = replace(version, value=_BEGUN)
        add = [one for one in (begun, target) if one not in before]
        work.store.change_avus(card.path, add=add, remove=[one for one in stale if one != begun])


def _card_avus(card: Card, container: str, user: str, group: str, work: Work) -> tuple[Avu, Avu]:
    version = Avu(work.options.name("card_version"), card.version, str(card.id))
    return version, Avu(work.options.name("card_target"), container, f"{user}/{group}"[:250])


def note_card(card: Card, container: str, user: str, group: str, work: Work) -> None:
    """Let the card say in iRODS what of it was applied, and to what, as whom."""
    version, target = _card_avus(card, container, user, group, work)
    before = work.store.avus(card.path)
    stale = [one for one in before if one.attribute == version.attribute and one != version]
    stale += attributes.under_way(before, work.options)
    add = [one for one in (version, target) if one not in before]
    work.store.change_avus(card.path, add=add, remove=stale)


def forget_target(card: Card, container: str, work: Work) -> None:
    """Let the card not say any more that it was applied to this container."""
    named = work.options.name("card_target")
    before = work.store.avus(card.path)
    gone = [one for one in before if one.attribute == named and one.value == container]
    work.store.change_avus(card.path, remove=gone)
