"""Pack in a process of its own, to be killed. The process is a copy of one that has loaded all libraries."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Final

from omero_irods_bridge.model.packing import PackRequest, TransferOptions

_TIMEOUT_S: Final = 60
OPTIONS: Final = TransferOptions(readers=2, streams=2, piece_bytes=64 << 10, memory_bytes=512 << 10)


@dataclass(frozen=True)
class Accounts:
    """How to log in to both servers."""

    omero_host: str
    omero_port: int
    omero_user: str
    omero_password: str
    irods_host: str
    irods_port: int
    irods_zone: str
    irods_user: str
    irods_password: str


def started(accounts: Accounts, request: PackRequest) -> ForkServerProcess:
    """A process that packs; it has begun."""
    process = _context().Process(target=pack_in_child, args=(accounts, request), daemon=True)
    process.start()
    return process


def finish(process: ForkServerProcess) -> int | None:
    """Its exit status, when it ended by itself."""
    process.join(_TIMEOUT_S)
    return process.exitcode


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.wire.bridge_pack.killed_child", "tests.interop.loaded_command"])
    return context


def pack_in_child(accounts: Accounts, request: PackRequest) -> None:
    from tests.wire.bridge_pack.killed_child import pack_once

    pack_once(accounts, request, OPTIONS)
