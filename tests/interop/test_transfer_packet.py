"""Row P3: ``omero transfer unpack`` makes the same objects of our zip as of the stock tool's own packet."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect as connect_bridge
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.operations import pack as operation
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.canonical_xml import assert_same
from tests.interop.conftest import LogIn
from tests.interop.images import fake, write_multi_file
from tests.interop.omero_command import OmeroCommand
from tests.interop.test_transfer import (
    PLATE,
    graph_of,
    newest,
    pack,
    plates_may_be_downloaded,  # noqa: F401
    project,  # noqa: F401
    take_markers_back,
    unpack,
)
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.irods_zone.conftest import session, zone  # noqa: F401
from tests.wire.omero_server.conftest import Connect, Gateway, MakeUser, User

Arrives = Callable[..., None]

ALL_FIELDS = ("--metadata", "all", "db_id")
"""``all`` are all fields of where an object came from but the UUID of the database, which we write too."""


@pytest.fixture
def image_server(server: OmeroServer, user: User) -> Iterator[OmeroImageServer]:
    login = UserPassword(server.host, user.name, user.password, server.ssl_port)
    with connect_bridge(login) as connection:
        yield OmeroImageServer(connection)


@pytest.fixture
def our_zip(
    image_server: OmeroImageServer,
    store: IrodsStore,  # noqa: F811
    place: str,  # noqa: F811
    session: iRODSSession,  # noqa: F811
    tmp_path: Path,
) -> Callable[[str], Path]:
    """Pack objects with ours, and fetch the zip from iRODS as anybody would."""

    def make(packed: str) -> Path:
        request = PackRequest(parse_objects([packed]), f"{place}/ours.zip")
        plan = operation.plan(request, image_server, store, clock=SystemClock())
        snapshot = operation.apply(plan, image_server, store)
        local = tmp_path / f"ours-{packed.replace(':', '-')}.zip"
        session.data_objects.get(snapshot.path, str(local))
        return local

    return make


def members(packet: Path) -> dict[str, bytes]:
    """Name and content of all files in it."""
    with zipfile.ZipFile(packet) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


@pytest.fixture
def arrives(
    omero: OmeroCommand,
    our_zip: Callable[[str], Path],
    log_in: LogIn,
    make_user: MakeUser,
    tmp_path: Path,
) -> Arrives:
    """Let stock unpack both packets, each as a new user; what has arrived is packed by stock and compared.

    Both have the same files, and their ``transfer.xml`` differ as ``accepted`` and not otherwise.
    """

    def both(packed: str, *options: str, accepted: Sequence[str] = ()) -> None:
        packets = [pack(omero, packed, ".zip", *ALL_FIELDS), our_zip(packed)]
        stock, ours = map(members, packets)
        assert {"bridge/manifest.json", "bridge/omero.jsonl"} == ours.keys() - stock.keys()
        xml = "transfer.xml"
        assert stock | {xml: b""} == {name: ours[name] for name in stock} | {xml: b""}
        assert_same(stock[xml], ours[xml], accepted)
        graphs = []
        for packet in packets:
            person = make_user()
            command = log_in(person)
            unpack(command, packet, *options)
            take_markers_back(command)
            again = pack(command, newest(command, packed.partition(":")[0]), ".zip")
            graphs.append(graph_of(again, tmp_path / person.name))
        assert graphs[1].nodes == graphs[0].nodes
        assert graphs[1].links == graphs[0].links
        assert graphs[1].of_kind("Image")

    return both


def test_a_project_with_all_that_stock_carries(project: int, arrives: Arrives) -> None:  # noqa: F811
    arrives(f"Project:{project}", accepted=["no text"])


def test_a_project_with_where_each_object_came_from(project: int, arrives: Arrives) -> None:  # noqa: F811
    arrives(f"Project:{project}", "--metadata", "all", accepted=["no text"])


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_a_plate(omero: OmeroCommand, arrives: Arrives) -> None:
    arrives(omero("import", fake(omero.folder, PLATE)).out.strip())


def test_an_image_of_several_files(omero: OmeroCommand, arrives: Arrives) -> None:
    write_multi_file(omero.folder / "channels")
    arrives(omero("import", omero.folder / "channels").out.strip())


def test_an_image_of_a_fileset_of_several_images(omero: OmeroCommand, arrives: Arrives) -> None:
    omero("import", fake(omero.folder, "many&series=3"))
    arrives(newest(omero, "Image"))


def test_an_image_that_has_no_files(
    omero: OmeroCommand,
    gateway: Gateway,
    our_zip: Callable[[str], Path],
    log_in: LogIn,
    make_user: MakeUser,
    connect: Connect,
) -> None:
    """By its pixels: each export is another file."""
    made: Any = np.arange(12 * 16, dtype=np.uint16).reshape(16, 12, 1, 1, 1)
    packed = f"Image:{ezomero.post_image(gateway, made, 'made in memory', dim_order='xyzct')}"
    arrived = []
    for packet in (pack(omero, packed, ".zip"), our_zip(packed)):
        person = make_user()
        unpack(log_in(person), packet)
        (image,) = connect(person).getObjects("Image")
        arrived.append((image.getName(), image.getPrimaryPixels().getPlane().tolist()))
    assert arrived[1] == arrived[0]
    assert arrived[1][1] == made[:, :, 0, 0, 0].T.tolist()
