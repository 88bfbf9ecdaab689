"""Zones whose servers compute other checksums than SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations import pack
from omero_irods_sandbox.irods_zone import storage
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_pack.test_pack import FORMS, request, run

CHECKSUM: Final = 629
WRITE: Final = 676


@pytest.fixture
def of_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    def md5(path: str) -> str:
        return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()

    monkeypatch.setattr(storage, "checksum", md5)


@FORMS
@pytest.mark.usefixtures("of_md5")
def test_a_large_packet_is_refused_before_its_first_byte(
    form: Form,
    zone: Zone,
    store: IrodsStore,
    omero: OmeroImageServer,
    dataset: ObjectRef,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pack, "WORTH_ASKING_BYTES", 1)
    zone.counters.reset()
    with pytest.raises(BridgeError, match="another checksum than SHA-256") as refused:
        run(omero, store, request(dataset, place, form))
    assert "Ask the administrator" in refused.value.hint
    assert "default_hash_scheme" in refused.value.hint
    assert zone.counters.calls(WRITE) == 0
    assert list(store.children(place, recursive=True)) == []


def test_of_a_large_packet_irods_is_asked_once_more_and_of_a_small_one_it_is_not(
    zone: Zone,
    store: IrodsStore,
    omero: OmeroImageServer,
    dataset: ObjectRef,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    zone.counters.reset()
    run(omero, store, request(dataset, place))
    assert zone.counters.calls(CHECKSUM) == 1
    monkeypatch.setattr(pack, "WORTH_ASKING_BYTES", 1)
    zone.counters.reset()
    run(omero, store, request(dataset, place))
    assert zone.counters.calls(CHECKSUM) == 2
    assert [one.path.rpartition("/")[2] for one in store.children(place)] == ["noise-2.zip", "noise.zip"]
