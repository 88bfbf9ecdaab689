"""ezomero's functions that pick from, link and print what there is, unmodified."""

from __future__ import annotations

from pathlib import Path

import ezomero
import pytest
from omero.rtypes import rstring

from tests.wire.omero_server import content, import_client
from tests.wire.omero_server.conftest import Gateway, User
from tests.wire.omero_server.ezomero_coverage import covers

NS = "tests/ezomero"


@pytest.fixture
def images(gateway: Gateway) -> list[int]:
    return [content.image(gateway, f"image {n}") for n in range(3)]


# -- filter


@covers(ezomero.filter_by_filename)
def test_images_that_came_from_a_file_of_this_name(
    gateway: Gateway, images: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "one&sizeX=8&sizeY=8.fake"
    path.touch()
    [imported] = import_client.image_ids(import_client.import_files(gateway.c, [path]))
    assert ezomero.filter_by_filename(gateway, [*images, imported], path.name) == [imported]
    assert ezomero.filter_by_filename(gateway, images, path.name) == []


@covers(ezomero.filter_by_tag_value)
def test_images_with_this_tag_and_not_with_a_comment_of_its_text(gateway: Gateway, images: list[int]) -> None:
    content.annotate(gateway, ("Image", images[0]), "TagAnnotation", textValue=rstring("good"))
    content.annotate(gateway, ("Image", images[1]), "CommentAnnotation", textValue=rstring("good"))
    content.annotate(gateway, ("Image", images[2]), "TagAnnotation", textValue=rstring("bad"))
    assert ezomero.filter_by_tag_value(gateway, images, "good") == [images[0]]


@covers(ezomero.filter_by_kv)
def test_images_with_key_and_value_in_the_same_pair(gateway: Gateway, images: list[int]) -> None:
    ezomero.post_map_annotation(gateway, "Image", images[0], {"gene": "a", "stain": "b"}, NS)
    ezomero.post_map_annotation(gateway, "Image", images[1], {"gene": "b", "stain": "a"}, NS)
    assert ezomero.filter_by_kv(gateway, images, "gene", "a") == [images[0]]
    assert ezomero.filter_by_kv(gateway, images, "gene", "c") == []


# -- link


@covers(ezomero.link_images_to_dataset)
def test_images_go_into_a_dataset(gateway: Gateway, images: list[int]) -> None:
    dataset = content.new(gateway, "Dataset")
    ezomero.link_images_to_dataset(gateway, images, dataset)
    children = gateway.getObject("Dataset", dataset).listChildren()
    assert sorted(child.getId() for child in children) == images


@covers(ezomero.link_datasets_to_project)
def test_datasets_go_into_a_project(gateway: Gateway) -> None:
    project, datasets = content.new(gateway, "Project"), [content.new(gateway, "Dataset") for _ in range(2)]
    ezomero.link_datasets_to_project(gateway, datasets, project)
    children = gateway.getObject("Project", project).listChildren()
    assert sorted(child.getId() for child in children) == datasets


@covers(ezomero.link_plates_to_screen)
def test_plates_go_onto_a_screen(gateway: Gateway) -> None:
    screen, plates = content.new(gateway, "Screen"), [content.new(gateway, "Plate") for _ in range(2)]
    ezomero.link_plates_to_screen(gateway, plates, screen)
    children = gateway.getObject("Screen", screen).listChildren()
    assert sorted(child.getId() for child in children) == plates


# -- print

Capture = pytest.CaptureFixture[str]


@covers(ezomero.print_map_annotation)
def test_pairs_are_printed(gateway: Gateway, capsys: Capture) -> None:
    dataset = content.new(gateway, "Dataset")
    made = ezomero.post_map_annotation(gateway, "Dataset", dataset, {"gene": "a"}, NS)
    capsys.readouterr()
    ezomero.print_map_annotation(gateway, made)
    assert capsys.readouterr().out.splitlines() == [
        f"Map Annotation: {made}",
        f"Namespace: {NS}",
        "Key-Value Pairs:",
        "\tgene:\ta",
    ]


@covers(ezomero.print_groups)
def test_groups_are_printed_with_ones_part_in_them(gateway: Gateway, user: User, capsys: Capture) -> None:
    ezomero.print_groups(gateway)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Groups:"
    assert [line.split("\t")[1] for line in lines if f": {user.group_id}\t" in line] == ["member"]


@covers(ezomero.print_projects)
def test_projects_are_printed(gateway: Gateway, capsys: Capture) -> None:
    project = ezomero.post_project(gateway, "p")
    ezomero.print_projects(gateway)
    assert capsys.readouterr().out.splitlines() == ["Projects:", f"\tp:\t{project}"]


@covers(ezomero.print_datasets)
def test_datasets_of_a_project_or_of_none_are_printed(gateway: Gateway, capsys: Capture) -> None:
    project = ezomero.post_project(gateway, "p")
    inside = ezomero.post_dataset(gateway, "inside", project_id=project)
    orphan = ezomero.post_dataset(gateway, "orphan")
    ezomero.print_datasets(gateway, project=project)
    assert capsys.readouterr().out.splitlines()[1:] == [f"\tinside:\t{inside}"]
    ezomero.print_datasets(gateway)
    assert capsys.readouterr().out.splitlines()[1:] == [f"\torphan:\t{orphan}"]
