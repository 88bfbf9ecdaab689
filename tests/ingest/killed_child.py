"""A scan in a process of its own that kills itself between an import and what it says in iRODS."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.ingest import IngestOptions
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingesting import importing
from omero_irods_bridge.operations.ingesting.hands import Hands
from omero_irods_bridge.wiring import SystemClock, ingest_on


def _kill(*_arguments: Any, **_named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    told = json.load(sys.stdin)
    importing._write_avus = _kill

    @contextmanager
    def side(*_who: str) -> Any:
        with connect(UserPassword(*told["omero"]), secure=False) as opened:
            yield ingest_on(opened)

    host, port, zone, user, password = told["irods"]
    with IrodsStore(account(host, port, zone=zone, user=user, password=password)) as store:
        hands = Hands(
            side, lambda _o: nullcontext(store), side, lambda _o: told["omero"][1], lambda _o, _u: True
        )
        paths = {rule: Path(folder) for rule, folder in told["paths"].items()}
        options = IngestOptions(quiet_s=0, paths=paths)
        ingest.scan(store, told["collection"], hands, options, clock=SystemClock())


if __name__ == "__main__":
    main()
