"""What a scan says in iRODS: what waits, what failed and why, what of a card was applied."""

from __future__ import annotations

from omero_irods_bridge.model.errors import (
    BadName,
    BadPacket,
    BridgeError,
    ChecksumMismatch,
    ImportFailed,
)
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.model.ingest import Card, IngestFailure
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.ingesting.planning import version_there

_OF_CONTENT = (BadName, BadPacket, ChecksumMismatch, ImportFailed)
"""Errors that last until the file is another one; all others are tried again by each scan."""


def is_of_content(error: BridgeError) -> bool:
    """Whether trying the same bytes again is of no use."""
    return isinstance(error, _OF_CONTENT)


def tell_failure(failure: IngestFailure, work: Work) -> None:
    """Let the object say that it failed, and why; the result says so too, if that is not possible."""
    try:
        found = work.store.find(failure.path)
        if found is None:
            return
        sticks = is_of_content(failure.error)
        version = version_there(found) if sticks and isinstance(found, DataObject) else ""
        told = attributes.of_failure(failure.error, version, work.options)
        before = attributes.under_way(work.store.avus(failure.path), work.options)
        add = [one for one in told if one not in before]
        remove = [one for one in before if one not in told]
        if add or remove:
            work.store.change_avus(failure.path, add=add, remove=remove)
    except BridgeError as error:
        if error.retryable:
            raise
        work.report(Notice(f"That {failure.path} failed cannot be noted in iRODS: {error.message}"))


def mark_waiting(path: str, work: Work) -> None:
    """Let the object say that it is known and waits."""
    try:
        work.store.change_avus(path, add=attributes.of_waiting(work.options))
    except BridgeError as error:
        if error.retryable:
            raise
        work.report(Notice(f"That {path} waits cannot be noted in iRODS: {error.message}"))


def clear(path: str, work: Work) -> None:
    """Take away what says that something waits or failed here; it does no more."""
    work.store.change_avus(path, remove=attributes.states(work.store.avus(path), work.options))


def note_card(card: Card, container: str, user: str, group: str, work: Work) -> None:
    """Let the card say in iRODS what of it was applied, and to what, as whom."""
    name = work.options.name
    version = Avu(name("card_version"), card.version, str(card.id))
    target = Avu(name("card_target"), container, f"{user}/{group}"[:250])
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
