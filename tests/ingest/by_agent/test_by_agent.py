"""Ingest by the agent: what is put into iRODS appears in OMERO, without anybody calling anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from irods.models import RuleExec
from irods.session import iRODSSession

from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.jobs import IngestWork, JobState, StateChanged
from tests.agent.between.test_submitting import person
from tests.agent.conftest import until
from tests.ingest.by_agent.conftest import STEWARD, Facility, settled
from tests.ingest.conftest import png
from tests.wire.omero_server.repository import bytes_kept, links

DROPPED = 20
MANY = 300


def test_what_is_put_appears_in_omero_in_place_and_nobody_calls_anything(facility: Facility) -> None:
    facility.start()
    facility.tell_by_url()
    inbox = facility.inbox()
    first = facility.put(f"{inbox}/first.png")
    until(lambda: facility.is_in_omero(first))
    second = facility.put(f"{inbox}/day 1's 100%.png")
    until(lambda: facility.is_in_omero(second))
    settled(facility)
    assert facility.images() == ["day 1's 100%.png", "first.png"]
    assert bytes_kept(facility.server, facility.user) == 0
    assert {"first.png", "day 1's 100%.png"} <= {link.name for link in links(facility.server, facility.user)}
    assert facility.avus(first)["imported_as"] == [facility.user.name]
    jobs = facility.ingests()
    assert {(one.spec.requested_by, one.spec.work) for one in jobs} == {
        (STEWARD, IngestWork(inbox.removesuffix("/inbox"), hinted=True))
    }
    assert sum(one.result["imported"] for one in jobs if one.result) == 2


def test_a_file_that_rules_touch_wakes_a_worker_and_what_is_not_at_rest_is_looked_at_again(
    facility: Facility, tmp_path: Path
) -> None:
    facility.config.write_text(facility.config.read_text().replace("quiet_s = 0", "quiet_s = 3"))
    facility.start("worker")
    until(lambda: facility.ingests() and facility.all_ended())
    facility.conf.write_text(f"file={tmp_path}/wake\n")
    path = facility.put(f"{facility.inbox()}/a.png")
    until(lambda: facility.is_in_omero(path))
    settled(facility)
    waited = [one.result for one in facility.ingests() if one.result and one.result["waiting"]]
    assert waited
    assert all(one["again_at"] and one["again_job"] for one in waited)
    assert facility.images() == ["a.png"]


def test_with_the_agent_down_puts_succeed_and_all_is_imported_once_when_it_is_back(
    facility: Facility,
) -> None:
    inbox = facility.inbox()
    facility.conf.write_text("url=http://127.0.0.1:1/api/v1/wake\n")
    paths = [facility.put(f"{inbox}/{number}.png") for number in range(DROPPED)]
    bad = facility.put(f"{inbox}/bad.png", b"no picture")
    facility.set_more('[agent.mail]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\nsender = "a@example.org"\n')
    until(lambda: not list(facility.there.query(RuleExec.id)))  # the wake-up found nobody
    facility.start()
    until(lambda: facility.is_in_omero(*paths))
    settled(facility)
    assert len(facility.images()) == DROPPED
    assert facility.avus(bad)["ingest_state"] == ["failed"]
    assert facility.avus(bad)["ingest_error"]
    (job,) = [one for one in facility.ingests() if one.result and one.result["failed"]]
    assert job.state is JobState.DONE
    assert job.result is not None
    (finding,) = job.result["findings"]
    assert (finding["path"], finding["user"], finding["new"]) == (bad, facility.user.name, True)
    assert (job.result["imported"], job.result["failed"]) == (DROPPED, 1)
    assert facility.told() == {(job.id, STEWARD), (job.id, facility.user.name)}
    watched = facility.person.run("jobs", "watch", job.id, "--agent=no")
    assert watched.status == ExitStatus.PARTIAL
    again = facility.ends(facility.ask(IngestWork(), STEWARD))
    assert again.result is not None
    assert (again.state, again.result["imported"], again.result["new_failures"]) == (JobState.DONE, 0, 0)
    assert again.result["failed_before"] == 1
    assert len(facility.images()) == DROPPED
    assert {number for number, _ in facility.told()} == {job.id}


def test_while_omero_is_away_the_job_waits_and_goes_on_when_it_is_back(facility: Facility) -> None:
    assert facility.gate is not None
    facility.gate.is_open = False
    path = facility.put(f"{facility.inbox()}/a.png")
    facility.start()
    until(lambda: any(one.tries >= 2 for one in facility.ingests()))
    (waits,) = facility.ingests()
    assert waits.error is not None
    assert (waits.error.code, facility.avus(path)["ingest_state"]) == ("unreachable", ["waiting"])
    facility.gate.is_open = True
    until(lambda: facility.is_in_omero(path))
    settled(facility)
    assert facility.jobs.get(waits.id).state is JobState.DONE
    assert facility.images() == ["a.png"]


def test_when_omero_ends_the_sessions_of_the_agent_nothing_fails_and_nothing_is_twice(
    facility: Facility,
) -> None:
    inbox = facility.inbox()
    paths = [facility.put(f"{inbox}/{number:02}.png") for number in range(12)]
    facility.server.faults.delay_calls("ManagedRepository.importFileset", 0.3)
    facility.start("worker")
    until(lambda: facility.is_in_omero(paths[0]))
    for one in facility.server.sessions.all():
        if one.user_id == facility.user.id:
            facility.server.faults.expire_session(one.uuid)
    until(lambda: facility.is_in_omero(*paths))
    settled(facility)
    assert facility.images() == sorted(path.rpartition("/")[2] for path in paths)
    (job,) = [one for one in facility.ingests() if one.result and one.result["imported"]]
    assert (job.state, job.attempt) == (JobState.DONE, 2)
    assert job.result is not None
    assert (job.result["imported"], job.result["failed"]) == (12, 0)
    told = [one.event.text for one in facility.jobs.events(job.id) if isinstance(one.event, StateChanged)]
    assert any("The session that the agent had in OMERO" in text for text in told)
    assert not any("omero login" in text for text in told)


def test_a_user_scans_what_is_his_and_nothing_of_others(
    facility: Facility, make_irods_user: Callable[[str], iRODSSession], tmp_path: Path
) -> None:
    home = f"/{facility.zone.name}/home"
    ours = f'collection = "{home}/{facility.irods_user}"'
    facility.config.write_text(facility.config.read_text().replace(ours, f'collection = "{home}/rods"'))
    somebody = make_irods_user("somebody")
    mine = facility.put(f"{facility.inbox()}/mine.png")
    facility.start()
    with facility.acting_as(somebody):
        others = facility.put(f"{facility.inbox()}/others.png")
    made = facility.done(facility.ask(IngestWork(), facility.user.name))
    assert (made["collection"], made["imported"]) == (f"{home}/{facility.irods_user}", 1)
    assert facility.is_in_omero(mine)
    all_ask = facility.ends(facility.ask(IngestWork(home), facility.user.name))
    assert all_ask.state in {JobState.DONE, JobState.FAILED}
    with facility.acting_as(somebody):
        assert not facility.is_in_omero(others)
    assert facility.images() == ["mine.png"]
    scientist = person(facility, tmp_path / "scientist", facility.user)
    handed = scientist.run("ingest", "scan", "--agent", facility.address, "--wait")
    assert handed.status == ExitStatus.DONE, handed
    assert facility.ingests()[-1].spec.work == IngestWork()
    elsewhere = facility.ends(facility.ask(IngestWork("/otherZone/home"), facility.user.name))
    assert elsewhere.error is not None
    assert elsewhere.error.code == "usage"


def test_many_small_files_that_are_dropped_at_once_are_all_there_exactly_once(facility: Facility) -> None:
    facility.start()
    facility.tell_by_url()
    inbox = facility.inbox()
    names = [f"{number:04}.png" for number in range(MANY)]
    paths = [facility.put(f"{inbox}/{name}", png(4, 4)) for name in names]
    until(lambda: facility.is_in_omero(paths[-1]), every_s=0.5)
    until(lambda: len(facility.images()) >= MANY, every_s=0.5)
    settled(facility)
    assert facility.images() == names
    assert facility.is_in_omero(*paths)
