"""Row U1: stock packets, of today and from before 2024, load from whatever holds their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from irods.session import iRODSSession

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.packet.content_of_packet import PacketForm
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.wiring import SystemClock
from tests.unit.packet_reading.archives import tarred, zipped
from tests.wire.bridge_import.sources import tiff
from tests.wire.bridge_unpack.conftest import Side, rows_of
from tests.wire.bridge_unpack.test_bad_packets import transfer_xml
from tests.wire.bridge_unpack.test_round_trip import originals
from tests.wire.irods_zone.data_objects import write

FILE = "root_0/a.tif"
OF_TODAY = transfer_xml(1)
PATH = OF_TODAY[OF_TODAY.index("<XMLAnnotation") : OF_TODAY.index("</StructuredAnnotations>")]
OLD = OF_TODAY.replace(
    PATH,
    f'<CommentAnnotation ID="Annotation:-7" Namespace="Image:1"><Value>{FILE}</Value></CommentAnnotation>',
).replace('<AnnotationRef ID="Annotation:1"/>', '<AnnotationRef ID="Annotation:-7"/>')

STYLES = {PacketForm.STOCK: OF_TODAY, PacketForm.STOCK_OLD: OLD}
Members = Mapping[str, bytes]
Opened = AbstractContextManager[Packet]


@pytest.fixture
def opened(store: IrodsStore, session: iRODSSession, place: str, tmp_path: Path) -> Callable[..., Opened]:
    """A packet of these members, held as asked for."""

    def put(name: str, data: bytes) -> Opened:
        write(session, f"{place}/{name}", data)
        return open_snapshot(store, f"{place}/{name}")

    def keep(name: str, data: bytes) -> Opened:
        (tmp_path / name).write_bytes(data)
        return open_local(tmp_path / name)

    def collection(members: Members) -> Opened:
        store.make_collection(f"{place}/packet/root_0")
        for name, data in members.items():
            write(session, f"{place}/packet/{name}", data)
        return open_snapshot(store, f"{place}/packet")

    def folder(members: Members) -> Opened:
        for name, data in members.items():
            path = tmp_path / "packet" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return open_local(tmp_path / "packet")

    makers = {
        "zip in iRODS": lambda members: put("packet.zip", zipped(members)),
        "tar in iRODS": lambda members: put("packet.tar", tarred(members)),
        "collection": collection,
        "zip here": lambda members: keep("packet.zip", zipped(members)),
        "tar here": lambda members: keep("packet.tar", tarred(members)),
        "folder": folder,
    }
    return lambda held, members: makers[held](members)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "held", ["zip in iRODS", "tar in iRODS", "collection", "zip here", "tar here", "folder"]
)
def test_a_stock_packet_of_either_style_loads_from_any_container(
    held: str, style: PacketForm, opened: Callable[..., Opened], hers: Side
) -> None:
    members = {"transfer.xml": STYLES[style].encode(), FILE: tiff()}
    with opened(held, members) as packet:
        plan = unpack.plan(UnpackRequest("packet"), packet, hers.receiver)
        assert (plan.problems, plan.content.form) == ((), style)
        loaded = unpack.apply(plan, packet, hers.receiver, clock=SystemClock())
    rows = rows_of(hers, loaded.objects.values())
    assert [row["name"] for row in rows if str(row["@"]).startswith("Image:")] == ["a.tif"]
    assert list(originals(hers.omero, rows)) == [tiff()]
    assert [row for row in rows if str(row["@"]).startswith("CommentAnnotation")] == []
