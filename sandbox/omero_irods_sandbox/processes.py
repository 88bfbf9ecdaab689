"""Embedded servers in processes of their own: started, asked what they are, stopped or killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_STOP_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True)
class EmbeddedProcess:
    """A server's process."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        """``kill -9``: nothing is cleaned up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(_STOP_TIMEOUT_S)

    def stop(self) -> int:
        """``SIGTERM``, and its exit status once it has ended."""
        self.process.terminate()
        return self.process.wait(_STOP_TIMEOUT_S)


@contextmanager
def started(
    *arguments: str, messages: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """``omero-irods-sandbox ARGUMENTS`` and the JSON line it prints when it is ready.

    Its messages go to the file ``messages``, else to our standard error. It is told to stop at the end of the
    block if it still runs, and has ended afterwards.

    Raises:
        RuntimeError: it ended before it was ready; says where its messages are.
    """
    command = [sys.executable, "-m", "omero_irods_sandbox", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with ExitStack() as stack:
        stderr = stack.enter_context(messages.open("w")) if messages else None
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)
        )
        try:
            yield process, _ready(process, messages)
        finally:
            end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """``SIGTERM``, and ``SIGKILL`` when it takes too long; it has ended afterwards.

    Popen by itself waits for a quarter of a second only when Ctrl-C ends a block.
    """
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ready(process: subprocess.Popen[str], messages: Path | None) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        said = "; its messages are on standard error" if messages is None else f": {messages.read_text()}"
        raise RuntimeError(
            f"the server ended with status {process.wait()} before it was ready{said.rstrip()}"
        )
    ready: dict[str, Any] = json.loads(line)
    return ready
