"""What is asked of pack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import Form


class Existing(StrEnum):
    """What to do when the target is there already; nothing is ever overwritten."""

    VERSION = "version"
    """Take the next free name: ``name-2.zip``."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class PackRequest:
    """Pack ``objects`` into a snapshot at ``target``, a path or a template of one (docs/packet-format.md).

    With ``figures`` the OMERO.figure files go along that show one of the images, besides those linked to something
    that is packed, which always do.
    """

    objects: tuple[ObjectRef, ...]
    target: str
    form: Form = Form.ZIP
    existing: Existing = Existing.VERSION
    note: str = ""
    figures: bool = False
