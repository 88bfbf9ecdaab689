"""Raw file stores of the embedded OMERO server, against a copy of the same bytes on the same disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import omero
from omero.rtypes import rstring

from tests.bench.omero_server import TRANSPORTS, omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section

_MIB: Final = 1 << 20
_CHUNKS_MIB: Final = (1, 4, 8)
_STREAMS: Final = {"one stream": 1, "four streams": 4}
_STREAM_MIB: Final = 128
_QUICK_STREAM_MIB: Final = 8

RawFileStore = Any
Rates = dict[str, float]


@section("omero-files", "OMERO raw file stores, by size of chunk, against a file copy")
def omero_files(setting: Setting) -> Iterator[Measurement]:
    """Each stream is a client that writes, then reads, a file of its own. Hashing at the end is not timed."""
    stream_mib = _QUICK_STREAM_MIB if setting.is_quick else _STREAM_MIB
    copy = _copy_rate(setting.folder, stream_mib)
    for chunk_mib in _CHUNKS_MIB:
        yield Measurement("copy", f"{chunk_mib} MiB", copy, "MiB/s", 1.0)
    with omero_server(setting.folder / "server") as server:
        for transport in TRANSPORTS:
            for streams, count in _STREAMS.items():
                with root_clients(server, transport, count) as clients:
                    for chunk_mib in _CHUNKS_MIB:
                        for what, rate in _rates(clients, chunk_mib * _MIB, stream_mib * _MIB).items():
                            name = f"{what}, {transport}, {streams}"
                            yield Measurement(name, f"{chunk_mib} MiB", rate, "MiB/s", rate / copy)


def _copy_rate(folder: Path, size_mib: int) -> float:
    source = folder / "source"
    source.write_bytes(os.urandom(size_mib * _MIB))
    return size_mib / _seconds([lambda: shutil.copyfile(source, folder / "copy")])


def _rates(clients: Sequence[Any], chunk_bytes: int, stream_bytes: int) -> Rates:
    """MiB a second of all clients together."""
    stores = [_store(client) for client in clients]
    try:
        return {
            what: len(stores) * stream_bytes / _MIB / _seconds([step(one) for one in stores])
            for what, step in _steps(os.urandom(chunk_bytes), stream_bytes)
        }
    finally:
        for store in stores:
            store.truncate(0)  # gives the space back at once, and leaves nothing to hash
            store.close()


def _store(client: Any) -> RawFileStore:
    """A store of a new and empty file."""
    file = omero.model.OriginalFileI()
    file.name, file.path = rstring("bench"), rstring("/bench/")
    saved = client.getSession().getUpdateService().saveAndReturnObject(file)
    store = client.getSession().createRawFileStore()
    store.setFileId(saved.id.val)
    return store


def _steps(
    chunk: bytes, stream_bytes: int
) -> Iterator[tuple[str, Callable[[RawFileStore], Callable[[], object]]]]:
    offsets = range(0, stream_bytes, len(chunk))

    def write(store: RawFileStore) -> Callable[[], object]:
        return lambda: [store.write(chunk, offset, len(chunk)) for offset in offsets]

    def read(store: RawFileStore) -> Callable[[], object]:
        return lambda: [len(store.read(offset, len(chunk))) for offset in offsets]

    yield "write", write
    yield "read", read


def _seconds(steps: Sequence[Callable[[], object]]) -> float:
    """How long the steps take at the same time."""
    with ThreadPoolExecutor(len(steps)) as pool:
        start = time.perf_counter()
        for done in [pool.submit(step) for step in steps]:
            done.result()
        return time.perf_counter() - start
