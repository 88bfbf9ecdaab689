"""What an access list lets a user do is what the server lets him do."""

from __future__ import annotations

import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import AccessDenied, NotFound

LEVELS = [("null", False), ("read", False), ("create_metadata", False), ("write", True), ("own", True)]


@pytest.mark.parametrize("by_group", [False, True], ids=["himself", "by a group"])
@pytest.mark.parametrize(("level", "may"), LEVELS)
def test_who_may_add_to_a_collection_can(
    level: str, may: bool, by_group: bool, user_store: IrodsStore, session: iRODSSession, place: str
) -> None:
    who = user_store.user
    if by_group:
        who = f"group-of-{user_store.user}"
        session.groups.create(who)
        session.groups.addmember(who, user_store.user)
    session.acls.set(iRODSAccess(level, place, who, user_store.zone))
    assert user_store.may_add_to(place) is may
    if may:
        user_store.open_writer(f"{place}/object").close()
    else:
        with pytest.raises((AccessDenied, NotFound)):
            user_store.open_writer(f"{place}/object")
