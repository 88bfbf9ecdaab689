"""The stock ``omero transfer`` packs what is on the embedded server, and unpacks it for another user."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ezomero
import ezomero.rois
import numpy as np
import pytest
import tifffile
from omero.gateway import CommentAnnotationWrapper, LongAnnotationWrapper, TagAnnotationWrapper

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.conftest import LogIn
from tests.interop.images import fake, write_multi_file, write_tiff
from tests.interop.omero_command import OmeroCommand
from tests.interop.transfer_graph import Graph, read_graph
from tests.wire.omero_server.conftest import MakeUser, User

Gateway = Any

PLATE = "assay&plates=1&plateRows=2&plateCols=2&fields=1&plateAcqs=1"


@pytest.fixture
def receiver(make_user: MakeUser) -> User:
    """Another user, who sees nothing of what ``user`` has."""
    return make_user()


def pack(omero: OmeroCommand, packed: str, ending: str, *options: str) -> Path:
    path = omero.folder / f"{packed.replace(':', '-')}{ending}"
    omero("transfer", "pack", packed, path, *options)
    return path


def unpack(omero: OmeroCommand, packet: Path, *options: str) -> None:
    omero("transfer", "unpack", packet, "--output", omero.folder / f"{packet.stem}-unpacked", *options)


def take_markers_back(omero: OmeroCommand) -> None:
    """Undo what stock unpack does to lines without arrows, for stock pack fails on it.

    ``generate_omero_objects.create_shapes`` makes ``str(None)`` of a marker that is not there.
    """
    for field in ("markerStart", "markerEnd"):
        query = f"select s.id from Line s where s.{field} = 'None'"
        for row in omero("hql", "-q", "--limit", "1000", "--style", "csv", query).lines[1:]:
            omero("obj", "null", f"Line:{row.split(',')[1]}", field)


def graph_of(packet: Path, folder: Path) -> Graph:
    shutil.unpack_archive(packet, folder)
    return read_graph(folder)


def newest(omero: OmeroCommand, kind: str) -> str:
    """The object of a kind that was made last."""
    found = omero("hql", "-q", "--style", "csv", f"select max(o.id) from {kind} o").lines[-1]
    return f"{kind}:{found.partition(',')[2]}"


def assert_survives(packet: Path, packed_kind: str, omero: OmeroCommand, tmp_path: Path) -> Graph:
    """Unpack a packet as this user, pack what came of it: both packets say the same, which is returned."""
    before = graph_of(packet, tmp_path / "before")
    unpack(omero, packet)
    take_markers_back(omero)
    again = pack(omero, newest(omero, packed_kind), packet.suffix)
    after = graph_of(again, tmp_path / "after")
    assert after.nodes == before.nodes
    assert after.links == before.links
    return before


# -- published packets


@pytest.mark.parametrize("kind", ["Image", "Dataset", "Project"])
def test_a_published_packet_unpacks_and_packs_again_as_the_same_graph(
    kind: str, shared_packets: Path, omero: OmeroCommand, tmp_path: Path
) -> None:
    packet = shared_packets / f"valid_single_{kind.lower()}.zip"
    graph = assert_survives(packet, kind, omero, tmp_path)
    assert len(graph.of_kind(kind)) == 1
    assert graph.of_kind("Image")


def test_the_published_images_are_stored_byte_by_byte(shared_packets: Path, omero: OmeroCommand) -> None:
    packet = shared_packets / "valid_single_dataset.zip"
    unpack(omero, packet)
    omero("download", newest(omero, "Image"), omero.folder / "back")
    with zipfile.ZipFile(packet) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".png"))
        assert (omero.folder / "back" / Path(name).name).read_bytes() == archive.read(name)


# -- packets of what is made here


@pytest.fixture
def project(omero: OmeroCommand, gateway: Gateway) -> int:
    """Two datasets that share an image and a tag, with every annotation and shape that stock carries."""
    project_id: int = ezomero.post_project(gateway, "a project", "of two datasets")
    datasets = [
        ezomero.post_dataset(gateway, name, project_id, f"{name} one") for name in ("first", "second")
    ]
    images = [
        _imported(omero, write_tiff(omero.folder / "cells.tif")),
        _imported(omero, fake(omero.folder, "nuclei&sizeX=32&sizeY=24&sizeC=2&sizeZ=3")),
    ]
    ezomero.link_images_to_dataset(gateway, images, datasets[0])
    ezomero.link_images_to_dataset(gateway, images[1:], datasets[1])
    _annotate(gateway, omero.folder, images, datasets)
    ezomero.post_roi(gateway, images[0], _shapes(), name="outlines")
    return project_id


def _imported(omero: OmeroCommand, path: Path) -> int:
    return int(omero("import", path).out.partition(":")[2])


def _annotate(gateway: Gateway, folder: Path, images: list[int], datasets: list[int]) -> None:
    tag = TagAnnotationWrapper(gateway)
    tag.setValue("shared by all")
    tag.save()
    comment = CommentAnnotationWrapper(gateway)
    comment.setValue("sharp")
    rating = LongAnnotationWrapper(gateway)
    rating.setNs("openmicroscopy.org/omero/insight/rating")
    rating.setValue(4)
    for image_id in images:
        gateway.getObject("Image", image_id).linkAnnotation(tag)
    gateway.getObject("Dataset", datasets[0]).linkAnnotation(tag)
    gateway.getObject("Image", images[0]).linkAnnotation(comment)
    gateway.getObject("Image", images[0]).linkAnnotation(rating)
    ezomero.post_map_annotation(gateway, "Image", images[1], {"stain": "DAPI", "dose": "2 µM"}, "lab.example")
    (folder / "results.csv").write_text("cell,area\n1,20.5\n")
    results = str(folder / "results.csv")
    ezomero.post_file_annotation(gateway, results, "lab.example/results", "Dataset", datasets[1])


def _shapes() -> list[Any]:
    return [
        ezomero.rois.Point(3.5, 4.5, z=0, c=0, t=0, label="a point"),
        ezomero.rois.Line(0.0, 0.0, 5.0, 5.0, z=0, c=0, t=0, markerStart="Arrow", markerEnd="Arrow"),
        ezomero.rois.Rectangle(1.0, 1.0, 4.0, 3.0, z=0, c=0, t=0),
        ezomero.rois.Ellipse(6.0, 6.0, 2.0, 1.0, z=0, c=0, t=0, label="an ellipse"),
        ezomero.rois.Polygon([(1.0, 1.0), (4.0, 1.0), (4.0, 4.0)], z=0, c=0, t=0),
    ]


@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_a_project_reaches_another_user_with_all_that_stock_carries(
    ending: str, project: int, omero: OmeroCommand, log_in: LogIn, receiver: User, tmp_path: Path
) -> None:
    packet = pack(omero, f"Project:{project}", ending)
    graph = assert_survives(packet, "Project", log_in(receiver), tmp_path)
    assert len(graph.of_kind("Dataset")) == 2
    assert len(graph.of_kind("Image")) == 2
    kinds = ("TagAnnotation", "CommentAnnotation", "LongAnnotation", "MapAnnotation", "FileAnnotation", "ROI")
    assert [len(graph.of_kind(kind)) for kind in kinds] == [1] * len(kinds)
    assert len(graph.of_kind("ROI")[0].values) == 1 + len(_shapes())


@pytest.fixture
def plates_may_be_downloaded(server: OmeroServer) -> Iterator[None]:
    """By default they may not (BinaryAccessPolicy of omero-server), and so not be packed."""
    name = "omero.policy.binary_access"
    default = server.settings.get(name)
    server.settings.set(name, "+read,+write,+image,+plate")
    yield
    server.settings.set(name, default)


def test_a_plate_is_not_packed_where_plates_may_not_be_downloaded(omero: OmeroCommand) -> None:
    plate = omero("import", fake(omero.folder, PLATE)).out.strip()
    packed = omero.run("transfer", "pack", plate, omero.folder / "plate.zip")
    assert packed.status != 0
    assert "is restricted" in packed.errors
    assert not (omero.folder / "plate.zip").exists()


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_a_plate_reaches_another_user_with_its_wells(
    omero: OmeroCommand, log_in: LogIn, receiver: User, tmp_path: Path
) -> None:
    plate = omero("import", fake(omero.folder, PLATE)).out.strip()
    packet = pack(omero, plate, ".zip")
    graph = assert_survives(packet, "Plate", log_in(receiver), tmp_path)
    assert {node.values for node in graph.of_kind("Well")} == {(r, c) for r in "01" for c in "01"}


def test_an_image_of_several_files_reaches_another_user(
    omero: OmeroCommand, log_in: LogIn, receiver: User, tmp_path: Path
) -> None:
    write_multi_file(omero.folder / "channels")
    image = omero("import", omero.folder / "channels").out.strip()
    packet = pack(omero, image, ".zip")
    (image_node,) = assert_survives(packet, "Image", log_in(receiver), tmp_path).of_kind("Image")
    assert len(image_node.values[-1]) == 2


def test_an_image_without_a_fileset_is_exported_and_comes_back_as_ome_tiff(
    omero: OmeroCommand, gateway: Gateway, log_in: LogIn, receiver: User, tmp_path: Path
) -> None:
    pixels = np.arange(12 * 16, dtype=np.uint16).reshape(16, 12, 1, 1, 1)
    image = ezomero.post_image(gateway, pixels, "made in memory", dim_order="xyzct")
    packet = pack(omero, f"Image:{image}", ".zip")
    with zipfile.ZipFile(packet) as archive:
        assert f"pixel_images/{image}.tiff" in archive.namelist()
    other = log_in(receiver)
    assert_survives(packet, "Image", other, tmp_path)
    other("export", "--file", other.folder / "back.tiff", newest(other, "Image"))
    assert (tifffile.imread(other.folder / "back.tiff") == pixels[:, :, 0, 0, 0].T).all()


def test_unpacking_in_place_leaves_links_to_the_packets_files(
    omero: OmeroCommand, log_in: LogIn, receiver: User, server: OmeroServer
) -> None:
    image = omero("import", write_tiff(omero.folder / "linked.tif")).out.strip()
    packet = pack(omero, image, ".zip")
    other = log_in(receiver)
    folder = other.folder / "kept"
    other("transfer", "unpack", "--ln_s_import", packet, "--output", folder)
    query = "select concat(f.path, f.name) from OriginalFile f where f.name = 'linked.tif'"
    stored = other("hql", "-q", "--style", "csv", query).lines[-1].partition(",")[2]
    assert (server.storage.managed / stored).readlink().is_relative_to(folder)


def test_what_has_been_unpacked_before_is_not_mixed_up_with_what_comes_now(
    project: int, omero: OmeroCommand, log_in: LogIn, receiver: User
) -> None:
    packet = pack(omero, f"Project:{project}", ".zip")
    other = log_in(receiver)
    for _ in range(2):
        unpack(other, packet)
    query = "select count(l) from DatasetImageLink l where l.parent.name = 'first'"
    assert other("hql", "-q", "--style", "csv", query).lines[-1] == "0,4"


def test_unpacking_with_merge_uses_the_containers_that_are_there(
    project: int, omero: OmeroCommand, log_in: LogIn, receiver: User
) -> None:
    packet = pack(omero, f"Project:{project}", ".zip")
    other = log_in(receiver)
    unpack(other, packet)
    unpack(other, packet, "--merge")
    for kind, expected in {"Project": 1, "Dataset": 2, "ProjectDatasetLink": 2, "Image": 4}.items():
        counted = other("hql", "-q", "--style", "csv", f"select count(o) from {kind} o").lines[-1]
        assert (kind, counted) == (kind, f"0,{expected}")
