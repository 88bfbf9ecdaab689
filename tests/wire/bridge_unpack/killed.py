"""Unpack in a process of its own, to be killed; it is a copy of one that has loaded all libraries."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import PurePosixPath
from typing import Final

from omero_irods_bridge.model.unpacking import UnpackRequest
from tests.wire.bridge_pack.killed import Accounts

_TIMEOUT_S: Final = 90


@dataclass(frozen=True)
class Load:
    """What to load, and as whom; ``mapping`` says where OMERO sees files, for loads in place."""

    accounts: Accounts
    request: UnpackRequest
    mapping: Mapping[str, PurePosixPath] | None = None


def started(load: Load) -> ForkServerProcess:
    """A process that unpacks; it has begun."""
    process = _context().Process(target=unpack_in_child, args=(load,), daemon=True)
    process.start()
    return process


def finish(process: ForkServerProcess) -> int | None:
    """Its exit status, when it ended by itself."""
    process.join(_TIMEOUT_S)
    return process.exitcode


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "tests.wire.bridge_pack.killed_child",
            "tests.wire.bridge_unpack.killed_child",
            "tests.interop.loaded_command",
        ]
    )
    return context


def unpack_in_child(load: Load) -> None:
    from tests.wire.bridge_unpack.killed_child import unpack_once

    unpack_once(load)
