"""With the rules that are shipped: what arrives is marked, taken once, protected, and then released."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.operations import ingest
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.agent.conftest import until
from tests.ingest.conftest import Drop, png
from tests.ingest.ways import WAYS, Way
from tests.rules.conftest import CORE, ruled


@pytest.fixture(scope="session")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zone]:
    """Its administrator is the service."""
    own = json.dumps({"service_users": ["rods#tempZone"], "wake_after_s": 1})
    with running_zone(ruled(tmp_path_factory.mktemp("ruled"), core=CORE, settings=own)) as running:
        yield running


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_the_rules_mark_is_taken_once(
    drop: Drop, session: iRODSSession, tmp_path: Path, way: Way
) -> None:
    drop.opt_in()
    path = way(session, drop.collection, tmp_path)
    until(lambda: ingest.hinted(drop.store, drop.options, below=drop.collection))
    (hinted,) = ingest.hinted(drop.store, drop.options, below=drop.collection)
    assert hinted == path.rpartition("/")[0]
    assert [one.path for one in drop.scan().done] == [path]
    assert ingest.hinted(drop.store, drop.options, below=drop.collection) == []
    assert drop.scan().done == ()
    assert len(drop.images()) == 1


def test_what_is_linked_is_protected_until_its_image_is_deleted(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    (done,) = drop.scan().done
    for refused in (
        lambda: drop.store.move(path, f"{path}.old"),
        lambda: drop.store.move(drop.collection, f"{drop.collection}-old"),
        lambda: drop.store.remove(path),
        lambda: drop.put("a.png", png()),
    ):
        with pytest.raises(AccessDenied, match="linked in place by OMERO"):
            refused()
    with drop.sides() as side:
        side.receiver.importer.discard([done.fileset])
    assert drop.scan().released == (path,)
    drop.store.remove(path)
    assert drop.store.find(path) is None
