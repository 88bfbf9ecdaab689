"""What is asked of pack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import Form


class Existing(StrEnum):
    """What to do when the target is there already; nothing is ever overwritten."""

    VERSION = "version"
    """Take the next free name: ``name-2.zip``."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PackRequest:
    """Pack ``objects`` into a snapshot at ``target``, a path or a template of one (operations/targets.py).

    With ``figures`` the OMERO.figure files go along that show one of the images, besides those linked to
    something that is packed, which always do. ``job`` is the agent's name of the job that asks, "" for none;
    it is kept with the snapshot, so that a job that is repeated finds what it has made.

    Raises:
        UsageError: nothing is to be packed, or a text is not valid Unicode, as bytes of another encoding on
            a command line are.
    """

    objects: tuple[ObjectRef, ...]
    target: str
    form: Form = Form.ZIP
    existing: Existing = Existing.VERSION
    note: str = ""
    figures: bool = False
    job: str = ""

    def __post_init__(self) -> None:
        if not self.objects:
            raise UsageError("There is nothing to pack: no object is named.")
        for what, text in (("target", self.target), ("note", self.note)):
            if any("\ud800" <= char <= "\udfff" for char in text):
                raise UsageError(
                    f"The {what} {text!a} is not valid Unicode.",
                    hint="Write it in UTF-8, and let the terminal do so too.",
                )


_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How bytes are moved: threads that read, streams that write, bytes of a piece and of all under way.

    The defaults are what was fastest on two cores (docs/performance.md).
    """

    readers: int = 4
    streams: int = max(2, min(4, os.cpu_count() or 1))
    piece_bytes: int = 4 * _MIB
    memory_bytes: int = 64 * _MIB

    def __post_init__(self) -> None:
        if min(self.readers, self.streams, self.piece_bytes) < 1:
            raise UsageError("A transfer needs at least one reader, one stream and pieces of one byte.")
        if self.piece_bytes > 16 * _MIB or self.memory_bytes < 4 * self.piece_bytes:
            raise UsageError(
                "Pieces of a transfer have at most 16 MiB, and four of them must fit into its memory."
            )
