"""What iRODS 4 does less well than iRODS 5."""

from __future__ import annotations

import pytest

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.stored import Avu
from omero_irods_sandbox.irods_zone import startup
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.contracts.object_store import write
from tests.wire.bridge_irods.conftest import store_of

OLD, NEW, MORE = Avu("omero::state", "old"), Avu("omero::state", "it's new", "unit"), Avu("omero::more", "1")


@pytest.mark.parametrize("as_admin", [False, True])
def test_avus_below_a_collection_with_a_quote_are_changed(
    zone: Zone, place: str, monkeypatch: pytest.MonkeyPatch, *, as_admin: bool
) -> None:
    monkeypatch.setattr(startup, "RELEASE", "rods4.3.5")
    with store_of(zone, as_admin=as_admin) as store:
        store.make_collection(f"{place}/Bob's")
        path = write(store, f"{place}/Bob's/it's one")
        store.change_avus(path, add=[OLD])
        for _ in range(2):
            store.change_avus(path, add=[NEW, MORE], remove=[OLD])
        assert store.avus(path) == (MORE, NEW)
        store.change_avus(path, add=[NEW], remove=[NEW, MORE])
        assert store.avus(path) == (NEW,)
        store.change_avus(f"{place}/Bob's", add=[MORE])
        assert store.avus(f"{place}/Bob's") == (MORE,)
        with pytest.raises(NotFound):
            store.change_avus(f"{place}/Bob's/other", add=[MORE])
