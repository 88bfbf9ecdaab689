"""A dataset of 10,000 images, listed with the gateway's own queries; ``make bench`` says how fast that is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from omero.gateway import BlitzGateway

from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.many_images import insert_images

COUNT: Final = 10_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OmeroServer]:
    with running_server(ServerConfig(data=tmp_path_factory.mktemp("many"))) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(server: OmeroServer) -> Iterator[Any]:
    opened = BlitzGateway("root", server.root_password, host=server.host, port=server.ssl_port)
    assert opened.connect(), opened.getLastError()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def dataset(server: OmeroServer, gateway: Any) -> Any:
    made = content.new(gateway, "Dataset")
    insert_images(server, made, COUNT)
    return gateway.getObject("Dataset", made)


def counted(server: OmeroServer, act: Callable[[], Any]) -> tuple[Any, int]:
    """What an act returns, and how many calls of the server it took."""
    before = server.counters.calls()
    answer = act()
    return answer, server.counters.calls() - before


@pytest.mark.parametrize("load", [{}, {"load_pixels": True}], ids=["without pixels", "with pixels"])
def test_all_images_come_in_one_answer(
    server: OmeroServer, gateway: Any, dataset: Any, load: dict[str, bool]
) -> None:
    wanted = {"dataset": dataset.getId(), "order_by": "lower(obj.name)", **load}
    images, calls = counted(server, lambda: list(gateway.getObjects("Image", opts=wanted)))
    assert [image.getName() for image in images] == [f"image {number:05d}" for number in range(COUNT)]
    assert calls == 1
    assert all(image._obj.pixelsLoaded for image in images) is bool(load)


def test_the_children_of_the_dataset_come_in_one_answer(server: OmeroServer, dataset: Any) -> None:
    images, calls = counted(server, lambda: list(dataset.listChildren()))
    assert len({image.getId() for image in images}) == COUNT
    assert calls == 1


def test_they_are_counted_without_being_sent(server: OmeroServer, dataset: Any) -> None:
    before = server.counters.calls("IQuery.findAllByQuery")
    assert dataset.countChildren() == COUNT
    assert server.counters.calls("IQuery.findAllByQuery") == before


def test_a_page_is_as_long_as_asked_for(server: OmeroServer, gateway: Any, dataset: Any) -> None:
    wanted = {"dataset": dataset.getId(), "order_by": "lower(obj.name)", "limit": 200, "offset": 9_900}
    images, calls = counted(server, lambda: list(gateway.getObjects("Image", opts=wanted)))
    assert [image.getName() for image in images] == [f"image {number:05d}" for number in range(9_900, COUNT)]
    assert calls == 1
