"""A zone that does nothing with the bytes: what python-irodsclient reaches when the server costs nothing.

All but reading and writing is the embedded zone. What is written is dropped by the kernel before it is copied
anywhere, and what is read is always the same small file, which stays in the processor's cache.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.api.registry import OPERATIONS, FileRange, Handler, Reply, Request
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.zone import ZoneConfig
from tests.bench.apart import serving

_READ: Final = 675
_WRITE: Final = 676
_PIECE_BYTES: Final = 4 << 20
"""What python-irodsclient reads at once, in several streams or one."""


@contextmanager
def idle_session(root: Path) -> Iterator[iRODSSession]:
    """A session with such a zone in a process of its own."""
    with serving(_serve, root) as (_, _, login), iRODSSession(**login) as session:
        yield session


def _serve(root: Path, parent: Connection) -> None:
    with running_zone(ZoneConfig(root=root)) as zone:
        _replace(_WRITE, _drop)
        _replace(_READ, _reader(root / "piece"))
        login = {"user": zone.config.admin, "password": zone.password}
        parent.send(login | {"host": zone.host, "port": zone.port, "zone": zone.name})
        parent.recv()


def _replace(number: int, handler: Handler) -> None:
    OPERATIONS[number] = replace(OPERATIONS[number], handler=handler)


def _drop(session: Session, request: Request) -> Reply:
    """The agent drops what an operation leaves in the stream; the file gets its size and no blocks."""
    file = session.files.get(request.body.integer("l1descInx"))
    count = request.stream.length
    file.position += count
    file.written += count
    if file.position > file.size:
        os.ftruncate(file.descriptor, file.position)
    return Reply(int_info=count)


def _reader(path: Path) -> Handler:
    path.write_bytes(bytes(_PIECE_BYTES))
    piece = os.open(path, os.O_RDONLY)

    def read(session: Session, request: Request) -> Reply:
        file = session.files.get(request.body.integer("l1descInx"))
        count = min(request.body.integer("len"), _PIECE_BYTES, max(0, file.size - file.position))
        file.position += count
        return Reply(int_info=count, file=FileRange(piece, 0, count))

    return read
