"""The ids that every OMERO has: root, guest and the groups they are in (omero.sys.Roles)."""

from __future__ import annotations

from typing import Final

ROOT_USER: Final = 0
GUEST_USER: Final = 1
SYSTEM_GROUP: Final = 0
USER_GROUP: Final = 1
GUEST_GROUP: Final = 2
ALL_GROUPS: Final = -1
"""The group of a call that looks into all groups of the caller, or all there are for an administrator."""
