"""Zones whose servers compute other checksums than SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from omero_irods_bridge.model.stored import DataObject
from omero_irods_sandbox.irods_zone import storage
from tests.ingest.conftest import Drop


def test_what_a_zone_of_md5_computes_will_do(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    def md5(path: str) -> str:
        return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()

    monkeypatch.setattr(storage, "checksum", md5)
    drop.opt_in()
    path = drop.put("picture.png")
    result = drop.scan()
    assert [one.path for one in result.done] == [path]
    found = drop.store.find(path)
    assert isinstance(found, DataObject)
    assert len(found.replicas[0].checksum) == 32
