"""Small files dropped at once: ingest in place beside one stock import a file; what rules cost a put.

The stock command starts no Java but the shim of the interop tests; a Java machine a file comes on top.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import omero.model
from irods.meta import iRODSMeta
from irods.password_obfuscation import encode
from irods.session import iRODSSession
from omero.rtypes import rstring

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.operations import ingest as operation
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.running import ZoneProcess, running_zone, zone_process
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.running import ServerProcess, running_server
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.bench import shim
from tests.bench.drops import check_all, fill, scanning
from tests.bench.measured import Taken, processor_s, run
from tests.bench.omero_server import omero_server, root_clients
from tests.bench.registry import Measurement, Setting, section
from tests.bench.zones import session_of
from tests.ingest.conftest import png
from tests.rules.conftest import ruled

_SIZES: Final = (100, 1_000)
_LONG_SIZES: Final = (*_SIZES, 10_000)
_QUICK_SIZES: Final = (5, 10)
_COUNTED_AT_MOST: Final = 1_000
_STOCK_CALLS: Final = 5
_ROUNDS: Final = 9
_PUTS: Final = 200
_OMERO_IRODS: Final = str(Path(sys.executable).with_name("omero-irods"))

OFF, TOLD, DOWN = "without rules", "rules, agent told", "rules, agent down"


@dataclass(frozen=True)
class _Stage:
    """Both servers; OMERO's administrator ingests what iRODS' administrator has."""

    server: ServerProcess
    zone: ZoneProcess
    session: iRODSSession
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        vault = str((self.zone.environment_file.parent / "vault").resolve())
        return {
            "OMERO_PASSWORD": self.server.root_password,
            "OMERO_USERDIR": str(self.folder / "omero"),
            "IRODS_ENVIRONMENT_FILE": str(self.zone.environment_file),
            "IRODS_AUTHENTICATION_FILE": str(self.folder.parent / "irodsA"),
            "OMERO_IRODS_PATHS": json.dumps({f"demoResc:{vault}": vault}),
            "OMERO_IRODS_INGEST__QUIET_S": "0",
            **shim.ENVIRONMENT,
        }


@contextmanager
def _stage(folder: Path) -> Iterator[_Stage]:
    with ExitStack() as stack:
        server = stack.enter_context(omero_server(folder / "omero"))
        zone = stack.enter_context(zone_process(folder / "zone", "--port", "0"))
        session = stack.enter_context(session_of(zone))
        (folder / "irodsA").write_text(encode(zone.password))
        scratch = folder / "scratch"
        shim.make_class_path(scratch)
        yield _Stage(server, zone, session, scratch)


@section("ingest", "ingest: small files dropped at once, in place, beside one stock import a file")
def ingest(setting: Setting) -> Iterator[Measurement]:
    """Files a minute, also as a ratio to the stock command; processor time and calls of each file."""
    sizes = _QUICK_SIZES if setting.is_quick else _LONG_SIZES if setting.is_long else _SIZES
    with _stage(setting.folder / "processes") as stage:
        stock = _stock(stage, 1 if setting.is_quick else _STOCK_CALLS)
        for count in sizes:
            yield from _drop(stage, count, stock)
        yield Measurement("omero import --transfer=ln_s, a call a file", "any", stock, "files/min")
    with (
        running_zone(ZoneConfig(root=setting.folder / "counted-zone")) as zone,
        running_server(ServerConfig(data=setting.folder / "counted-omero")) as server,
    ):
        for count in sizes:
            if count <= _COUNTED_AT_MOST:
                for whose, calls in _calls(zone, server, count).items():
                    yield Measurement(f"calls of {whose} a file", f"{count:,} files", calls / count, "")


@section("ingest-put", "ingest: what a put costs with rules, and while the agent is down")
def ingest_put(setting: Setting) -> Iterator[Measurement]:
    """Milliseconds of a small put into a collection that opted in, the best of rounds in turns."""
    taken = _puts(setting)
    for case, seconds in taken.items():
        yield Measurement("put of a small file", case, seconds * 1000, "ms", taken[OFF] / seconds)


# -- drops


def _drop(stage: _Stage, count: int, stock: float) -> Iterator[Measurement]:
    collection = f"/{stage.zone.zone}/home/{stage.zone.admin}/drop-{count}"
    fill(stage.session, collection, count)
    servers = stage.server.process.pid, stage.zone.process.pid
    before = [processor_s(pid) for pid in servers]
    ours = _children_s()
    taken = _scan(stage, collection, count)
    case, ours = f"{count:,} files", _children_s() - ours
    rate = count / taken.seconds * 60
    yield Measurement("omero-irods ingest scan", case, rate, "files/min", rate / stock)
    yield Measurement("processor time of ours a file", case, ours / count * 1000, "ms")
    for whose, pid, start in zip(("OMERO", "iRODS"), servers, before, strict=True):
        used = processor_s(pid) - start
        yield Measurement(f"processor time of {whose} a file", case, used / count * 1000, "ms")
    yield Measurement("peak memory of ours", case, taken.memory / (1 << 20), "MiB")


def _scan(stage: _Stage, collection: str, count: int) -> Taken:
    login = ("--server", f"{stage.server.host}:{stage.server.ssl}", "--user", "root")
    taken = run([_OMERO_IRODS, "ingest", "scan", collection, *login], stage.folder, stage.environment)
    told = stage.folder.with_suffix(".log").read_text()
    if f"{count:,} set" not in told:
        raise RuntimeError(f"not all were imported: {told[-500:]}")
    return taken


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _stock(stage: _Stage, calls: int) -> float:
    """Files a minute, each by a call of its own."""
    with root_clients(stage.server, "plain") as (client,):
        dataset = omero.model.DatasetI()
        dataset.name = rstring("stock")
        made = client.getSession().getUpdateService().saveAndReturnObject(dataset)
        target = f"Dataset:{made.id.val}"
    program = [sys.executable, "-m", "tests.bench.stock"]
    login = ["login", "-s", stage.server.host, "-p", str(stage.server.ssl), "-u", "root"]
    run([*program, *login], stage.folder, stage.environment)
    seconds = []
    for number in range(calls):
        file = stage.folder.parent / f"stock-{number}.png"
        file.write_bytes(png())
        command = [*program, "import", "--transfer=ln_s", "-T", target, str(file)]
        seconds.append(run(command, stage.folder, stage.environment).seconds)
    return 60 / median(seconds)


# -- calls


def _calls(zone: Zone, server: OmeroServer, count: int) -> dict[str, int]:
    collection = f"/{zone.name}/home/{zone.config.admin}/drop-{count}"
    with session_of(zone) as session:
        fill(session, collection, count)
    login = UserPassword(server.host, "root", server.root_password, server.ssl_port)
    user = account(zone.host, zone.port, zone=zone.name, user=zone.config.admin, password=zone.password)
    with scanning(user, login, Path(zone.config.root) / "vault") as (store, hands, options):
        zone.counters.reset()
        server.counters.reset()
        done = operation.scan(store, collection, hands, options, clock=SystemClock())
    check_all(done, count)
    return {"OMERO": server.counters.calls(), "iRODS": zone.counters.calls()}


# -- puts


def _puts(setting: Setting) -> dict[str, float]:
    rounds, puts = (1, 3) if setting.is_quick else (_ROUNDS, _PUTS)
    folder = setting.folder / "rules"
    config = ruled(folder, core="from omero_bridge import *\n")
    assert config.rules is not None
    assert config.exec_bin is not None
    conf = config.exec_bin / "omero_bridge_wake.conf"
    ways = {TOLD: f"file={folder}/woken\n", DOWN: "url=http://127.0.0.1:1/api/v1/wake\n"}
    taken: dict[str, list[float]] = {one: [] for one in (OFF, *ways)}
    options = ("--rules", str(config.rules), "--exec-bin", str(config.exec_bin))
    with ExitStack() as stack:
        plain = stack.enter_context(zone_process(folder / "plain", "--port", "0"))
        ruling = stack.enter_context(zone_process(folder / "zone", "--port", "0", *options))
        sessions: dict[str, Any] = {
            one: stack.enter_context(session_of(plain if one == OFF else ruling)) for one in taken
        }
        for number in range(rounds + 1):
            for case in _turned(list(sessions), number):
                session = sessions[case]
                conf.write_text(ways.get(case, ""))
                seconds = _put(session, f"/tempZone/home/rods/{case[-4:]}{number}", puts)
                if number:  # the first round warms up
                    taken[case].append(seconds)
    return {case: min(found) for case, found in taken.items()}


def _turned(cases: list[str], number: int) -> list[str]:
    """Another one is first in each round."""
    number %= len(cases)
    return cases[number:] + cases[:number]


def _put(session: iRODSSession, collection: str, puts: int) -> float:
    """Seconds of one."""
    session.collections.create(collection).metadata.add(iRODSMeta("omero::ingest", "in-place"))
    content = png()
    begin = time.perf_counter()
    for number in range(puts):
        with session.data_objects.open(f"{collection}/{number}.png", "w") as target:
            target.write(content)
    return (time.perf_counter() - begin) / puts
