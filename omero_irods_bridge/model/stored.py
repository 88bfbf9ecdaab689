"""What iRODS has: data objects, collections, replicas and AVUs as comparable values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from omero_irods_bridge.model.checksums import Sha256


@dataclass(frozen=True, slots=True, order=True)
class Avu:
    """An attribute, its value and its unit, of a data object or a collection."""

    attribute: str
    value: str
    unit: str = ""


class ReplicaStatus(IntEnum):
    """As iRODS numbers them (reference/irods-wire.md, pitfall 3)."""

    STALE = 0
    GOOD = 1
    INTERMEDIATE = 2
    READ_LOCKED = 3
    WRITE_LOCKED = 4


@dataclass(frozen=True, slots=True)
class Replica:
    """One copy of a data object; ``checksum`` is as iRODS wrote it (``sha2:...``, bare MD5), "" for none.

    ``modified`` is when the catalog says that it last changed, in seconds since 1970, UTC; none when nobody
    asked. ``path`` is where it lies on its resource, as the catalog says; "" when nobody asked.
    """

    number: int
    resource: str
    status: ReplicaStatus
    size: int
    checksum: str
    modified: float | None = None
    path: str = ""

    @property
    def sha256(self) -> Sha256 | None:
        return Sha256.from_irods(self.checksum)


@dataclass(frozen=True, slots=True)
class DataObject:
    """A data object and all its replicas, at least one, by number.

    ``owner`` is ``name#zone``; "" when nobody asked.
    """

    path: str
    id: int
    replicas: tuple[Replica, ...]
    owner: str = ""

    @property
    def good(self) -> Replica | None:
        """The first good replica."""
        return next((one for one in self.replicas if one.status is ReplicaStatus.GOOD), None)

    @property
    def size(self) -> int:
        """Of the good replica in bytes, of the first one where none is good."""
        return (self.good or self.replicas[0]).size


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection; ``owner`` and ``modified`` as of a data object and of a replica.

    What is put into a collection does not always change its time: look at the contents too.
    """

    path: str
    id: int
    owner: str = ""
    modified: float | None = None


_UNSENDABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters, which the XML of the protocol cannot carry, and what UTF-8 cannot encode."""


def is_sendable(text: str) -> bool:
    """Whether the protocol of iRODS, as XML, carries ``text`` unchanged."""
    return not _UNSENDABLE.search(text)


def sayable(text: str) -> str:
    """``text`` as UTF-8 can say it; bytes that are no text, as in names of other clients, are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def parent_of(path: str) -> str:
    """The collection that holds ``path``, an absolute logical path; ``/`` holds the zone."""
    return path.rpartition("/")[0] or "/"


def at_and_above(path: str) -> Iterator[str]:
    """``path`` and the collections that it is in, the nearest first, without ``/``."""
    while path and path != "/":
        yield path
        path = parent_of(path)


def name_of(path: str) -> str:
    """The last part of a logical path."""
    return path.rpartition("/")[2]
