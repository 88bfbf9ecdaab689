"""How ingest grows with the number of files that arrive at once: calls, memory, time.

Run: ``python -m tests.bench.ingest_growth 100 1000 10000``. Each number is a drop of its own, put and scanned
in place. Servers run in processes of their own, so the memory is that of the scan.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.ingest import IngestOptions, IngestResult
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.wiring import SystemClock, ingest_on
from omero_irods_sandbox.irods_zone.running import zone_process
from tests.bench.omero_server import omero_server
from tests.ingest.conftest import png


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[100, 1000])
    parser.add_argument("--scan", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.scan:
        _tell(json.dumps(_scan(json.load(sys.stdin))))
        return
    _tell(f"{'files':>7} {'ms a file':>10} {'plan s':>7} {'peak MiB':>9} {'images':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for count in told.counts:
            _measure(Path(folder) / str(count), count)


def _measure(folder: Path, count: int) -> None:
    folder.mkdir()
    with zone_process(folder / "zone", "--port", "0") as zone, omero_server(folder / "omero") as server:
        told = {
            "irods": [zone.host, zone.port, zone.zone, zone.admin, zone.password],
            "omero": [server.host, "root", server.root_password, server.ssl],
            "vault": str(folder / "zone" / "vault"),
            "count": count,
        }
        found = _scan_apart(told)
    figures = f"{found['ms']:>10.1f} {found['plan_s']:>7.1f} {found['peak_mib']:>9.0f} {found['done']:>7}"
    _tell(f"{count:>7} {figures}")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _scan_apart(told: dict[str, Any]) -> dict[str, float]:
    """In a process of its own; passwords go through a pipe."""
    command = [sys.executable, "-m", "tests.bench.ingest_growth", "--scan"]
    done = subprocess.run(command, input=json.dumps(told), check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _scan(told: dict[str, Any]) -> dict[str, float]:
    @contextmanager
    def side(*_who: str) -> Iterator[IngestSide]:
        with connect(UserPassword(*told["omero"]), secure=False) as opened:
            yield ingest_on(opened)

    host, port, zone, user, password = told["irods"]
    with IrodsStore(account(host, port, zone=zone, user=user, password=password)) as store:
        collection = f"{store.home}/drop"
        _drop(store, collection, told["count"])
        hands = Hands(
            side, lambda _owner: nullcontext(store), side, lambda _owner: "root", lambda _owner, _user: True
        )
        options = IngestOptions(quiet_s=0, paths={f"demoResc:{told['vault']}": Path(told["vault"])})
        begun = time.perf_counter()
        plan = ingest.plan(store, collection, hands, options, clock=SystemClock())
        planned = time.perf_counter()
        done = ingest.apply(plan, store, hands, clock=SystemClock())
        ended = time.perf_counter()
    _check(done, told["count"])
    return {
        "done": len(done.done),
        "plan_s": planned - begun,
        "ms": (ended - planned) * 1000 / told["count"],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _drop(store: IrodsStore, collection: str, count: int) -> None:
    store.make_collection(collection)
    store.change_avus(collection, add=[Avu("omero::ingest", "in-place")])
    for number in range(count):
        writer = store.open_writer(f"{collection}/{number:05}.png")
        writer.write_at(0, 0, png())
        writer.close()


def _check(done: IngestResult, count: int) -> None:
    if len(done.done) != count or done.failed or done.stopped:
        raise SystemExit(f"{len(done.done)} of {count} imported: {done.failed[:3]} {done.stopped}")


if __name__ == "__main__":
    main()
