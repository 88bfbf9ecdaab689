"""Pages of ingest jobs: where, how many, and what failed with what to do."""

from __future__ import annotations

import time

from omero_irods_bridge.agent.store.pending import Pending
from omero_irods_bridge.model.jobs import IngestWork, JobSpec
from omero_irods_bridge.wiring import SystemClock
from tests.agent.pages.conftest import Reader, words_of
from tests.agent.pages.world import World

RESULT = {
    "collection": "/lab/home/ada",
    "imported": 1200,
    "images": 1250,
    "image_ids": [1, 2],
    "waiting": 3,
    "failed": 1,
    "new_failures": 1,
    "findings": [
        {"path": "/lab/home/ada/<b>.tif", "text": "It is no image.", "remedy": "Replace it.", "new": True}
    ],
    "again_at": "2026-11-28T18:00:00.000Z",
    "again_job": 7,
}


def test_an_ingest_says_where_how_many_and_what_failed(world: World, ada: Reader) -> None:
    spec = JobSpec(IngestWork("/lab/home/ada", hinted=True), "ada", "i")
    job = world.past(spec, time.time() - 900, result=RESULT)
    assert "Take in from iRODS" in words_of(ada.get("/jobs"))
    assert "/lab/home/ada, what was told of" in words_of(ada.get("/jobs?kind=ingest"))
    page = ada.get(f"/jobs/{job.id}")
    words = words_of(page)
    for told in ("Sets of files imported 1,200", "Images 1,250", "Waiting 3", "Failed 1"):
        assert told in words
    for told in ("It is no image.", "Replace it."):
        assert told in words
    assert "/lab/home/ada/&lt;b&gt;.tif" in page.text
    assert "<b>.tif" not in page.text
    assert "what rules told of" in words


def test_one_that_begins_later_is_not_said_to_have_failed(world: World, ada: Reader) -> None:
    asked = JobSpec(IngestWork(), "ada", "i")
    job = Pending(world.database, SystemClock(), world.jobs).submit(asked, after_s=600)
    words = words_of(ada.get(f"/jobs/{job.id}"))
    assert "all that opted in" in words
    assert "It begins later" in words
    assert "failed" not in words
