"""omero.api.IProjection. Source: ProjectionBean of omero-server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import omero
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import validation
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, dtype_of
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.pixels.access import readable_pixels
from omero_irods_sandbox.omero_server.pixels.creation import Resize, copied_pixels, described, new_image
from omero_irods_sandbox.omero_server.pixels.projection import in_type, project
from omero_irods_sandbox.omero_server.pixels.source import PixelSource, pixel_source
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service


@service(omero.api.IProjection, getter="getProjectionService")
class ProjectionService(Service):
    """Stacks as single sections."""

    def projectStack(  # noqa: PLR0913, PLR0917  # the operation's own
        self,
        pixels_id: int,
        pixels_type: IObject | None,
        method: Any,
        time: int,
        channel: int,
        stepping: int,
        start: int,
        end: int,
        call: Call,
    ) -> bytes:
        """The projected plane, in the type of the pixels unless one is given."""
        readable_pixels(call, pixels_id)
        source = pixel_source(self.server, pixels_id)
        name = _type_name(source, pixels_type)
        plane = project(source, str(method), (channel, time), (start, end), stepping)
        return in_type(plane, name, dtype_of(name)).tobytes()

    def projectPixels(  # noqa: PLR0913, PLR0917  # the operation's own
        self,
        pixels_id: int,
        pixels_type: IObject | None,
        method: Any,
        first_time: int,
        last_time: int,
        channels: Sequence[int],
        stepping: int,
        start: int,
        end: int,
        name: str,
        call: Call,
    ) -> int:
        """A new image of one section, which the caller owns; its id."""
        readable_pixels(call, pixels_id)
        source = pixel_source(self.server, pixels_id)
        if not 0 <= first_time <= last_time < source.dimensions.size_t:
            raise validation(f"no times {first_time} to {last_time}")
        planes = {
            (number, t - first_time): project(source, str(method), (c, t), (start, end), stepping)
            for t in range(first_time, last_time + 1)
            for number, c in enumerate(channels)
        }
        resize = Resize(size_z=1, size_t=last_time - first_time + 1, channels=channels)
        image_id, new_pixels = self._create(call, pixels_id, pixels_type, resize, name)
        self._write(new_pixels, planes)
        return image_id

    def _create(
        self, call: Call, pixels_id: int, pixels_type: IObject | None, resize: Resize, name: str
    ) -> tuple[int, int]:
        original = described(call.store, pixels_id, call.caller)
        pixels = copied_pixels(original, resize, None, with_statistics=False)
        pixels.methodology = rstring("Projection")
        if pixels_type is not None:
            pixels.pixelsType = pixels_type
        image = new_image(name, None, pixels)
        with call.store.work(call.caller) as work:
            return work.save(image), int(pixels.id.val)

    def _write(self, pixels_id: int, planes: dict[tuple[int, int], Plane]) -> None:
        target = pixel_source(self.server, pixels_id)
        for (c, t), plane in planes.items():
            target.write_plane(0, c, t, in_type(plane, target.dimensions.pixels_type, target.dtype))


def _type_name(source: PixelSource, given: IObject | None) -> str:
    if given is None or given.value is None:
        return source.dimensions.pixels_type
    return str(given.value.val)
