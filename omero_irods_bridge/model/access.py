"""What the rows of the graph say of who may read bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

BINARY_ACCESS: Final = "RESTRICT-BINARY-ACCESS"
"""omero.constants.permissions.BINARYACCESS, among the extended restrictions of an object."""


def bytes_are_withheld(row: Mapping[str, Any]) -> bool:
    """Whether OMERO marked an Image, Plate or OriginalFile as one whose files this user may not download.

    OMERO decides by ``omero.policy.binary_access``; by default it withholds the files of plates, from
    everybody (reference/omero-semantics.md, 4).
    """
    permissions = row.get("details", {}).get("permissions", {})
    return BINARY_ACCESS in permissions.get("extended", ())
