"""What comes after its set is in OMERO is left and told of; nothing is imported by halves or twice."""

from __future__ import annotations

import dataclasses
from typing import Any

import omero
import pytest

from omero_irods_bridge.model.ingest import SetRule
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.wiring import SystemClock
from tests.ingest.conftest import Drop, png, tiff
from tests.ingest.test_faults import ome_xml

RULES = (SetRule("*.ome.tif", "*.png", below=True),)


def standing(drop: Drop, path: str) -> Any:
    return ingest.status(drop.store, path, drop.hands(), drop.options, clock=SystemClock())


def companion(drop: Drop, *names: str) -> str:
    """A companion file of these, put now; and those that are not there yet."""
    return drop.put("set.companion.ome", ome_xml(list(names)).encode())


def set_in_omero(drop: Drop) -> tuple[str, str]:
    """The path of a companion file that was imported with two others, and the id of its fileset."""
    for name in ("a.tif", "b.tif"):
        drop.put(name, tiff())
    path = companion(drop, "a.tif", "b.tif")
    (done,) = drop.scan().done
    return path, str(done.fileset)


def is_left(drop: Drop, path: str, because: str) -> None:
    """Told in the plan, the result, the AVUs and the status; nothing was imported."""
    images, planned = drop.images(), drop.plan()
    assert [(item.late.news if item.late else None) for item in planned.items] == [(path,)]
    assert standing(drop, path).ready == ()
    assert because in standing(drop, path).failed[0].reason
    result = drop.scan()
    assert (result.done, [one.path for one in result.failed]) == ((), [path])
    assert because in result.failed[0].error.message
    told = drop.avus(path)
    assert told["ingest_state"] == ["failed"]
    assert because in told["ingest_error"][0]
    again = drop.scan()
    assert (again.done, again.failed, [one.path for one in again.failed_before]) == ((), (), [path])
    assert because in standing(drop, path).failed[0].reason
    assert drop.images() == images


def forget(drop: Drop, fileset: str) -> None:
    """Somebody deletes it in OMERO, and a scan finds out."""
    with drop.connection() as opened:
        command = omero.cmd.Delete2(targetObjects={"Fileset": [int(fileset)]})
        opened.client.submit(command, loops=50, ms=100).close(None)
    assert drop.scan().released


@pytest.fixture
def ruled(drop: Drop) -> Drop:
    drop.options = dataclasses.replace(drop.options, sets=RULES)
    drop.opt_in()
    return drop


def test_a_late_file_that_a_rule_puts_into_a_set_is_left_until_somebody_asks_for_it(ruled: Drop) -> None:
    opened, member = ruled.put("a.ome.tif", tiff()), ruled.put("below/1.png")
    (done,) = ruled.scan().done
    assert ruled.avus(member)["fileset"] == [str(done.fileset)]
    late = ruled.put("below/2.png")
    is_left(ruled, late, f"belongs to Fileset:{done.fileset} that is already in OMERO, with {opened}")
    ruled.store.change_avus(late, add=[Avu("omero::ingest_apart", "yes")])
    assert ingest.retry(ruled.store, late, ruled.options) == [late]
    assert [one.path for one in ruled.scan().done] == [late]
    assert ruled.avus(opened)["fileset"] == [str(done.fileset)]


def test_a_late_file_joins_its_set_when_that_was_deleted_in_omero(ruled: Drop) -> None:
    opened, member = ruled.put("a.ome.tif", tiff()), ruled.put("1.png")
    (done,) = ruled.scan().done
    late = ruled.put("2.png")
    forget(ruled, str(done.fileset))
    ingest.retry(ruled.store, late, ruled.options)
    is_left(ruled, late, "belongs to a set that somebody has deleted in OMERO")
    ingest.retry(ruled.store, ruled.collection, ruled.options)
    (again,) = ruled.scan().done
    told = {ruled.avus(path)["fileset"][0] for path in (opened, member, late)}
    assert told == {str(again.fileset)}


def test_a_scan_of_a_part_takes_sets_whole_and_nothing_else_of_the_rest(ruled: Drop) -> None:
    opened, member = ruled.put("a.ome.tif", tiff()), ruled.put("below/1.png")
    ruled.put("alone.tif", tiff())
    part = dataclasses.replace(ruled, collection=f"{ruled.collection}/below")
    (done,) = part.scan().done
    assert (done.path, ruled.images()) == (opened, ["a.ome.tif"])
    assert ruled.avus(member)["fileset"] == [str(done.fileset)]
    is_left(part, ruled.put("below/2.png"), f"belongs to Fileset:{done.fileset} that is already in OMERO")


def test_what_fits_no_rule_of_a_set_is_none_of_it(ruled: Drop) -> None:
    ruled.put("a.ome.tif", tiff())
    ruled.scan()
    others = [ruled.put("alone.tif", tiff()), ruled.put("b.ome.tif", tiff())]
    assert [one.path for one in ruled.scan().failed] == []
    assert all("fileset" in ruled.avus(path) for path in others)


def test_a_member_that_was_put_anew_is_no_set_of_its_own(drop: Drop) -> None:
    drop.opt_in("copy")
    opened, fileset = set_in_omero(drop)
    path = f"{drop.collection}/b.tif"
    drop.store.remove(path)
    drop.put("b.tif", tiff())  # another object, which only the companion file names
    is_left(drop, path, f"belongs to Fileset:{fileset} that is already in OMERO, with {opened}")


def test_a_member_of_a_copied_set_that_was_written_over_is_no_set_of_its_own(drop: Drop) -> None:
    drop.opt_in("copy")
    _, fileset = set_in_omero(drop)
    path = drop.put("b.tif", tiff())
    is_left(drop, path, f"belongs to Fileset:{fileset} that is already in OMERO")


def test_a_half_that_no_longer_names_the_other_is_no_set_of_its_own(drop: Drop) -> None:
    drop.opt_in("copy")
    names = ["c0.ome.tif", "c1.ome.tif"]
    first, second = (drop.put(name, tiff(ome_xml(names))) for name in names)
    (done,) = drop.scan().done
    drop.put("c1.ome.tif", tiff())
    is_left(drop, second, f"belongs to Fileset:{done.fileset} that is already in OMERO, with {first}")


def test_a_new_half_that_names_one_in_omero_does_not_take_it(drop: Drop) -> None:
    drop.opt_in()
    first = drop.put("c0.ome.tif", tiff())
    (done,) = drop.scan().done
    late = drop.put("c1.ome.tif", tiff(ome_xml(["c0.ome.tif", "c1.ome.tif"])))
    is_left(drop, late, f"belongs to Fileset:{done.fileset} that is already in OMERO, with {first}")
    drop.store.change_avus(late, add=[Avu("omero::ingest_apart", "yes")])  # which it cannot be
    ingest.retry(drop.store, late, drop.options)
    assert drop.scan().done == ()


def test_a_companion_that_comes_after_its_images_were_imported_takes_none_of_them(drop: Drop) -> None:
    drop.opt_in()
    paths = [drop.put(name, tiff()) for name in ("a.tif", "b.tif")]
    drop.scan()
    before = [drop.avus(path) for path in paths]
    late = companion(drop, "a.tif", "b.tif")
    is_left(drop, late, f"already in OMERO, with {paths[0]}")
    assert [drop.avus(path) for path in paths] == before
    assert "ingest_apart" not in drop.avus(late)["ingest_error"][0]
    for told in before:
        forget(drop, told["fileset"][0])
    ingest.retry(drop.store, late, drop.options)
    assert [one.path for one in drop.scan().done] == [late]
    assert {drop.avus(path)["image"][0] for path in paths} == set(drop.avus(late)["image"])


def test_a_copied_set_of_which_all_that_names_the_others_is_new_is_imported_again_whole(drop: Drop) -> None:
    drop.opt_in("copy")
    opened, fileset = set_in_omero(drop)
    drop.put("c.tif", tiff())
    assert companion(drop, "a.tif", "b.tif", "c.tif") == opened
    (done,) = drop.scan().done
    assert str(done.fileset) != fileset
    names = ("a.tif", "b.tif", "c.tif", "set.companion.ome")
    assert {drop.avus(f"{drop.collection}/{name}")["fileset"][0] for name in names} == {str(done.fileset)}


def test_what_fails_again_for_the_same_reason_says_so_again(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png", png())
    for _ in range(2):
        drop.scan(paths={})
        assert drop.avus(path)["ingest_state"] == ["failed"]
        assert "[paths]" in drop.avus(path)["ingest_error"][0]
