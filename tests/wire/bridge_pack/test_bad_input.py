"""What cannot be packed as it is: said before anything is written, with the object and what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BadName,
    BridgeError,
    ChecksumMismatch,
    NotFound,
    TargetExists,
    UsageError,
)
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import Existing, PackRequest
from omero_irods_bridge.model.snapshot import Form, from_avus
from omero_irods_bridge.operations import pack
from omero_irods_bridge.packet.manifest import parse
from omero_irods_bridge.packet.reading import MANIFEST
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import store_of
from tests.wire.bridge_pack.conftest import ServerOf
from tests.wire.bridge_pack.packets import (
    asked,
    binary_access,
    contents,
    imported,
    imported_plate,
    packed_rows,
)
from tests.wire.bridge_pack.test_pack import SMALL_PIECES, run
from tests.wire.bridge_pack.test_rows import attach
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import User
from tests.wire.omero_server.images import made_image, ramp
from tests.wire.omero_server.import_client import Options, image_ids, import_files

Gateway = Any

TWINS = [unicodedata.normalize(form, "zellen-ä.tif") for form in ("NFC", "NFD")]


def planned(omero: OmeroImageServer, store: IrodsStore, request: PackRequest) -> pack.PackPlan:
    return pack.plan(request, omero, store, clock=SystemClock())


def refused(
    omero: OmeroImageServer, store: IrodsStore, request: PackRequest, *, wrote: int = 0
) -> BridgeError:
    """The one problem of the plan, which is what applying it raises too; nothing is in the target."""
    plan = planned(omero, store, request)
    (problem,) = plan.problems
    with pytest.raises(type(problem)) as caught:
        pack.apply(plan, omero, store)
    assert caught.value is problem
    collection = plan.target.rpartition("/")[0]
    if store.find(collection) is not None:
        assert len(list(store.children(collection))) == wrote
    assert problem.hint
    return problem


# -- objects


def test_objects_that_are_not_there_are_all_named(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    missing = [ObjectRef(Kind.IMAGE, 900_001), ObjectRef(Kind.PLATE, 900_002)]
    with pytest.raises(NotFound, match="Image:900001, Plate:900002") as caught:
        planned(omero, store, asked([dataset, *missing], place))
    assert str(dataset) not in caught.value.message
    assert "ids" in caught.value.hint


def test_what_another_user_keeps_private_is_not_found(
    omero_of: ServerOf, store: IrodsStore, place: str, pair: Any, server: OmeroServer
) -> None:
    owner, other = pair("rw----")
    theirs = ObjectRef(Kind.IMAGE, content.image(owner))
    name = other.getUser().getName()
    with pytest.raises(NotFound, match=str(theirs)) as caught:
        planned(omero_of(User(0, name, f"{name}-pw", 0)), store, asked([theirs], place))
    assert "group" in caught.value.hint


@pytest.mark.parametrize("kind", [Kind.PROJECT, Kind.DATASET, Kind.SCREEN, Kind.PLATE])
def test_what_holds_no_image_is_nothing_to_pack(
    kind: Kind, omero: OmeroImageServer, store: IrodsStore, place: str, gateway: Gateway
) -> None:
    empty = ObjectRef(kind, content.new(gateway, kind))
    problem = refused(omero, store, asked([empty], place))
    assert isinstance(problem, NotFound)
    assert f"{empty} has no images" in problem.message


def test_a_fileset_without_files_is_named(
    omero: OmeroImageServer, store: IrodsStore, place: str, gateway: Gateway
) -> None:
    fileset = content.fileset(gateway)
    image = content.image(gateway, fileset=fileset)
    problem = refused(omero, store, asked([ObjectRef(Kind.IMAGE, image)], place))
    assert isinstance(problem, NotFound)
    assert f"Fileset:{fileset}" in problem.message


# -- bytes that OMERO does not give


def test_a_plate_that_may_not_be_downloaded_is_refused_and_a_mounted_repository_helps(
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    gateway: Gateway,
    tmp_path: Path,
    server: OmeroServer,
) -> None:
    plate = imported_plate(gateway, tmp_path)
    problem = refused(omero, store, asked([plate], place))
    assert isinstance(problem, AccessDenied)
    assert "Image:" in problem.message
    assert "omero.policy.binary_access" in problem.hint
    mounted = OmeroImageServer(omero._connection, repository=Path(server.config.data) / "ManagedRepository")
    assert run(mounted, store, asked([plate], place)).description.images == 2


def test_an_image_that_may_no_longer_be_downloaded_is_named_by_its_file(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, server: OmeroServer
) -> None:
    plan = planned(omero, store, asked([dataset], place))
    with binary_access(server, "-read,-write,-image,-plate"), pytest.raises(AccessDenied) as caught:
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert "noise-" in caught.value.message
    assert store.find(plan.target) is None


def test_a_file_deleted_after_the_plan_was_made_is_named(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, gateway: Gateway
) -> None:
    plan = planned(omero, store, asked([dataset], place))
    assert plan.files[0].fileset is not None
    content.delete(gateway, {"Fileset": [plan.files[0].fileset]})
    with pytest.raises(NotFound, match=rf"OriginalFile:{plan.files[0].id}") as caught:
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert caught.value.hint
    assert store.find(plan.target) is None


@pytest.mark.parametrize("form", Form)
def test_a_hash_that_omero_has_wrong_is_a_mismatch(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    file = planned(omero, store, asked([dataset], place)).files[1]
    change_file(server, file.id, hash="0" * 40)
    plan = planned(omero, store, asked([dataset], place, form))
    with pytest.raises(ChecksumMismatch, match=rf"noise-1\.tif \(OriginalFile:{file.id}\).*SHA1") as caught:
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert "administrator" in caught.value.hint
    assert store.find(plan.target) is None


@pytest.mark.parametrize("size", [0, 10, 1 << 30])
def test_a_size_that_omero_has_wrong_is_a_mismatch(
    size: int,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    file = planned(omero, store, asked([dataset], place)).files[0]
    change_file(server, file.id, size=size)
    plan = planned(omero, store, asked([dataset], place))
    with pytest.raises(ChecksumMismatch, match=rf"noise-0\.tif.* record says {size}") as caught:
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert caught.value.hint
    assert store.find(plan.target) is None


@pytest.mark.parametrize("hasher", ["File-Size-64", "CRC-32", "Adler-32", "Murmur3-128", None])
def test_files_whose_hash_says_little_are_packed_with_a_sha256_of_ours(
    hasher: str | None,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    gateway: Gateway,
    tmp_path: Path,
    server: OmeroServer,
) -> None:
    path = tmp_path / "small.fake"
    path.write_bytes(b"fake")
    options = Options() if hasher is None else Options(algorithm=hasher)
    (image,) = image_ids(import_files(gateway.c, [path], options))
    request = asked([ObjectRef(Kind.IMAGE, image)], place)
    if hasher is None:
        change_file(server, planned(omero, store, request).files[0].id, hash=None)
        (notice,) = planned(omero, store, request).notices
        assert "no hash of" in notice
    snapshot = run(omero, store, request)
    (file,) = [
        one for one in parse(contents(store, snapshot)[MANIFEST]).members if one.role is FileRole.ORIGINAL
    ]
    assert (file.hash and file.hash.hasher) == hasher
    assert file.sha256.hex == "b5d54c39e66671c9731b9f471e585d8262cd4f54963f0c93082d8dcf334d4c78"


# -- names


def change_file(server: OmeroServer, id_: int, **columns: object) -> None:
    """What OMERO's database says of an original file, and nothing on its disk."""
    with server.store.database.transaction():
        server.store.database.update("OriginalFile", id_, **columns)


BAD_NAMES = {
    "..": "'..'",
    "a\x01b.tif": "control character",
    "a\nb.tif": "control character",
    "x" * 300 + ".tif": "longer than 255 bytes",
    "ä" * 150 + ".tif": "longer than 255 bytes",
    "a\\b.tif": "backslash",
    "con.tif": "a device on Windows",
    "a:b.tif": "which Windows refuses",
    "a.tif ": "which Windows drops",
}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[:12])
def test_an_original_file_of_a_bad_name_is_a_problem_that_names_it(
    name: str,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    server: OmeroServer,
) -> None:
    file = planned(omero, store, asked([dataset], place)).files[0]
    change_file(server, file.id, name=name)
    problem = refused(omero, store, asked([dataset], place))
    assert isinstance(problem, BadName)
    assert f"OriginalFile:{file.id} of Fileset:{file.fileset}" in problem.message
    assert BAD_NAMES[name] in problem.message
    assert problem.message.isprintable()


@pytest.fixture
def two_files(gateway: Gateway, tmp_path: Path) -> ObjectRef:
    """An image of two files in one folder."""
    paths = [tmp_path / "main.fake", tmp_path / "notes.txt"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return ObjectRef(Kind.IMAGE, image_ids(import_files(gateway.c, paths))[0])


@pytest.mark.parametrize(
    "names", [TWINS, ["one.tif", "one.tif"], ["one.tif", "ONE.tif"], ["ß.tif", "SS.TIF"]], ids=ascii
)
def test_two_files_that_some_system_takes_for_one_are_a_problem(
    names: list[str],
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    two_files: ObjectRef,
    server: OmeroServer,
) -> None:
    files = planned(omero, store, asked([two_files], place)).files
    for number, (file, name) in enumerate(zip(files, names, strict=True)):
        row = server.store.row("OriginalFile", file.id)
        assert row is not None
        # OMERO has no two files of one name and path, but "a/./b" and "a/b" are two for it.
        change_file(server, file.id, name=name, path=row["path"] + "./" * number)
    problem = refused(omero, store, asked([two_files], place))
    assert isinstance(problem, BadName)
    assert f"OriginalFile:{files[1].id}" in problem.message
    assert "one name" in problem.message or "differ only by case or by Unicode form" in problem.message


@pytest.mark.parametrize("form", Form)
def test_attachments_may_be_called_anything(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    gateway: Gateway,
    tmp_path: Path,
    server: OmeroServer,
) -> None:
    names = ["../../etc/passwd", "..", "a\x01\n.csv", "y" * 300 + ".csv", *TWINS, *TWINS[:1], "nul", "a?.csv"]
    made = {}
    for name in names:
        id_ = attach(gateway, dataset, tmp_path / "file", name.encode())
        file = gateway.getObject("FileAnnotation", id_).getFile().getId()
        change_file(server, file, name=name)
        made[id_, file] = name
    plan = planned(omero, store, asked([dataset], place, form))
    assert not plan.problems
    snapshot = pack.apply(plan, omero, store, options=SMALL_PIECES)
    found, rows = contents(store, snapshot), packed_rows(store, snapshot)
    for (id_, file), name in made.items():
        (member,) = [one for one in found if one.startswith(f"file_annotations/{id_}/")]
        assert found[member] == name.encode()
        assert rows[f"OriginalFile:{file}"]["name"] == name
        is_kept = member.rpartition("/")[2] == name
        assert is_kept is (name in TWINS)
        assert is_kept or any(f"FileAnnotation:{id_}" in notice for notice in plan.notices)


def test_a_name_in_omero_never_leads_out_of_its_place_in_the_template(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, gateway: Gateway
) -> None:
    name = "../../\x07evil/\u202e" + "ä" * 300
    obj = gateway.getObject("Dataset", dataset.id)
    obj.setName(name)
    obj.save()
    snapshot = run(omero, store, PackRequest((dataset,), f"{place}/{{kind}}/{{name}}.zip"))
    collection, _, file = snapshot.path.rpartition("/")
    assert collection == f"{place}/Dataset"
    assert len(file.encode()) < 255
    assert from_avus(store.avus(snapshot.path)) is not None
    assert packed_rows(store, snapshot)[str(dataset)]["name"] == name


@pytest.mark.parametrize("field", ["target", "note"])
def test_what_is_no_unicode_is_refused_at_once(field: str, dataset: ObjectRef) -> None:
    given: dict[str, Any] = {"target": "/tempZone/home/rods/a.zip"}
    given[field] = "/tempZone/home/rods/\udcff.zip"
    with pytest.raises(UsageError, match=rf"{field} .*udcff.* not valid Unicode"):
        PackRequest((dataset,), **given)


@pytest.mark.parametrize("note", ["two\nlines\tand \x07", "ä" * 5000, "'quotes\" && || %", "\u202e", ""])
def test_a_note_is_kept_whatever_it_says(
    note: str, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    snapshot = run(omero, store, asked([dataset], place, note=note))
    assert parse(contents(store, snapshot)[MANIFEST]).note == note
    described = from_avus(store.avus(snapshot.path))
    assert described is not None
    assert bool(described.note) is bool(note)


# -- targets


def test_a_target_collection_that_is_missing_is_told_with_how_to_make_it(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    problem = refused(omero, store, asked([dataset], f"{place}/missing"))
    assert isinstance(problem, NotFound)
    assert f"{place}/missing" in problem.message
    assert "imkdir" in problem.hint


def test_a_data_object_is_no_place_to_pack_into(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    store.open_writer(f"{place}/object").close()
    (problem,) = planned(omero, store, asked([dataset], f"{place}/object")).problems
    assert isinstance(problem, TargetExists)
    assert f"{place}/object is a data object" in problem.message


@pytest.fixture
def somebody(zone: Zone, make_irods_user: Any) -> Iterator[IrodsStore]:
    """A store of an iRODS user who owns nothing but his home."""
    name = make_irods_user("packer").username
    with store_of(zone, name, f"{name}-pw") as opened:
        yield opened


@pytest.mark.parametrize("form", Form)
def test_a_target_that_may_only_be_read_is_access_denied(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    somebody: IrodsStore,
    session: iRODSSession,
    place: str,
    dataset: ObjectRef,
) -> None:
    session.acls.set(iRODSAccess("read", place, somebody.user, somebody.zone))
    plan = planned(omero, somebody, asked([dataset], place, form))
    (notice,) = plan.notices
    assert f"may not write into {place}" in notice
    below = PackRequest((dataset,), f"{place}/{{kind}}/{{name}}.zip")
    assert planned(omero, somebody, below).notices == (notice,)
    with pytest.raises(AccessDenied, match=place) as caught:
        pack.apply(plan, omero, somebody, options=SMALL_PIECES)
    assert "ichmod" in caught.value.hint
    assert list(store.children(place)) == []


def test_a_target_that_may_not_be_seen_is_not_found(
    omero: OmeroImageServer, somebody: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    problem = refused(omero, somebody, asked([dataset], place))
    assert isinstance(problem, NotFound)
    assert "may not see it" in problem.message


def test_a_target_that_is_there_is_left_as_it_is(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    request = asked([dataset], place, existing=Existing.REFUSE)
    writer = store.open_writer(request.target)
    writer.write_at(0, 0, b"mine")
    writer.close()
    problem = refused(omero, store, request, wrote=1)
    assert isinstance(problem, TargetExists)
    assert request.target in problem.message
    with store.open_source(request.target) as source:
        assert source.read_at(0, 10) == b"mine"


def test_several_problems_are_told_at_once(
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    gateway: Gateway,
    dataset: ObjectRef,
    tmp_path: Path,
    server: OmeroServer,
) -> None:
    plate = imported_plate(gateway, tmp_path)
    file = planned(omero, store, asked([dataset], place)).files[0]
    change_file(server, file.id, name="..")
    plan = planned(omero, store, asked([dataset, plate], f"{place}/missing"))
    assert {type(one) for one in plan.problems} == {AccessDenied, BadName, NotFound}


# -- images that are no files


def test_images_with_and_without_files_and_a_file_without_bytes_go_together(
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    gateway: Gateway,
    tmp_path: Path,
) -> None:
    empty = imported(gateway, tmp_path, "empty.fake")
    made = int(made_image(gateway, ramp(1, 1, 1, 2, 2)).getId())
    wanted = [ObjectRef(Kind.IMAGE, number) for number in (*empty, made)]
    for form in Form:
        snapshot = run(omero, store, asked(wanted, place, form))
        sizes = {name: len(data) for name, data in contents(store, snapshot).items()}
        (file,) = [name for name in sizes if name.endswith("empty.fake")]
        assert sizes[file] == 0
        assert sizes[f"pixel_images/{made}.tiff"] > 0


def test_an_incoming_of_somebody_else_in_a_shared_collection_is_said_to_be_his(
    omero: OmeroImageServer, store: IrodsStore, zone: Zone, session: iRODSSession, place: str,
    dataset: ObjectRef, make_irods_user: Any,
) -> None:  # fmt: skip
    other = make_irods_user("ben")
    session.acls.set(iRODSAccess("write", place, other.username))
    left = f"{place}/.incoming/{'a' * 32}"
    store.make_collection(f"{place}/.incoming")
    store.open_writer(left).close()
    with store_of(zone, other.username, f"{other.username}-pw") as his:
        plan = planned(omero, his, asked([dataset], place))
        with pytest.raises(AccessDenied, match="somebody else packs into") as caught:
            pack.apply(plan, omero, his, options=SMALL_PIECES)
        assert f"omero-irods gc {place}" in caught.value.hint
        assert f"ichmod inherit '{place}'" in caught.value.hint
        store.remove(f"{place}/.incoming")
        assert pack.apply(plan, omero, his, options=SMALL_PIECES).path == plan.target
