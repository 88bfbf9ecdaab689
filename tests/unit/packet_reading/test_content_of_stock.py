"""What is in a packet of the stock tool: which members are the files of which images, and what is missing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from omero_irods_bridge.model.errors import BadPacket, BridgeError
from omero_irods_bridge.packet.content_of_packet import PacketContent, PacketForm, load_content
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE
from omero_irods_bridge.packet.opening import open_packet
from omero_irods_bridge.packet.reading import Packet, folder_packet
from tests.unit.packet.sources import Bytes
from tests.unit.packet_reading.archives import tarred, zipped
from tests.unit.packet_reading.documents import (
    NAMESPACE,
    document,
    file_annotation,
    image,
    linked,
    only,
    path_annotation,
    ref,
    stored,
)

Members = Mapping[str, bytes]


def as_folder(members: Members) -> Packet:
    return folder_packet({path: Bytes(data) for path, data in members.items()})


def as_zip(members: Members) -> Packet:
    return open_packet(Bytes(zipped(members, zipfile.ZIP_DEFLATED)))


def as_tar(members: Members) -> Packet:
    return open_packet(Bytes(tarred(members)))


def load(
    images: list[tuple[str, str]], *members: str, more: str = "", annotations: str = ""
) -> PacketContent:
    """A packet of images with their paths, in which each member has its name as content."""
    xml = document(
        *(one for one, _ in images), more, annotations="".join(path for _, path in images) + annotations
    )
    return load_content(as_folder({"transfer.xml": xml, **{one: one.encode() for one in members}}))


def files(content: PacketContent) -> dict[str, list[str]]:
    """The members of each fileset."""
    return {one.source: [each.file.member for each in one.files] for one in content.filesets}


def images(content: PacketContent) -> dict[str, list[int]]:
    """The images of each fileset by series."""
    assert all(list(one.images) == list(range(len(one.images))) for one in content.filesets)
    return {one.source: list(one.images.values()) for one in content.filesets}


@pytest.mark.parametrize("packed", [as_folder, as_zip, as_tar])
def test_a_packet_is_the_same_in_every_container(packed: Callable[[Members], Packet]) -> None:
    (first, path), (second, other) = stored(1, "r/a.tif"), stored(2, "pixel_images/2.tiff")
    xml = document(first, second, annotations=path + other)
    content = load_content(packed({"transfer.xml": xml, "r/a.tif": b"abc", "pixel_images/2.tiff": b"defg"}))
    assert content.form is PacketForm.STOCK
    assert files(content) == {"Image:1": ["r/a.tif"], "Image:2": ["pixel_images/2.tiff"]}
    assert [one.is_export for one in content.filesets] == [False, True]
    assert [one.size for one in content.files()] == [3, 4]
    assert content.bytes == 7
    assert not content.problems
    assert not content.notices


def test_images_of_one_path_are_series_of_one_fileset_by_ascending_id() -> None:
    content = load(
        [stored(9, "r/a.lif"), stored(2, "r/a.lif"), stored(5, "r/b.lif"), stored(30, "r/a.lif")],
        "r/a.lif",
        "r/b.lif",
    )
    assert images(content) == {"Image:2": [2, 9, 30], "Image:5": [5]}


def test_a_mock_folder_is_all_below_it_that_is_of_nothing_else() -> None:
    content = load(
        [
            stored(1, "r/x/mock_folder"),
            stored(2, "r/x/sub/mock_folder"),
            stored(3, "r/x/own.tif"),
            stored(4, "r/xy/mock_folder"),
        ],
        "r/x/b.tif",
        "r/x/deep/er/a.tif",
        "r/x/sub/c.tif",
        "r/x/own.tif",
        "r/xy/d.tif",
    )
    assert files(content) == {
        "Image:1": ["r/x/b.tif", "r/x/deep/er/a.tif"],
        "Image:2": ["r/x/sub/c.tif"],
        "Image:3": ["r/x/own.tif"],
        "Image:4": ["r/xy/d.tif"],
    }
    assert not content.notices


def test_a_mock_folder_at_the_top_takes_no_attachments() -> None:
    content = load(
        [stored(1, "mock_folder"), stored(2, "pixel_images/2.tiff")],
        "a.tif",
        "b.tif",
        "pixel_images/2.tiff",
        "file_annotations/6/c",
        "figures/Figure_9.json",
        annotations=file_annotation(6, "c", 20, "file_annotations/6/c"),
    )
    assert files(content)["Image:1"] == ["a.tif", "b.tif"]


def test_what_belongs_to_nothing_is_told() -> None:
    content = load([stored(1, "r/a.tif")], "r/a.tif", "r/b.tif", "notes.txt")
    (notice,) = content.notices
    assert "'r/b.tif' and 1 more members" in notice.text


def test_a_prepared_packet_names_one_file_and_the_others_are_found_beside_it() -> None:
    prepared = (
        f'<XMLAnnotation ID="Annotation:3" Namespace="{NAMESPACE}/prepare"><Value><CLITransferMetadata>'
        "<software>s</software></CLITransferMetadata></Value></XMLAnnotation>"
    )
    content = load(
        [
            (image(1, ref("Annotation", 1), ref("Annotation", 3)), path_annotation(1, "d/x.companion.ome")),
            (image(2, ref("Annotation", 2)), path_annotation(2, "e/a.tif")),
            (image(3, ref("Annotation", 4)), path_annotation(4, "e/b.tif")),
        ],
        "d/a.ome.tif",
        "d/sub/b.ome.tif",
        "d/x.companion.ome",
        "e/a.tif",
        "e/b.tif",
        "e/whose.txt",
        annotations=prepared,
    )
    assert files(content) == {
        "Image:1": ["d/x.companion.ome", "d/a.ome.tif", "d/sub/b.ome.tif"],
        "Image:2": ["e/a.tif"],
        "Image:3": ["e/b.tif"],
    }
    assert "'e/whose.txt'" in content.notices[0].text


def test_a_packet_from_before_january_2024_is_read() -> None:
    value = "<Value>r/a.tif</Value>"
    comment = f'<CommentAnnotation ID="Annotation:-123" Namespace="Image:3">{value}</CommentAnnotation>'
    content = load([(image(3, ref("Annotation", -123)), comment)], "r/a.tif")
    assert content.form is PacketForm.STOCK_OLD
    assert files(content) == {"Image:3": ["r/a.tif"]}


def test_the_roots_are_what_nothing_holds() -> None:
    content = load(
        [stored(1, "a"), stored(2, "b"), stored(3, "c")],
        *"abc",
        more=f'<Project ID="Project:1">{ref("Dataset", 2)}</Project>'
        f'<Dataset ID="Dataset:2">{ref("Image", 1)}</Dataset>'
        '<Plate ID="Plate:4"><Well ID="Well:5" Row="0" Column="0"><WellSample ID="WellSample:6">'
        f"{ref('Image', 3)}</WellSample></Well></Plate>",
    )
    assert list(map(str, content.roots)) == ["Project:1", "Plate:4", "Image:2"]


def test_attachments_have_their_members() -> None:
    content = load(
        [stored(1, "r/a.tif", ref("Annotation", 6))],
        "r/a.tif",
        "file_annotations/6/c.csv",
        "figures/Figure_7.json",
        annotations=file_annotation(6, "/home/me/c.csv", 24, "file_annotations/6/c.csv")
        + file_annotation(7, "fig", 999, "file_annotations/7/fig", FIGURE_NAMESPACE)
        + path_annotation(99, "figures/Figure_7.json", "Annotation:7"),
    )
    (csv, figure) = content.attachments
    assert (csv.annotation, csv.original_file, csv.file.member, csv.file.size, csv.is_figure) == (
        "FileAnnotation:6",
        "OriginalFile:6",
        "file_annotations/6/c.csv",
        24,
        False,
    )
    assert (figure.annotation, figure.file.member, figure.is_figure) == (
        "FileAnnotation:7",
        "figures/Figure_7.json",
        True,
    )


def test_a_figure_that_was_not_packed_is_left_out_with_all_that_leads_to_it() -> None:
    """Stock tells of a figure that is attached also without ``--figure``, and does not pack its file."""
    content = load(
        [stored(1, "r/a.tif", ref("Annotation", 7), ref("Annotation", 6))],
        "r/a.tif",
        "file_annotations/6/c",
        annotations=file_annotation(7, "fig", 9, "file_annotations/7/fig", FIGURE_NAMESPACE)
        + file_annotation(6, "c", 20, "file_annotations/6/c"),
    )
    assert not content.problems
    assert "FileAnnotation:7" in content.notices[0].text
    assert only(content.graph, "FileAnnotation")["@"] == "FileAnnotation:6"
    assert only(content.graph, "OriginalFile")["@"] == "OriginalFile:6"
    assert linked(content.graph, "ImageAnnotationLink") == [("Image:1", "FileAnnotation:6")]


def problems(content: PacketContent) -> str:
    assert all(isinstance(one, BridgeError) for one in content.problems)
    (one,) = content.problems
    return one.message


def test_what_is_not_there_is_a_problem_that_names_its_object() -> None:
    assert "lacks 'r/b.tif', the file of Image:2 and 1 other images" in problems(
        load([stored(1, "r/a.tif"), stored(2, "r/b.tif"), stored(3, "r/b.tif")], "r/a.tif")
    )
    assert "lacks 'r/mock_folder', the file of Image:1 " in problems(
        load([stored(1, "r/mock_folder")], "rx/a.tif")
    )
    assert "does not say where the file of Image:1 is" in problems(load([(image(1), "")]))
    attached = file_annotation(6, "c", 20, "file_annotations/6/c")
    assert "lacks 'file_annotations/6/c', the file of FileAnnotation:6" in problems(
        load([], annotations=attached)
    )


def test_an_attachment_of_another_size_is_a_problem() -> None:
    attached = file_annotation(6, "c", 21, "file_annotations/6/c")
    assert "'file_annotations/6/c' has 20 bytes, and 21" in problems(
        load([], "file_annotations/6/c", annotations=attached)
    )


def test_the_origin_is_what_all_objects_have_in_common() -> None:
    def origin(number: int, user: str) -> str:
        return (
            f'<XMLAnnotation ID="Annotation:{number}" Namespace="{NAMESPACE}"><Value><CLITransferMetadata>'
            f"<origin_image_id>{number}</origin_image_id><origin_hostname>h</origin_hostname>"
            "<packing_timestamp>19/12/2023, 10:02:04</packing_timestamp>"
            f"<original_user>{user}</original_user></CLITransferMetadata></Value></XMLAnnotation>"
        )

    content = load(
        [stored(n, "a", ref("Annotation", n)) for n in (1, 2)],
        "a",
        annotations=origin(1, "ann") + origin(2, "ben"),
    )
    assert (content.origin.host, content.origin.user, content.origin.id) == ("h", None, None)
    assert content.origin.packed_at == datetime(2023, 12, 19, 10, 2, 4)
    assert {key: (one.id, one.user) for key, one in content.origins.items()} == {
        "Image:1": (1, "ann"),
        "Image:2": (2, "ben"),
    }


def test_a_member_at_a_bad_place_is_refused_before_anything_is_read() -> None:
    (one, path) = stored(1, "r/a.tif")
    data = bytearray(zipped({"r/a.tif": b"abc", "transfer.xml": document(one, annotations=path)}))
    data[30] ^= 1  # the name in the local header
    with pytest.raises(BadPacket):
        load_content(open_packet(Bytes(bytes(data))))
    assert load_content(open_packet(Bytes(bytes(data))), places=False).bytes == 3


def test_what_is_no_packet_is_refused() -> None:
    with pytest.raises(BadPacket, match="no packet"):
        load_content(as_folder({"a.tif": b""}))


REAL = Path("/work/shared/data/packets")
published = pytest.mark.skipif(not REAL.is_dir(), reason=f"the published packets are not in {REAL}")


def of_published(name: str) -> PacketContent:
    return load_content(open_packet(Bytes((REAL / f"valid_single_{name}.zip").read_bytes())))


@published
def test_the_published_image() -> None:
    content = of_published("image")
    assert list(map(str, content.roots)) == ["Image:51"]
    assert files(content) == {"Image:51": ["root_0/2023-12/18/14-52-03.548/combined_result.tiff"]}
    assert content.bytes == 2_097_319
    assert only(content.graph, "TagAnnotation")["textValue"] == "simple_tag"
    assert [row["ns"] for row in content.graph.rows("MapAnnotation")] == [
        "openmicroscopy.org/omero/client/mapAnnotation",
        "jax.org/jax/example/namespace",
    ]
    pixels = only(content.graph, "Pixels")
    assert (pixels["sizeX"], pixels["sizeY"], pixels["sizeC"]) == (1024, 1024, 1)
    box = only(content.graph, "Rectangle")
    assert (box["x"], box["width"], box["strokeColor"]) == (147.0, 476.0000000000001, -65281)
    assert content.graph.count("Line") == 2
    assert content.graph.count("Roi") == 3
    assert (content.origin.host, content.origin.user, content.origin.version) == (
        "localhost",
        "root",
        "0.8.0",
    )
    assert not content.problems
    assert not content.notices


@published
def test_the_published_dataset() -> None:
    content = of_published("dataset")
    assert list(map(str, content.roots)) == ["Dataset:1"]
    assert only(content.graph, "Dataset")["name"] == "testdatsts"
    assert linked(content.graph, "DatasetAnnotationLink") == [
        ("Dataset:1", "MapAnnotation:1"),
        ("Dataset:1", "TagAnnotation:2"),
        ("Dataset:1", "TagAnnotation:3"),
    ]
    assert images(content) == {"Image:1": [1]}
    assert not content.problems


@published
def test_the_published_project() -> None:
    content = of_published("project")
    assert list(map(str, content.roots)) == ["Project:1"]
    assert linked(content.graph, "ProjectDatasetLink") == [
        ("Project:1", "Dataset:51"),
        ("Project:1", "Dataset:1"),
    ]
    assert linked(content.graph, "DatasetImageLink") == [
        ("Dataset:51", "Image:51"),
        ("Dataset:51", "Image:52"),
        ("Dataset:1", "Image:1"),
    ]
    assert content.graph.one("Dataset:51") == {
        "@": "Dataset:51",
        "name": "empty_ds",
        "description": "this is a test description.",
        "@sets": ["annotationLinks", "imageLinks"],
    }
    assert {kind: content.graph.count(kind) for kind in ("Roi", "Shape", "Annotation")} == {
        "Roi": 5,
        "Shape": 5,
        "Annotation": 4,
    }
    assert [one.is_export for one in content.filesets] == [False, False, True]
    assert not content.problems
    assert not content.notices
