"""Unpack jobs between both embedded servers: as the user who asked, exactly once whoever is killed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from omero.model import ExperimenterGroupI, ExperimenterI, ProjectI
from omero.rtypes import rstring

from omero_irods_bridge.model.events import Step
from omero_irods_bridge.model.jobs import JobState, UnpackWork
from omero_irods_bridge.model.objects import Kind, ObjectRef
from tests.agent.between.site import Connect, Gateway, Group, Site
from tests.agent.conftest import until
from tests.wire.bridge_unpack.conftest import row_counts

KILLS = 3


def test_a_packet_is_loaded_once_as_the_user_who_asked(site: Site) -> None:
    site.start()
    path = site.done(site.pack())["path"]
    made = site.done(site.submit(UnpackWork(path)))
    assert (made["was_complete"], made["images"]) == (False, len(made["image_ids"]))
    assert made["images"] > 0
    (here,) = made["objects"].values()
    assert made["objects"].keys() == {str(site.dataset)}
    assert value_of(site, here, "d_owner") == site.user.id
    before = row_counts(site.server)
    again = site.done(site.submit(UnpackWork(path)))
    assert again == {**made, "was_complete": True, "not_kept": {}}
    assert row_counts(site.server) == before
    copied = site.done(site.submit(UnpackWork(path, again="one more")))
    assert copied["image_ids"] > made["image_ids"]
    shown = site.person("jobs", "list", "--kind", "unpack")
    assert path in shown.out


def value_of(site: Site, key: str, column: str) -> int:
    name, _, number = key.partition(":")
    with site.server.store.work(site.server.internal_caller()) as work:
        return int(work.database.value(f'select "{column}" from "{name}" where "id" = {number}'))


def test_killed_at_any_moment_it_is_loaded_exactly_once(site: Site) -> None:
    chance = random.Random(3)
    site.start()
    path = site.done(site.pack())["path"]
    site.started[-1].terminate()
    site.started[-1].wait()
    before = row_counts(site.server)
    site.server.faults.delay_calls("RawFileStore.write", 0.2)
    site.server.faults.delay_calls("IUpdate.saveAndReturnArray", 0.2)
    job = site.submit(UnpackWork(path))
    for kill in range(KILLS):
        worker = site.start()
        until(lambda kill=kill: began(site, job.id) > kill)  # type: ignore[misc]
        time.sleep(chance.random() * 0.8)
        worker.kill()
        worker.wait()
    site.server.faults.clear()
    site.start()
    made = site.done(job)
    after = row_counts(site.server)
    assert after["Image"] - before["Image"] == made["images"]
    assert after["Dataset"] - before["Dataset"] == 1
    clean = site.done(site.submit(UnpackWork(path, again="compare")))
    assert clean["images"] == made["images"]
    grown = {name: count - after[name] for name, count in row_counts(site.server).items()}
    assert grown == {name: count - before[name] for name, count in after.items()}


def began(site: Site, job: int) -> int:
    """How often it came as far as importing."""
    told = [one.event for one in site.jobs.events(job)]
    return sum(isinstance(one, Step) and one.text == "Importing" for one in told)


def test_it_works_in_the_group_of_what_it_loads_into(
    site: Site,
    make_group: Callable[[], Group],
    root: Gateway,
    connect: Connect,
) -> None:
    other = make_group()
    admin = root.getAdminService()
    admin.addGroups(ExperimenterI(site.user.id, False), [ExperimenterGroupI(other.id, False)])
    project = ProjectI()
    project.setName(rstring("of the other group"))
    saved = connect(site.user, other).getUpdateService().saveAndReturnObject(project)
    site.start()
    path = site.done(site.pack())["path"]
    made = site.done(site.submit(UnpackWork(path, into=ObjectRef(Kind.PROJECT, saved.id.val))))
    (here,) = made["objects"].values()
    assert value_of(site, here, "d_group") == other.id


def test_what_is_not_in_the_users_reach_is_a_dead_letter(site: Site) -> None:
    site.start()
    secret = site.person.folder / "packet"
    elsewhere = site.submit(UnpackWork(str(secret)))
    packed = site.done(site.pack())["path"]
    in_place = site.submit(UnpackWork(packed, in_place=True))
    nowhere = site.submit(UnpackWork(packed, into=ObjectRef(Kind.PROJECT, 10**9)))
    ended = {job.id: site.ends(job) for job in (elsewhere, in_place, nowhere)}
    assert {one.state for one in ended.values()} == {JobState.FAILED}
    codes = [one.error.code for one in ended.values() if one.error is not None]
    assert codes == ["usage", "not-in-place", "not-found"]
