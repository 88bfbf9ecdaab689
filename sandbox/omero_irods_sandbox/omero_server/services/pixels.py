"""omero.api.IPixels. Source: PixelsImpl of omero-server."""

from __future__ import annotations

from collections.abc import Sequence

import omero
from omero.rtypes import rlong, unwrap

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.formats.pixel_types import PIXEL_TYPES, bits_of
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.pixels.access import check_editable, readable_pixels
from omero_irods_sandbox.omero_server.pixels.creation import (
    Resize,
    copied_pixels,
    described,
    new_image,
    new_pixels,
)
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

_COPIED = (
    "acquisitionDate",
    "objectiveSettings",
    "imagingEnvironment",
    "experiment",
    "stageLabel",
    "instrument",
)
"""Of an image that is copied with other sizes (PixelsImpl.copyAndResizeImage)."""


@service(omero.api.IPixels, getter="getPixelsService")
class PixelsService(Service):
    """Pixels as objects, and who shows them how; the planes are RawPixelsStore's."""

    def retrievePixDescription(self, pixels_id: int, call: Call) -> IObject | None:
        return described(call.store, pixels_id, call.caller)

    # -- rendering settings

    def retrieveRndSettings(self, pixels_id: int, call: Call) -> IObject | None:
        """The caller's, else the owner's, else None."""
        return self._loaded(
            stored.settings_for_user(call.store.database, pixels_id, call.caller.user_id), call
        )

    def retrieveRndSettingsFor(self, pixels_id: int, user_id: int, call: Call) -> IObject | None:
        """Those that this user saved last."""
        return self._loaded(stored.settings_of_user(call.store.database, pixels_id, user_id), call)

    def retrieveAllRndSettings(self, pixels_id: int, user_id: int, call: Call) -> list[IObject]:
        """All of one user, of everybody with -1."""
        sql = 'select id from "RenderingDef" where pixels_id = ? and ? in (-1, d_owner) order by id'
        ids = [row["id"] for row in call.store.database.rows(sql, pixels_id, user_id)]
        return stored.objects(call.store, ids, call.caller)

    def loadRndSettings(self, settings_id: int, call: Call) -> IObject | None:
        return self._loaded(settings_id, call)

    def saveRndSettings(self, settings: IObject | None, call: Call) -> None:
        if settings is None:
            raise api_usage("there are no rendering settings to save")
        with call.store.work(call.caller) as work:
            work.save(settings)

    def _loaded(self, settings_id: int | None, call: Call) -> IObject | None:
        found = [] if settings_id is None else stored.objects(call.store, [settings_id], call.caller)
        return found[0] if found else None

    # -- enumerations

    def getBitDepth(self, pixels_type: IObject, call: Call) -> int:
        value = unwrap(pixels_type.value)
        if value not in PIXEL_TYPES:
            raise api_usage(f"Unknown pixel type: {value}")
        return bits_of(value)

    def getEnumeration(self, kind: str, value: str, call: Call) -> IObject | None:
        found = call.store.objects(
            f"select e from {_name(kind)} e where e.value = :value", call.caller, value=value
        )
        return found[0] if found else None

    def getAllEnumerations(self, kind: str, call: Call) -> list[IObject]:
        return call.store.objects(f"select e from {_name(kind)} e order by e.id", call.caller)

    # -- images

    def createImage(  # noqa: PLR0913, PLR0917  # the operation's own
        self,
        size_x: int,
        size_y: int,
        size_z: int,
        size_t: int,
        channels: Sequence[int],
        pixels_type: IObject,
        name: str,
        description: str,
        call: Call,
    ) -> RType:
        """A new image of the caller, black until planes are written; its id."""
        pixels = new_pixels((size_x, size_y, size_z, size_t), len(channels), pixels_type)
        image = new_image(name, description, pixels)
        with call.store.work(call.caller) as work:
            return rlong(work.save(image))

    def copyAndResizePixels(  # noqa: PLR0913, PLR0917  # the operation's own
        self,
        pixels_id: int,
        size_x: RType,
        size_y: RType,
        size_z: RType,
        size_t: RType,
        channels: Sequence[int],
        methodology: str,
        copy_stats: bool,
        call: Call,
    ) -> RType:
        """Further Pixels of the same image; their id."""
        source = self._described(pixels_id, call)
        resize = _resize(size_x, size_y, size_z, size_t, channels)
        copy = copied_pixels(source, resize, methodology, with_statistics=copy_stats)
        sql = "select i from Image i left outer join fetch i.pixels where i.id = :id"
        (image,) = call.store.objects(sql, call.caller, id=source.image.id.val)
        image.addPixels(copy)
        with call.store.work(call.caller) as work:
            work.save(image)
        return rlong(copy.id.val)

    def copyAndResizeImage(  # noqa: PLR0913, PLR0917  # the operation's own
        self,
        image_id: int,
        size_x: RType,
        size_y: RType,
        size_z: RType,
        size_t: RType,
        channels: Sequence[int],
        name: str,
        copy_stats: bool,
        call: Call,
    ) -> RType:
        """A new image with the sizes given, without planes; its id."""
        source = call.store.get("Image", image_id, call.caller)
        resize = _resize(size_x, size_y, size_z, size_t, channels)
        ids = call.store.database.rows(
            'select id from "Pixels" where image_id = ? order by image_index, id', image_id
        )
        first, *others = [
            copied_pixels(self._described(row["id"], call), resize, None, with_statistics=copy_stats)
            for row in ids
        ]
        image = new_image(name, None, first)
        for field in _COPIED:
            setattr(image, field, getattr(source, field))
        for pixels in others:
            image.addPixels(pixels)
        with call.store.work(call.caller) as work:
            return rlong(work.save(image))

    def _described(self, pixels_id: int, call: Call) -> IObject:
        found = described(call.store, pixels_id, call.caller)
        if found is None:
            raise validation(f"No such object: Pixels:{pixels_id}")
        return found

    def setChannelGlobalMinMax(
        self, pixels_id: int, channel: int, low: float, high: float, call: Call
    ) -> None:
        """Record the smallest and largest value of a channel."""
        check_editable(call, readable_pixels(call, pixels_id))
        sql = (
            'select id, "statsInfo_id", d_group from "Channel" where pixels_id = ?'
            ' order by "pixels_index", id'
        )
        rows = call.store.database.rows(sql, pixels_id)
        if not 0 <= channel < len(rows):
            raise api_usage(f"Pixels:{pixels_id} has {len(rows)} channels, none with number {channel}")
        row = rows[channel]
        with call.store.work(call.caller) as work:
            if row["statsInfo_id"] is not None:
                work.update("StatsInfo", row["statsInfo_id"], globalMin=low, globalMax=high)
                return
            stats = work.insert("StatsInfo", group_id=row["d_group"], globalMin=low, globalMax=high)
            work.update("Channel", row["id"], statsInfo_id=stats)


def _name(kind: str) -> str:
    entity = MODEL.entity(kind)
    if not entity.is_enumeration:
        raise api_usage(f"{kind} is no enumeration")
    return entity.name


def _resize(x: RType, y: RType, z: RType, t: RType, channels: Sequence[int] | None) -> Resize:
    # An empty list is how null arrives in Python.
    return Resize(unwrap(x), unwrap(y), unwrap(z), unwrap(t), list(channels) if channels else None)
