"""However data came, a scan finds it and imports it once, in place; no rule is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from irods.session import iRODSSession

from tests.ingest.conftest import Drop
from tests.ingest.ways import WAYS, Way
from tests.wire.omero_server.repository import bytes_kept


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_way_of_writing_is_one_import(
    drop: Drop, session: iRODSSession, tmp_path: Path, way: Way
) -> None:
    drop.opt_in()
    path = way(session, drop.collection, tmp_path)
    assert [one.path for one in drop.scan().done] == [path]
    assert drop.scan().done == ()
    assert len(drop.images()) == 1
    assert bytes_kept(drop.server, drop.user) == 0
