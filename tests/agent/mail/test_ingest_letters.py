"""Mail of ingest jobs: only of what failed and nobody was told of, and to an owner of his own files alone."""

from __future__ import annotations

from typing import Any

from omero_irods_bridge.agent.mail.telling import tell
from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.jobs import IngestWork, JobSpec
from tests.agent.mail.conftest import URL, Office


def finding(path: str, user: str, *, new: bool = True) -> dict[str, Any]:
    return {"path": path, "text": "It is no image.", "remedy": "Replace it.", "user": user, "new": new}


def ended(office: Office, *findings: dict[str, Any]) -> int:
    office.number += 1
    office.jobs.submit(JobSpec(IngestWork("/zone/lab"), "steward", f"i{office.number}"))
    new = sum(one["new"] for one in findings)
    told = {"images": 5, "failed": len(findings), "new_failures": new, "findings": list(findings)}
    return office.end(Outcome(End.DONE, told))


def recipients(office: Office, job: int) -> set[str]:
    return {row.recipient for row in office.rows() if row.job == job}


def test_an_ingest_that_went_well_or_failed_as_before_is_told_to_nobody(office: Office) -> None:
    assert recipients(office, ended(office)) == set()
    assert recipients(office, ended(office, finding("/zone/lab/a", "alice", new=False))) == set()


def test_what_failed_is_told_to_who_asked_and_to_each_owner_of_his_own(office: Office) -> None:
    bad = finding("/zone/lab/a", "alice"), finding("/zone/lab/b", "bob"), finding("/zone/lab/c", "")
    known = finding("/zone/lab/known", "eve", new=False)
    number = ended(office, *bad, known)
    assert recipients(office, number) == {"steward", "alice", "bob"}
    job = office.jobs.get(number)
    to_alice, to_steward = (tell(job, URL, who).done for who in ("alice", "steward"))
    assert to_alice == "1 file failed: /zone/lab/a: It is no image. Replace it."
    assert to_steward.startswith("5 images in OMERO, 3 files failed: /zone/lab/a:")
    assert "/zone/lab/b" in to_steward
    assert "/zone/lab/known" not in to_steward
