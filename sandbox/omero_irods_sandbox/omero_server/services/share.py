"""omero.api.IShare: shares were given up by OMERO's clients; there are none here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import omero

from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call


@service(omero.api.IShare, getter="getShareService")
class ShareService(Service):
    """Nobody has a share, and none can be made."""

    def getOwnShares(self, _active: bool, _call: Call) -> list[IObject]:
        return []

    def getMemberShares(self, _active: bool, _call: Call) -> list[IObject]:
        return []

    def getSharesOwnedBy(self, _user: Any, _active: bool, _call: Call) -> list[IObject]:
        return []

    def getMemberSharesFor(self, _user: Any, _active: bool, _call: Call) -> list[IObject]:
        return []

    def getMemberCount(self, share_ids: Sequence[int], _call: Call) -> dict[int, int]:
        return dict.fromkeys(share_ids, 0)

    def getCommentCount(self, share_ids: Sequence[int], _call: Call) -> dict[int, int]:
        return dict.fromkeys(share_ids, 0)

    def getShare(self, share_id: int, _call: Call) -> IObject | None:
        """None, as for a share that the caller is not in."""
        return None

    def deactivate(self, _call: Call) -> None:
        """No share is ever active: the gateway calls this when it leaves one."""

    def activate(self, share_id: int, _call: Call) -> None:
        raise validation(f"No share with id {share_id}")
