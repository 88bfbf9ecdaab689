"""Our ``transfer.xml`` says what that of stock says, and ``omero transfer unpack`` makes the same of it."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ezomero
import numpy as np
import pytest
from omero.model import AffineTransformI, LengthI, NamedValue
from omero.model.enums import UnitsLength
from omero.rtypes import rbool, rdouble, rlong, rstring, rtime

from omero_irods_bridge.adapters.omero.connection import connect as connect_bridge
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet.file_list import FIGURE_NAMESPACE, FileList, source_files
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.packet.transfer_xml import Provenance, write_transfer_xml
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.interop.accepted_differences import ACCEPTED
from tests.interop.canonical_xml import assert_same
from tests.interop.conftest import LogIn
from tests.interop.images import fake, write_multi_file, write_tiff
from tests.interop.omero_command import OmeroCommand
from tests.interop.test_transfer import (
    PLATE,
    graph_of,
    newest,
    pack,
    plates_may_be_downloaded,  # noqa: F401
    project,  # noqa: F401
    receiver,  # noqa: F401
    take_markers_back,
    unpack,
)
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Gateway, User
from tests.wire.omero_server.test_gateway_rois import roi, shape

FOUR_FIELDS: Final = "assay&plates=1&plateRows=2&plateCols=1&fields=2&plateAcqs=2"


class Bridge:
    """Our side: what it reads of the server as ``user``, and writes."""

    def __init__(self, server: OmeroServer, user: User) -> None:
        self._server, self._user = server, user

    def read(self, *objects: str, figures: bool = False) -> Graph:
        graph = Graph()
        login = UserPassword(self._server.host, self._user.name, self._user.password, self._server.ssl_port)
        with connect_bridge(login) as connection:
            server = OmeroImageServer(connection)
            server.read_graph(parse_objects(objects), graph.add, figures=figures)
        return graph

    def files(self, *objects: str, figures: bool = False) -> FileList:
        return source_files(self.read(*objects, figures=figures), figures=figures)

    def transfer_xml(self, *objects: str, figures: bool = False) -> bytes:
        graph = self.read(*objects, figures=figures)
        files = source_files(graph, figures=figures)
        assert not files.problems
        version = importlib.metadata.version("omero-cli-transfer")
        provenance = Provenance(
            self._server.host, "someone", "some group", "omero-irods-bridge", version, datetime.now(UTC)
        )
        return b"".join(write_transfer_xml(graph, parse_objects(objects), files, provenance))


@pytest.fixture
def bridge(server: OmeroServer, user: User) -> Bridge:
    return Bridge(server, user)


Compare = Callable[..., Path]


@pytest.fixture
def compare(omero: OmeroCommand, bridge: Bridge) -> Compare:
    """Pack objects (``Image:1,2``) with stock and with ours; the packet of stock.

    Both packets have the same files, and their ``transfer.xml`` differ as ``accepted`` and not otherwise.
    """

    def both(packed: str, *, accepted: Sequence[str] = (), figures: bool = False) -> Path:
        options = ["--figure"] if figures else []
        packet = omero.folder / f"{packed.replace(':', '-')}.zip"
        omero("transfer", "pack", *options, packed, packet)
        with zipfile.ZipFile(packet) as archive:
            stock = archive.read("transfer.xml")
            members = {name for name in archive.namelist() if not name.endswith("/")}
        listed = bridge.files(packed, figures=figures)
        assert {one.member for one in listed.files} == members - {"transfer.xml"}
        assert_same(stock, bridge.transfer_xml(packed, figures=figures), accepted)
        return packet

    return both


def imported(omero: OmeroCommand, path: Path) -> str:
    """``Image:5`` or ``Plate:2``."""
    return omero("import", path).out.strip()


def image_of(omero: OmeroCommand, name: str = "cells.tif") -> tuple[str, int]:
    made = imported(omero, write_tiff(omero.folder / name))
    return made, int(made.partition(":")[2])


# -- the same objects, packed by both


def test_a_project_of_two_datasets_with_all_that_stock_carries(project: int, compare: Compare) -> None:  # noqa: F811
    compare(f"Project:{project}", accepted=["no text"])


def test_a_dataset_alone(project: int, gateway: Gateway, compare: Compare) -> None:  # noqa: F811
    (first, second) = (one.getId() for one in gateway.getObject("Project", project).listChildren())
    compare(f"Dataset:{first}", accepted=["no text"])
    compare(f"Dataset:{second}")


def test_several_roots_are_written_once_each(project: int, gateway: Gateway, compare: Compare) -> None:  # noqa: F811
    datasets = ",".join(str(one.getId()) for one in gateway.getObject("Project", project).listChildren())
    compare(f"Dataset:{datasets}", accepted=["repeated objects", "no text"])


def test_an_image_of_several_files(omero: OmeroCommand, compare: Compare) -> None:
    write_multi_file(omero.folder / "channels")
    compare(imported(omero, omero.folder / "channels"))


def test_an_image_brings_those_of_its_fileset(omero: OmeroCommand, compare: Compare) -> None:
    omero("import", fake(omero.folder, "many&series=3"))
    compare(newest(omero, "Image"))


def test_an_image_without_a_fileset(gateway: Gateway, compare: Compare) -> None:
    pixels = np.arange(12 * 16, dtype=np.uint16).reshape(16, 12, 1, 1, 1)
    compare(f"Image:{ezomero.post_image(gateway, pixels, 'made in memory', dim_order='xyzct')}")


@pytest.mark.usefixtures("plates_may_be_downloaded")
@pytest.mark.parametrize("name", [PLATE, FOUR_FIELDS])
def test_a_plate(name: str, omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    plate = imported(omero, fake(omero.folder, name))
    wells = list(gateway.getObject("Plate", int(plate.partition(":")[2])).listChildren())
    content.annotate(
        gateway, ("Plate", int(plate.partition(":")[2])), "TagAnnotation", textValue=rstring("of plate")
    )
    content.annotate(gateway, ("Well", wells[0].getId()), "TagAnnotation", textValue=rstring("of well"))
    compare(plate)


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_a_screen_of_two_plates(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    screen = content.new(gateway, "Screen", "a screen", description=rstring("of two"))
    for name in (PLATE, FOUR_FIELDS):
        plate = int(imported(omero, fake(omero.folder, name)).partition(":")[2])
        content.link(gateway, ("Screen", screen), ("Plate", plate))
    content.annotate(gateway, ("Screen", screen), "CommentAnnotation", textValue=rstring("of screen"))
    compare(f"Screen:{screen}")


def test_every_kind_of_annotation(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    """Those that stock does not pack are in neither file; on a ListAnnotation it fails (listAnnotations)."""
    name, number = image_of(omero)
    for kind, values in ANNOTATIONS.items():
        content.annotate(gateway, ("Image", number), kind, **values)
    compare(name)


ANNOTATIONS: Final[dict[str, dict[str, Any]]] = {
    "TagAnnotation": {"textValue": rstring("a tag")},
    "CommentAnnotation": {"textValue": rstring("two\nlines & <more>")},
    "LongAnnotation": {"longValue": rlong(2**40), "ns": "openmicroscopy.org/omero/insight/rating"},
    "TimestampAnnotation": {"timeValue": rtime(1_700_000_000_123)},
    "MapAnnotation": {
        "mapValue": [NamedValue("k", "v"), NamedValue("e", "")],
        "ns": "lab",
    },
    "BooleanAnnotation": {"boolValue": rbool(True)},
    "DoubleAnnotation": {"doubleValue": rdouble(1.5)},
    "TermAnnotation": {"termValue": rstring("GO:1")},
    "XmlAnnotation": {"textValue": rstring("<a/>")},
}


def test_what_is_said_of_annotations_and_repeated_keys_are_kept(
    omero: OmeroCommand, gateway: Gateway, compare: Compare
) -> None:
    name, number = image_of(omero)
    pairs = [NamedValue("gene", "TP53"), NamedValue("dose", "1"), NamedValue("gene", "BRCA1")]
    content.annotate(gateway, ("Image", number), "MapAnnotation", mapValue=pairs)
    said = {"ns": "lab.example", "description": rstring("said of it")}
    content.annotate(gateway, ("Image", number), "TagAnnotation", textValue=rstring("t"), **said)
    content.annotate(gateway, ("Image", number), "TimestampAnnotation", timeValue=rtime(0), **said)
    compare(name, accepted=["repeated keys", "what is said of annotations"])


def test_a_file_attached_to_several_images(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    images = [image_of(omero, f"{n}.tif")[1] for n in range(2)]
    dataset = ezomero.post_dataset(gateway, "d")
    ezomero.link_images_to_dataset(gateway, images, dataset)
    (omero.folder / "a.csv").write_text("1,2")
    annotation = ezomero.post_file_annotation(gateway, str(omero.folder / "a.csv"), "ns", "Image", images[0])
    content.link(gateway, ("Image", images[1]), ("FileAnnotation", annotation))
    compare(f"Dataset:{dataset}", accepted=["paths of nobody"])


def test_shapes_of_every_kind(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    """Masks are in neither file; stock cannot pack a marker that is no arrow, or a label without text."""
    name, number = image_of(omero)
    common = {
        "theZ": 0,
        "theT": 0,
        "theC": 0,
        "textValue": "a text",
        "fillColor": -16777216,
        "strokeColor": 255,
    }
    kinds = ("Ellipse", "Label", "Line", "Mask", "Point", "Polygon", "Polyline", "Rectangle")
    shapes = [shape(kind, **common, **EXTRA.get(kind, {})) for kind in kinds]
    for one in shapes:
        one.locked = rbool(True)
    made = roi(gateway, number, *shapes, name="all", description="of them")
    content.annotate(gateway, ("Roi", made), "TagAnnotation", textValue=rstring("of a region"))
    roi(gateway, number, shape("Mask"))
    compare(name)


EXTRA: Final[dict[str, dict[str, Any]]] = {
    "Label": {"fontSize": LengthI(12, UnitsLength.POINT)},
    "Line": {"markerEnd": "Arrow"},
    "Point": {"strokeWidth": LengthI(2.5, UnitsLength.PIXEL), "x": 1e-7},
}


def test_what_stock_breaks_of_shapes_is_kept(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    name, number = image_of(omero)
    turned = AffineTransformI()
    for field, value in zip(
        ("a00", "a10", "a01", "a11", "a02", "a12"), (0.0, 1.0, -1.0, 0.0, 5.0, 6.0), strict=True
    ):
        setattr(turned, field, rdouble(value))
    everywhere = shape("Rectangle", transform=turned)
    line = shape("Polyline", markerStart="Arrow", strokeWidth=LengthI(2.0, UnitsLength.MICROMETER))
    roi(gateway, number, everywhere, line, shape("Polygon", points="0, 0, 4, 0, 4, 4"))
    accepted = [
        "no text",
        "all planes",
        "transform",
        "polyline markers",
        "unit of stroke",
        "spelling of points",
    ]
    compare(name, accepted=accepted)


def figure_of(gateway: Gateway, folder: Path, image: int, *links: tuple[str, int]) -> int:
    path = folder / "figure.json"
    path.write_text(json.dumps({"panels": [{"imageId": image, "x": 1}]}))
    file = gateway.createOriginalFileFromLocalFile(str(path), mimetype="application/json")
    made = content.annotation(
        gateway, "FileAnnotation", FIGURE_NAMESPACE, file=content.ref("OriginalFile", file.getId())
    )
    for parent in links:
        content.link(gateway, parent, ("FileAnnotation", made))
    return made


def test_a_figure_that_shows_an_image(omero: OmeroCommand, gateway: Gateway, compare: Compare) -> None:
    name, number = image_of(omero)
    figure_of(gateway, omero.folder, number)
    compare(name, figures=True)
    compare(name)


def test_an_image_of_another_user_names_its_owner(
    omero: OmeroCommand, log_in: LogIn, make_group: Any, make_user: Any, server: OmeroServer
) -> None:
    group = make_group("rwr---")
    owner, packer = make_user(group), make_user(group)
    name, _ = image_of(log_in(owner))
    packet = pack(log_in(packer), name, ".zip")
    with zipfile.ZipFile(packet) as archive:
        stock = archive.read("transfer.xml")
    ours = Bridge(server, packer).transfer_xml(name)
    assert_same(stock, ours, ["owner"])
    assert f"<original_user>{owner.name}<".encode() in ours


def test_every_accepted_difference_is_a_bug_of_stock() -> None:
    assert all(one.reason.startswith("stock bug: ") for one in ACCEPTED.values())


# -- unpacked by stock


def with_our_xml(packet: Path, xml: bytes, folder: Path) -> Path:
    """A packet of the same files."""
    shutil.unpack_archive(packet, folder / "content")
    (folder / "content" / "transfer.xml").write_bytes(xml)
    return Path(shutil.make_archive(str(folder / f"ours-{packet.stem}"), "zip", folder / "content"))


@pytest.fixture
def arrives(
    omero: OmeroCommand, bridge: Bridge, log_in: LogIn, make_user: Any, tmp_path: Path
) -> Callable[[str], None]:
    """Check that stock makes the same objects of both packets."""

    def both(packed: str) -> None:
        stock = pack(omero, packed, ".zip")
        ours = with_our_xml(stock, bridge.transfer_xml(packed), tmp_path)
        graphs = []
        for packet in (stock, ours):
            user = make_user()
            command = log_in(user)
            unpack(command, packet)
            take_markers_back(command)
            again = pack(command, newest(command, packed.partition(":")[0]), ".zip")
            graphs.append(graph_of(again, tmp_path / user.name))
        assert graphs[1].nodes == graphs[0].nodes
        assert graphs[1].links == graphs[0].links

    return both


def test_unpack_makes_the_same_of_a_project(project: int, arrives: Callable[[str], None]) -> None:  # noqa: F811
    arrives(f"Project:{project}")


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_unpack_makes_the_same_of_a_plate(omero: OmeroCommand, arrives: Callable[[str], None]) -> None:
    arrives(imported(omero, fake(omero.folder, PLATE)))


def test_unpack_makes_the_same_of_an_image_of_several_files(
    omero: OmeroCommand, arrives: Callable[[str], None]
) -> None:
    write_multi_file(omero.folder / "channels")
    arrives(imported(omero, omero.folder / "channels"))


def test_unpack_takes_what_stock_pack_drops(
    omero: OmeroCommand,
    gateway: Gateway,
    bridge: Bridge,
    log_in: LogIn,
    receiver: User,  # noqa: F811
    tmp_path: Path,
    connect: Any,
) -> None:
    name, number = image_of(omero)
    pairs = [NamedValue("gene", "TP53"), NamedValue("gene", "BRCA1")]
    content.annotate(gateway, ("Image", number), "MapAnnotation", mapValue=pairs, ns="lab")
    content.annotate(
        gateway, ("Image", number), "TagAnnotation", textValue=rstring("t"), description=rstring("said of it")
    )
    content.annotate(gateway, ("Image", number), "TimestampAnnotation", timeValue=rtime(1_700_000_000_123))
    roi(gateway, number, shape("Rectangle"), shape("Polygon", points="0, 0, 4, 0, 4, 4"))
    ours = with_our_xml(pack(omero, name, ".zip"), bridge.transfer_xml(name), tmp_path)
    unpack(log_in(receiver), ours)
    theirs = connect(receiver)
    found = theirs.getQueryService()
    (map_,) = found.findAllByQuery("select a from MapAnnotation a where a.ns = 'lab'", None)
    assert [(one.name, one.value) for one in map_.mapValue] == [("gene", "TP53"), ("gene", "BRCA1")]
    (tag,) = found.findAllByQuery("select a from TagAnnotation a", None)
    assert tag.description.val == "said of it"
    (time,) = found.findAllByQuery("select a from TimestampAnnotation a", None)
    assert time.timeValue.val == 1_700_000_000_000
    (box,) = found.findAllByQuery("select s from Rectangle s", None)
    assert (box.theZ, box.theC, box.theT, box.textValue) == (None, None, None, None)
    (polygon,) = found.findAllByQuery("select s from Polygon s", None)
    assert polygon.points.val == "0.0,0.0 4.0,0.0 4.0,4.0"


@pytest.mark.usefixtures("plates_may_be_downloaded")
def test_unpack_of_a_well_makes_its_plate_and_annotates_that_well(
    omero: OmeroCommand,
    gateway: Gateway,
    bridge: Bridge,
    log_in: LogIn,
    receiver: User,  # noqa: F811
    tmp_path: Path,
) -> None:
    plate = imported(omero, fake(omero.folder, PLATE))
    wells = gateway.getObject("Plate", int(plate.partition(":")[2])).listChildren()
    well = next(one for one in wells if (one.row, one.column) == (1, 0))
    content.annotate(gateway, ("Well", well.getId()), "TagAnnotation", textValue=rstring("of well"))
    xml = bridge.transfer_xml(f"Well:{well.getId()}")
    ours = with_our_xml(pack(omero, plate, ".zip"), xml, tmp_path)
    command = log_in(receiver)
    unpack(command, ours)
    query = "select l.parent.row, l.parent.column, l.child.textValue from WellAnnotationLink l"
    assert command("hql", "-q", "--style", "csv", query).lines[1:] == ["0,1,0,of well"]


def test_a_figure_of_ours_is_unpacked_with_its_images(
    omero: OmeroCommand,
    gateway: Gateway,
    bridge: Bridge,
    log_in: LogIn,
    receiver: User,  # noqa: F811
    tmp_path: Path,
    connect: Any,
) -> None:
    """Also where a dataset has it, on which stock's own packet fails without ``--figure``."""
    _, number = image_of(omero)
    dataset = ezomero.post_dataset(gateway, "d")
    ezomero.link_images_to_dataset(gateway, [number], dataset)
    figure_of(gateway, omero.folder, number, ("Dataset", dataset))
    stock = omero.folder / "with-figure.zip"
    omero("transfer", "pack", "--figure", f"Dataset:{dataset}", stock)
    ours = with_our_xml(stock, bridge.transfer_xml(f"Dataset:{dataset}", figures=True), tmp_path)
    command = log_in(receiver)
    unpack(command, ours)
    assert command("hql", "-q", "--style", "csv", "select count(o) from Dataset o").lines[-1] == "0,1"
    unpack(command, ours, "--figure")
    theirs = connect(receiver)
    (annotation,) = theirs.getObjects("FileAnnotation", attributes={"ns": FIGURE_NAMESPACE})
    shown = json.loads(b"".join(annotation.getFileInChunks()))["panels"][0]["imageId"]
    assert theirs.getObject("Image", shown) is not None
