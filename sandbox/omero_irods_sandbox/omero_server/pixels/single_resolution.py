"""What services of pixels answer about resolution levels: there is one, as there are no pyramids."""

from __future__ import annotations

from typing import Any

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.pixels.source import PixelSource


class SingleResolution:
    """Operations that RawPixelsStore and RenderingEngine share (PyramidService of the slice definitions)."""

    @property
    def _source(self) -> PixelSource:
        """The pixels that were chosen."""
        raise NotImplementedError

    def requiresPixelsPyramid(self, call: Call) -> bool:
        return False

    def getResolutionLevels(self, call: Call) -> int:
        return 1

    def getResolutionLevel(self, call: Call) -> int:
        return 0

    def setResolutionLevel(self, level: int, call: Call) -> None:
        if level != 0:
            raise api_usage(f"there is resolution level 0 only, not {level}")

    def getResolutionDescriptions(self, call: Call) -> list[Any]:
        sizes = self._source.dimensions
        return [omero.api.ResolutionDescription(sizes.size_x, sizes.size_y)]
