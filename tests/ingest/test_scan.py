"""What lies in a collection that opted in appears in OMERO, in place and once; nothing else is touched."""

from __future__ import annotations

import dataclasses

from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.ingest.conftest import Drop, png, tiff
from tests.wire.omero_server.repository import bytes_kept, links


def test_what_opted_in_is_in_omero_in_place_and_says_so(drop: Drop) -> None:
    drop.opt_in()
    paths = [drop.put("a.png"), drop.put("below/b.tif", tiff())]
    result = drop.scan()
    assert not result.failed, [one.error.message for one in result.failed]
    assert not result.waiting, result.waiting
    assert sorted(one.path for one in result.done) == paths
    assert drop.images() == ["a.png", "b.tif"]
    assert bytes_kept(drop.server, drop.user) == 0
    assert sorted(link.name for link in links(drop.server, drop.user)) == ["a.png", "b.tif"]
    told = drop.avus(paths[0])
    (done,) = (one for one in result.done if one.path == paths[0])  # which import ends first is chance
    assert told["linked"] == ["in-place"]
    assert told["image"] == [str(one) for one in done.images]
    assert told["fileset"] == [str(done.fileset)]
    assert "ingest_state" not in told


def test_a_second_scan_has_nothing_to_do(drop: Drop) -> None:
    drop.opt_in()
    drop.put("a.png")
    drop.scan()
    again = drop.plan()
    assert (again.items, again.waiting, again.failed) == ((), (), ())


def test_what_has_not_opted_in_is_not_touched(drop: Drop) -> None:
    path = drop.put("a.png")
    result = drop.scan()
    assert result.done == ()
    assert drop.store.avus(path) == ()


def test_datasets_are_named_after_collections(drop: Drop) -> None:
    drop.opt_in()
    drop.put("day 1/a.png")
    drop.put("day 1/b.png")
    drop.scan()
    hql = "select l.parent.name, count(l.child.id) from DatasetImageLink l group by l.parent.name"
    assert drop.rows(hql) == [["day 1", 2]]
    name = drop.collection.rpartition("/")[2]
    assert drop.rows("select l.parent.name, l.child.name from ProjectDatasetLink l") == [[name, "day 1"]]


def test_by_copy_the_bytes_are_streamed(drop: Drop) -> None:
    drop.opt_in("copy")
    picture = png()
    path = drop.put("a.png", picture)
    drop.scan(paths={})
    assert bytes_kept(drop.server, drop.user) == len(picture)
    assert drop.avus(path)["linked"] == ["copied"]


def test_marks_of_rules_say_which_collections_to_scan(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("day 1/a.png")
    drop.put("day 2/b.png")
    drop.store.change_avus(path, add=[Avu("omero::ingest_state", "waiting")])
    assert ingest.hinted(drop.store, drop.options, below=drop.collection) == [f"{drop.collection}/day 1"]
    hinted = dataclasses.replace(drop, collection=f"{drop.collection}/day 1")
    assert [one.path for one in hinted.scan().done] == [path]
    assert ingest.hinted(drop.store, drop.options, below=drop.collection) == []


def test_planning_takes_as_many_questions_however_many_files_there_are(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    asked = []
    for number in (2, 20):
        for one in range(number):
            drop.put(f"{one}.png")
        zone.counters.reset()
        drop.plan()
        asked.append(zone.counters.calls())
    assert asked[0] == asked[1] < 40


def test_what_was_removed_to_the_trash_is_left_there(drop: Drop) -> None:
    drop.opt_in()
    drop.put("card.toml", b'dataset = "removed"')
    drop.put("a.png")
    trash = f"/{drop.store.zone}/trash/home/{drop.store.user}/{drop.collection.rpartition('/')[2]}"
    drop.store.make_collection(trash.rpartition("/")[0])
    drop.store.move(drop.collection, trash)
    for place in (trash, f"/{drop.store.zone}/trash"):
        assert dataclasses.replace(drop, collection=place).plan().items == ()


def test_the_trash_of_a_zone_that_opted_in_as_a_whole_is_left_there(drop: Drop) -> None:
    user = drop.store.user
    trash = f"/{drop.store.zone}/trash/home/{user}/{drop.collection.rpartition('/')[2]}"
    drop.store.make_collection(trash)
    path = drop.put("a.png")
    drop.store.move(path, f"{trash}/a.png")
    root = f"/{drop.store.zone}"
    drop.opt_in(collection=root)
    try:
        plan = ingest.plan(drop.store, root, drop.hands(), drop.options, clock=SystemClock())
    finally:
        drop.store.change_avus(root, remove=drop.store.avus(root))
    assert f"{trash}/a.png" in plan.objects
    assert not [item for item in plan.items if item.files.path.startswith(trash)]


def test_marks_on_what_there_is_nothing_to_do_for_are_taken_away(drop: Drop) -> None:
    drop.opt_in()
    paths = [drop.put("a.png"), drop.put("notes.txt", b"x"), drop.put("half.ome.tif", b"")]
    drop.scan()
    for path in paths[:2]:
        drop.store.change_avus(path, add=[Avu("omero::ingest_state", "waiting")])
    drop.scan()
    states = [drop.avus(path).get("ingest_state") for path in paths]
    assert states == [None, None, ["waiting"]]
