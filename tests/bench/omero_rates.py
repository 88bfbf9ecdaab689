"""How many small things the embedded OMERO server gets done, and what it takes for it to be there.

Where less is better, the ratio says how often the measured value fits into the wanted one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
import omero
import tifffile
from omero.gateway import BlitzGateway
from omero.rtypes import rstring
from omero.sys import ParametersI

from omero_irods_sandbox.omero_server.running import ServerProcess
from tests.bench.omero_server import TRANSPORTS, omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.wire.omero_server.import_client import import_files

_QUERIES: Final = 1000
_QUICK_QUERIES: Final = 50
_IMPORTS: Final = 1000
_QUICK_IMPORTS: Final = 5
_IMAGES: Final = 10_000
_QUICK_IMAGES: Final = 100
_SAVED_AT_ONCE: Final = 500

_WANTED_IMPORTS: Final = 1000
"""A minute (issue 3), as are the following."""
_WANTED_LISTING_MS: Final = 2000
_WANTED_START_MS: Final = 3000
_WANTED_MIB: Final = 200

_KIB_IN_MIB: Final = 1024

Client = Any


@section("omero-rates", "OMERO: small operations of one session")
def omero_rates(setting: Setting) -> Iterator[Measurement]:
    with omero_server(setting.folder / "server") as server:
        for transport in TRANSPORTS:
            with root_clients(server, transport) as (client,):
                yield _queries(client, transport, _QUICK_QUERIES if setting.is_quick else _QUERIES)
                count = _QUICK_IMPORTS if setting.is_quick else _IMPORTS
                yield _imports(client, transport, count, setting.folder / transport)
        yield _listing(server, _QUICK_IMAGES if setting.is_quick else _IMAGES)


def _queries(client: Client, transport: str, times: int) -> Measurement:
    query = client.getSession().getQueryService()
    parameters = ParametersI().addString("name", "nobody")
    text = "select e from Experimenter e where e.omeName = :name"
    seconds = _seconds(lambda: [query.findAllByQuery(text, parameters) for _ in range(times)])
    return Measurement("queries", transport, times / seconds, "/s")


def _imports(client: Client, transport: str, count: int, folder: Path) -> Measurement:
    """Uploads of small TIFF files, with thumbnails and statistics, one after another."""
    folder.mkdir()
    paths = [folder / f"{number}.tif" for number in range(count)]
    for path in paths:
        tifffile.imwrite(path, np.zeros((32, 32), dtype=np.uint16))
    rate = count * 60 / _seconds(lambda: [import_files(client, [path]) for path in paths])
    return Measurement("imports of small files", transport, rate, "/min", rate / _WANTED_IMPORTS, 1.0)


def _listing(server: ServerProcess, count: int) -> Measurement:
    """All images of one dataset, as the gateway lists the children of a container."""
    address = {"host": server.host, "port": server.ssl}
    with closing(BlitzGateway("root", server.root_password, **address)) as gateway:
        assert gateway.connect(), gateway.getLastError()
        dataset = _dataset_of(gateway, count)
        seconds = _seconds(lambda: [image.getName() for image in dataset.listChildren()])
    return _at_most(f"listing of {count:,} images", "plain", seconds * 1000, "ms", _WANTED_LISTING_MS)


def _dataset_of(gateway: BlitzGateway, count: int) -> Any:
    update = gateway.getUpdateService()
    dataset = omero.model.DatasetI()
    dataset.name = rstring("bench")
    dataset_id = update.saveAndReturnObject(dataset).id.val
    links = [_link(dataset_id, number) for number in range(count)]
    for start in range(0, count, _SAVED_AT_ONCE):
        update.saveArray(links[start : start + _SAVED_AT_ONCE])
    return gateway.getObject("Dataset", dataset_id)


def _link(dataset_id: int, number: int) -> Any:
    image = omero.model.ImageI()
    image.name = rstring(f"image {number}")
    link = omero.model.DatasetImageLinkI()
    link.parent, link.child = omero.model.DatasetI(dataset_id, False), image
    return link


@section("omero-start", "OMERO: a server that starts, and rests")
def omero_start(setting: Setting) -> Iterator[Measurement]:
    """The second of two starts: the first one fills the cache of the model, if that is empty."""
    with omero_server(setting.folder / "first"):
        pass
    start = time.perf_counter()
    with omero_server(setting.folder / "second") as server:
        yield _at_most("start", "", (time.perf_counter() - start) * 1000, "ms", _WANTED_START_MS)
        yield _at_most("memory at rest", "", _resident_mib(server.process.pid), "MiB", _WANTED_MIB)


def _resident_mib(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / _KIB_IN_MIB


def _at_most(what: str, case: str, value: float, unit: str, wanted: float) -> Measurement:
    return Measurement(what, case, value, unit, wanted / value, 1.0)


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
