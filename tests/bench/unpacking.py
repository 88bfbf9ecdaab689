"""Unpack beside the stock tool, from the same packets (issue 5).

Both load into the same second server, each way in a process of its own, with its start and its end. The stock
tool starts no Java but the shim of the interop tests, which does the same in Python; what it costs to start a
Java machine a file comes on top of that.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import ZoneProcess, zone_process
from omero_irods_sandbox.omero_server.running import ServerProcess
from tests.bench import shim
from tests.bench.counted_server import CountedServer, counted_server
from tests.bench.image_sets import KIB, MIB, ImageSet, import_set
from tests.bench.measured import Taken, middle, run
from tests.bench.memory import warm
from tests.bench.omero_server import Server, omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import session_of
from tests.wire.omero_server.import_client import import_files

_SETS: Final = (ImageSet(60, 8 * MIB), ImageSet(200, 64 * KIB), ImageSet(1, 2048 * MIB))
_LONG_SETS: Final = (*_SETS, ImageSet(2000, 64 * KIB))
_QUICK_SETS: Final = (ImageSet(3, 1 * MIB),)
_ROUNDS: Final = 3
_WRITTEN: Final = 3
"""How often stock writes a byte: the packet, a copy, OMERO's. Every way finds as much memory warm."""
_OMERO_IRODS: Final = str(Path(sys.executable).with_name("omero-irods"))

STOCK: Final = "(a) get, stock unpack"
OURS: Final = "(b) omero-irods unpack"
EXPANDED: Final = "(b) of an expanded snapshot"
IN_PLACE: Final = "(c) --in-place"
BARE: Final = "(d) bare import of the same files"


@dataclass(frozen=True)
class _Stage:
    """The server that packs, the one that takes, the zone between them, and where commands run."""

    packing: ServerProcess
    taking: CountedServer
    zone: ZoneProcess
    session: iRODSSession
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        vault = str((self.zone.environment_file.parent / "vault").resolve())
        return {
            "OMERO_USERDIR": str(self.folder / "omero"),
            "IRODS_ENVIRONMENT_FILE": str(self.zone.environment_file),
            "IRODS_AUTHENTICATION_FILE": str(self.folder.parent / "irodsA"),
            "OMERO_IRODS_PATHS": json.dumps({f"demoResc:{vault}": vault}),
            **shim.ENVIRONMENT,
        }

    @property
    def home(self) -> str:
        return f"/{self.zone.zone}/home/{self.zone.admin}"

    def ours(self, server: Server, *arguments: str) -> Taken:
        """``omero-irods ARGUMENTS`` as the administrator of a server."""
        login = ("--server", f"{server.host}:{server.ssl}", "--user", "root", "--json")
        environment = {**self.environment, "OMERO_PASSWORD": server.root_password}
        return run([_OMERO_IRODS, *arguments, *login], self.folder, environment)


@contextmanager
def _stage(folder: Path) -> Iterator[_Stage]:
    with ExitStack() as stack:
        packing = stack.enter_context(omero_server(folder / "packing"))
        taking = stack.enter_context(counted_server(folder / "taking"))
        zone = stack.enter_context(zone_process(folder / "zone", "--port", "0"))
        session = stack.enter_context(session_of(zone))
        (folder / "irodsA").write_text(encode(zone.password))
        scratch = folder / "scratch"
        shim.make_class_path(scratch)
        yield _Stage(packing, taking, zone, session, scratch)


@section("unpack", "unpack: a snapshot to OMERO, beside the stock tool")
def unpack(setting: Setting) -> Iterator[Measurement]:
    """Seconds, with the ratio that issue 5 wants; then peak memory and scratch of each way."""
    sets = _QUICK_SETS if setting.is_quick else _LONG_SETS if setting.is_long else _SETS
    rounds = 1 if setting.is_quick else _ROUNDS
    with _stage(setting.folder) as stage:
        for images in sets:
            with root_clients(stage.packing, "plain") as (client,):
                dataset = import_set(client, images, stage.folder)
            yield from _measurements(images.name, _all_ways(stage, dataset, images, rounds))


def _all_ways(stage: _Stage, dataset: int, images: ImageSet, rounds: int) -> dict[str, Taken]:
    """The stock tool runs once: it takes so long that noise matters little."""
    snapshot, expanded = f"{stage.home}/{dataset}.zip", f"{stage.home}/{dataset}"
    stage.ours(stage.packing, "pack", f"Dataset:{dataset}", "--to", snapshot)
    stage.ours(stage.packing, "pack", f"Dataset:{dataset}", "--to", expanded, "--expanded")

    def measured(take: Callable[[], Taken]) -> Taken:
        warm(stage.folder, _WRITTEN * images.count * images.size)
        before = stage.taking.calls()
        return replace(take(), calls=stage.taking.calls() - before)

    taken = {STOCK: measured(lambda: _stock(stage, snapshot))}
    for way, *arguments in (
        (OURS, snapshot),
        (EXPANDED, expanded),
        (IN_PLACE, expanded, "--in-place"),
    ):
        unpack = partial(stage.ours, stage.taking, "unpack", *arguments, "--again")
        taken[way] = middle([measured(partial(unpack, f"{way}{number}")) for number in range(rounds)])
    taken[BARE] = middle([measured(lambda: _bare_import(stage, images)) for _ in range(rounds)])
    stage.session.data_objects.unlink(snapshot, force=True)
    return taken


def _bare_import(stage: _Stage, images: ImageSet) -> Taken:
    """Of files on the local disk, one after the other, by a client that runs already: nothing else."""
    everything = stage.packing.managed_repository.rglob("*.tif")
    files = sorted(everything, key=lambda path: path.stat().st_mtime)[-images.count :]
    with root_clients(stage.taking, "TLS") as (client,):
        start = time.perf_counter()
        for path in files:
            import_files(client, [path])
        return Taken(time.perf_counter() - start, 0, 0)


def _stock(stage: _Stage, snapshot: str) -> Taken:
    """Fetch the zip, and unpack it."""
    program, server = [sys.executable, "-m", "tests.bench.stock"], stage.taking
    login = ["login", "-s", server.host, "-p", str(server.ssl), "-u", "root"]
    environment = {**stage.environment, "OMERO_PASSWORD": server.root_password}
    run([*program, *login], stage.folder, environment)
    packet = stage.folder / "packet.zip"
    get = ["-c", _GET, str(stage.zone.environment_file), snapshot, str(packet)]
    getting = run([sys.executable, *get], stage.folder, environment)
    unpacking = run([*program, "transfer", "unpack", str(packet)], stage.folder, environment)
    size = packet.stat().st_size
    packet.unlink()
    return Taken(
        getting.seconds + unpacking.seconds,
        max(getting.memory, unpacking.memory),
        max(getting.scratch, size + unpacking.scratch),
    )


_GET: Final = """
import sys
from irods.session import iRODSSession
with iRODSSession(irods_env_file=sys.argv[1]) as session:
    session.data_objects.get(sys.argv[2], sys.argv[3])
"""


def _measurements(case: str, taken: Mapping[str, Taken]) -> Iterator[Measurement]:
    for way, one in taken.items():
        yield Measurement(way, case, one.seconds, "s")
    wanted: dict[str, Any] = {OURS: 5.0, EXPANDED: None, IN_PLACE: None}
    for way, expected in wanted.items():
        ratio = taken[STOCK].seconds / taken[way].seconds
        yield Measurement(f"{way}: times as fast as (a)", case, ratio, "x", ratio, expected)
    ratio = taken[BARE].seconds / taken[OURS].seconds
    yield Measurement("(b) of (d)", case, ratio, "x", ratio)
    for way, one in taken.items():
        yield Measurement(f"{way}: calls of OMERO", case, one.calls, "")
    for way, one in ((way, one) for way, one in taken.items() if way != BARE):
        yield Measurement(f"{way}: peak memory", case, one.memory / MIB, "MiB")
        yield Measurement(f"{way}: scratch", case, one.scratch / MIB, "MiB")
