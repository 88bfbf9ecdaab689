"""Rows P1, P2, P4 and P6 to P10 of the design, each over the wire against both servers."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind, ObjectRef, parse_objects
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.model.verification import Scope
from omero_irods_bridge.operations import pack, verify
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.show import show, tree
from omero_irods_bridge.packet.manifest import parse
from omero_irods_bridge.packet.reading import MANIFEST, TRANSFER_XML
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero import test_graph_complete
from tests.wire.bridge_omero.everything import Everything, build_everything
from tests.wire.bridge_omero.graphs import graph
from tests.wire.bridge_pack.conftest import ServerOf
from tests.wire.bridge_pack.packets import (
    asked,
    binary_access,
    contents,
    imported,
    imported_plate,
    packed_rows,
)
from tests.wire.bridge_pack.test_pack import FORMS, SMALL_PIECES, originals, run
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, MakeUser, User
from tests.wire.omero_server.images import made_image, ramp

Gateway = Any

OPEN, READ, RENAME, ATOMIC_METADATA = 602, 675, 627, 20002


@pytest.fixture
def plates_may_be_downloaded(server: OmeroServer) -> Iterator[None]:
    """By default they may not (BinaryAccessPolicy of omero-server)."""
    with binary_access(server, "+read,+write,+image,+plate"):
        yield


# -- P1: objects


@pytest.fixture
def one_of_each(gateway: Gateway, tmp_path: Path) -> dict[Kind, ObjectRef]:
    """A project with a dataset with an image, a screen with a plate with wells."""
    (image,) = imported(gateway, tmp_path, "cells.fake")
    project, dataset = content.new(gateway, "Project", "p"), content.new(gateway, "Dataset", "d")
    content.link(gateway, ("Project", project), ("Dataset", dataset))
    content.link(gateway, ("Dataset", dataset), ("Image", image))
    plate = imported_plate(gateway, tmp_path)
    screen = content.new(gateway, "Screen", "s")
    content.link(gateway, ("Screen", screen), ("Plate", plate.id))
    well = min(one.getId() for one in gateway.getObject("Plate", plate.id).listChildren())
    ids = {Kind.PROJECT: project, Kind.DATASET: dataset, Kind.IMAGE: image, Kind.SCREEN: screen}
    ids |= {Kind.PLATE: plate.id, Kind.WELL: well}
    return {kind: ObjectRef(kind, number) for kind, number in ids.items()}


@pytest.mark.usefixtures("plates_may_be_downloaded")
@pytest.mark.parametrize("kind", Kind)
def test_an_object_of_each_kind_is_packed_with_all_files_below_it(
    kind: Kind,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    one_of_each: dict[Kind, ObjectRef],
    server: OmeroServer,
) -> None:
    wanted = one_of_each[kind]
    snapshot = run(omero, store, asked((wanted,), place))
    assert snapshot.description.sources == (str(wanted),)
    found = contents(store, snapshot)
    (file,) = [name for name in found if name.endswith(".fake")]
    assert found[file] == originals(server)[file]
    on_plate = kind in (Kind.SCREEN, Kind.PLATE, Kind.WELL)
    assert ("plateRows" in file) is on_plate
    assert str(wanted) in packed_rows(store, snapshot)
    assert f'ID="{kind}:{wanted.id}"'.encode() in found[TRANSFER_XML]
    # a well brings the fileset of its field, and with it the images of the other wells
    assert snapshot.description.images == (2 if on_plate else 1)


def test_a_range_of_images_is_those_and_no_other(
    omero: OmeroImageServer, store: IrodsStore, place: str, gateway: Gateway, tmp_path: Path
) -> None:
    images = [imported(gateway, tmp_path, f"{number}.fake")[0] for number in range(5)]
    first, second, third, fourth, _ = images
    wanted = parse_objects([f"Image:{first},{third}-{fourth}"])
    snapshot = run(omero, store, asked(wanted, place))
    assert snapshot.description.image_ids == (first, third, fourth)
    assert f"Image:{second}" not in packed_rows(store, snapshot)


@pytest.mark.usefixtures("plates_may_be_downloaded")
@FORMS
def test_several_kinds_in_one_packet_share_what_they_share(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    one_of_each: dict[Kind, ObjectRef],
) -> None:
    snapshot = run(omero, store, asked(one_of_each.values(), place, form))
    found = contents(store, snapshot)
    assert sum(name.endswith(".fake") for name in found) == 2
    assert set(snapshot.description.sources) == set(map(str, one_of_each.values()))
    for kind, number in (("Project", 1), ("Dataset", 1), ("Image", 3), ("Plate", 1), ("Screen", 1)):
        assert found[TRANSFER_XML].count(f"<{kind} ID=".encode()) == number, kind


def test_a_fileset_whose_images_are_in_two_datasets_is_stored_once(
    omero: OmeroImageServer, store: IrodsStore, place: str, gateway: Gateway, tmp_path: Path
) -> None:
    datasets = [content.new(gateway, "Dataset", name) for name in "ab"]
    images = imported(gateway, tmp_path, "two&series=2.fake", b"fake" * 99)
    for dataset, image in zip(datasets, images, strict=True):
        content.link(gateway, ("Dataset", dataset), ("Image", image))
    wanted = tuple(ObjectRef(Kind.DATASET, dataset) for dataset in datasets)
    snapshot = run(omero, store, asked(wanted, place))
    assert snapshot.description.files == 1
    assert snapshot.description.image_ids == tuple(images)


# -- P4: lossless


@pytest.fixture
def members(pair: Any) -> Any:
    return pair("rwra--")


@pytest.fixture
def everything(members: Any, tmp_path: Path) -> Everything:
    owner, other = members
    return build_everything(owner, other, tmp_path)


@pytest.fixture
def owner_of_everything(omero_of: ServerOf, members: Any, server: OmeroServer) -> Any:
    """The image server in the session of the gateway that built everything."""
    name = members[0].getUser().getName()
    return omero_of(User(0, name, f"{name}-pw", 0))


@pytest.mark.usefixtures("plates_may_be_downloaded")
@FORMS
def test_the_graph_in_the_snapshot_is_what_the_server_has_field_by_field(
    form: Form,
    store: IrodsStore,
    place: str,
    members: Any,
    everything: Everything,
    owner_of_everything: OmeroImageServer,
    server: OmeroServer,
) -> None:
    names = [f"Project:{everything.project}", f"Screen:{everything.screen}"]
    request = asked(parse_objects(names), place, form, figures=True)
    rows = packed_rows(store, run(owner_of_everything, store, request))
    assert rows == graph(server, members[0], *names, figures=True)
    test_graph_complete.test_each_value_of_each_object_is_as_the_server_says(members, rows)
    test_graph_complete.test_each_list_and_set_of_whole_objects_is_complete_and_in_order(members, rows)
    test_graph_complete.test_one_of_every_kind_is_there(rows)
    test_graph_complete.test_nobodys_secrets_are_told(server, members, rows)


# -- P7: AVUs


@FORMS
def test_all_avus_are_set_in_one_atomic_call_before_the_rename(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, zone: Zone
) -> None:
    plan = pack.plan(asked((dataset,), place, form), omero, store, clock=SystemClock())
    zone.faults.fail_call(RENAME, "SYS_INTERNAL_ERR")
    zone.counters.reset()
    with pytest.raises(Exception, match="SYS_INTERNAL_ERR"):
        pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert zone.counters.calls(ATOMIC_METADATA) == 1
    assert zone.counters.calls(706) == 0  # MOD_AVU_METADATA_AN, one AVU a call
    (unsealed,) = [one.path for one in store.children(f"{place}/.incoming") if plan.id in one.path][:1]
    described = store.avus(unsealed)
    snapshot = pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert store.avus(snapshot.path) == described
    assert len(described) > 15


@FORMS
def test_a_search_opens_and_reads_no_packet(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef, zone: Zone
) -> None:
    snapshot = run(omero, store, asked((dataset,), place, form))
    image = snapshot.description.image_ids[0]
    zone.counters.reset()
    for wanted in (
        Criteria(source=dataset, below=place),
        Criteria(image=image, below=place),
        Criteria(name="noi", below=place),
        Criteria(min_size=1, since=snapshot.description.packed_at, below=place),
    ):
        assert find(store, wanted) == [snapshot]
    assert zone.counters.calls(OPEN) == zone.counters.calls(READ) == 0


# -- P8: the plan is what runs


@FORMS
def test_what_the_plan_says_is_what_is_packed_and_where(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    plan = pack.plan(asked((dataset,), place, form), omero, store, clock=SystemClock())
    assert list(store.children(place)) == []
    snapshot = pack.apply(plan, omero, store, options=SMALL_PIECES)
    assert snapshot.path == plan.target
    manifest = parse(contents(store, snapshot)[MANIFEST])
    packed = [one for one in manifest.members if one.role is not FileRole.METADATA]
    assert [(one.path, one.id, one.size, one.hash) for one in packed] == [
        (file.member, file.id, file.size, file.hash) for file in plan.files
    ]
    assert sum(one.size for one in packed) == plan.bytes_total
    assert snapshot.description.files == len(plan.files)
    assert snapshot.description.images == plan.counts["Image"]
    assert snapshot.description.packed_at == plan.moment


# -- P9: zip or expanded


def test_both_forms_are_listed_shown_and_verified_alike(
    omero: OmeroImageServer, store: IrodsStore, place: str, dataset: ObjectRef
) -> None:
    both = [run(omero, store, asked((dataset,), place, form)) for form in Form]
    assert {one.path for one in find(store, Criteria(source=dataset, below=place))} == {
        one.path for one in both
    }
    seen = []
    for snapshot in both:
        plan = verify.plan(store, snapshot.path, scope=Scope.DATA)
        assert verify.apply(plan, store, clock=SystemClock()).findings == ()
        with open_snapshot(store, snapshot.path) as packet:
            shown = show(packet)
            originals_in_it = {
                one.path: one.packed.sha256
                for one in shown.members
                if one.packed is not None and one.packed.role is FileRole.ORIGINAL
            }
            seen.append((tree(packet), shown.roles, originals_in_it))
    assert seen[0] == seen[1]
    assert len(seen[0][2]) == 3


# -- P10: what has no original file, and what is attached


@pytest.mark.usefixtures("plates_may_be_downloaded")
@FORMS
def test_an_image_without_files_goes_along_as_omero_exports_it(
    form: Form, omero: OmeroImageServer, store: IrodsStore, place: str, gateway: Gateway
) -> None:
    planes = ramp(1, 2, 3, 5, 7)
    image = int(made_image(gateway, planes, "made").getId())
    wanted = (ObjectRef(Kind.IMAGE, image),)
    plan = pack.plan(asked(wanted, place, form), omero, store, clock=SystemClock())
    assert [(file.size, file.hash) for file in plan.files] == [(None, None)]
    snapshot = pack.apply(plan, omero, store, options=SMALL_PIECES)
    found = contents(store, snapshot)[f"pixel_images/{image}.tiff"]
    assert np.array_equal(tifffile.imread(io.BytesIO(found)).reshape(planes.shape), planes)
    (told,) = [one for one in parse(contents(store, snapshot)[MANIFEST]).members if one.id == image]
    assert (told.role, told.size, told.hash) == (FileRole.PIXELS, len(found), None)


@pytest.fixture
def attached(gateway: Gateway, dataset: ObjectRef, tmp_path: Path) -> dict[str, bytes]:
    """Attachments of the dataset by member: three files of one name, a linked figure."""
    made = {}
    for data in (b"one", b"", b"\x00two" * 70_000):
        id_ = attach(gateway, dataset, tmp_path / "results.csv", data)
        made[f"file_annotations/{id_}/results.csv"] = data
    figure = json.dumps({"panels": []}).encode()
    linked = attach(gateway, dataset, tmp_path / "figure.json", figure, ns="omero.web.figure.json")
    made[f"figures/Figure_{linked}.json"] = figure
    return made


def attach(gateway: Gateway, parent: ObjectRef, path: Path, data: bytes, **fields: Any) -> int:
    """Attach a file of this name; the annotation's id."""
    path.write_bytes(data)
    file = gateway.createOriginalFileFromLocalFile(str(path), mimetype="text/csv")
    return content.annotate(
        gateway, (str(parent.kind), parent.id), "FileAnnotation", file=file._obj, **fields
    )


@FORMS
def test_attachments_and_linked_figures_go_along_byte_for_byte(
    form: Form,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    dataset: ObjectRef,
    attached: dict[str, bytes],
) -> None:
    snapshot = run(omero, store, asked((dataset,), place, form))
    found = contents(store, snapshot)
    assert {name: found.get(name) for name in attached} == attached
    roles = Counter(one.role for one in parse(found[MANIFEST]).members)
    assert roles == {
        FileRole.ORIGINAL: 3,
        FileRole.ATTACHMENT: 3,
        FileRole.FIGURE: 1,
        FileRole.METADATA: 2,
    }


@pytest.mark.usefixtures("plates_may_be_downloaded")
@FORMS
def test_a_table_and_with_figures_also_a_figure_that_hangs_on_nothing_go_along(
    form: Form,
    store: IrodsStore,
    place: str,
    everything: Everything,
    owner_of_everything: OmeroImageServer,
    server: OmeroServer,
) -> None:
    wanted = (ObjectRef(Kind.DATASET, everything.dataset),)
    for figures in (False, True):
        request = asked(wanted, place, form, f"figures-{figures}", figures=figures)
        snapshot = run(owner_of_everything, store, request)
        found, rows = contents(store, snapshot), packed_rows(store, snapshot)
        (table,) = [name for name in found if name.startswith(f"file_annotations/{everything.table}/")]
        file = int(rows[f"FileAnnotation:{everything.table}"]["file"].partition(":")[2])
        assert found[table] == Path(server.storage.path_by_id(file)).read_bytes()
        assert found[table].startswith(b"\x89HDF")
        assert f"figures/Figure_{everything.linked_figure}.json" in found
        assert (f"figures/Figure_{everything.loose_figure}.json" in found) is figures
        assert f"figures/Figure_{everything.foreign_figure}.json" not in found


def test_an_image_in_another_group_that_one_may_see_is_packed(
    omero_of: ServerOf,
    store: IrodsStore,
    place: str,
    make_group: Any,
    make_user: MakeUser,
    connect: Connect,
    tmp_path: Path,
    server: OmeroServer,
) -> None:
    here, there = make_group("rw----"), make_group("rwr---")
    owner, packer = make_user(there), make_user(here, there)
    image = imported(connect(owner), tmp_path, "theirs.fake", b"fake")[0]
    request = asked((ObjectRef(Kind.IMAGE, image),), place)
    snapshot = run(omero_of(packer), store, request)
    assert snapshot.description.owner == owner.name
    assert snapshot.description.group == there.name
    assert snapshot.description.packed_by == packer.name
    (file,) = [name for name in contents(store, snapshot) if name.endswith(".fake")]
    assert originals(server)[file] == b"fake"
