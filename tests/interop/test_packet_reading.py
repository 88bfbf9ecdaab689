"""Packets that the stock tool makes of the embedded server are read as what the server has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import ezomero
import numpy as np
import pytest

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet.content_of_packet import PacketContent, PacketForm, load_content, select
from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.images import fake, write_multi_file
from tests.interop.omero_command import OmeroCommand
from tests.interop.test_transfer import (
    PLATE,
    pack,
    plates_may_be_downloaded,  # noqa: F401
    project,  # noqa: F401
)
from tests.interop.test_transfer_xml import Bridge, figure_of, image_of, imported
from tests.wire.omero_server.conftest import Gateway, User

Load = Callable[[Path], PacketContent]

CARRIED: Final = {
    "Project": ("name", "description"),
    "Dataset": ("name", "description"),
    "Plate": ("name",),
    "Well": ("plate", "row", "column", "wellSamples"),
    "WellSample": ("well", "image"),
    "Image": ("name",),
    "TagAnnotation": ("textValue",),
    "CommentAnnotation": ("textValue",),
    "LongAnnotation": ("longValue", "ns"),
    "MapAnnotation": ("mapValue", "ns"),
    "FileAnnotation": ("ns",),
    "Roi": ("name", "image"),
    "Point": ("x", "y", "textValue", "theZ", "theC", "theT", "roi"),
    "Line": ("x1", "y1", "x2", "y2", "markerStart", "markerEnd"),
    "Rectangle": ("x", "y", "width", "height"),
    "Ellipse": ("x", "y", "radiusX", "radiusY", "textValue"),
}
"""What of which class both sides spell alike. Stock spells polygons otherwise and sorts shapes by kind."""

LINKS: Final = (
    "ProjectDatasetLink",
    "DatasetImageLink",
    *(f"{one}AnnotationLink" for one in ("Project", "Dataset", "Image", "Plate", "Well")),
)


def carried(graph: Graph) -> set[tuple[object, ...]]:
    """What stock carries of a graph, with the ids that it has."""
    objects = {
        (row["@"], *(str(row.get(name)) for name in names))
        for kind, names in CARRIED.items()
        for row in graph.rows(kind)
    }
    links = {(kind, row["parent"], row["child"]) for kind in LINKS for row in graph.rows(kind)}
    sizes = {
        (
            row["image"],
            *(row[f"size{axis}"] for axis in "XYZCT"),
            (graph.one(row["pixelsType"]) or {})["value"],
        )
        for row in graph.rows("Pixels")
    }
    return objects | links | sizes


def filesets_of(graph: Graph) -> set[tuple[int, ...]]:
    """The images of each fileset of the server, by series."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row in graph.rows("Image"):
        found.setdefault(row.get("fileset") or row["@"], []).append((row.get("series", 0), id_of(row["@"])))
    return {tuple(image for _, image in sorted(images)) for images in found.values()}


def series_of(content: PacketContent) -> set[tuple[int, ...]]:
    return {tuple(one.images.values()) for one in content.filesets}


@pytest.fixture
def load() -> Iterator[Load]:
    """What is in a packet on this disk."""
    with ExitStack() as stack:
        yield lambda path: load_content(stack.enter_context(open_local(path)))


@pytest.fixture
def bridge(server: OmeroServer, user: User) -> Bridge:
    return Bridge(server, user)


@pytest.mark.parametrize("ending", [".zip", ".tar", ""])
def test_a_project_is_read_as_the_server_has_it(
    ending: str,
    project: int,  # noqa: F811
    omero: OmeroCommand,
    user: User,
    bridge: Bridge,
    load: Load,
    tmp_path: Path,
) -> None:
    packet = pack(omero, f"Project:{project}", ending or ".zip")
    if not ending:
        shutil.unpack_archive(packet, tmp_path / "folder")
        packet = tmp_path / "folder"
    content, there = load(packet), bridge.read(f"Project:{project}")
    assert content.form is PacketForm.STOCK
    assert content.roots == parse_objects([f"Project:{project}"])
    assert carried(content.graph) == carried(there)
    assert series_of(content) == filesets_of(there)
    assert not content.problems
    assert not content.notices
    hashed = {row["name"]: row["size"] for row in there.rows("OriginalFile")}
    assert all(hashed[one.member.rpartition("/")[2]] == one.size for one in content.files())
    (polygon,) = content.graph.rows("Polygon")
    assert polygon["points"] == "1.0,1.0 4.0,1.0 4.0,4.0"
    (attached,) = content.attachments
    assert attached.file.member.endswith("results.csv")
    assert content.origin.user == user.name


def test_a_part_of_it_is_what_stock_packs_of_that_part(
    project: int,  # noqa: F811
    gateway: Gateway,
    omero: OmeroCommand,
    load: Load,
) -> None:
    (first, _) = (one.getId() for one in gateway.getObject("Project", project).listChildren())
    whole, alone = (
        load(pack(omero, f"Project:{project}", ".zip")),
        load(pack(omero, f"Dataset:{first}", ".zip")),
    )
    part = select(whole, alone.roots)
    assert carried(part.graph) == carried(alone.graph)
    assert part.filesets == alone.filesets
    assert part.attachments == alone.attachments


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_a_plate_is_read_as_the_server_has_it(omero: OmeroCommand, bridge: Bridge, load: Load) -> None:
    plate = imported(omero, fake(omero.folder, PLATE))
    content, there = load(pack(omero, plate, ".zip")), bridge.read(plate)
    assert carried(content.graph) == carried(there)
    assert series_of(content) == filesets_of(there)
    assert list(map(str, content.roots)) == [plate]
    assert not content.problems


def test_a_fileset_of_several_files_is_read_in_the_order_in_which_omero_has_it(
    omero: OmeroCommand, bridge: Bridge, load: Load
) -> None:
    write_multi_file(omero.folder / "channels")
    image = imported(omero, omero.folder / "channels")
    (fileset,) = load(pack(omero, image, ".zip")).filesets
    there = bridge.files(image).files
    assert [one.file.member for one in fileset.files] == [one.member for one in there]
    assert len(there) == 2


def test_an_image_of_several_series_is_one_fileset(omero: OmeroCommand, bridge: Bridge, load: Load) -> None:
    omero("import", fake(omero.folder, "many&series=3"))
    query = "select max(o.id) from Image o"
    image = f"Image:{omero('hql', '-q', '--style', 'csv', query).lines[-1].partition(',')[2]}"
    content, there = load(pack(omero, image, ".zip")), bridge.read(image)
    assert series_of(content) == filesets_of(there)
    assert carried(content.graph) == carried(there)


def test_an_image_without_a_fileset_is_an_export(omero: OmeroCommand, gateway: Gateway, load: Load) -> None:
    image = ezomero.post_image(gateway, np.zeros((4, 4, 1, 1, 1), np.uint8), "made", dim_order="xyzct")
    content = load(pack(omero, f"Image:{image}", ".zip"))
    (fileset,) = content.filesets
    assert (fileset.source, fileset.is_export) == (f"Image:{image}", True)
    assert content.bytes > 16


def test_a_figure_is_there_when_it_was_packed_and_left_out_when_not(
    omero: OmeroCommand, gateway: Gateway, load: Load
) -> None:
    _, number = image_of(omero)
    dataset = ezomero.post_dataset(gateway, "d")
    ezomero.link_images_to_dataset(gateway, [number], dataset)
    figure = figure_of(gateway, omero.folder, number, ("Dataset", dataset))
    without = load(pack(omero, f"Dataset:{dataset}", ".zip"))
    assert not without.problems
    assert without.graph.count("FileAnnotation") == 0
    assert f"FileAnnotation:{figure}" in without.notices[0].text
    path = omero.folder / "with.zip"
    omero("transfer", "pack", "--figure", f"Dataset:{dataset}", path)
    (attached,) = load(path).attachments
    assert (attached.file.member, attached.is_figure) == (f"figures/Figure_{figure}.json", True)


def test_several_objects_in_one_packet_share_what_they_share(
    project: int,  # noqa: F811
    gateway: Gateway,
    omero: OmeroCommand,
    bridge: Bridge,
    load: Load,
) -> None:
    """Stock writes an image that two packed datasets have twice."""
    ids = ",".join(str(one.getId()) for one in gateway.getObject("Project", project).listChildren())
    packet = omero.folder / "two.zip"
    omero("transfer", "pack", f"Dataset:{ids}", packet)
    content, there = load(packet), bridge.read(f"Dataset:{ids}")
    assert carried(content.graph) == carried(there)
    assert series_of(content) == filesets_of(there)


@pytest.mark.parametrize("kind", ["image", "dataset", "project"])
def test_the_published_packets_are_read(kind: str, shared_packets: Path, load: Load) -> None:
    content = load(shared_packets / f"valid_single_{kind}.zip")
    assert [str(one.kind) for one in content.roots] == [kind.capitalize()]
    assert not content.problems
    assert not content.notices
    assert content.graph.count("Image") == sum(len(one.images) for one in content.filesets)
