"""What OMERO links in place stays as it is: refused with a reason, through the unmodified client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from irods import keywords as kw
from irods.exception import CAT_NO_ACCESS_PERMISSION, iRODSException
from irods.meta import AVUOperation, iRODSMeta
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.zone import Zone
from tests.rules.conftest import add_avus, avus
from tests.rules.test_tell import NAMES, make_collection
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.avus import modify
from tests.wire.irods_zone.conftest import connect

REPLICA_OPEN: Final = 20003
WRITE: Final = 1
RDWR: Final = 2
TRUNC: Final = 512

NOT_IN_XML: Final = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""The protocol has no way to carry these."""
_numbers = count(1)

Attempt = Callable[[iRODSSession, str, Path], Any]


def above(path: str, levels: int) -> str:
    return path.rsplit("/", levels)[0]


def copy_onto(session: iRODSSession, path: str) -> None:
    do.write(session, f"{path}-other", b"other")
    session.data_objects.copy(f"{path}-other", path, **{kw.FORCE_FLAG_KW: ""})


def atomically(session: iRODSSession, path: str, verb: str, name: str, value: str) -> None:
    operation = AVUOperation(operation=verb, avu=iRODSMeta(name, value))
    session.data_objects.get(path).metadata.apply_atomic_operations(operation)


def metadata(session: iRODSSession, path: str) -> Any:
    return session.data_objects.get(path).metadata


def avu_id(session: iRODSSession, path: str, name: str) -> str:
    return str(metadata(session, path).get_one(name).avu_id)


LINK: Final = "omero::linked"
REFUSED: Final[dict[str, tuple[str, Attempt]]] = {
    "unlink by force": ("removal", lambda s, p, _: s.data_objects.unlink(p, force=True)),
    "unlink to the trash": ("removal", lambda s, p, _: s.data_objects.unlink(p)),
    "unregister": ("removal", lambda s, p, _: s.data_objects.unregister(p)),
    "unlink by another spelling": ("removal", lambda s, p, _: do.request(s, 615, p.replace("/", "//"))),
    "move": ("rename", lambda s, p, _: s.data_objects.move(p, f"{p}-moved")),
    "move of its collection": (
        "rename",
        lambda s, p, _: s.collections.move(above(p, 1), f"{above(p, 1)}-moved"),
    ),
    "move of a collection above": (
        "rename",
        lambda s, p, _: s.collections.move(above(p, 2), f"{above(p, 2)}-moved"),
    ),
    "put": ("write", lambda s, p, local: s.data_objects.put(str(local), p)),
    "put by force in one request": ("overwrite", lambda s, p, _: do.put(s, p, b"new", forceFlag="")),
    "create by force": ("overwrite", lambda s, p, _: do.request(s, 601, p, keywords={"forceFlag": ""})),
    "open for writing": ("write", lambda s, p, _: do.write(s, p, b"new")),
    "open for appending": ("write", lambda s, p, _: do.write(s, p, b"new", "a")),
    "open with truncation": ("write", lambda s, p, _: do.request(s, 602, p, flags=RDWR | TRUNC)),
    "open of a replica": ("write", lambda s, p, _: do.request(s, REPLICA_OPEN, p, flags=WRITE)),
    "truncate": ("truncation", lambda s, p, _: s.data_objects.truncate(p, 1)),
    "replica truncate": ("truncation", lambda s, p, _: s.data_objects.replica_truncate(p, 1)),
    "trim": ("trim", lambda s, p, _: s.data_objects.trim(p, **{kw.COPIES_KW: "1"})),
    "trim of a good replica": ("trim", lambda s, p, _: s.data_objects.trim(p, **{kw.REPL_NUM_KW: "0"})),
    "removal of its collection": ("removal", lambda s, p, _: s.collections.remove(above(p, 1), force=True)),
    "removal of a collection above": ("removal", lambda s, p, _: s.collections.remove(above(p, 2))),
    "copy onto it": ("overwrite", lambda s, p, _: copy_onto(s, p)),
    "physical move": ("physical move", lambda s, p, _: do.request(s, 697, p)),
    "removal of the AVU": (f"change of {LINK}", lambda s, p, _: metadata(s, p).remove(LINK, "in-place")),
    "another value of the AVU": (f"change of {LINK}", lambda s, p, _: metadata(s, p).set(LINK, "no more")),
    "removal by a pattern": (
        f"change of {LINK}",
        lambda s, p, _: modify(s, "rmw", "-d", p, "om%ink_d", "%", "%"),
    ),
    "removal by the number": (
        f"change of {LINK}",
        lambda s, p, _: modify(s, "rmi", "-d", p, avu_id(s, p, LINK)),
    ),
    "change of the AVU": (
        f"change of {LINK}",
        lambda s, p, _: modify(s, "mod", "-d", p, LINK, "in-place", "v:copied"),
    ),
    "atomic removal of the AVU": (
        f"change of {LINK}",
        lambda s, p, _: atomically(s, p, "remove", LINK, "in-place"),
    ),
    "removal of the image": (
        "change of omero::image",
        lambda s, p, _: metadata(s, p).remove("omero::image", "12"),
    ),
    "copy of its AVUs": ("copy of AVUs", lambda s, p, _: modify(s, "cp", "-d", "-d", p, f"{p}-other")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_reaches_the_client_with_its_reason_and_nothing_changes(
    zone: Zone, session: iRODSSession, linked: str, sample: Path, name: str
) -> None:
    what, attempt = REFUSED[name]
    why = rf"{what} refused: {linked} is linked in place by OMERO \(Image:12\), .* Delete the image in OMERO"
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match=why):
        attempt(session, linked, sample)
    assert do.read(session, linked) == b"kept"
    assert do.states(zone, linked) == [do.GOOD]
    assert sorted(avus(zone, linked)) == [("omero::image", "12", ""), (LINK, "in-place", "")]


def test_what_does_no_harm_is_allowed(zone: Zone, session: iRODSSession, linked: str, sample: Path) -> None:
    with replica(session, zone, linked):
        assert do.read(session, linked) == b"kept"
        session.data_objects.get(str(linked), str(sample.with_suffix(".got")))
        session.data_objects.touch(linked)
        session.data_objects.chksum(linked)
        own = metadata(session, linked)
        own.add("stain", "DAPI")
        own.set("stain", "GFP")
        modify(session, "rmw", "-d", linked, "st%", "%", "%")
        own.add("omero::ingest_state", "waiting")
        own.remove("omero::ingest_state", "waiting")
        session.data_objects.copy(linked, f"{linked}-copy")
        session.collections.create(f"{above(linked, 1)}/more")
        session.collections.remove(f"{above(linked, 1)}/more", force=True)
        atomically(session, linked, "add", "more", "of mine")


@contextmanager
def replica(session: iRODSSession, zone: Zone, path: str) -> Iterator[None]:
    """A second replica, number 1, whose resource goes with it."""
    with do.storage(session, zone, "second"):
        session.data_objects.replicate(path, resource="second")
        yield
        zone.catalog.metadata.set(do.replicas(zone, path)[0].data_id, LINK, "released", "")
        session.data_objects.unlink(path, force=True)


def test_a_stale_replica_may_be_trimmed(zone: Zone, session: iRODSSession, linked: str) -> None:
    metadata(session, linked)
    with replica(session, zone, linked):
        zone.catalog.metadata.set(do.replicas(zone, linked)[0].data_id, LINK, "copied", "")
        do.write(session, linked, b"newer", **{kw.REPL_NUM_KW: "0"})
        zone.catalog.metadata.set(do.replicas(zone, linked)[0].data_id, LINK, "in-place", "")
        assert do.states(zone, linked) == [do.GOOD, do.STALE]
        with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="trim refused"):
            session.data_objects.trim(linked, **{kw.REPL_NUM_KW: "0", kw.COPIES_KW: "1"})
        session.data_objects.trim(linked, **{kw.REPL_NUM_KW: "1", kw.COPIES_KW: "1"})
        assert do.states(zone, linked) == [do.GOOD]


def test_what_omero_has_a_copy_of_is_not_protected(session: iRODSSession, home: str) -> None:
    do.write(session, f"{home}/copied", b"x")
    add_avus(session, f"{home}/copied", linked="copied")
    session.data_objects.unlink(f"{home}/copied", force=True)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_protected(zone: Zone, session: iRODSSession, home: str, name: str) -> None:
    path = f"{home}/{name}/below/{name}"
    make_collection(session, f"{home}/{name}/below")
    do.write(session, path, b"x")
    zone.catalog.metadata.add(zone.catalog.data_object_id(path), LINK, "in-place", "")
    attempts: list[Callable[[], Any]] = [
        lambda: session.data_objects.unlink(path, force=True),
        lambda: session.collections.remove(f"{home}/{name}", force=True),
        lambda: session.collections.move(f"{home}/{name}", f"{home}/elsewhere"),
    ]
    for attempt in attempts:
        with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="is linked in place by OMERO"):
            attempt()


def test_a_neighbour_with_a_name_like_a_pattern_of_it_is_not_protected(
    session: iRODSSession, home: str
) -> None:
    for name in ("it's", "it_s", "itxs"):
        session.collections.create(f"{home}/{name}")
        do.write(session, f"{home}/{name}/object", b"x")
    add_avus(session, f"{home}/itxs/object", linked="in-place")
    session.data_objects.unlink(f"{home}/it's/object", force=True)
    session.collections.remove(f"{home}/it_s", force=True)
    session.collections.remove(f"{home}/it's", force=True)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        session.collections.remove(f"{home}/itxs", force=True)


def test_a_long_path_leaves_room_for_the_advice(session: iRODSSession, home: str) -> None:
    path = f"{home}/{'n' * 200}/{'m' * 200}/{'o' * 200}/object"
    session.collections.create(above(path, 1))
    do.write(session, path, b"x")
    add_avus(session, path, linked="in-place")
    with pytest.raises(
        CAT_NO_ACCESS_PERMISSION, match=r"removal refused: /tempZone.*/object is linked .* on it\."
    ):
        session.data_objects.unlink(path, force=True)


# -- who


@pytest.fixture
def owned(zone: Zone, make_user: Callable[[str], iRODSSession]) -> tuple[iRODSSession, str]:
    """An ordinary user, and a data object of his that OMERO links."""
    ann = make_user("ann")
    path = f"/{zone.name}/home/{ann.username}/linked"
    do.write(ann, path, b"kept")
    add_avus(ann, path, linked="in-place")
    return ann, path


def test_an_ordinary_owner_is_refused_too(owned: tuple[iRODSSession, str]) -> None:
    ann, path = owned
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="removal refused"):
        ann.data_objects.unlink(path, force=True)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match=f"change of {LINK} refused"):
        metadata(ann, path).remove(LINK, "in-place")


def test_an_administrator_who_acts_for_a_user_is_refused_too(
    zone: Zone, owned: tuple[iRODSSession, str]
) -> None:
    ann, path = owned
    with (
        connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann,
        pytest.raises(CAT_NO_ACCESS_PERMISSION, match="rename refused"),
    ):
        as_ann.data_objects.move(path, f"{path}-moved")


def test_the_bridge_s_account_may_change_its_avus_and_nothing_else(
    zone: Zone, owned: tuple[iRODSSession, str], service: iRODSSession
) -> None:
    ann, path = owned
    with connect(zone, "bridge", "bridge-pw", client_user=ann.username, client_zone=zone.name) as as_ann:
        with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="removal refused"):
            as_ann.data_objects.unlink(path, force=True)
        atomically(as_ann, path, "remove", LINK, "in-place")
        metadata(as_ann, path).add(LINK, "in-place")
        metadata(as_ann, path).remove(LINK, "in-place")
    ann.data_objects.unlink(path, force=True)


# -- an administrator's override


def overridden(zone: Zone, path: str) -> list[str]:
    return [value for name, value, _ in avus(zone, path) if name == "omero::overridden"]


def test_an_override_lets_it_pass_and_says_who_made_use_of_it(
    zone: Zone, session: iRODSSession, owned: tuple[iRODSSession, str]
) -> None:
    ann, path = owned
    session.data_objects.get(path)
    modify(session, "add", "-d", path, "omero::override", "moves to the archive", irodsAdmin="")
    ann.data_objects.move(path, f"{path}-moved")
    (record,) = overridden(zone, f"{path}-moved")
    assert f"rename by {ann.username}#{zone.name} (moves to the archive)" in record


def test_an_override_of_a_collection_counts_for_all_below(
    zone: Zone, session: iRODSSession, linked: str, caplog: pytest.LogCaptureFixture
) -> None:
    collection = session.collections.get(above(linked, 2))
    collection.metadata.add("omero::override", "the project has ended")
    do.write(session, f"{linked}-2", b"x")
    add_avus(session, f"{linked}-2", linked="in-place")
    caplog.set_level("INFO")
    for path in (linked, f"{linked}-2"):
        session.data_objects.unlink(path, force=True)
        assert f"removal by rods#tempZone: {path} (the project has ended)" in caplog.text
    (record,) = overridden(zone, collection.path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d removal by rods#tempZone \(the project has ended\)", record)
    assert "could not be set" not in caplog.text


def test_overrides_of_all_that_is_below_let_a_collection_go(session: iRODSSession, linked: str) -> None:
    do.write(session, f"{linked}-2", b"x")
    add_avus(session, f"{linked}-2", linked="in-place")
    metadata(session, linked).add("omero::override", "why")
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match=f"{linked}-2 is linked"):
        session.collections.remove(above(linked, 1), force=True)
    metadata(session, f"{linked}-2").add("omero::override", "why")
    session.collections.remove(above(linked, 1), force=True)


def test_without_the_override_it_is_protected_again(session: iRODSSession, linked: str) -> None:
    metadata(session, linked).add("omero::override", "why")
    do.write(session, linked, b"kept")
    metadata(session, linked).remove("omero::override", "why")
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="write refused"):
        do.write(session, linked, b"new")


OVERRIDES: Final[dict[str, Callable[[iRODSSession, str], Any]]] = {
    "add": lambda s, p: metadata(s, p).add("omero::override", "I want to"),
    "set": lambda s, p: metadata(s, p).set("omero::override", "I want to"),
    "atomic": lambda s, p: atomically(s, p, "add", "omero::override", "I want to"),
    "another name": lambda s, p: modify(s, "mod", "-d", p, "a", "b", "n:omero::override"),
    "on the collection": lambda s, p: s.collections.get(above(p, 1)).metadata.add(
        "omero::override", "I want to"
    ),
    "with a put": lambda s, p: do.put(s, f"{p}-2", b"x", metadataIncluded="a;b;;omero::override;I want to;"),
}


@pytest.mark.parametrize("how", OVERRIDES)
def test_only_an_administrator_who_acts_for_himself_may_override(
    zone: Zone, owned: tuple[iRODSSession, str], how: str
) -> None:
    ann, path = owned
    with connect(zone, client_user=ann.username, client_zone=zone.name) as as_ann:
        for session in (ann, as_ann):
            with pytest.raises(
                CAT_NO_ACCESS_PERMISSION, match="omero::override refused: only an administrator"
            ):
                OVERRIDES[how](session, path)


def test_an_administrator_who_acts_for_another_administrator_may_not_override(
    zone: Zone, linked: str, service: iRODSSession
) -> None:
    with (
        connect(zone, "bridge", "bridge-pw", client_user="rods", client_zone=zone.name) as as_rods,
        pytest.raises(CAT_NO_ACCESS_PERMISSION, match="omero::override refused"),
    ):
        metadata(as_rods, linked).add("omero::override", "for him")


def test_an_override_is_not_copied_by_others(
    zone: Zone, session: iRODSSession, owned: tuple[iRODSSession, str]
) -> None:
    ann, path = owned
    do.write(ann, f"{path}-2", b"x")
    modify(session, "add", "-d", path, "omero::override", "why", irodsAdmin="")
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="omero::override refused"):
        modify(ann, "cp", "-d", "-d", path, f"{path}-2")


# -- beside a site's own hooks


def test_a_hook_of_the_site_s_own_decides_first_and_ours_after_it(
    session: iRODSSession, home: str, linked: str
) -> None:
    do.write(session, f"{home}/site-keeps-this", b"x")
    with pytest.raises(iRODSException, match="the site says no"):
        session.data_objects.unlink(f"{home}/site-keeps-this", force=True)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="removal refused"):
        session.data_objects.unlink(linked, force=True)


# -- any name at all

NAMES_AT_ALL: Final = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), min_size=1, max_size=40
).filter(lambda name: name not in {".", ".."} and not NOT_IN_XML.search(name))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(collection=NAMES_AT_ALL, name=NAMES_AT_ALL)
def test_what_arrives_under_any_name_is_marked_once_and_protected(
    zone: Zone, session: iRODSSession, collection: str, name: str
) -> None:
    inbox = f"/{zone.name}/home/rods/any{next(_numbers)}"
    session.collections.create(inbox).metadata.add("omero::ingest", "in-place")
    make_collection(session, f"{inbox}/{collection}")
    path = f"{inbox}/{collection}/{name}"
    do.write(session, path, b"x")
    assert avus(zone, path) == [("omero::ingest_state", "waiting", "")]
    zone.catalog.metadata.add(zone.catalog.data_object_id(path), LINK, "in-place", "")
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="removal refused"):
        session.data_objects.unlink(path, force=True)
    with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="removal refused"):
        session.collections.remove(inbox, force=True)
