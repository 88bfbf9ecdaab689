"""omero.api.Exporter: images as OME-TIFF or OME-XML. Source: ExporterI of omero-blitz."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage
from omero_irods_sandbox.omero_server.pixels.export import first_pixels, ome_xml, write_ome_tiff
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

_LARGEST_READ: Final = 64 * 1000 * 1000
_LARGEST_PLANE: Final = 3192 * 3192
"""omero.pixeldata.max_plane_width times max_plane_height."""
_LARGE: Final = 'select 1 from "Pixels" where id = ? and "sizeX" * "sizeY" > ?'


@service(omero.api.Exporter, getter="createExporter", stateful=True)
class ExporterService(StatefulService):
    """One image: add it, generate, read, close."""

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._image_id: int | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def addImage(self, image_id: int, call: Call) -> None:
        """Export this image; whether it is there is seen when it is exported.

        Raises:
            ApiUsageException: there is one already.
        """
        if self._image_id is not None:
            raise api_usage("Image already added. Currently only one supported.")
        self._image_id = image_id

    def generateTiff(self, call: Call) -> int:
        """Write an OME-TIFF; its size in bytes.

        Raises:
            ApiUsageException: there is no such image in the group of the session, whatever the call says.
            InternalException: its planes are so large that it has a pyramid. The message is lost on the way,
                what it was is not (ExporterI.do_tiff, PixelsService.requiresPixelsPyramid).
        """
        if self.server.store.database.value(_LARGE, first_pixels(self.server, self._added), _LARGEST_PLANE):
            raise omero.InternalException("", "omero.ApiUsageException", None)
        target = self._target()
        write_ome_tiff(self.server, self._added, target)
        return target.stat().st_size

    def generateXml(self, call: Call) -> int:
        """Write OME-XML; its size in bytes."""
        target = self._target()
        target.write_text(ome_xml(self.server, self._added), encoding="utf-8")
        return target.stat().st_size

    def read(self, position: int, size: int, call: Call) -> bytes:
        """Bytes of what was generated; less than ``size`` at its end."""
        if self._folder is None:
            raise api_usage("Call generateXml or generateTiff before reading")
        if not 0 <= size <= _LARGEST_READ or position < 0:
            raise api_usage(f"cannot read {size} bytes from {position} on; {_LARGEST_READ} at most")
        with self._path(self._folder).open("rb") as file:
            file.seek(position)
            return file.read(size)

    @property
    def _added(self) -> int:
        if self._image_id is None:
            raise api_usage("No image has been added")
        if self.store.find("Image", self._image_id, self.session.caller(self.server.directory)) is None:
            raise api_usage(f"Cannot load image: {self._image_id}")
        return self._image_id

    def _target(self) -> Path:
        self.release()
        self._folder = tempfile.TemporaryDirectory(prefix="export-", dir=self.server.config.data)
        return self._path(self._folder)

    @staticmethod
    def _path(folder: tempfile.TemporaryDirectory[str]) -> Path:
        return Path(folder.name) / "exported"

    def release(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
