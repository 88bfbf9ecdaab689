"""What the tests of the data path share: raw requests, states in the catalog, error codes."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from irods import keywords as kw
from irods.connection import Connection
from irods.exception import iRODSException
from irods.message import FileOpenRequest, JSON_Message, OpenedDataObjRequest, StringStringMap, iRODSMessage
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.catalog.values import Replica, ReplicaStatus
from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone

DATA_OBJ_CREATE: Final = 601
DATA_OBJ_OPEN: Final = 602
DATA_OBJ_PUT: Final = 606
DATA_OBJ_CLOSE: Final = 673
REPLICA_OPEN: Final = 20003
REPLICA_CLOSE: Final = 20004

GOOD = ReplicaStatus.GOOD
STALE = ReplicaStatus.STALE
INTERMEDIATE = ReplicaStatus.INTERMEDIATE
WRITE_LOCKED = ReplicaStatus.WRITE_LOCKED

_DEADLINE_S: Final = 20.0
_PAUSE_S: Final = 0.01


def replicas(zone: Zone, path: str) -> list[Replica]:
    return zone.catalog.data_objects.replicas(path)


def states(zone: Zone, path: str) -> list[ReplicaStatus]:
    """By replica number."""
    return [replica.status for replica in replicas(zone, path)]


def vault_bytes(zone: Zone, path: str, number: int = 0) -> bytes:
    return Path(next(r.physical_path for r in replicas(zone, path) if r.number == number)).read_bytes()


def write(session: iRODSSession, path: str, data: bytes, mode: str = "w", **options: str) -> None:
    with session.data_objects.open(path, mode, **options) as file:
        file.write(data)


def read(session: iRODSSession, path: str, **options: str) -> bytes:
    with session.data_objects.open(path, "r", **options) as file:
        return bytes(file.read())


def request(
    session: iRODSSession,
    api: int,
    path: str,
    *,
    flags: int = 0,
    size: int = -1,
    data: bytes = b"",
    keywords: dict[str, str] | None = None,
) -> int:
    """Send a DataObjInp as no method of PRC would; the status of the reply. Raises what PRC raises."""
    with session.pool.get_connection() as connection:
        return _send(connection, api, _data_object(path, flags, size, keywords or {}), data)


def _data_object(path: str, flags: int, size: int, keywords: dict[str, str]) -> FileOpenRequest:
    return FileOpenRequest(
        objPath=path,
        createMode=0,
        openFlags=flags,
        offset=0,
        dataSize=size,
        numThreads=0,
        oprType=0,
        KeyValPair_PI=StringStringMap(keywords),
    )


def _send(connection: Connection, api: int, body: object, data: bytes = b"") -> int:
    connection.send(iRODSMessage("RODS_API_REQ", msg=body, bs=data, int_info=api))
    return int(connection.recv().int_info)


def replica_open(connection: Connection, path: str, flags: int) -> tuple[int, dict[str, Any]]:
    """Open with the call that also describes: (descriptor, description)."""
    body = _data_object(path, flags, -1, {})
    connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=REPLICA_OPEN))
    reply = connection.recv()
    return int(reply.int_info), reply.get_json_encoded_struct()


def opened(connection: Connection, path: str, flags: int, announced: int = -1) -> int:
    """Open on this very connection; the number of the descriptor. Raises what PRC raises."""
    return _send(connection, DATA_OBJ_OPEN, _data_object(path, flags, announced, {}))


def closed(connection: Connection, number: int) -> int:
    """Close a descriptor; the status, which PRC does not look at unless it is an error."""
    body = OpenedDataObjRequest(
        l1descInx=number,
        len=0,
        whence=0,
        oprType=0,
        offset=0,
        bytesWritten=0,
        KeyValPair_PI=StringStringMap({}),
    )
    return _send(connection, DATA_OBJ_CLOSE, body)


def put(session: iRODSSession, path: str, data: bytes, size: int | None = None, /, **keywords: str) -> None:
    """A put in a single request, as iput sends it; ``size`` is what it announces."""
    announced = len(data) if size is None else size
    included = {"dataIncluded": "", **keywords}
    request(session, DATA_OBJ_PUT, path, size=announced, data=data, keywords=included)


def failure(action: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """The code that ``action`` fails with. PRC raises a bare KeyError for codes that it has no class for."""
    try:
        action(*arguments, **options)
    except iRODSException as error:
        return int(error.code)
    except KeyError as error:
        return int(error.args[0])
    raise AssertionError("nothing failed")


def code(name: str) -> int:
    return code_of(name)


def family(number: int) -> int:
    """The code without the errno in its last three digits."""
    return -(-number // 1000 * 1000)


def errno_of(number: int) -> int:
    return -number % 1000


def is_error(number: int, name: str) -> bool:
    return number == code_of(name)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once ``condition`` holds; fail when it does not in good time."""
    end = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "the condition was not met"
        time.sleep(_PAUSE_S)


def vanish(file: io.BufferedRandom) -> None:
    """Break the connection of an open data object without a word, as a client that is killed does."""
    raw: Any = file.raw
    raw.conn.socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def storage(session: iRODSSession, zone: Zone, name: str, **options: str) -> Iterator[str]:
    """A storage resource for as long as the block runs; what is on it must be gone by then."""
    vault = zone.config.root / f"vault-{name}"
    session.resources.create(name, "unixfilesystem", host=zone.host, path=str(vault), **options)
    try:
        yield name
    finally:
        session.resources.remove(name)


@contextmanager
def tree(session: iRODSSession, zone: Zone, kind: str, name: str, *children: str) -> Iterator[str]:
    """A coordinating resource over new storage resources."""
    session.resources.create(name, kind)
    vaults = [zone.config.root / f"vault-{child}" for child in children]
    for child, vault in zip(children, vaults, strict=True):
        session.resources.create(child, "unixfilesystem", host=zone.host, path=str(vault))
        session.resources.add_child(name, child)
    try:
        yield name
    finally:
        for child in children:
            session.resources.remove_child(name, child)
            session.resources.remove(child)
        session.resources.remove(name)


def open_in_vault(zone: Zone) -> list[str]:
    """Files of the vaults that this process, which the zone runs in, has open."""
    targets = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(entry.readlink()))
        except OSError:
            continue
    return [target for target in targets if target.startswith(str(zone.config.root.resolve() / "vault"))]


def joining(file: io.BufferedRandom) -> dict[str, str]:
    """The keywords that let another connection write the same replica."""
    raw: Any = file.raw
    token, hierarchy = raw.replica_access_info()
    return {kw.REPLICA_TOKEN_KW: token, kw.RESC_HIER_STR_KW: hierarchy}


def replica_close(connection: Connection, **options: object) -> None:
    """Send a replica_close with options that PRC never sends. Raises what PRC raises."""
    _send(connection, REPLICA_CLOSE, JSON_Message(options, server_version=connection.server_version))
