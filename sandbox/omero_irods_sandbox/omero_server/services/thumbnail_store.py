"""omero.api.ThumbnailStore. Source: ThumbnailBean of omero-server.

Thumbnails are drawn when they are asked for; nothing is cached, so none is ever "in progress".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import omero
from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import RType
from omero_irods_sandbox.omero_server.pixels.access import readable_pixels
from omero_irods_sandbox.omero_server.pixels.source import pixel_source
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.reset import reset_settings
from omero_irods_sandbox.omero_server.rendering.settings import Settings
from omero_irods_sandbox.omero_server.rendering.thumbnails import (
    LONGEST_SIDE,
    create_thumbnail,
    draw,
    fitted,
    settings_or_default,
)
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session


@service(omero.api.ThumbnailStore, getter="createThumbnailStore", stateful=True)
class ThumbnailStoreService(StatefulService):
    """JPEGs of one image, or of many at once."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._chosen_pixels: int | None = None
        self._settings_id: int | None = None

    @property
    def _pixels_id(self) -> int:
        if self._chosen_pixels is None:
            raise api_usage("Thumbnail service not ready: Pixels object not set")
        return self._chosen_pixels

    # -- what to draw

    def setPixelsId(self, pixels_id: int, call: Call) -> bool:
        """Whether there are rendering settings of the caller or of the owner, which are then used."""
        readable_pixels(call, pixels_id)
        self._chosen_pixels = pixels_id
        self._settings_id = stored.settings_for_user(call.store.database, pixels_id, call.caller.user_id)
        return self._settings_id is not None

    def setRenderingDefId(self, settings_id: int, call: Call) -> None:
        """Draw with these settings from now on.

        Raises:
            ValidationException: the caller sees none, or they are of other pixels.
        """
        row = None
        if call.store.find("RenderingDef", settings_id, call.caller) is not None:
            row = call.store.row("RenderingDef", settings_id)
        if row is None or row["pixels_id"] != self._pixels_id:
            raise validation(f"No rendering definition exists with ID: {settings_id}")
        self._settings_id = settings_id

    def getRenderingDefId(self, call: Call) -> int:
        if self._settings_id is None:
            raise api_usage("No rendering def")
        return self._settings_id

    def resetDefaults(self, call: Call) -> None:
        """Give the caller default settings."""
        self._settings_id = reset_settings(call, self._pixels_id)

    def isInProgress(self, call: Call) -> bool:
        return False

    # -- one image

    def getThumbnail(self, size_x: RType, size_y: RType, call: Call) -> bytes:
        return self._drawn(self._size(size_x, size_y))

    def getThumbnailWithoutDefault(self, size_x: RType, size_y: RType, call: Call) -> bytes:
        """Empty when there are no settings."""
        return b"" if self._settings_id is None else self._drawn(self._size(size_x, size_y))

    def getThumbnailDirect(self, size_x: RType, size_y: RType, call: Call) -> bytes:
        return self._drawn(self._size(size_x, size_y))

    def getThumbnailByLongestSide(self, side: RType, call: Call) -> bytes:
        return self._drawn(self._fitted(side))

    def getThumbnailByLongestSideDirect(self, side: RType, call: Call) -> bytes:
        return self._drawn(self._fitted(side))

    def getThumbnailForSectionDirect(self, z: int, t: int, size_x: RType, size_y: RType, call: Call) -> bytes:
        return self._drawn(self._size(size_x, size_y), (z, t))

    def getThumbnailForSectionByLongestSideDirect(self, z: int, t: int, side: RType, call: Call) -> bytes:
        return self._drawn(self._fitted(side), (z, t))

    def thumbnailExists(self, size_x: RType, size_y: RType, call: Call) -> bool:
        """Whether one was recorded for the caller, e.g. at import."""
        sql = 'select 1 from "Thumbnail" where pixels_id = ? and d_owner = ? limit 1'
        return call.store.database.value(sql, self._pixels_id, call.caller.user_id) is not None

    def createThumbnail(self, size_x: RType, size_y: RType, call: Call) -> None:
        self._record([self._pixels_id], call)

    def createThumbnails(self, call: Call) -> None:
        self._record([self._pixels_id], call)

    def _size(self, size_x: RType, size_y: RType) -> tuple[int, int]:
        width, height = unwrap(size_x) or LONGEST_SIDE, unwrap(size_y) or LONGEST_SIDE
        if width < 0 or height < 0:
            raise api_usage(f"no thumbnail of {width}x{height}")
        return width, height

    def _fitted(self, side: RType) -> tuple[int, int]:
        dimensions = pixel_source(self.server, self._pixels_id).dimensions
        return fitted(dimensions, unwrap(side) or LONGEST_SIDE)

    def _drawn(self, size: tuple[int, int], section: tuple[int, int] | None = None) -> bytes:
        settings: Settings = settings_or_default(self.server, self._pixels_id, self._settings_id)
        if section is not None:
            settings = replace(settings, z=section[0], t=section[1])
        return draw(pixel_source(self.server, self._pixels_id), settings, size)

    # -- many

    def getThumbnailSet(
        self, size_x: RType, size_y: RType, pixels_ids: Sequence[int], call: Call
    ) -> dict[int, bytes]:
        """Of those that the caller sees, within a box of this size."""
        side = max(self._size(size_x, size_y))
        return {pixels_id: self._of(pixels_id, side, call) for pixels_id in _visible(pixels_ids, call)}

    def getThumbnailByLongestSideSet(
        self, side: RType, pixels_ids: Sequence[int], call: Call
    ) -> dict[int, bytes]:
        """Of those that the caller sees."""
        longest = unwrap(side) or LONGEST_SIDE
        return {pixels_id: self._of(pixels_id, longest, call) for pixels_id in _visible(pixels_ids, call)}

    def createThumbnailsByLongestSideSet(self, side: RType, pixels_ids: Sequence[int], call: Call) -> None:
        self._record(_visible(pixels_ids, call), call)

    def _of(self, pixels_id: int, side: int, call: Call) -> bytes:
        settings_id = stored.settings_for_user(call.store.database, pixels_id, call.caller.user_id)
        source = pixel_source(self.server, pixels_id)
        settings = settings_or_default(self.server, pixels_id, settings_id)
        return draw(source, settings, fitted(source.dimensions, side))

    def _record(self, pixels_ids: Sequence[int], call: Call) -> None:
        with call.store.work(call.caller) as work:
            for pixels_id in pixels_ids:
                create_thumbnail(self.server, work, pixels_id)


def _visible(pixels_ids: Sequence[int], call: Call) -> list[int]:
    return [one for one in pixels_ids if call.store.find("Pixels", one, call.caller) is not None]
