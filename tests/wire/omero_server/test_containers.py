"""IContainer: what is loaded with containers and images."""

from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import rlong, rtime

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import fileset, image, link, new, plate

Gateway = Any


def _leaves() -> Any:
    return omero.sys.ParametersI().leaves()


@pytest.fixture
def tree(gateway: Gateway) -> tuple[int, int, int]:
    """A project with a dataset with an image."""
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    link(gateway, ("Project", project), ("Dataset", dataset))
    return project, dataset, image(gateway, dataset=dataset)


def test_a_project_comes_with_its_datasets_but_without_images(
    gateway: Gateway, tree: tuple[int, int, int]
) -> None:
    (found,) = gateway.getContainerService().loadContainerHierarchy("Project", [tree[0]], None)
    (dataset,) = found.linkedDatasetList()
    assert (dataset.id.val, dataset.isLoaded(), dataset.isImageLinksLoaded()) == (tree[1], True, False)
    assert found.details.creationEvent.isLoaded()


def test_leaves_are_images_with_pixels(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    (found,) = gateway.getContainerService().loadContainerHierarchy("Project", [tree[0]], _leaves())
    (leaf,) = found.linkedDatasetList()[0].linkedImageList()
    assert leaf.id.val == tree[2]
    assert leaf.getPrimaryPixels().pixelsType.value.val == "uint8"


def test_a_dataset_without_leaves_keeps_its_links_unloaded(
    gateway: Gateway, tree: tuple[int, int, int]
) -> None:
    service = gateway.getContainerService()
    (found,) = service.loadContainerHierarchy("omero.model.Dataset", [tree[1]], None)
    assert not found.isImageLinksLoaded()
    (found,) = service.loadContainerHierarchy("Dataset", [tree[1]], _leaves())
    assert [one.id.val for one in found.linkedImageList()] == [tree[2]]


def test_a_screen_comes_with_plates_and_runs(gateway: Gateway) -> None:
    image_id = image(gateway)
    plate_id, _well, _sample = plate(gateway, image_id)
    screen = new(gateway, "Screen")
    link(gateway, ("Screen", screen), ("Plate", plate_id))
    run = omero.model.PlateAcquisitionI()
    run.plate = content.ref("Plate", plate_id)
    run_id = content.save(gateway, run).id.val

    (found,) = gateway.getContainerService().loadContainerHierarchy("Screen", [screen], None)

    (loaded,) = found.linkedPlateList()
    assert [one.id.val for one in loaded.copyPlateAcquisitions()] == [run_id]


def test_orphans_are_what_is_in_no_container(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    alone = new(gateway, "Dataset")
    found = gateway.getContainerService().loadContainerHierarchy(
        "Project", [], omero.sys.ParametersI().orphan()
    )
    kinds = {(type(one).__name__, one.id.val) for one in found}
    assert kinds == {("ProjectI", tree[0]), ("DatasetI", alone)}


def test_an_owner_can_be_asked_for(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwr---")
    mine, others = (connect(make_user(group)) for _ in range(2))
    project = new(mine, "Project")
    new(others, "Project")
    options = omero.sys.ParametersI().exp(rlong(mine.getUserId()))
    found = mine.getContainerService().loadContainerHierarchy("Project", [], options)
    assert [one.id.val for one in found] == [project]


def test_only_containers_are_loaded(gateway: Gateway) -> None:
    with pytest.raises(omero.ApiUsageException):
        gateway.getContainerService().loadContainerHierarchy("Image", [1], None)


@pytest.mark.parametrize(("kind", "position"), [("Project", 0), ("Dataset", 1), ("Image", 2)])
def test_images_are_found_by_what_holds_them(
    kind: str, position: int, gateway: Gateway, tree: tuple[int, int, int]
) -> None:
    (found,) = gateway.getContainerService().getImages(kind, [tree[position]], None)
    assert found.id.val == tree[2]
    assert found.getPrimaryPixels().pixelsType.isLoaded()
    assert not found.getPrimaryPixels().isChannelsLoaded()
    assert not found.isDatasetLinksLoaded()


def test_an_image_in_two_datasets_is_found_once(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    other = new(gateway, "Dataset")
    link(gateway, ("Dataset", other), ("Image", tree[2]))
    assert len(gateway.getContainerService().getImages("Dataset", [tree[1], other], None)) == 1


def test_images_come_in_pages(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    images = [image(gateway, dataset=dataset) for _ in range(3)]
    page = omero.sys.ParametersI().page(1, 1)
    found = gateway.getContainerService().getImages("Dataset", [dataset], page)
    assert [one.id.val for one in found] == [images[1]]


def test_a_users_images_and_those_of_a_period(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    service = gateway.getContainerService()
    by_owner = service.getUserImages(omero.sys.ParametersI().exp(rlong(gateway.getUserId())))
    assert [one.id.val for one in by_owner] == [tree[2]]
    assert service.getImagesByOptions(omero.sys.ParametersI().startTime(rtime(4_000_000_000_000))) == []
    with pytest.raises(omero.ApiUsageException):
        service.getImagesByOptions(None)


def test_split_filesets_are_told(gateway: Gateway) -> None:
    files, whole = fileset(gateway), fileset(gateway)
    dataset = new(gateway, "Dataset")
    inside, outside = image(gateway, fileset=files, dataset=dataset), image(gateway, fileset=files)
    image(gateway, fileset=whole, dataset=dataset)

    split = gateway.getContainerService().getImagesBySplitFilesets({"Dataset": [dataset]}, None)

    assert split == {files: {True: [inside], False: [outside]}}
    assert gateway.getContainerService().getImagesBySplitFilesets({"Image": [inside, outside]}, None) == {}


def test_the_gateway_counts_children(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    assert gateway.getObject("Dataset", tree[1]).countChildren() == 1
    assert gateway.getObject("Project", tree[0]).countChildren() == 1


def test_collections_are_counted_by_id(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    service = gateway.getContainerService()
    empty = new(gateway, "Dataset")
    counted = service.getCollectionCount("Dataset", "imageLinks", [tree[1], empty], None)
    assert counted == {tree[1]: 1, empty: 0}
    with pytest.raises(omero.ApiUsageException):
        service.getCollectionCount("Dataset", "nothingLinks", [tree[1]], None)


def test_the_way_up_from_an_image_leads_to_its_project(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    (found,) = gateway.getContainerService().findContainerHierarchies("Project", [tree[2]], None)
    assert found.id.val == tree[0]
    assert found.linkedDatasetList()[0].linkedImageList()[0].id.val == tree[2]


def test_an_orphaned_image_comes_as_it_is(gateway: Gateway) -> None:
    alone = image(gateway)
    (found,) = gateway.getContainerService().findContainerHierarchies("Project", [alone], None)
    assert isinstance(found, omero.model.Image)


def test_objects_are_made_and_linked(gateway: Gateway, tree: tuple[int, int, int]) -> None:
    service = gateway.getContainerService()
    made = service.createDataObject(content.named("Dataset", "made"), None)
    joined = omero.model.ProjectDatasetLinkI()
    joined.parent, joined.child = content.ref("Project", tree[0]), content.ref("Dataset", made.id.val)
    service.link([joined], None)
    assert gateway.getObject("Project", tree[0]).countChildren() == 2


def test_the_gateway_walks_up_and_down(
    gateway: Gateway, tree: tuple[int, int, int], server: OmeroServer
) -> None:
    (dataset,) = gateway.getObject("Project", tree[0]).listChildren()
    (found,) = dataset.listChildren()
    assert found.getId() == tree[2]
    assert found.getParent().getId() == tree[1]
    assert found.getAncestry()[-1].getId() == tree[0]
