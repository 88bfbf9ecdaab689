"""Ways in which a data object comes to a path; what has to be noticed of each is in the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from irods.session import iRODSSession

from tests.wire.irods_zone import data_objects as do

LARGE: Final = 33 << 20
"""Bytes from which on PRC puts by several streams."""

Arrive = Callable[[iRODSSession, str, Path], None]
"""A session, the path of the new data object, and a file of this computer."""


def put_small(session: iRODSSession, path: str, local: Path) -> None:
    session.data_objects.put(str(local), path)


def put_large(session: iRODSSession, path: str, local: Path) -> None:
    with local.open("wb") as file:
        file.truncate(LARGE)
    session.data_objects.put(str(local), path, num_threads=4)


def put_in_one_request(session: iRODSSession, path: str, local: Path) -> None:
    do.put(session, path, local.read_bytes())


def stream(session: iRODSSession, path: str, local: Path) -> None:
    do.write(session, path, local.read_bytes())


def touch_new(session: iRODSSession, path: str, local: Path) -> None:
    session.data_objects.touch(path)


def register(session: iRODSSession, path: str, local: Path) -> None:
    session.data_objects.register(str(local), path)


WAYS: Final[Sequence[Arrive]] = (put_small, put_large, put_in_one_request, stream, touch_new, register)
