"""What is kept of an unfinished zip that is larger than a 32-bit offset can say."""

from __future__ import annotations

import hashlib
import zlib

from omero_irods_bridge.model.checksums import OmeroHash
from omero_irods_bridge.model.events import CancelToken
from omero_irods_bridge.model.files import FileRole, SourceFile
from omero_irods_bridge.operations.packing.destination import Tools
from omero_irods_bridge.operations.packing.resuming import _read_member, _Sequential
from omero_irods_bridge.operations.streaming.budget import ByteBudget
from omero_irods_bridge.operations.streaming.digests import DigestThreads
from omero_irods_bridge.operations.streaming.workers import Workers
from omero_irods_bridge.packet.zip_writing import ZipLayout, places
from tests.unit.packing.fakes import content

FAR = 5 << 30


class At:
    """A source of which only the bytes from ``start`` on are there."""

    def __init__(self, start: int, data: bytes) -> None:
        self._start, self._data = start, data

    @property
    def size(self) -> int:
        return self._start + len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset - self._start :][:length]


def test_a_member_beyond_four_gibibytes_is_kept() -> None:
    data = content(1, 300)
    file = SourceFile(
        "far.tif", FileRole.ORIGINAL, 1, 300, OmeroHash("SHA1-160", hashlib.sha1(data).hexdigest())
    )
    layout = ZipLayout(start=FAR)
    member = layout.begin(file.member, 300) + data
    crc = zlib.crc32(data)
    member += layout.end(crc)
    (place,) = places([(file.member, 300)], FAR)
    reader = _Sequential(At(FAR, member), 64)
    reader._next = FAR
    with Workers(1, CancelToken()) as workers, DigestThreads() as digests:
        tools = Tools(ByteBudget(1000), workers, digests, 64)
        kept = _read_member(file, place, reader, hashlib.sha256(), tools)
    assert kept is not None
    assert kept.crc32 == crc
