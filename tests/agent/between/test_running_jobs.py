"""``omero-irods agent run`` between both embedded servers, with the accounts that it is meant to have."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omero_irods_bridge.agent.accounts import Accounts
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.performing import Performer
from omero_irods_bridge.agent.store.attempts import Begun
from omero_irods_bridge.model.errors import AccessDenied, ExitStatus, UsageError
from omero_irods_bridge.model.events import CancelToken, silent
from omero_irods_bridge.model.jobs import GcWork, JobState, PackWork, VerifyWork
from omero_irods_bridge.model.snapshot import from_avus
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.wiring import SystemClock
from tests.agent.between.site import READ, TOKEN, MakeUser, Site
from tests.agent.conftest import until

DASHED_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
KILLS = 3


def test_a_job_runs_as_the_user_who_asked_and_leaves_no_secret(site: Site) -> None:
    site.server.faults.delay_calls(READ, 0.3)
    worker = site.start()
    work = {"objects": [str(site.dataset)], "note": "for the paper"}
    packing = site.post({"kind": "pack", "work": work, "requested_by": site.user.name, "request_id": "web"})
    site.copying(packing)
    keys = {one.uuid.encode() for one in site.server.sessions.all()}
    arguments = Path(f"/proc/{worker.pid}/cmdline").read_bytes()
    made = site.done(packing)
    snapshot = site.store.find(made["path"])
    assert isinstance(snapshot, DataObject)
    assert snapshot.owner == f"{site.irods_user}#{site.zone.name}"
    assert made["path"].startswith(f"/{site.zone.name}/home/{site.irods_user}/")
    description = from_avus(site.store.avus(made["path"]))
    assert description is not None
    assert (description.packed_by, description.note) == (site.user.name, "for the paper")
    assert description.job == packing.uuid

    checked = site.done(site.submit(VerifyWork(made["path"], Scope.DATA)))
    assert (checked["ok"], checked["complete"]) == (True, True)
    assert site.done(site.submit(GcWork(older_than_s=0)))["removed"] == 0

    shown = site.person("jobs", "show", packing.id, "--json")
    watched = site.person("jobs", "watch", packing.id, "--json")
    listed = site.person("jobs", "list", "--json")
    assert shown.json["job"]["result"] == made
    assert watched.json["job"]["state"] == "done"
    assert any(one.get("text") == "Copying" for one in watched.events)
    assert len(listed.json["jobs"]) == 3

    database = Path(site.settings.agent.database).read_bytes()
    told = b"".join(one.out.encode() + one.err.encode() for one in (shown, watched, listed))
    assert len(keys) >= 2
    for secret in (*passwords(site), *keys, TOKEN.encode()):
        assert secret not in database
        assert secret not in told
        assert secret not in site.log.encode()
        assert secret not in arguments
    assert not DASHED_UUID.search(site.log.encode())


def passwords(site: Site) -> list[bytes]:
    return [text.encode() for text in (*site.passwords, site.zone.password)]


def test_a_worker_killed_at_any_moment_leaves_one_whole_snapshot(site: Site) -> None:
    chance = random.Random(11)
    site.server.faults.delay_calls(READ, 0.15)
    job = site.pack()
    for _ in range(KILLS):
        worker = site.start()
        until(lambda: "is at work" in site.log)
        site.copying(job)
        time.sleep(chance.random() * 0.4)
        worker.kill()
        worker.wait()
    site.server.faults.clear()
    site.start()
    made = site.done(job)
    assert site.snapshots() == [made["path"]]
    assert site.done(site.submit(VerifyWork(made["path"], Scope.DATA)))["ok"]


def test_a_job_that_had_sealed_when_it_was_killed_makes_no_second_snapshot(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRODS_AUTHENTICATION_FILE", str(site.person.folder / ".irods" / ".irodsA"))
    job = site.pack()
    identities = Identities({site.user.name: site.irods_user}, ())
    accounts = Accounts(site.settings, identities)
    performer = Performer(site.settings, accounts, SystemClock(), lambda _spec, _seconds: job)
    first, second = (performer(Begun(job, runs, moment=1e9 + runs), silent, CancelToken()) for runs in (1, 2))
    assert first.result == second.result
    assert len(site.snapshots()) == 1


def test_servers_that_are_away_and_break_off_are_waited_for(site: Site) -> None:
    environment = site.settings.irods.environment_file
    assert environment is not None
    right = environment.read_text()
    environment.write_text(json.dumps({**json.loads(right), "irods_port": 1}))
    job = site.pack()
    site.start()
    until(lambda: site.jobs.get(job.id).tries >= 1)
    waits = site.jobs.get(job.id)
    assert waits.error is not None
    assert (waits.error.code, waits.error.retryable) == ("unreachable", True)
    site.zone.faults.cut_after(100_000)
    environment.write_text(right)
    made = site.done(job)
    assert site.snapshots() == [made["path"]]
    assert site.jobs.get(job.id).attempt > 2
    assert any("tried again" in str(one.event) for one in site.jobs.events(job.id))


def test_a_transfer_is_cancelled_at_once_and_leaves_nothing_visible(site: Site) -> None:
    site.server.faults.delay_calls(READ, 2.5)  # thrice this: the command that cancels has to start meanwhile
    job = site.pack()
    site.start()
    until(lambda: site.jobs.get(job.id).phase.bytes_done)
    phase = site.jobs.get(job.id).phase
    assert phase.text == "Copying"
    assert phase.bytes_total is not None
    assert phase.bytes_done < phase.bytes_total
    assert site.person("jobs", "cancel", job.id).status == ExitStatus.DONE
    assert site.ends(job).state is JobState.CANCELLED
    assert all("/.incoming/" in path for path in site.snapshots())
    assert site.person.run("jobs", "watch", job.id).status == ExitStatus.INTERRUPTED
    site.server.faults.clear()
    assert site.person("jobs", "retry", job.id).status == ExitStatus.DONE
    made = site.done(job)
    assert site.snapshots() == [made["path"]]


def test_what_cannot_succeed_becomes_a_dead_letter_with_its_log(site: Site) -> None:
    stranger = site.submit(PackWork((site.dataset,)), whose="stranger")
    missing = site.submit(VerifyWork(f"/{site.zone.name}/home/{site.irods_user}/none.zip"))
    elsewhere = site.submit(GcWork(f"/{site.zone.name}/home/{site.zone.config.admin}"))
    refused = site.pack(target=f"/{site.zone.name}/home/{site.zone.config.admin}/x.zip")
    no_group = site.pack(group="system")
    site.start()
    codes = {job.id: site.ends(job) for job in (stranger, missing, elsewhere, refused, no_group)}
    assert {one.state for one in codes.values()} == {JobState.FAILED}
    assert {one.attempt for one in codes.values()} == {1}
    error = {number: one.error.code for number, one in codes.items() if one.error is not None}
    assert error[stranger.id] == "access-denied"
    assert error[missing.id] == "not-found"
    shown = site.person.run("jobs", "watch", missing.id)
    assert shown.status == ExitStatus.NOT_FOUND
    assert "none.zip" in shown.err
    site.zone.faults.refuse_logins()
    locked_out = site.ends(site.pack())
    assert locked_out.error is not None
    assert (locked_out.state, locked_out.error.code) == (JobState.FAILED, "access-denied")


def test_damage_that_verify_finds_is_a_failed_job_that_says_what_is_damaged(site: Site) -> None:
    site.start()
    made = site.done(site.pack())
    site.zone.faults.flip_byte(made["path"], offset=500)
    found = site.ends(site.submit(VerifyWork(made["path"], Scope.DATA)))
    assert found.error is not None
    assert (found.state, found.error.code) == (JobState.FAILED, "checksum-mismatch")
    assert found.result is not None
    assert found.result["findings"]


def test_all_snapshots_below_a_collection_are_verified_by_one_job(site: Site) -> None:
    site.start()
    paths = [site.done(site.pack(note=str(number)))["path"] for number in range(2)]
    above = f"/{site.zone.name}/home/{site.irods_user}"
    everything = VerifyWork(above, Scope.DATA)
    assert site.done(site.submit(everything))["snapshots"] == len(paths)
    site.zone.faults.flip_byte(paths[0], offset=500)
    found = site.ends(site.submit(everything))
    assert found.error is not None
    assert (found.state, found.error.code) == (JobState.FAILED, "checksum-mismatch")
    assert "1 of 2 snapshots" in found.error.message
    assert found.result is not None
    assert [paths[0] in one["text"] for one in found.result["findings"]] == [True]


def test_an_agent_does_not_start_without_a_sound_file_of_users(site: Site) -> None:
    users = site.settings.agent.users
    assert users is not None
    users.write_text(f'[users]\nada = "{site.zone.config.admin}"\n')
    refused = site.person.run("agent", "run")
    assert refused.status == ExitStatus.USAGE
    assert "account of the agent" in refused.err


def test_an_account_that_may_not_sudo_is_told_so(site: Site, make_user: MakeUser) -> None:
    plain = make_user()
    omero = site.settings.omero.model_copy(update={"user": plain.name})
    assert omero.password_file is not None
    omero.password_file.write_text(plain.password)
    settings = site.settings.model_copy(update={"omero": omero})
    accounts = Accounts(settings, Identities({site.user.name: site.irods_user}, ()))
    with pytest.raises(AccessDenied), accounts.image_server(site.user.name):
        pass
    nobody = site.settings.model_copy(update={"omero": omero.model_copy(update={"password_file": None})})
    with pytest.raises(UsageError), Accounts(nobody, accounts._identities).image_server(site.user.name):
        pass


def test_what_answers_and_what_works_may_be_processes_of_their_own(site: Site) -> None:
    answers = site.start("api")
    job = site.post({"kind": "gc", "work": {}, "requested_by": site.user.name, "request_id": "apart"})
    packing = site.pack()
    works = site.start("worker", "--queues", "gc,verify")
    site.done(job)
    assert site.jobs.get(packing.id).state is JobState.QUEUED
    for process in (works, answers):
        process.terminate()
        assert process.wait(timeout=60) == ExitStatus.DONE


def test_what_answers_loads_nothing_of_what_works() -> None:
    program = "import sys, omero_irods_bridge.agent.serving; print('dbos' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
