"""In whose hands ingest works: connections on behalf of users, and who may speak for whom."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.ports import IngestBook, ObjectStore


@dataclass(frozen=True, slots=True)
class IngestSide:
    """One user in one group of OMERO, with all that ingest asks of it."""

    receiver: Receiver
    book: IngestBook


@dataclass(frozen=True, slots=True)
class Hands:
    """How a scan gets connections. Owners are of iRODS, ``name#zone``; users are of OMERO.

    Attributes:
        omero: a connection as this user in this group, "" for the user's default one.
        irods: a connection by which to read what this owner owns.
        user_of: who an owner is in OMERO; "" when nobody knows.
        witness: a connection that sees whether an image is still there, whoever has it now.
        may_act_as: whether what this owner wrote (a card, AVUs of a collection) may name that user.
        is_service: whether this owner is the account of the service, which asks for everybody's data.
        reads_as: who in iRODS has to be able to read what this owner asks for: himself, or who scans.
    """

    omero: Callable[[str, str], AbstractContextManager[IngestSide]]
    irods: Callable[[str], AbstractContextManager[ObjectStore]]
    witness: Callable[[], AbstractContextManager[IngestSide]]
    user_of: Callable[[str], str]
    may_act_as: Callable[[str, str], bool]
    is_service: Callable[[str], bool] = lambda _owner: False
    reads_as: Callable[[str], str] = lambda owner: owner
