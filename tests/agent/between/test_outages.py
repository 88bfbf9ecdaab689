"""OMERO starts anew or ends a session, iRODS is full: each job ends well, or says what to do."""

from __future__ import annotations

import Glacier2

from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import Job, JobState, StateChanged
from tests.agent.between.site import READ, Site


def be_patient(site: Site) -> None:
    """Intervals that are short, and as many as a test may need."""
    file = site.person.folder / "config" / "omero-irods-bridge" / "config.toml"
    text = file.read_text().replace("[0.5, 0.5, 1, 1, 1]", str([0.5] * 100))
    file.write_text(text)


def told(site: Site, job: Job) -> list[str]:
    """Why it was tried again."""
    events = [one.event for one in site.jobs.events(job.id)]
    return [one.text for one in events if isinstance(one, StateChanged) and one.state is JobState.WAITING]


def test_an_omero_that_starts_behind_its_router_refuses_nobody_for_good(site: Site) -> None:
    be_patient(site)
    not_up = Glacier2.PermissionDeniedException("internal server error")
    site.server.faults.fail_call("Router.createSession", not_up, times=3)
    job = site.pack()
    site.start()
    site.done(job)
    assert len(told(site, job)) == 3


def test_a_job_is_tried_again_soon_after_omero_answers_whatever_its_intervals(site: Site) -> None:
    file = site.person.folder / "config" / "omero-irods-bridge" / "config.toml"
    file.write_text(file.read_text().replace("[0.5, 0.5, 1, 1, 1]", "[86400]"))
    not_up = Glacier2.PermissionDeniedException("internal server error")
    site.server.faults.fail_call("Router.createSession", not_up, times=1)
    job = site.pack()
    site.start()
    site.done(job)
    assert any("The servers answer again" in text for text in told(site, job))


def test_a_session_that_omero_ends_in_the_middle_is_begun_anew(site: Site) -> None:
    site.server.faults.delay_calls(READ, 0.3)
    before = {one.uuid for one in site.server.sessions.all()}
    job = site.pack()
    site.start()
    site.copying(job)
    for one in site.server.sessions.all():
        if one.uuid not in before:
            site.server.faults.expire_session(one.uuid)
    site.server.faults.delay_calls(READ, 0)
    made = site.done(job)
    assert site.snapshots() == [made["path"]]
    (why,) = told(site, job)
    assert f"had in OMERO for {site.user.name} ended" in why


def test_a_zone_that_is_full_is_a_dead_letter_until_there_is_room(site: Site) -> None:
    site.zone.faults.limit_disk(free_bytes=100_000)
    job = site.pack()
    site.start()
    found = site.ends(job)
    assert found.error is not None
    assert (found.state, found.error.code, found.attempt) == (JobState.FAILED, "no-space", 1)
    assert all("/.incoming/" in path for path in site.snapshots())
    site.zone.faults.clear()
    assert site.person("jobs", "retry", job.id).status == ExitStatus.DONE
    made = site.done(job)
    assert [path for path in site.snapshots() if "/.incoming/" not in path] == [made["path"]]
