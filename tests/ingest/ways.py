"""The ways in which data comes into a collection; each makes one data object of it, and says which."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from irods.session import iRODSSession

from tests.ingest.conftest import png

LARGE = 33 * 1024 * 1024
"""Bytes from which on PRC puts by several streams."""

Way = Callable[[iRODSSession, str, Path], str]
"""A session, the collection that opted in, and a folder of this machine; answers the path in iRODS."""


def _file(folder: Path) -> Path:
    path = folder / "new.png"
    path.write_bytes(png())
    return path


def put(session: iRODSSession, collection: str, folder: Path) -> str:
    session.data_objects.put(str(_file(folder)), f"{collection}/new.png")
    return f"{collection}/new.png"


def put_large(session: iRODSSession, collection: str, folder: Path) -> str:
    path = folder / "large.tif"
    tifffile.imwrite(path, np.zeros((6000, 6000), np.uint8), metadata=None)
    assert path.stat().st_size > LARGE
    session.data_objects.put(str(path), f"{collection}/large.tif")
    return f"{collection}/large.tif"


def stream(session: iRODSSession, collection: str, folder: Path) -> str:
    with session.data_objects.open(f"{collection}/new.png", "w") as target:
        target.write(png())
    return f"{collection}/new.png"


def overwrite(session: iRODSSession, collection: str, folder: Path) -> str:
    with session.data_objects.open(f"{collection}/new.png", "w") as target:
        target.write(b"not yet")
    session.data_objects.put(str(_file(folder)), f"{collection}/new.png")
    return f"{collection}/new.png"


def _outside(session: iRODSSession, collection: str, folder: Path) -> str:
    outside = f"{collection}-outside"
    session.collections.create(outside)
    session.data_objects.put(str(_file(folder)), f"{outside}/new.png")
    return outside


def copy(session: iRODSSession, collection: str, folder: Path) -> str:
    outside = _outside(session, collection, folder)
    session.data_objects.copy(f"{outside}/new.png", f"{collection}/new.png")
    return f"{collection}/new.png"


def move(session: iRODSSession, collection: str, folder: Path) -> str:
    outside = _outside(session, collection, folder)
    session.data_objects.move(f"{outside}/new.png", f"{collection}/new.png")
    return f"{collection}/new.png"


def move_collection(session: iRODSSession, collection: str, folder: Path) -> str:
    outside = _outside(session, collection, folder)
    session.collections.move(outside, f"{collection}/moved")
    return f"{collection}/moved/new.png"


def register(session: iRODSSession, collection: str, folder: Path) -> str:
    """A file that lies beside the vault already; it is seen by OMERO under the same path."""
    place = Path(session.data_objects.get(put(session, f"{collection}", folder)).replicas[0].path)
    beside = place.with_name("registered.png")
    shutil.copy(_file(folder), beside)
    session.data_objects.unlink(f"{collection}/new.png", force=True)
    session.data_objects.register(str(beside), f"{collection}/registered.png")
    return f"{collection}/registered.png"


WAYS = (put, put_large, stream, overwrite, copy, move, move_collection, register)
