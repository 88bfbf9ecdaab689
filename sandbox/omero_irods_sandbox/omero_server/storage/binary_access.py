"""Which original files may be downloaded (setting and group configuration ``omero.policy.binary_access``).

Source: BinaryAccessPolicy of omero-server. By the default ``+read,+write,+image`` the
originals of plates may not, not even by administrators, unless their name ends in ``.txt``.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.omero_server.errors import security_violation
from omero_irods_sandbox.omero_server.model.catalog import MODEL

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.security.caller import Caller
    from omero_irods_sandbox.omero_server.server import OmeroServer

SETTING: Final = "omero.policy.binary_access"


def check_download(server: OmeroServer, caller: Caller, file_row: sqlite3.Row) -> None:
    """Refuse the bytes of an OriginalFile that says of itself that it may not be downloaded.

    Raises:
        SecurityViolation: the policy keeps it back.
    """
    owners = {file_row["id"]: (file_row["d_owner"], file_row["d_group"])}
    if server.store.marks(caller, MODEL.entity("OriginalFile"), owners):
        raise security_violation(f"Download is restricted for OriginalFile:{file_row['id']} ({SETTING})")
