"""A process that imports a fileset and kills itself at a moment that it is told: ``read:2``, ``step:2``, ...

Its input is JSON: where the server is, as whom, the moment. What a kill leaves is for the test to see.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import omero
import omero.clients

from omero_irods_bridge.adapters.omero import import_frame, import_marks, import_upload, importing
from omero_irods_bridge.model.events import Event, Step
from omero_irods_bridge.model.imports import ImportMark, ImportOptions
from tests.wire.bridge_import.sources import fake, file_of

TOKENS = "&series=4&sizeX=32&sizeY=32"


def files(before_read: Any = None) -> list[Any]:
    return [fake(TOKENS), file_of("zone/home/alice/notes.txt", b"x" * 5000, before_read=before_read)]


def options(load: str) -> ImportOptions:
    return ImportOptions(mark=ImportMark(load, "/zone/a.zip", "Fileset:3"), images=4)


class Killer:
    def __init__(self, moment: str) -> None:
        self._kind, _, number = moment.partition(":")
        self._left = int(number)

    def __call__(self, kind: str) -> None:
        if kind == self._kind:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def on_event(self, event: Event) -> None:
        if isinstance(event, Step):
            self("step")

    def around(self, kind: str, function: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self(f"before-{kind}")
            result = function(*arguments, **named)
            self(f"after-{kind}")
            return result

        return call


def main() -> None:
    told = json.load(sys.stdin)
    killer = Killer(told["moment"])
    import_upload.BLOCK_BYTES = 1000  # type: ignore[misc]
    import_frame._verify = killer.around("verify", import_frame._verify)
    import_frame.wait_for = killer.around("wait", import_frame.wait_for)  # type: ignore[attr-defined]
    import_marks.record_complete = killer.around("record", import_marks.record_complete)
    client = omero.client(told["host"], told["port"])
    client.createSession(told["user"], told["password"])
    source = files(lambda *_at: killer("read"))
    importing.OmeroImporter(client).import_fileset(source, options(told["load"]), killer.on_event)
    client.closeSession()


if __name__ == "__main__":
    main()
