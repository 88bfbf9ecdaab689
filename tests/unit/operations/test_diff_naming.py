"""Partners by name and place, where no ids are known."""

from __future__ import annotations

from omero_irods_bridge.operations.diffing.naming import seeds_by_name
from omero_irods_bridge.packet.graph import Graph
from tests.unit.packet_graph.rows import Row, graph_of, link


def tree(first_id: int, *images: str) -> Graph:
    """A project, a dataset and its images; ids from ``first_id``."""
    project, dataset = f"Project:{first_id}", f"Dataset:{first_id}"
    rows: list[Row] = [{"@": project, "name": "p"}, {"@": dataset, "name": "d"}]
    keys = [f"Image:{first_id + number}" for number in range(len(images))]
    rows += [{"@": key, "name": name} for key, name in zip(keys, images, strict=True)]
    return graph_of(rows, [link(project, dataset)], [link(dataset, key) for key in keys])


def test_what_has_one_name_in_partners_is_partner() -> None:
    seeds = seeds_by_name(tree(1, "a", "b"), tree(50, "b", "a"), {"Project:1": "Project:50"})
    assert seeds == {
        "Project:1": "Project:50",
        "Dataset:1": "Dataset:50",
        "Image:1": "Image:51",
        "Image:2": "Image:50",
    }


def test_of_one_name_the_lower_id_comes_first_and_what_is_alone_stays_alone() -> None:
    seeds = seeds_by_name(tree(1, "a", "a", "a", "x"), tree(50, "a", "a", "y"), {"Dataset:1": "Dataset:50"})
    images = {key: there for key, there in seeds.items() if key.startswith("Image")}
    assert images == {"Image:1": "Image:50", "Image:2": "Image:51"}


def test_another_kind_of_one_name_is_no_partner() -> None:
    first = graph_of({"@": "Project:1"}, {"@": "Dataset:2", "name": "n"}, [link("Project:1", "Dataset:2")])
    second = graph_of({"@": "Screen:1"}, {"@": "Plate:2", "name": "n"}, [link("Screen:1", "Plate:2")])
    assert seeds_by_name(first, second, {"Project:1": "Screen:1"}) == {"Project:1": "Screen:1"}


def plate(first_id: int, *places: tuple[int, int]) -> Graph:
    """A plate whose wells show two images each."""
    rows: list[Row] = [{"@": f"Plate:{first_id}", "name": "p"}]
    for number, (line, column) in enumerate(places):
        well = f"Well:{first_id + number}"
        rows.append({"@": well, "plate": f"Plate:{first_id}", "row": line, "column": column})
        for index in range(2):
            one = first_id + 2 * number + index
            rows.append({"@": f"Image:{one}", "name": "field"})
            rows.append({"@": f"WellSample:{one}", "well": well, "image": f"Image:{one}"})
    return graph_of(rows)


def test_images_of_a_plate_are_known_by_well_and_field() -> None:
    seeds = seeds_by_name(plate(1, (0, 0), (0, 1)), plate(50, (0, 1), (0, 0)), {"Plate:1": "Plate:50"})
    assert seeds == {
        "Plate:1": "Plate:50",
        "Image:1": "Image:52",
        "Image:2": "Image:53",
        "Image:3": "Image:50",
        "Image:4": "Image:51",
    }
