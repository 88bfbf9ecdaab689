"""What arrives in a collection that opted in is marked, once, however it arrives, and the agent is woken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from irods.exception import CollectionDoesNotExist
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.zone import Zone
from tests.rules.conftest import add_avus, states
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.arrivals import WAYS, Arrive, put_in_one_request, put_small, stream
from tests.wire.irods_zone.conftest import connect

NAMES: Final = [
    "it's",
    "'",
    "''",
    "a' || = 'b",
    "x' and COLL_NAME = 'y",
    'double " quote',
    "blanks  and\ttab",
    "new\nline",
    "100%_done",
    "back\\slash\\",
    "a\\x41b",
    "a || b && c",
    "$(id) `id` *path ${x}",
    "-n <&>;|#",
    "Zellen µ 細胞 🔬",
    "e\u0301",
    "{braces} [brackets] (",
]


def copy(session: iRODSSession, path: str, local: Path) -> None:
    source = outside(path)
    do.write(session, source, b"copied")
    session.data_objects.copy(source, path)


def move(session: iRODSSession, path: str, local: Path) -> None:
    source = outside(path)
    do.write(session, source, b"moved")
    session.data_objects.move(source, path)


def outside(path: str) -> str:
    """A path beside the collection that opted in."""
    return path.rpartition("/")[0] + "-outside"


ARRIVALS: Final = [*WAYS, copy, move]


@pytest.mark.parametrize("arrive", ARRIVALS, ids=lambda arrive: arrive.__name__)
def test_each_way_in_marks_once(
    zone: Zone, session: iRODSSession, inbox: str, sample: Path, arrive: Arrive
) -> None:
    arrive(session, f"{inbox}/arrived", sample)
    assert states(zone, f"{inbox}/arrived") == ["waiting"]


@pytest.mark.parametrize("arrive", ARRIVALS, ids=lambda arrive: arrive.__name__)
def test_nothing_is_marked_where_nobody_opted_in(
    zone: Zone, session: iRODSSession, home: str, sample: Path, arrive: Arrive
) -> None:
    arrive(session, f"{home}/arrived", sample)
    assert states(zone, f"{home}/arrived") == []


@pytest.mark.parametrize("arrive", [put_small, put_in_one_request, stream], ids=lambda one: one.__name__)
def test_new_content_is_marked_again_and_there_is_one_mark(
    zone: Zone, session: iRODSSession, inbox: str, sample: Path, arrive: Arrive
) -> None:
    path = f"{inbox}/arrived"
    do.write(session, path, b"old")
    session.data_objects.get(path).metadata.set("omero::ingest_state", "failed")
    if arrive is put_in_one_request:
        do.put(session, path, b"new", forceFlag="")
    else:
        arrive(session, path, sample)
    assert states(zone, path) == ["waiting"]


def test_collections_below_the_one_that_opted_in_belong_to_it(
    zone: Zone, session: iRODSSession, inbox: str
) -> None:
    session.collections.create(f"{inbox}/a/b")
    do.write(session, f"{inbox}/a/b/object", b"x")
    assert states(zone, f"{inbox}/a/b/object") == ["waiting"]


def test_a_collection_with_a_similar_name_did_not_opt_in(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    session.collections.create(f"{home}/axb").metadata.add("omero::ingest", "copy")
    session.collections.create(f"{home}/a'b")
    do.write(session, f"{home}/a'b/object", b"x")
    assert states(zone, f"{home}/a'b/object") == []


def make_collection(session: iRODSSession, path: str) -> None:
    """PRC looks for what it has made, and cannot ask for every name."""
    with suppress(CollectionDoesNotExist):
        session.collections.create(path)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_marked(zone: Zone, session: iRODSSession, inbox: str, name: str) -> None:
    make_collection(session, f"{inbox}/{name}")
    path = f"{inbox}/{name}/{name}"
    do.write(session, path, b"x")
    assert states(zone, path) == ["waiting"]


@pytest.mark.parametrize("name", NAMES)
def test_a_collection_with_any_name_can_opt_in(
    zone: Zone, session: iRODSSession, home: str, name: str
) -> None:
    make_collection(session, f"{home}/{name}")
    zone.catalog.metadata.add(zone.catalog.object_id(f"{home}/{name}"), "omero::ingest", "copy", "")
    do.write(session, f"{home}/{name}/object", b"x")
    assert states(zone, f"{home}/{name}/object") == ["waiting"]


@pytest.mark.parametrize("name", NAMES)
def test_a_collection_that_is_moved_in_has_all_its_objects_marked(
    zone: Zone, session: iRODSSession, inbox: str, name: str
) -> None:
    make_collection(session, f"{inbox}-out/{name}")
    paths = [f"/{name}/{name}", "/plain"]
    for path in paths:
        do.write(session, f"{inbox}-out{path}", b"x")
    session.collections.move(f"{inbox}-out", f"{inbox}/in")
    do.wait_until(lambda: all(states(zone, f"{inbox}/in{path}") == ["waiting"] for path in paths))


def test_a_collection_that_is_moved_marks_nothing_that_is_marked_or_linked_already(
    zone: Zone, session: iRODSSession, inbox: str
) -> None:
    session.collections.create(f"{inbox}/old")
    for name in ("failed", "linked", "new"):
        do.write(session, f"{inbox}/old/{name}", b"x")
        session.data_objects.get(f"{inbox}/old/{name}").metadata.remove("omero::ingest_state", "waiting")
    add_avus(session, f"{inbox}/old/failed", ingest_state="failed")
    add_avus(session, f"{inbox}/old/linked", linked="copied")
    session.collections.move(f"{inbox}/old", f"{inbox}/moved")
    do.wait_until(lambda: states(zone, f"{inbox}/moved/new") == ["waiting"])
    assert states(zone, f"{inbox}/moved/failed") == ["failed"]
    assert states(zone, f"{inbox}/moved/linked") == []


def test_packets_that_are_being_written_and_get_their_name_are_not_marked(
    zone: Zone, session: iRODSSession, inbox: str
) -> None:
    session.collections.create(f"{inbox}/.incoming/job")
    do.write(session, f"{inbox}/.incoming/job/packet", b"x")
    assert states(zone, f"{inbox}/.incoming/job/packet") == []
    session.data_objects.move(f"{inbox}/.incoming/job/packet", f"{inbox}/packet.zip")
    assert states(zone, f"{inbox}/packet.zip") == []


def test_what_is_linked_in_place_is_not_marked_when_it_is_replicated_or_touched(
    zone: Zone, session: iRODSSession, inbox: str
) -> None:
    path = f"{inbox}/linked"
    do.write(session, path, b"x")
    session.data_objects.get(path).metadata.remove("omero::ingest_state", "waiting")
    add_avus(session, path, linked="in-place")
    with do.storage(session, zone, "replicas"):
        session.data_objects.replicate(path, resource="replicas")
        session.data_objects.touch(path)
        assert states(zone, path) == []
        zone.catalog.metadata.remove(do.replicas(zone, path)[0].data_id, "omero::linked", "in-place", "")
        session.data_objects.unlink(path, force=True)


def test_our_own_avus_mark_nothing(zone: Zone, session: iRODSSession, inbox: str) -> None:
    path = f"{inbox}/object"
    do.write(session, path, b"x")
    metadata = session.data_objects.get(path).metadata
    metadata.remove("omero::ingest_state", "waiting")
    add_avus(session, path, fileset="7", image="12", linked="copied")
    assert states(zone, path) == []


def test_an_ordinary_user_s_arrivals_are_marked(
    session: iRODSSession, zone: Zone, make_user: Callable[[str], iRODSSession], sample: Path
) -> None:
    ann = make_user("ann")
    inbox = f"/{zone.name}/home/{ann.username}/inbox"
    ann.collections.create(inbox).metadata.add("omero::ingest", "copy")
    ann.data_objects.put(str(sample), f"{inbox}/own")
    with connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann:
        as_ann.data_objects.put(str(sample), f"{inbox}/by proxy")
    assert states(zone, f"{inbox}/own") == states(zone, f"{inbox}/by proxy") == ["waiting"]


# -- waking


def woken(zone: Zone) -> int:
    """When the program has run, in nanoseconds; 0 for never."""
    path = zone.config.root.parent / "woken"
    return path.stat().st_mtime_ns if path.exists() else 0


def pending(zone: Zone) -> int:
    database = zone.catalog.database
    return len(database.rows("select 1 from R_RULE_EXEC where rule_name like '%omero_bridge_wake%'"))


def test_an_arrival_wakes_the_agent(zone: Zone, session: iRODSSession, inbox: str) -> None:
    do.wait_until(lambda: pending(zone) == 0)
    before = woken(zone)
    do.write(session, f"{inbox}/object", b"x")
    do.wait_until(lambda: woken(zone) > before)


def test_many_arrivals_wake_it_once(zone: Zone, session: iRODSSession, inbox: str) -> None:
    do.wait_until(lambda: pending(zone) == 0)
    zone.catalog.database.execute("delete from R_RULE_EXEC")
    most = 0
    for number in range(20):
        do.write(session, f"{inbox}/{number}", b"x")
        most = max(most, pending(zone))
    assert most <= 2  # one that begins, and one that is ahead
    do.wait_until(lambda: pending(zone) == 0)


def test_an_arrival_elsewhere_wakes_nobody(zone: Zone, session: iRODSSession, home: str) -> None:
    do.wait_until(lambda: pending(zone) == 0)
    do.write(session, f"{home}/object", b"x")
    assert pending(zone) == 0


def test_a_put_does_not_fail_when_the_program_is_missing(
    zone: Zone, session: iRODSSession, inbox: str
) -> None:
    assert zone.config.exec_bin is not None
    program = zone.config.exec_bin / "omero_bridge_wake"
    program.rename(program.with_name(f"{program.name}-away"))
    try:
        do.write(session, f"{inbox}/object", b"x")
        do.wait_until(lambda: pending(zone) == 0)
    finally:
        program.with_name(f"{program.name}-away").rename(program)
    assert states(zone, f"{inbox}/object") == ["waiting"]
