"""The files of a packet: each once, where stock has it, with OMERO's size and hash."""

from __future__ import annotations

import pytest

from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.errors import BadName, NotFound
from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE, FileList, source_files
from omero_irods_bridge.packet.names import check_names
from tests.unit.packet_graph.rows import annotation, file, fileset, graph_of, image, link

HASH = OmeroHash("SHA1-160", "ab" * 20)


def members(files: FileList) -> list[str]:
    return [one.member for one in files.files]


def test_files_come_in_the_order_of_a_packet_each_where_stock_has_it() -> None:
    graph = graph_of(
        annotation("File", 9, file="OriginalFile:9"),
        file(9, "results.csv"),
        annotation("File", 8, file="OriginalFile:8", ns=FIGURE_NAMESPACE),
        file(8, "a figure"),
        image(7),
        image(1, 3),
        fileset(3, "user_2/x/b.tif", "user_2/x/data/a.tif"),
    )
    files = source_files(graph, figures=True)
    assert members(files) == [
        "user_2/x/b.tif",
        "user_2/x/data/a.tif",
        "pixel_images/7.tiff",
        "file_annotations/9/results.csv",
        "figures/Figure_8.json",
    ]
    assert [one.role for one in files.files] == [
        FileRole.ORIGINAL,
        FileRole.ORIGINAL,
        FileRole.PIXELS,
        FileRole.ATTACHMENT,
        FileRole.FIGURE,
    ]
    assert not files.problems
    assert not files.notices
    assert files.annotations == {9: files.files[3], 8: files.files[4]}


def test_an_original_has_all_that_omero_says_of_it() -> None:
    graph = graph_of(image(1, 3), fileset(3, "user_2//x/./b.tif"))
    (found,) = source_files(graph).files
    assert found == SourceFile(
        "user_2/x/b.tif", FileRole.ORIGINAL, 300, 5, HASH, repository_path="user_2/x/b.tif", fileset=3
    )


def test_pixels_to_export_have_the_id_of_their_image_and_no_size() -> None:
    (found,) = source_files(graph_of(image(7))).files
    assert found == SourceFile("pixel_images/7.tiff", FileRole.PIXELS, 7, None)


def test_a_fileset_of_many_images_is_listed_once() -> None:
    graph = graph_of(fileset(3, "user_2/x/a.lif"), *(image(number, 3) for number in range(5)))
    assert members(source_files(graph)) == ["user_2/x/a.lif"]


def test_a_file_attached_twice_is_a_file_for_each_of_its_annotations() -> None:
    annotations = [annotation("File", number, file="OriginalFile:9") for number in (4, 5)]
    graph = graph_of(file(9, "a.csv"), annotations, link("Image:1", "FileAnnotation:4"))
    assert members(source_files(graph)) == ["file_annotations/4/a.csv", "file_annotations/5/a.csv"]


def test_figures_that_are_attached_always_come_others_when_asked_for() -> None:
    figures = [annotation("File", n, file=f"OriginalFile:{n}", ns=FIGURE_NAMESPACE) for n in (4, 5)]
    graph = graph_of(figures, file(4, "a"), file(5, "b"), image(1), link("Image:1", "FileAnnotation:5"))
    assert members(source_files(graph))[1:] == ["figures/Figure_5.json"]
    assert members(source_files(graph, figures=True))[1:] == [
        "figures/Figure_4.json",
        "figures/Figure_5.json",
    ]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("user_2/../../etc/passwd", "'..'"),
        ("user_2/a\\b.tif", "backslash"),
        ("user_2/a\nb.tif", "control character"),
        ("user_2/a:b.tif", "Windows"),
    ],
)
def test_an_unsafe_path_in_the_repository_is_a_problem_that_names_the_object(path: str, why: str) -> None:
    (problem,) = source_files(graph_of(image(1, 3), fileset(3, path))).problems
    assert isinstance(problem, BadName)
    assert problem.message.startswith("OriginalFile:300 of Fileset:3: ")
    assert why in problem.message
    assert problem.hint


def test_two_files_that_a_disk_may_take_for_one_are_a_problem() -> None:
    (problem,) = source_files(graph_of(image(1, 3), fileset(3, "u/a.tif", "u/A.tif"))).problems
    assert problem.message.startswith("OriginalFile:301 of Fileset:3: ")


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("con.csv", "_con.csv"),
        ("a:b?.csv", "a_b_.csv"),
        ("folder/a.csv", "a.csv"),
        ("a\x00\nb", "a__b"),
        ("\ud800.csv", "_.csv"),
        ("..", "_"),
        ("", "_"),
        ("a/", "a"),
    ],
)
def test_an_unsafe_name_of_an_attachment_is_replaced_with_a_notice(name: str, member: str) -> None:
    files = source_files(graph_of(annotation("File", 4, file="OriginalFile:9"), file(9, name)))
    assert members(files) == [f"file_annotations/4/{member}"]
    check_names(members(files))
    (notice,) = files.notices
    assert "FileAnnotation:4" in notice.text
    notice.text.encode()


def test_missing_sizes_and_hashes_are_told_once_for_all_files() -> None:
    rows = [file(n, f"{n}.csv", size=None, hash=None) for n in range(1, 4)]
    annotations = [annotation("File", n, file=f"OriginalFile:{n}") for n in range(1, 4)]
    files = source_files(graph_of(rows, annotations))
    assert [one.size for one in files.files] == [None] * 3
    assert [one.text for one in files.notices] == [
        "OMERO has no size of file_annotations/1/1.csv (OriginalFile:1) and 2 other files.",
        "OMERO has no hash of file_annotations/1/1.csv (OriginalFile:1) and 2 other files.",
    ]


@pytest.mark.parametrize("hasher", [None, "ChecksumAlgorithm:99"])
def test_a_hash_of_an_unknown_hasher_is_no_hash(hasher: str | None) -> None:
    rows = [annotation("File", 4, file="OriginalFile:9"), file(9, "a.csv", hasher=hasher)]
    files = source_files(graph_of(rows))
    assert files.files[0].hash is None
    assert len(files.notices) == 1


def test_what_cannot_be_read_is_a_problem_not_a_hole() -> None:
    rows = [
        row
        for row in fileset(3, "u/a.tif", "u/b.tif")
        if row["@"] not in {"OriginalFile:300", "FilesetEntry:301"}
    ]
    files = source_files(graph_of(image(1, 3), image(2, 4), rows, annotation("File", 4)))
    assert all(isinstance(one, NotFound) for one in files.problems)
    assert [one.message for one in files.problems] == [
        "OriginalFile:300 of FilesetEntry:300 cannot be read in OMERO.",
        "FilesetEntry:301 of Fileset:3 cannot be read in OMERO.",
        "Fileset:4 of an image cannot be read in OMERO.",
        "The file of FileAnnotation:4 cannot be read in OMERO.",
    ]


def test_a_fileset_without_files_is_a_problem() -> None:
    (problem,) = source_files(graph_of(image(1, 3), fileset(3))).problems
    assert problem.message == "Fileset:3 has no files in OMERO."


def test_files_that_nothing_is_attached_by_have_a_folder_of_their_own_and_logs_of_jobs_do_not() -> None:
    graph = graph_of(
        image(7),
        {"@": "Roi:1", "image": "Image:7", "source": "OriginalFile:20"},
        file(20, "rois: 1.csv"),
        {"@": "PixelsOriginalFileMap:1", "parent": "OriginalFile:21", "child": "Pixels:7"},
        file(21, "old.lsm"),
        {"@": "JobOriginalFileLink:1", "parent": "UploadJob:1", "child": "OriginalFile:22"},
        file(22, "import.log"),
    )
    files = source_files(graph)
    assert members(files)[1:] == ["bridge/files/20/rois_ 1.csv", "bridge/files/21/old.lsm"]
    assert files.files[1] == SourceFile(members(files)[1], FileRole.METADATA, 20, 5, HASH)
    assert not files.problems
    assert "OriginalFile:20" in files.notices[0].text
