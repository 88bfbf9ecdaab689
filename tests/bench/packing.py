"""Pack beside the stock tool, and beside what reading and writing the same bytes cost alone (issue 4).

All in one run against the same two servers, each way in a process of its own, with its start and its end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import ZoneProcess, zone_process
from omero_irods_sandbox.omero_server.running import ServerProcess
from tests.bench.image_sets import KIB, MIB, ImageSet, import_set
from tests.bench.measured import Taken, middle, run
from tests.bench.memory import warm
from tests.bench.omero_server import omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import session_of

_SETS: Final = (ImageSet(60, 8 * MIB), ImageSet(2000, 64 * KIB), ImageSet(1, 2048 * MIB))
_QUICK_SETS: Final = (ImageSet(3, 1 * MIB), ImageSet(10, 64 * KIB))
_ROUNDS: Final = 3
_READ_BYTES: Final = 4 * MIB
_WRITTEN: Final = 3
"""How often stock writes a byte: a copy, the packet, the vault. Every way finds as much memory warm."""
_OMERO_IRODS: Final = str(Path(sys.executable).with_name("omero-irods"))

STOCK_ZIP: Final = "(a) stock pack to zip, put, checksum"
STOCK_TAR: Final = "(b) stock pack to tar, put, checksum"
READ: Final = "(c) bare read from OMERO"
PUT: Final = "(d) bare PRC put"
OURS: Final = "(e) omero-irods pack"
MOUNTED: Final = "(f) the same, repository mounted"
EXPANDED: Final = "(e) expanded"


@dataclass(frozen=True)
class Stage:
    """Both servers, and where commands run. Passwords are in files and the environment of the commands."""

    server: ServerProcess
    zone: ZoneProcess
    session: iRODSSession
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "OMERO_PASSWORD": self.server.root_password,
            "OMERO_USERDIR": str(self.folder / "omero"),
            "IRODS_ENVIRONMENT_FILE": str(self.zone.environment_file),
            "IRODS_AUTHENTICATION_FILE": str(self.folder.parent / "irodsA"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    @property
    def home(self) -> str:
        return f"/{self.zone.zone}/home/{self.zone.admin}"


@contextmanager
def both_servers(folder: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        server = stack.enter_context(omero_server(folder / "server"))
        zone = stack.enter_context(zone_process(folder / "zone", "--port", "0"))
        session = stack.enter_context(session_of(zone))
        (folder / "irodsA").write_text(encode(zone.password))
        scratch = folder / "scratch"
        scratch.mkdir()
        yield Stage(server, zone, session, scratch)


@section("pack", "pack: OMERO to a verified snapshot, beside the stock tool")
def pack(setting: Setting) -> Iterator[Measurement]:
    """Seconds, with the ratio that issue 4 wants; then peak memory and scratch of each way."""
    sets = _QUICK_SETS if setting.is_quick else _SETS
    rounds = 1 if setting.is_quick else _ROUNDS
    with both_servers(setting.folder) as stage:
        for images in sets:
            with root_clients(stage.server, "plain") as (client,):
                dataset = import_set(client, images, stage.folder)
            taken = _all_ways(stage, dataset, images, rounds)
            yield from _measurements(images.name, taken)


def _all_ways(stage: Stage, dataset: int, images: ImageSet, rounds: int) -> dict[str, Taken]:
    samples: dict[str, list[Taken]] = {}
    for number in range(rounds):
        for way, take in _ways(stage, dataset, images, first=number == 0):
            warm(stage.folder, _WRITTEN * images.count * images.size)
            samples.setdefault(way, []).append(take())
    return {way: middle(found) for way, found in samples.items()}


def _ways(stage: Stage, dataset: int, images: ImageSet, *, first: bool) -> Iterator[tuple[str, Any]]:
    """The stock tool runs once: it takes so long that noise matters little."""
    if first:
        for way, ending in ((STOCK_ZIP, "zip"), (STOCK_TAR, "tar")):
            yield way, lambda ending=ending: _stock(stage, dataset, ending)
    yield READ, lambda: _timed(lambda: _read_all(stage, dataset))
    yield PUT, lambda: _put_alone(stage, images)
    yield OURS, lambda: _ours(stage, dataset)
    yield (
        MOUNTED,
        lambda: _ours(
            stage, dataset, OMERO_IRODS_OMERO__MANAGED_REPOSITORY=str(stage.server.managed_repository)
        ),
    )
    yield EXPANDED, lambda: _ours(stage, dataset, "--expanded")


def _stock(stage: Stage, dataset: int, ending: str) -> Taken:
    packet = stage.folder / f"packet.{ending}"
    server = stage.server
    program = [sys.executable, "-m", "tests.bench.stock"]
    run(
        [*program, "login", "-s", server.host, "-p", str(server.ssl), "-u", "root"],
        stage.folder,
        stage.environment,
    )
    packing = run(
        [*program, "transfer", "pack", f"Dataset:{dataset}", str(packet)], stage.folder, stage.environment
    )
    putting = _timed(lambda: _put(stage, packet))
    packet.unlink()
    return Taken(packing.seconds + putting.seconds, packing.memory, packing.scratch)


def _put(stage: Stage, path: Path) -> None:
    target = f"{stage.home}/{path.name}"
    stage.session.data_objects.put(str(path), target)
    stage.session.data_objects.chksum(target)
    stage.session.data_objects.unlink(target, force=True)


def _put_alone(stage: Stage, images: ImageSet) -> Taken:
    """As many bytes in one file, without a checksum."""
    path, target = stage.folder / "bytes", f"{stage.home}/bytes"
    with path.open("wb") as file:
        block = bytes(range(256)) * (MIB // 256)
        for _ in range(max(1, images.count * images.size // MIB)):
            file.write(block)
    taken = _timed(lambda: stage.session.data_objects.put(str(path), target))
    stage.session.data_objects.unlink(target, force=True)
    path.unlink()
    return taken


def _read_all(stage: Stage, dataset: int) -> None:
    """All files of a dataset, one after the other, through one raw file store, over TLS as ours."""
    import omero.sys
    from omero.rtypes import rlong

    with root_clients(stage.server, "TLS") as (client,):
        session = client.getSession()
        parameters = omero.sys.ParametersI()
        parameters.map["dataset"] = rlong(dataset)
        rows = session.getQueryService().projection(
            "select distinct f.id, f.size from Image i join i.datasetLinks l join i.fileset s"
            " join s.usedFiles u join u.originalFile f where l.parent.id = :dataset",
            parameters,
        )
        store = session.createRawFileStore()
        for number, size in ((row[0].val, row[1].val) for row in rows):
            store.setFileId(number)
            for offset in range(0, size, _READ_BYTES):
                store.read(offset, min(_READ_BYTES, size - offset))
        store.close()


def _ours(stage: Stage, dataset: int, *options: str, **environment: str) -> Taken:
    target = f"{stage.home}/ours-{time.monotonic_ns()}" + ("" if "--expanded" in options else ".zip")
    command = [
        *(_OMERO_IRODS, "pack", f"Dataset:{dataset}", "--to", target, "--json"),
        *("--server", f"{stage.server.host}:{stage.server.ssl}", "--user", "root", *options),
    ]
    taken = run(command, stage.folder, {**stage.environment, **environment})
    if "--expanded" in options:
        stage.session.collections.remove(target, recurse=True, force=True)
    else:
        stage.session.data_objects.unlink(target, force=True)
    return taken


def _timed(step: Any) -> Taken:
    start = time.perf_counter()
    step()
    return Taken(time.perf_counter() - start, 0, 0)


def _measurements(case: str, taken: Mapping[str, Taken]) -> Iterator[Measurement]:
    slower = max(taken[READ].seconds, taken[PUT].seconds)
    is_big = case.startswith("1 x")
    for way, one in taken.items():
        yield Measurement(way, case, one.seconds, "s")
    ours = taken[OURS].seconds
    is_many = case.startswith("60 x")
    wanted: list[tuple[str, float, float | None]] = [
        ("(e) times as fast as (a)", taken[STOCK_ZIP].seconds / ours, 15.0 if is_many else None),
        ("(e) times as fast as (b)", taken[STOCK_TAR].seconds / ours, 6.0 if is_many else None),
        ("(e) of the slower of (c) and (d)", slower / ours, 0.5 if is_big else None),
        ("(f) of (d)", taken[PUT].seconds / taken[MOUNTED].seconds, 0.6 if is_big else None),
    ]
    for what, ratio, expected in wanted:
        yield Measurement(what, case, ratio, "x", ratio, expected)
    for way in (STOCK_ZIP, OURS, MOUNTED, EXPANDED):
        yield Measurement(f"{way}: peak memory", case, taken[way].memory / MIB, "MiB")
        yield Measurement(f"{way}: scratch", case, taken[way].scratch / MIB, "MiB")
