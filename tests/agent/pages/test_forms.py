"""Forms of the page without a script: what they become, what is refused, and what is said then."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import pytest

from omero_irods_bridge.agent.store.jobs import JobFilter
from omero_irods_bridge.model.jobs import JobSpec, JobState, PackWork, UnpackWork, VerifyWork
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.packing import Existing
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope
from tests.agent.pages.conftest import MakeReader, Reader, spec, words_of
from tests.agent.pages.world import World


def test_jobs_are_cancelled_tried_again_and_deleted_by_forms(world: World, ada: Reader) -> None:
    job = world.jobs.submit(spec())
    path = f"/jobs/{job.id}"
    ada.get(path)
    assert ada.post(f"{path}/cancel").headers["location"] == path
    assert world.jobs.get(job.id).state is JobState.CANCELLED
    ada.get(path)
    assert ada.post(f"{path}/retry").status_code == 303
    assert world.jobs.get(job.id).state is JobState.QUEUED
    ada.get(path)
    refused = ada.post(f"{path}/delete")
    assert refused.status_code == 409
    assert "Cancel it first." in words_of(refused)
    world.jobs.cancel(job.id)
    ada.get(path)
    assert ada.post(f"{path}/delete").headers["location"] == "/jobs"
    assert ada.get(path).status_code == 404


def test_a_form_of_another_site_or_another_session_does_nothing(
    world: World, ada: Reader, reader_of: MakeReader
) -> None:
    job = world.jobs.submit(spec())
    other = reader_of("bob")
    other.get("/jobs/new")
    ada.last = other.last
    assert ada.post(f"/jobs/{job.id}/cancel").status_code == 403
    assert ada.client.post(f"/jobs/{job.id}/cancel").status_code == 403
    ada.get("/jobs/new")
    ada.client.headers["Origin"] = "https://evil.example"
    assert ada.post(f"/jobs/{job.id}/cancel").status_code == 403
    assert ada.post("/queues/pack/pause").status_code == 403
    assert world.jobs.get(job.id).state is JobState.QUEUED
    ada.client.headers["Origin"] = world.address
    big = ada.client.post("/jobs", content=b"a" * 300_000)
    assert big.status_code in {413, 422}


FORMS = [
    (
        {"kind": "pack", "objects": "Dataset:51 Image:1,3-4", "note": "a\r\nb", "form": "expanded",
         "existing": "refuse", "figures": "yes", "target": "/lab/home/ada/x", "group": "g"},
        PackWork(parse_objects(["Dataset:51", "Image:1,3-4"]), "/lab/home/ada/x", "g", Form.EXPANDED,
                 Existing.REFUSE, "a\nb", True),
    ),
    (
        {"kind": "unpack", "path": "/lab/a.zip", "into": "Project:7", "only": "Image:1", "merge": "yes"},
        UnpackWork("/lab/a.zip", parse_objects(["Image:1"]), parse_objects(["Project:7"])[0], True),
    ),
    ({"kind": "verify", "path": "/lab/a.zip"}, VerifyWork("/lab/a.zip")),
    (
        {"kind": "verify", "path": "/lab/a.zip", "scope": "data", "sample": "5 %"},
        VerifyWork("/lab/a.zip", Scope.DATA, 0.05),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "work"), FORMS)
def test_a_form_becomes_the_job_that_it_describes(
    world: World, ada: Reader, fields: dict[str, str], work: Any
) -> None:
    ada.get(f"/jobs/new?kind={fields['kind']}")
    once = ada.post("/jobs", request_id="page/1", **fields)
    assert once.status_code == 303
    ada.get("/jobs/new")
    again = ada.post("/jobs", request_id="page/1", **fields)
    assert again.headers["location"] == once.headers["location"] == "/jobs/1"
    assert world.jobs.get(1).spec == JobSpec(work, "ada", "page/1")


WRONG = [
    ({"kind": "pack", "objects": ""}, "objects", "No object is named."),
    ({"kind": "pack", "objects": "Cell:5", "note": "keep me"}, "objects", "does not name an OMERO object"),
    ({"kind": "pack", "objects": "Image:1-900000"}, "objects", "of 10,000 objects at most"),
    ({"kind": "pack", "objects": "Image:1", "target": "paper.zip"}, "target", "absolute path"),
    ({"kind": "pack", "objects": "Image:1", "form": "x"}, "form", "Choose one of these."),
    ({"kind": "unpack", "path": ""}, "path", "which snapshot"),
    ({"kind": "unpack", "path": "/lab/a", "into": "Image:5"}, "into", "Nothing can be loaded into"),
    ({"kind": "unpack", "path": "/lab/a", "into": "Project:5,6"}, "into", "just one"),
    ({"kind": "verify", "path": "a.zip"}, "path", "absolute path"),
    ({"kind": "verify", "path": "/lab/a", "sample": "x"}, "sample", "number of per cent"),
    ({"kind": "verify", "path": "/lab/a", "sample": "5"}, "sample", "part of the data"),
]


@pytest.mark.parametrize(("fields", "name", "said"), WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    world: World, ada: Reader, fields: dict[str, str], name: str, said: str
) -> None:
    ada.get("/jobs/new")
    answer = ada.post("/jobs", **fields)
    assert answer.status_code == 422
    if name != "form":
        beside = re.search(rf'(?s)id="e-{name}">(.*?)</p>', answer.text)
        assert beside
        assert said in beside[1]
        assert re.search(rf'id="f-{name}"[^>]*aria-invalid="true"', answer.text)
    assert said in answer.text
    for value in fields.values():
        assert escape(value) in answer.text
    assert world.jobs.list_jobs(JobFilter()) == []


def test_nobody_asks_for_a_job_of_somebody_else_unless_he_is_an_administrator(
    world: World, ada: Reader, chief: Reader
) -> None:
    fields = {"kind": "pack", "objects": "Image:1", "requested_by": "bob"}
    ada.get("/jobs/new")
    refused = ada.post("/jobs", **fields)
    assert refused.status_code == 422
    assert "may not ask for a job of somebody else" in refused.text
    assert "For whom" not in ada.get("/jobs/new").text
    assert "For whom" in chief.get("/jobs/new").text
    assert chief.post("/jobs", **fields).status_code == 303
    assert world.jobs.get(1).spec.requested_by == "bob"
    assert ada.get("/jobs/new?kind=gc").status_code == 404
