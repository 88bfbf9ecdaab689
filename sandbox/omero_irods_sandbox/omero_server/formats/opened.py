"""Open files, kept for the next plane."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from omero_irods_sandbox.omero_server.formats.description import FilesetDescription
from omero_irods_sandbox.omero_server.formats.errors import UnreadableFile
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, dtype_of
from omero_irods_sandbox.omero_server.formats.readers import Reader, open_reader

_KEPT: Final = 16
"""How many filesets stay open."""

_Key = tuple[Path, ...]
_Stamp = tuple[int, int, int]


class _Opened:
    """A reader that one thread at a time may use."""

    def __init__(self, reader: Reader, stamp: _Stamp) -> None:
        self.reader = reader
        self.stamp = stamp
        self.lock = threading.Lock()
        self.is_closed = False

    def close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.reader.close()


_opened: OrderedDict[_Key, _Opened] = OrderedDict()
_guard: Final = threading.Lock()


def read_fileset(paths: Sequence[Path]) -> FilesetDescription:
    """What the files hold. The first is the one a reader is handed; it finds the others by name.

    Raises:
        UnknownFormat: no reader takes the first file.
        MissingLibrary: a library that decodes it is not installed.
        UnreadableFile: it is damaged, or files that belong to it are missing.
    """
    return _open(tuple(paths)).reader.description


def read_plane(paths: Sequence[Path], image_index: int, z: int, c: int, t: int) -> Plane:
    """One plane as rows by columns, big-endian, of the image's own type. Safe for several threads.

    Raises:
        IndexError: there is no such image or plane.
        FormatError: as :func:`read_fileset`.
    """
    while True:
        opened = _open(tuple(paths))
        with opened.lock:
            if opened.is_closed:  # another thread opened so many that this one had to go
                continue
            return _plane(opened.reader, image_index, z, c, t)


def close_all(paths: Sequence[Path]) -> None:
    """Close the files, e.g. because they will be removed. Files that are not open are no error."""
    with _guard:
        opened = _opened.pop(tuple(paths), None)
    if opened is not None:
        opened.close()


def _plane(reader: Reader, image_index: int, z: int, c: int, t: int) -> Plane:
    images = reader.description.images
    if not 0 <= image_index < len(images):
        raise IndexError(f"image {image_index} of {len(images)}")
    image = images[image_index]
    for name, at, size in (("z", z, image.size_z), ("c", c, image.size_c), ("t", t, image.size_t)):
        if not 0 <= at < size:
            raise IndexError(f"{name}={at} of {size}")
    plane = reader.plane(image_index, z, c, t)
    if plane.shape != (image.size_y, image.size_x):
        raise UnreadableFile(f"plane z={z} c={c} t={t} of image {image_index} has the shape {plane.shape}")
    return plane.astype(dtype_of(image.pixels_type), copy=False)


def _open(paths: _Key) -> _Opened:
    stamp = _stamp(paths)
    with _guard:
        opened = _opened.get(paths)
        if opened is not None and opened.stamp == stamp:
            _opened.move_to_end(paths)
            return opened
    opened = _Opened(open_reader(paths), stamp)
    for old in _keep(paths, opened):
        old.close()
    return opened


def _keep(paths: _Key, opened: _Opened) -> list[_Opened]:
    """Take it up; those that have to go."""
    with _guard:
        gone = [old for old in (_opened.pop(paths, None),) if old is not None]
        _opened[paths] = opened
        while len(_opened) > _KEPT:
            gone.append(_opened.popitem(last=False)[1])
    return gone


def _stamp(paths: _Key) -> _Stamp:
    """Changes when the first file does."""
    if not paths:
        raise UnreadableFile("there are no files to read")
    try:
        status = paths[0].stat()
    except OSError as error:
        raise UnreadableFile(f"cannot read {paths[0]}: {error.strerror}") from error
    return status.st_ino, status.st_size, status.st_mtime_ns
