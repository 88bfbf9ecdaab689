"""Whatever goes wrong: nothing is imported twice or by halves, and no file stops the others."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.model.errors import ChecksumMismatch, NotInPlace, Unreachable
from omero_irods_bridge.model.ingest import IngestResult, SetRule
from omero_irods_bridge.model.stored import Avu, parent_of
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingesting.hands import IngestSide
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.ingest.conftest import Drop, png, renamed, tiff, vault_of
from tests.wire.bridge_irods.conftest import store_of
from tests.wire.omero_server.repository import bytes_kept, links

ROOT = Path(__file__).parents[2]
ATOMIC = 20002


@dataclass(frozen=True)
class Stopped:
    """A clock that is set by hand."""

    at: float

    def now(self) -> float:
        return self.at


def reasons(result: IngestResult) -> dict[str, str]:
    return {one.path.rpartition("/")[2]: one.reason for one in result.waiting}


def failures(result: IngestResult) -> dict[str, str]:
    return {one.path.rpartition("/")[2]: one.error.message for one in result.failed}


# -- killed, cut, doubled


def test_killed_between_import_and_avus_nothing_is_imported_twice(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    told = {
        "omero": [drop.server.host, drop.user.name, drop.user.password, drop.server.ssl_port],
        "irods": [zone.host, zone.port, zone.name, zone.config.admin, zone.password],
        "collection": drop.collection,
        "paths": {rule: str(folder) for rule, folder in drop.options.paths.items()},
    }
    command = [sys.executable, "-m", "tests.ingest.killed_child"]
    child = subprocess.run(
        command, cwd=ROOT, input=json.dumps(told), text=True, capture_output=True, check=False
    )
    assert child.returncode == -9, child.stderr
    assert drop.images() == ["a.png"]
    assert "fileset" not in drop.avus(path)
    result = drop.scan()
    assert [one.was_there for one in result.done] == [True]
    assert drop.images() == ["a.png"]
    assert drop.avus(path)["image"] == [str(one) for one in result.done[0].images]


def test_when_irods_refuses_the_avus_the_next_scan_writes_them(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    zone.faults.fail_call(ATOMIC, "SYS_INTERNAL_ERR", times=5)
    drop.scan()
    zone.faults.clear()
    result = drop.scan()
    assert drop.images() == ["a.png"]
    assert "fileset" in drop.avus(path), result


def test_omero_away_in_the_middle_leaves_the_rest_waiting(drop: Drop) -> None:
    drop.opt_in("copy")
    first = png()
    paths = {drop.put("a.png", first), *(drop.put(f"{number}.png") for number in range(5))}
    drop.server.faults.cut_file_after(len(first) + 10, "write")
    result = drop.scan()
    assert isinstance(result.stopped, Unreachable)
    done, waiting = {one.path for one in result.done}, {one.path for one in result.waiting}
    assert (done | waiting, bool(done), bool(waiting)) == (paths, True, True)
    assert not done & waiting
    assert not result.failed
    assert [drop.avus(path).get("ingest_state") for path in waiting] == [["queued"]] * len(waiting)
    assert {parent_of(path) for path in waiting} == set(
        ingest.hinted(drop.store, drop.options, below=drop.collection)
    )
    assert {one.path for one in drop.scan().done} == waiting
    assert len(drop.images()) == len(paths)
    assert not [path for path in paths if "ingest_state" in drop.avus(path)]


def test_a_set_that_is_being_imported_says_that_it_is_queued(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    drop.store.change_avus(path, add=[Avu("omero::ingest_state", "waiting")])
    seen: list[list[str]] = []

    @contextmanager
    def looking(_user: str, _group: str) -> Iterator[IngestSide]:
        with drop.sides() as side:
            importer = side.receiver.importer

            def find_marked(load: str) -> Any:
                seen.append(drop.avus(path)["ingest_state"])
                return type(importer).find_marked(importer, load)

            importer.find_marked = find_marked  # type: ignore[method-assign]
            yield side

    drop.scan(hands=drop.hands(omero=looking))
    assert seen == [["queued"]]
    assert "ingest_state" not in drop.avus(path)


def test_what_was_written_over_while_its_scan_failed_is_taken_by_the_next(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    first = png()
    path = drop.put("over.png", first)
    drop.store.compute_checksum(path)
    with zone.catalog.database.transaction():
        old = "update R_DATA_MAIN set modify_ts = '01600000000' where data_name = 'over.png'"
        zone.catalog.database.execute(old)
    plan = drop.plan()
    drop.put("over.png", of_size(len(first)))
    result = ingest.apply(plan, drop.store, drop.hands(), clock=SystemClock())
    assert isinstance(result.failed[0].error, ChecksumMismatch)
    assert [one.path for one in drop.scan().done] == [path]


def test_what_was_removed_or_renamed_between_plan_and_import_is_no_failure(drop: Drop) -> None:
    drop.opt_in()
    removed, moved, there = (drop.put(f"{name}.png") for name in ("removed", "moved", "there"))
    for path in (removed, moved):
        drop.store.compute_checksum(path)
    plan = drop.plan()
    drop.store.remove(removed)
    drop.store.move(moved, f"{drop.collection}/new.png")
    result = ingest.apply(plan, drop.store, drop.hands(), clock=SystemClock())
    assert [one.path for one in result.done] == [there]
    assert (result.failed, sorted(reasons(result))) == ((), ["moved.png", "removed.png"])
    assert [one.path for one in drop.scan().done] == [f"{drop.collection}/new.png"]


def of_size(size: int) -> bytes:
    return next(found for found in iter(png, b"") if len(found) == size)


def test_omero_that_cannot_be_logged_in_to_leaves_all_waiting(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png")

    def away(_user: str, _group: str) -> Any:
        raise Unreachable("OMERO did not answer.")

    result = drop.scan(hands=drop.hands(omero=away))
    assert isinstance(result.stopped, Unreachable)
    assert [one.path for one in result.waiting] == [path]
    assert "ingest_error" not in drop.avus(path)


def test_two_scans_at_once_import_once(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    for number in range(6):
        drop.put(f"{number}.png")
    results: list[IngestResult] = []

    def scan() -> None:
        with store_of(zone) as mine:
            results.append(dataclasses.replace(drop, store=mine).scan())

    threads = [threading.Thread(target=scan) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(results) == 2
    drop.scan()
    assert drop.images() == [f"{number}.png" for number in range(6)]


# -- files that are not ready


def test_a_file_that_is_being_written_waits(drop: Drop) -> None:
    drop.opt_in()
    writer = drop.store.open_writer(f"{drop.collection}/a.png")
    content = png()
    writer.write_at(0, 0, content[:20])
    assert "being written" in reasons(drop.scan())["a.png"]
    writer.write_at(0, 20, content[20:])
    writer.close()
    assert len(drop.scan().done) == 1


def test_what_changed_just_now_waits_unless_it_is_handed_over(drop: Drop) -> None:
    drop.opt_in()
    first, second = drop.put("a.png"), drop.put("b.png")
    assert sorted(reasons(drop.scan(quiet_s=3600))) == ["a.png", "b.png"]
    assert drop.avus(first)["ingest_state"] == ["waiting"]
    drop.store.change_avus(second, add=[Avu("omero::ingest_ready", "yes")])
    assert [one.path for one in drop.scan(quiet_s=3600).done] == [second]
    drop.store.change_avus(drop.collection, add=[Avu("omero::ingest_ready", "yes")])
    assert [one.path for one in drop.scan(quiet_s=3600).done] == [first]
    assert "ingest_state" not in drop.avus(first)


def test_quiet_is_told_by_the_clock_of_irods(drop: Drop) -> None:
    """Ours may be wrong by a day."""
    drop.opt_in()
    path = drop.put("a.png")
    real = drop.store.time_there()
    for here in (real - 86_400, real, real + 1_800):
        plan = ingest.plan(
            drop.store, drop.collection, drop.hands(), replace(drop.options, quiet_s=600), clock=Stopped(here)
        )
        assert [one.path for one in plan.waiting] == [path]


def test_where_only_a_hand_over_counts_quiet_is_not_enough(drop: Drop) -> None:
    drop.opt_in(when="handover")
    path = drop.put("a.png")
    assert "handed" in reasons(drop.scan())["a.png"]
    drop.store.change_avus(path, add=[Avu("omero::ingest_ready", "2026-01-01")])
    assert len(drop.scan().done) == 1


def test_an_empty_file_waits(drop: Drop) -> None:
    drop.opt_in()
    drop.put("a.png", b"")
    assert "empty" in reasons(drop.scan())["a.png"]
    assert drop.images() == []


# -- files that are no good


def test_a_file_that_omero_cannot_read_says_why_and_stops_no_other(drop: Drop) -> None:
    drop.opt_in()
    bad, good = drop.put("bad.tif", b"no image at all"), drop.put("good.png")
    result = drop.scan()
    assert [one.path for one in result.done] == [good]
    assert list(failures(result)) == ["bad.tif"]
    told = drop.avus(bad)
    assert told["ingest_state"] == ["failed"]
    assert told["ingest_error"]
    assert [link.name for link in links(drop.server, drop.user)] == ["good.png"]
    again = drop.plan()
    assert (again.items, again.failed) == ((), ())
    assert [one.path for one in again.failed_before] == [bad]


def test_a_failed_file_that_was_replaced_is_taken(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png", b"no image at all")
    drop.scan()
    drop.put("a.png")
    assert [one.path for one in drop.scan().done] == [path]
    assert "ingest_error" not in drop.avus(path)


@pytest.mark.parametrize(
    "name",
    [
        "it's.png",
        'a "quote".png',
        "100%_sure.png",
        "back\\.png",
        " blank .png",
        "Ünï-日本.png",
        "$(x)`y`.png",
        "a'||'b.png",
        "a'||'b/c'&&'d.png",
    ],
)
def test_names_that_people_give_are_taken(drop: Drop, name: str) -> None:
    drop.opt_in()
    path = drop.put(name)
    result = drop.scan()
    assert failures(result) == {}
    assert [one.path for one in result.done] == [path]
    assert drop.avus(path)["linked"] == ["in-place"]


def test_a_name_that_the_protocol_cannot_carry_is_told_and_stops_no_other(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    bad, good = drop.put("bad.png"), drop.put("good.png")
    drop.store.change_avus(bad, add=[Avu("omero::ingest_state", "waiting")])
    renamed(zone, "bad.png", "two\nlines.png")
    notes = drop.put("notes.txt", b"x")
    drop.store.change_avus(notes, add=[Avu("omero::ingest_state", "waiting")])
    renamed(zone, "notes.txt", "two\nlines.txt")
    result = drop.scan()
    assert list(failures(result)) == ["two\nlines.png"]
    assert [one.path for one in result.done] == [good]
    (failure,) = drop.plan().failed
    assert failure.error.message.startswith(f"'{drop.collection}/two\\nlines.png' cannot come into OMERO")
    assert failure.error.hint.endswith(f"imv $'{drop.collection}/two\\x0alines.png' NEW_PATH")


def test_a_set_with_a_member_that_the_protocol_cannot_carry_fails_whole(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    opened = drop.put("a.mvd2")
    drop.put("member.png")
    renamed(zone, "member.png", "one\x1b[31m.png")
    result = drop.scan(sets=(SetRule("*.mvd2", "*"),))
    assert result.done == ()
    assert "\\x1b[31m.png" in failures(result)["a.mvd2"]
    assert "\\x1b[31m.png" in drop.avus(opened)["ingest_error"][0]


def test_a_collection_that_the_protocol_cannot_carry_is_told_and_stops_no_other(
    drop: Drop, zone: Zone
) -> None:
    drop.opt_in(collection=drop.put("bad/a.png").rpartition("/")[0])
    good = drop.put("good/b.png")
    drop.opt_in(collection=good.rpartition("/")[0])
    renamed(zone, f"{drop.collection}/bad", f"{drop.collection}/two\nlines")
    result = drop.scan()
    assert list(failures(result)) == ["two\nlines"]
    assert "two\\nlines' cannot come into OMERO" in failures(result)["two\nlines"]
    assert [one.path for one in result.done] == [good]


def test_a_mark_in_a_collection_that_the_protocol_cannot_carry_keeps_no_wake_up_from_the_others(
    drop: Drop, zone: Zone
) -> None:
    waiting = Avu("omero::ingest_state", "waiting")
    for path in (drop.put("bad/a.png"), drop.put("good/b.png")):
        drop.store.change_avus(path, add=[waiting])
    renamed(zone, f"{drop.collection}/bad", f"{drop.collection}/two\nlines")
    found = ingest.hinted(drop.store, drop.options, below=drop.collection)
    assert found == [f"{drop.collection}/good"]


# -- mappings


def test_a_file_outside_of_all_mappings_is_refused_with_a_reason(drop: Drop) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    result = drop.scan(paths={"otherResc:/vault": Path("/mnt")})
    assert "[paths]" in failures(result)["a.png"]
    assert "demoResc" in failures(result)["a.png"]
    assert drop.avus(path)["ingest_state"] == ["failed"]
    assert [one.path for one in drop.scan().done] == [path]  # the settings were mended: no retry is needed


def test_a_mapping_to_a_copy_of_the_vault_is_found_out(drop: Drop, zone: Zone, tmp_path: Path) -> None:
    """As with two zones and one mount: the same bytes are there, but it is not the place."""
    drop.opt_in()
    drop.put("a.png")
    shutil.copytree(vault_of(zone), tmp_path / "copy")
    result = drop.scan(paths={f"demoResc:{vault_of(zone)}": tmp_path / "copy"})
    assert isinstance(result.failed[0].error, NotInPlace)
    assert "is wrong" in result.failed[0].error.message
    assert drop.images() == []
    children = [one.path.rpartition("/")[2] for one in drop.store.children(drop.collection)]
    assert children == ["a.png"]  # the probe is gone


def test_two_zones_of_one_name_with_one_mount_are_told_apart(drop: Drop, zone: Zone, tmp_path: Path) -> None:
    """The same path, name, and bytes in both; the mapping of the second leads to the mount of the first."""
    content = png()
    with running_zone(ZoneConfig(tmp_path / "second", zone=zone.name)) as second, store_of(second) as store:
        other = dataclasses.replace(drop, store=store, allowed=set())
        right = {f"demoResc:{vault_of(second)}": vault_of(second)}
        for one in (drop, other):
            one.put("a.png", content)
            one.opt_in()
        assert len(drop.scan().done) == 1
        result = other.scan(paths={f"demoResc:{vault_of(second)}": vault_of(zone)})
        assert "is wrong" in result.failed[0].error.message
        assert drop.images() == ["a.png"]
        assert len(other.scan(paths=right).done) == 1
        assert drop.images() == ["a.png", "a.png"]


def test_a_file_that_is_not_what_irods_recorded_is_refused(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    path = drop.put("a.png")
    drop.store.compute_checksum(path)
    zone.faults.flip_byte(path, offset=30)
    result = drop.scan()
    assert "a.png" in failures(result)
    assert drop.images() == []


# -- sets


def ome_xml(names: list[str]) -> str:
    data = "".join(
        f'<TiffData FirstC="{number}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:00000000-0000-0000-0000-{number:012d}</UUID></TiffData>'
        for number, name in enumerate(names)
    )
    channels = "".join(
        f'<Channel ID="Channel:0:{number}" SamplesPerPixel="1"/>' for number in range(len(names))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0" Name="set"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="8"'
        f' SizeY="6" SizeZ="1" SizeC="{len(names)}" SizeT="1">{channels}{data}</Pixels></Image></OME>'
    )


def test_half_a_set_is_never_imported(drop: Drop) -> None:
    drop.opt_in()
    names = ["c0.ome.tif", "c1.ome.tif"]
    first = drop.put(names[0], tiff(ome_xml(names)))
    assert reasons(drop.scan()) == {"c0.ome.tif": "c1.ome.tif of the same set is missing"}
    assert drop.images() == []
    second = drop.put(names[1], tiff(ome_xml(names)))
    result = drop.scan()
    assert [(one.path, len(one.images)) for one in result.done] == [(first, 1)]
    assert drop.avus(first)["image"] == drop.avus(second)["image"]
    assert drop.avus(first)["file"] != drop.avus(second)["file"]
    assert drop.plan().items == ()


def test_half_a_set_whose_description_is_long_is_never_imported_either(drop: Drop) -> None:
    drop.opt_in()
    names = ["c0.ome.tif", "c1.ome.tif"]
    xml = ome_xml(names).replace("<Image", f"<!--{'x' * 100_000}--><Image", 1)
    drop.put(names[0], tiff(xml))
    assert reasons(drop.scan()) == {"c0.ome.tif": "c1.ome.tif of the same set is missing"}
    assert drop.images() == []


@pytest.mark.parametrize("status", ["2", "4"])
def test_beside_a_companion_file_that_is_being_written_all_waits(drop: Drop, zone: Zone, status: str) -> None:
    drop.opt_in()
    names = ["a.tif", "b.tif"]
    for name in names:
        drop.put(name, tiff())
    path = drop.put("set.companion.ome", ome_xml(names).encode())
    at_rest(zone, "set.companion.ome", status)
    result = drop.scan()
    assert (result.done, result.failed) == ((), ())
    assert sorted(reasons(result)) == [*names, "set.companion.ome"]
    assert "set.companion.ome says which files belong together" in reasons(result)["a.tif"]
    at_rest(zone, "set.companion.ome", "1")
    assert [one.path for one in drop.scan().done] == [path]


def test_a_card_that_cannot_be_read_now_keeps_waiting_what_is_beside_it_and_nobody_else(
    drop: Drop, zone: Zone
) -> None:
    beside, good = drop.put("held/a.png"), drop.put("good/b.png")
    card = drop.put("held/held.toml", b'dataset = "D"')
    for path in (beside, good):
        drop.opt_in(collection=parent_of(path))
    at_rest(zone, "held.toml", "2")
    for _ in range(2):
        result = drop.scan()
        assert (list(reasons(result)), result.failed, result.stopped) == (["held.toml"], (), None)
        assert drop.avus(card)["ingest_state"] == ["waiting"]
    assert drop.images() == ["b.png"]
    at_rest(zone, "held.toml", "1")
    assert [one.path for one in drop.scan().done] == [beside]
    drop.scan()
    assert "ingest_state" not in drop.avus(card)


def at_rest(zone: Zone, name: str, status: str) -> None:
    """Whether a data object is: status 1, or being written, 2 and 4."""
    with zone.catalog.database.transaction():
        set_status = "update R_DATA_MAIN set data_is_dirty = ? where data_name = ?"
        zone.catalog.database.execute(set_status, status, name)


def test_half_a_numbered_series_waits_until_the_other_half_is_there(drop: Drop) -> None:
    drop.opt_in()
    rules = (SetRule(series="*_z<1-3>.png"),)
    first = [drop.put("a_z1.png"), drop.put("a_z3.png")]
    assert reasons(drop.scan(sets=rules)) == {"a_z1.png": "a_z2.png of the same set is missing"}
    assert drop.images() == []
    second = drop.put("a_z2.png")
    (done,) = drop.scan(sets=rules).done
    assert done.path == first[0]
    assert [drop.avus(path)["fileset"] for path in (*first, second)] == [[str(done.fileset)]] * 3


def test_a_companion_file_brings_its_images_as_one_set(drop: Drop) -> None:
    drop.opt_in()
    names = ["a.tif", "b.tif"]
    for name in names:
        drop.put(name, tiff())
    path = drop.put("set.companion.ome", ome_xml(names).encode())
    result = drop.scan()
    assert [(one.path, len(one.images)) for one in result.done] == [(path, 1)]
    assert bytes_kept(drop.server, drop.user) == 0
    assert all("fileset" in drop.avus(f"{drop.collection}/{name}") for name in names)


def test_a_set_whose_avus_broke_off_is_not_imported_again_in_parts(drop: Drop, zone: Zone) -> None:
    drop.opt_in()
    names = ["a.tif", "b.tif"]
    for name in names:
        drop.put(name, tiff())
    path = drop.put("set.companion.ome", ome_xml(names).encode())
    zone.faults.fail_call(ATOMIC, "SYS_INTERNAL_ERR", nth=5)  # all are queued, and one member has its AVUs
    assert drop.scan().done == ()
    assert [one.path for one in drop.scan().done] == [path]
    assert len(drop.images()) == 1
    assert all("fileset" in drop.avus(f"{drop.collection}/{name}") for name in names)


def test_a_failed_set_is_taken_again_when_any_of_its_files_was_replaced(drop: Drop) -> None:
    drop.opt_in()
    names = ["a.tif", "b.tif"]
    for name in names:
        drop.put(name, b"no image")
    path = drop.put("set.companion.ome", ome_xml(names).encode())
    assert len(drop.scan().failed) == 1
    assert [one.path for one in drop.scan().failed_before] == [path]
    for name in names:
        drop.put(name, tiff())
    assert [one.path for one in drop.scan().done] == [path]


def test_bytes_that_are_as_bad_as_before_are_tried_once_each(drop: Drop) -> None:
    drop.opt_in()
    for content in (b"no image", b"no image either"):
        drop.put("a.tif", content)
        assert len(drop.scan().failed) == 1
        assert drop.plan().items == ()


def test_status_of_any_member_of_a_set_that_failed_says_why(drop: Drop) -> None:
    drop.opt_in()
    names = ["a.tif", "b.tif"]
    for name in names:
        drop.put(name, b"no image")
    path = drop.put("set.companion.ome", ome_xml(names).encode())
    (failure,) = drop.scan().failed
    assert failure.path == path
    for one in (path, *(f"{drop.collection}/{name}" for name in names)):
        found = ingest.status(drop.store, one, drop.hands(), drop.options, clock=SystemClock())
        assert [failed.path for failed in found.failed] == [one]
        assert failure.error.message in found.failed[0].reason
    drop.put("set.companion.ome", ome_xml(names).replace("<OME", "<OME ").encode())
    found = ingest.status(drop.store, drop.collection, drop.hands(), drop.options, clock=SystemClock())
    assert (found.failed, found.ready) == ((), (path,))
