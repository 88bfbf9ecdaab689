"""What copying needs of a place that takes a packet, in whichever form it keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.operations.streaming.budget import ByteBudget
from omero_irods_bridge.operations.streaming.digests import DigestThreads
from omero_irods_bridge.operations.streaming.workers import Workers
from omero_irods_bridge.packet.deflating import Deflated


@dataclass(frozen=True, slots=True)
class Tools:
    """What all who move bytes of one packet share."""

    budget: ByteBudget
    writers: Workers
    digests: DigestThreads
    piece_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A packet as it is stored and as iRODS agreed it is: ``size`` of all objects together, in bytes.

    ``sha256`` is of the zip, of the manifest for the expanded form.
    """

    size: int
    sha256: Sha256


class Destination(Protocol):
    """Takes the members of a packet one after the other, all data members first; one thread.

    A data member is ``begin``, ``data`` in order, ``end``; ``add`` is a whole metadata member; ``finish``
    makes sure that iRODS has what was sent.
    """

    def begin(self, member: str, size: int) -> None: ...

    def digest_steps(self, data: bytes) -> list[Callable[[], None]]:
        """What the destination computes of the next bytes; done before ``data`` gets them."""
        ...

    def data(self, offset: int, data: bytes, cost: int) -> None:
        """Bytes from ``offset`` in the member; gives ``cost`` back to the budget when they are written."""
        ...

    def end(self, crc32: int, sha256: Sha256) -> None: ...

    def add(self, member: str, content: Deflated) -> None: ...

    def finish(self) -> Stored:
        """Write all that is left, close, and compare what iRODS has with what was sent.

        Raises:
            ChecksumMismatch: iRODS has something else than was sent.
        """
        ...

    def abort(self) -> None:
        """Let go at once of what is open. Never raises."""
        ...
