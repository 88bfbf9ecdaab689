"""What an administrator may do; light administrators lack some of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Privilege(StrEnum):
    """The values of the enumeration AdminPrivilege."""

    CHGRP = "Chgrp"
    CHOWN = "Chown"
    DELETE_FILE = "DeleteFile"
    DELETE_MANAGED_REPO = "DeleteManagedRepo"
    DELETE_OWNED = "DeleteOwned"
    DELETE_SCRIPT_REPO = "DeleteScriptRepo"
    MODIFY_GROUP = "ModifyGroup"
    MODIFY_GROUP_MEMBERSHIP = "ModifyGroupMembership"
    MODIFY_USER = "ModifyUser"
    READ_SESSION = "ReadSession"
    SUDO = "Sudo"
    WRITE_FILE = "WriteFile"
    WRITE_MANAGED_REPO = "WriteManagedRepo"
    WRITE_OWNED = "WriteOwned"
    WRITE_SCRIPT_REPO = "WriteScriptRepo"


ALL_PRIVILEGES: Final = frozenset(Privilege)
NO_PRIVILEGES: Final[frozenset[Privilege]] = frozenset()

CONFIG_PREFIX: Final = "AdminPrivilege:"
"""Experimenter.config says ``AdminPrivilege:Sudo`` = ``false`` for each that an administrator lacks."""
