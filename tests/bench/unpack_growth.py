"""How unpack grows with images that have a tag, key-values and a region each (issue 5).

Ten images are in one fileset.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import omero.model
from omero.rtypes import rdouble, rstring

from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.events import Event, Step
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import pack, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.wiring import SystemClock, receiver_on
from omero_irods_sandbox.omero_server.running import ServerProcess
from tests.bench.counted_server import CountedServer, counted_server
from tests.bench.measured import processor_s
from tests.bench.omero_server import Server, omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.wire.omero_server.import_client import Options, image_ids, import_files

_SIZES: Final = (100, 300, 1_000)
_LONG_SIZES: Final = (*_SIZES, 3_000, 10_000)
_QUICK_SIZES: Final = (10, 20)
_SERIES: Final = 10
_TAGS: Final = 5
_AT_ONCE: Final = 500


@section("unpack-growth", "unpack: images with a tag, key-values and a region each, as they grow")
def unpack_growth(setting: Setting) -> Iterator[Measurement]:
    """Seconds of each part, and calls of OMERO for each image."""
    sizes = _QUICK_SIZES if setting.is_quick else _LONG_SIZES if setting.is_long else _SIZES
    with (
        omero_server(setting.folder / "packing") as packing,
        counted_server(setting.folder / "taking") as taking,
    ):
        for images in sizes:
            case = f"{images:,} images"
            store = _packed(packing, setting.folder, images)
            before = taking.calls()
            for what, seconds in _seconds(taking, store).items():
                yield Measurement(what, case, seconds, "s")
            yield Measurement("calls of OMERO an image", case, (taking.calls() - before) / images, "")


def _packed(server: ServerProcess, folder: Path, images: int) -> MemoryStore:
    """A store with such a snapshot."""
    with root_clients(server, "plain") as (client,):
        dataset = _dataset(client, folder, images)
    store = MemoryStore()
    with connect(_login(server)) as connection:
        omero_of = OmeroImageServer(connection)
        request = PackRequest((ObjectRef(Kind.DATASET, dataset),), f"{store.home}/packet.zip")
        pack.apply(pack.plan(request, omero_of, store, clock=SystemClock()), omero_of, store)
    return store


def _dataset(client: Any, folder: Path, images: int) -> int:
    update = client.getSession().getUpdateService()
    dataset = omero.model.DatasetI()
    dataset.name = rstring(f"{images} images")
    number = int(update.saveAndReturnObject(dataset).id.val)
    options = Options(target=omero.model.DatasetI(number, False), statistics=False)
    path = folder / f"cells&series={_SERIES}&sizeX=16&sizeY=16.fake"
    path.touch()
    made = [
        one for _ in range(0, images, _SERIES) for one in image_ids(import_files(client, [path], options))
    ]
    tags = [_tag(update, f"tag {index} of {number}") for index in range(_TAGS)]
    objects = [one for index, image in enumerate(made) for one in _annotations(image, tags[index % _TAGS])]
    for start in range(0, len(objects), _AT_ONCE):
        update.saveArray(objects[start : start + _AT_ONCE])
    return number


def _tag(update: Any, text: str) -> int:
    tag = omero.model.TagAnnotationI()
    tag.textValue = rstring(text)
    return int(update.saveAndReturnObject(tag).id.val)


def _annotations(image: int, tag: int) -> Iterator[Any]:
    link = omero.model.ImageAnnotationLinkI()
    link.parent, link.child = omero.model.ImageI(image, False), omero.model.TagAnnotationI(tag, False)
    yield link
    pairs = omero.model.MapAnnotationI()
    pairs.mapValue = [omero.model.NamedValue("image", str(image)), omero.model.NamedValue("stain", "DAPI")]
    link = omero.model.ImageAnnotationLinkI()
    link.parent, link.child = omero.model.ImageI(image, False), pairs
    yield link
    rectangle = omero.model.RectangleI()
    rectangle.x, rectangle.y = rdouble(1), rdouble(image % 7)
    rectangle.width = rectangle.height = rdouble(5)
    roi = omero.model.RoiI()
    roi.image = omero.model.ImageI(image, False)
    roi.addShape(rectangle)
    yield roi


def _login(server: Server) -> UserPassword:
    return UserPassword(server.host, "root", server.root_password, server.ssl)


@dataclass
class _Clock:
    """Seconds between the steps of a load."""

    parts: dict[str, float] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)
    _present: str = "plan"

    def __call__(self, event: Event) -> None:
        if isinstance(event, Step):
            self.turn(event.text)

    def turn(self, text: str) -> None:
        now = time.perf_counter()
        self.parts[self._present] = self.parts.get(self._present, 0) + now - self._began
        self._began, self._present = now, text.lower()


def _seconds(server: CountedServer, store: MemoryStore) -> dict[str, float]:
    """Of each part; and of processors, which tells how it grows where others are at work too."""
    ours, theirs, clock = time.process_time(), processor_s(server.pid), _Clock()
    _load(_login(server), store, clock)
    clock.turn("end")
    return {
        **clock.parts,
        "all": sum(clock.parts.values()),
        "processor time of ours": time.process_time() - ours,
        "processor time of OMERO": processor_s(server.pid) - theirs,
    }


def _load(login: UserPassword, store: MemoryStore, clock: _Clock) -> None:
    path = f"{store.home}/packet.zip"
    with connect(login) as connection, open_snapshot(store, path) as packet:
        receiver = receiver_on(connection)
        plan = unpack.plan(UnpackRequest(path), packet, receiver)
        unpack.apply(plan, packet, receiver, clock=SystemClock(), report=clock)
