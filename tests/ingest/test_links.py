"""Links stay true: what is missing, moved, changed, deleted is found; relink and release mend it."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath

import irods.keywords as kw
import pytest
from irods.session import iRODSSession

from omero_irods_bridge.model.events import CancelToken, silent
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingesting.links import Fault, Relink, repair_links
from omero_irods_bridge.operations.placing import place_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.ingest.conftest import Drop, png
from tests.wire.omero_server.repository import links


def faults(drop: Drop, **changed: object) -> dict[str, Fault]:
    options = dataclasses.replace(drop.options, **changed)  # type: ignore[arg-type]
    found = ingest.check(drop.store, drop.collection, drop.hands(), options)
    return {one.path.rpartition("/")[2]: one.fault for one in found.faults}


def delete_images(drop: Drop, fileset: int) -> None:
    with drop.sides() as side:
        side.receiver.importer.discard([fileset])


def linked(drop: Drop, name: str = "a.png") -> str:
    drop.opt_in()
    path = drop.put(name)
    result = drop.scan()
    assert [one.path for one in result.done] == [path]
    return path


def test_what_is_as_it_was_has_no_fault(drop: Drop) -> None:
    linked(drop)
    found = ingest.check(drop.store, drop.collection, drop.hands(), drop.options)
    assert (found.checked, found.faults) == (1, ())


def test_a_file_that_is_gone_is_found(drop: Drop) -> None:
    path = linked(drop)
    Path(drop.stored(path).replicas[0].path).unlink()
    assert faults(drop) == {"a.png": Fault.MISSING}


def test_too_few_replicas_are_found(drop: Drop) -> None:
    linked(drop)
    assert faults(drop, replicas=2) == {"a.png": Fault.FEW_REPLICAS}


def test_content_that_changed_under_the_link_is_found_and_not_imported_again(drop: Drop) -> None:
    path = linked(drop)
    drop.put("a.png", png(12, 10))
    assert faults(drop)["a.png"] == Fault.CHANGED
    result = drop.scan()
    assert [one.path for one in result.failed] == [path]
    assert "changed since" in drop.avus(path)["ingest_error"][0]
    assert drop.images() == ["a.png"]
    ingest.retry(drop.store, path, drop.options)
    drop.scan()
    assert drop.images() == ["a.png", "a.png"]
    assert faults(drop) == {}


def test_a_rename_in_irods_is_followed_by_relink(drop: Drop) -> None:
    path = linked(drop)
    moved = f"{drop.collection}/renamed.png"
    drop.store.move(path, moved)
    assert faults(drop) == {"renamed.png": Fault.MOVED}
    planned = ingest.relink(drop.store, drop.collection, drop.hands(), drop.options, dry_run=True)
    assert (len(planned.planned), planned.done) == (1, ())
    done = ingest.relink(drop.store, drop.collection, drop.hands(), drop.options)
    assert done.done == (moved,)
    assert faults(drop) == {}
    mine = drop.collection.rpartition("/")[2]
    assert [link.exists() for link in links(drop.server) if mine in link.parts] == [True]
    assert drop.plan().items == ()


def test_a_linked_object_trimmed_to_another_resource_is_found_and_mended(
    drop: Drop, zone: Zone, session: iRODSSession, tmp_path: Path
) -> None:
    path = linked(drop)
    session.resources.create("archiveResc", "unixfilesystem", "localhost", str(tmp_path))
    session.data_objects.replicate(path, resource="archiveResc")
    try:
        both = {**drop.options.paths, f"archiveResc:{tmp_path}": tmp_path}
        assert faults(drop, paths=both) == {}  # the replica that OMERO shows is one of them
        session.data_objects.trim(path, **{kw.REPL_NUM_KW: "0", kw.COPIES_KW: "1"})
        assert faults(drop) == {"a.png": Fault.UNMAPPED}
        assert faults(drop, paths=both) == {"a.png": Fault.MOVED}
        options = dataclasses.replace(drop.options, paths=both)
        assert ingest.relink(drop.store, drop.collection, drop.hands(), options).done == (path,)
        assert faults(drop, paths=both) == {}
        assert drop.plan(paths=both).items == ()
    finally:
        session.data_objects.unlink(path, force=True)
        session.resources.remove("archiveResc")


def test_what_is_deleted_in_omero_is_released_and_does_not_come_back(drop: Drop) -> None:
    path = linked(drop)
    delete_images(drop, int(drop.avus(path)["fileset"][0]))
    assert faults(drop) == {"a.png": Fault.RELEASED}
    assert drop.scan().released == (path,)
    assert "linked" not in drop.avus(path)
    drop.store.change_avus(
        path, add=[Avu("omero::ingest_state", "waiting")]
    )  # as rules do when it is touched
    drop.scan()
    again = drop.scan()
    assert (again.done, again.released) == ((), ())
    assert drop.images() == []
    assert ingest.retry(drop.store, path, drop.options) == [path]
    assert [one.path for one in drop.scan().done] == [path]


def test_what_another_user_imported_is_released_by_an_administrator_only(drop: Drop) -> None:
    path = linked(drop)
    as_other = Avu("omero::imported_as", "somebody-else")
    (mine,) = [one for one in drop.store.avus(path) if one.attribute == as_other.attribute]
    drop.store.change_avus(path, add=[as_other], remove=[mine])
    delete_images(drop, int(drop.avus(path)["fileset"][0]))
    assert drop.scan().released == ()
    assert drop.avus(path)["linked"] == ["in-place"]


def test_avus_that_were_copied_to_another_object_say_nothing_of_it(drop: Drop) -> None:
    content = png()
    drop.opt_in()
    path = drop.put("a.png", content)
    drop.scan()
    other = drop.put("copy.png", content)
    drop.store.compute_checksum(other)
    drop.store.change_avus(other, add=drop.store.avus(path))
    assert [one.path for one in drop.scan().done] == [other]
    assert drop.images() == ["a.png", "copy.png"]
    assert drop.avus(other)["fileset"] != drop.avus(path)["fileset"]


def test_copied_content_that_is_replaced_is_imported_again(drop: Drop) -> None:
    drop.opt_in("copy")
    path = drop.put("a.png")
    drop.scan()
    drop.put("a.png", png(12, 10))
    assert [one.path for one in drop.scan().done] == [path]
    assert drop.images() == ["a.png", "a.png"]
    assert drop.plan().items == ()


@pytest.mark.parametrize("name", ["fileset", "image"])
def test_a_number_that_omero_cannot_have_stops_no_scan(drop: Drop, name: str) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    drop.scan()
    (there,) = [one for one in drop.store.avus(path) if one.attribute == f"omero::{name}"]
    drop.store.change_avus(path, add=[dataclasses.replace(there, value="9" * 30)], remove=[there])
    drop.put("b.png")
    result = drop.scan()
    assert result.stopped is None
    assert drop.images() == ["a.png", "b.png"]


def test_what_another_omero_links_to_is_none_of_our_links(drop: Drop) -> None:
    """Ids of two servers may be the same, and so may sizes."""
    path, other = linked(drop), drop.put("b.png", png())
    known = {one.attribute: one for one in drop.store.avus(path)}
    version = Avu("omero::ingest_version", "theirs", str(drop.stored(other).id))
    theirs = [*known.values(), version, Avu("omero::server", "11111111-0000-4000-8000-000000000000")]
    mine = {known["omero::ingest_version"], known["omero::server"]}
    drop.store.change_avus(other, add=[one for one in theirs if one not in mine])
    assert faults(drop) == {}
    planned = ingest.relink(drop.store, drop.collection, drop.hands(), drop.options, dry_run=True)
    assert planned.planned == ()


def test_a_link_does_not_follow_avus_that_somebody_wrote_on_another_object(drop: Drop) -> None:
    path, other = linked(drop), drop.put("other.png")
    known = [one for one in drop.store.avus(path) if one.attribute != "omero::ingest_version"]
    version = Avu("omero::ingest_version", "x", str(drop.stored(other).id))
    drop.store.change_avus(other, add=[*known, version])
    before = {link: link.readlink() for link in links(drop.server)}
    with drop.sides() as side:
        (file,) = side.book.files_of([int(drop.avus(path)["fileset"][0])]).values()
    relink = Relink(other, dataclasses.replace(file[0], size=drop.stored(other).size), _place(drop, other))
    with drop.sides() as side:
        done, failed = repair_links([relink], side, drop.store, drop.options, silent, CancelToken())
    assert (done, [one for one, _ in failed]) == ([], [other])
    assert path in failed[0][1].message
    assert {link: link.readlink() for link in links(drop.server)} == before


def _place(drop: Drop, path: str) -> PurePosixPath:
    found = place_of(drop.stored(path), drop.options.paths)
    assert found is not None
    return found
