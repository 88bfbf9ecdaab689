"""omero.api.RawPixelsStore: planes and parts of them, big-endian. Source: RawPixelsBean of omero-server."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.pixels.access import check_editable, readable_pixels
from omero_irods_sandbox.omero_server.pixels.single_resolution import SingleResolution
from omero_irods_sandbox.omero_server.pixels.source import PixelSource, all_planes, pixel_source
from omero_irods_sandbox.omero_server.pixels.statistics import channel_range, digest, histogram
from omero_irods_sandbox.omero_server.pixels.tiles import check_answer, hypercube, planes_of_bytes, tile
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

TILE_SIZE: Final = (256, 256)
_MOST_CHANNELS_OF_MIN_MAX: Final = 10


@service(omero.api.RawPixelsStore, getter="createRawPixelsStore", stateful=True)
class RawPixelsStoreService(SingleResolution, StatefulService):
    """One Pixels at a time. There is one resolution only: the server makes no pyramids."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._row: sqlite3.Row | None = None
        self._opened: PixelSource | None = None
        self._was_written = False
        self._writing = threading.Lock()

    @property
    def _source(self) -> PixelSource:
        if self._opened is None:
            raise api_usage(
                "This RawPixelsStore has not been properly initialized.\n"
                "Please set the pixels id before executing any other methods.\n"
            )
        return self._opened

    def setPixelsId(self, pixels_id: int, bypass_original_file: bool, call: Call) -> None:
        """Work on these Pixels from now on.

        Raises:
            ValidationException: the caller sees no such Pixels.
        """
        row = readable_pixels(call, pixels_id)
        self._row, self._opened = row, pixel_source(self.server, pixels_id)
        self._was_written = False

    def prepare(self, pixels_ids: Sequence[int], call: Call) -> None:
        """There is nothing to look up ahead."""

    def getPixelsId(self, call: Call) -> int:
        return -1 if self._row is None else int(self._row["id"])

    def getPixelsPath(self, call: Call) -> str:
        return str(self._source.path)

    # -- sizes and offsets, in bytes

    def getByteWidth(self, call: Call) -> int:
        return self._source.dtype.itemsize

    def isSigned(self, call: Call) -> bool:
        return self._source.dtype.kind != "u"

    def isFloat(self, call: Call) -> bool:
        return self._source.dtype.kind == "f"

    def getRowSize(self, call: Call) -> int:
        return self._source.dimensions.size_x * self._source.dtype.itemsize

    def getPlaneSize(self, call: Call) -> int:
        return self._source.dimensions.plane_bytes

    def getStackSize(self, call: Call) -> int:
        return self.getPlaneSize(call) * self._source.dimensions.size_z

    def getTimepointSize(self, call: Call) -> int:
        return self.getStackSize(call) * self._source.dimensions.size_c

    def getTotalSize(self, call: Call) -> int:
        return self.getTimepointSize(call) * self._source.dimensions.size_t

    def getRowOffset(self, y: int, z: int, c: int, t: int, call: Call) -> int:
        return self.getPlaneOffset(z, c, t, call) + y * self.getRowSize(call)

    def getPlaneOffset(self, z: int, c: int, t: int, call: Call) -> int:
        return self._source.dimensions.plane_number(z, c, t) * self.getPlaneSize(call)

    def getStackOffset(self, c: int, t: int, call: Call) -> int:
        return self.getPlaneOffset(0, c, t, call)

    def getTimepointOffset(self, t: int, call: Call) -> int:
        return self.getPlaneOffset(0, 0, t, call)

    # -- reading

    def getPlane(self, z: int, c: int, t: int, call: Call) -> bytes:
        check_answer(self.getPlaneSize(call))
        return self._source.plane(z, c, t).tobytes()

    def getTile(  # noqa: PLR0913, PLR0917  # the operation's own
        self, z: int, c: int, t: int, x: int, y: int, w: int, h: int, call: Call
    ) -> bytes:
        return tile(self._source.plane(z, c, t), x, y, w, h).tobytes()

    def getRow(self, y: int, z: int, c: int, t: int, call: Call) -> bytes:
        return tile(self._source.plane(z, c, t), 0, y, self._source.dimensions.size_x, 1).tobytes()

    def getCol(self, x: int, z: int, c: int, t: int, call: Call) -> bytes:
        return tile(self._source.plane(z, c, t), x, 0, 1, self._source.dimensions.size_y).tobytes()

    def getPlaneRegion(self, z: int, c: int, t: int, size: int, offset: int, call: Call) -> bytes:
        """``size`` values from the one with number ``offset`` on, row by row."""
        values = self._source.plane(z, c, t).ravel()
        if size < 0 or not 0 <= offset <= len(values) - size:
            raise api_usage(f"{size} values from {offset} on are not within {len(values)}")
        return values[offset : offset + size].tobytes()

    def getStack(self, c: int, t: int, call: Call) -> bytes:
        check_answer(self.getStackSize(call))
        return b"".join(self._source.plane(z, c, t).tobytes() for z in range(self._source.dimensions.size_z))

    def getTimepoint(self, t: int, call: Call) -> bytes:
        check_answer(self.getTimepointSize(call))
        return b"".join(self.getStack(c, t, call) for c in range(self._source.dimensions.size_c))

    def getHypercube(
        self, offset: Sequence[int], size: Sequence[int], step: Sequence[int], call: Call
    ) -> bytes:
        return b"".join(part.tobytes() for part in hypercube(self._source, offset, size, step))

    def findMinMax(self, channels: Sequence[int], call: Call) -> dict[int, list[float]]:
        if len(channels) > _MOST_CHANNELS_OF_MIN_MAX:
            raise api_usage(f"at most {_MOST_CHANNELS_OF_MIN_MAX} channels at once, not {len(channels)}")
        return {channel: list(channel_range(self._source, channel)) for channel in channels}

    def getHistogram(
        self, channels: Sequence[int], bin_count: int, global_range: bool, plane: Any, call: Call
    ) -> dict[int, list[int]]:
        """Of the plane's values; ``global_range`` spans all planes of the channel, else this one."""
        z, t = (plane.z, plane.t) if plane is not None else (0, 0)
        return {channel: self._histogram(channel, bin_count, global_range, z, t) for channel in channels}

    def _histogram(self, channel: int, bins: int, is_global: bool, z: int, t: int) -> list[int]:
        values = self._source.plane(z, channel, t)
        limits = channel_range(self._source, channel) if is_global else (values.min(), values.max())
        return histogram(values, bins, limits)

    def calculateMessageDigest(self, call: Call) -> bytes:
        return digest(all_planes(self._source))

    # -- writing

    def setPlane(self, data: bytes, z: int, c: int, t: int, call: Call) -> None:
        self._write_planes(data, [(z, c, t)], call)

    def setStack(self, data: bytes, z: int, c: int, t: int, call: Call) -> None:
        """All sections of a channel and time; ``z`` has no meaning (RawPixelsBean)."""
        self._write_planes(data, [(at, c, t) for at in range(self._source.dimensions.size_z)], call)

    def setTimepoint(self, data: bytes, t: int, call: Call) -> None:
        sizes = self._source.dimensions
        places = [(z, c, t) for c in range(sizes.size_c) for z in range(sizes.size_z)]
        self._write_planes(data, places, call)

    def setTile(  # noqa: PLR0913, PLR0917  # the operation's own
        self, data: bytes, z: int, c: int, t: int, x: int, y: int, w: int, h: int, call: Call
    ) -> None:
        self._check_writable(call)
        (values,) = self._planes(data, w, h, 1)
        with self._writing:
            plane = self._source.plane(z, c, t).copy()
            tile(plane, x, y, w, h)[:] = values
            self._source.write_plane(z, c, t, plane)
        self._was_written = True

    def setRow(self, data: bytes, y: int, z: int, c: int, t: int, call: Call) -> None:
        self.setTile(data, z, c, t, 0, y, self._source.dimensions.size_x, 1, call)

    def _write_planes(self, data: bytes, places: Sequence[tuple[int, int, int]], call: Call) -> None:
        self._check_writable(call)
        sizes = self._source.dimensions
        planes = self._planes(data, sizes.size_x, sizes.size_y, len(places))
        with self._writing:
            for (z, c, t), plane in zip(places, planes, strict=True):
                self._source.write_plane(z, c, t, plane)
        self._was_written = True

    def _planes(self, data: bytes, width: int, height: int, count: int) -> Plane:
        planes = planes_of_bytes(bytes(data), self._source.dtype, width, height)
        if len(planes) != count:
            raise api_usage(f"{len(data)} bytes are {len(planes)} planes instead of {count}")
        return planes

    def _check_writable(self, call: Call) -> None:
        source = self._source
        assert self._row is not None
        check_editable(call, self._row)
        if not source.is_writable:
            raise api_usage("Cannot write to repository")

    def save(self, call: Call) -> IObject | None:
        """Record the checksum of what was written; the Pixels, None when nothing was."""
        if self._row is None or not self._was_written:
            return None
        pixels_id = self._row["id"]
        sha1 = digest(all_planes(self._source)).hex()
        with call.store.work(call.caller) as work:
            work.update("Pixels", pixels_id, sha1=sha1)
        self._was_written = False
        return call.store.get("Pixels", pixels_id, call.caller)

    def close(self, call: Call) -> None:
        try:
            self.save(call)
        finally:
            super().close(call)

    # -- resolutions

    def getTileSize(self, call: Call) -> list[int]:
        sizes = self._source.dimensions
        return [min(TILE_SIZE[0], sizes.size_x), min(TILE_SIZE[1], sizes.size_y)]
