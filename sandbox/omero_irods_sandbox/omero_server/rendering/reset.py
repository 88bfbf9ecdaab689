"""Giving users the default settings again, and those of another image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.defaults import computed_settings, dimensions_of
from omero_irods_sandbox.omero_server.rendering.settings import Settings, applied

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.store.database import Database

_COMPARED: Final = (
    'select y.value as type, p."sizeC" as size_c from "Pixels" p'
    ' join "PixelsType" y on y.id = p."pixelsType_id" where p.id = ?'
)
_WAVES: Final = (
    'select l."emissionWave" as wave, l."emissionWave_unit" as unit from "Channel" c'
    ' join "LogicalChannel" l on l.id = c."logicalChannel_id" where c.pixels_id = ?'
)


def reset_settings(call: Call, pixels_id: int) -> int:
    """Write default settings over those that the caller saved last, or save new ones; their id.

    Raises:
        ValidationException: there are no such pixels.
        ResourceError: the planes cannot be read.
    """
    return save_own(call, pixels_id, computed_settings(call.server, pixels_id))


def save_own(call: Call, pixels_id: int, settings: Settings) -> int:
    """Make these the caller's settings of an image; the id of the RenderingDef."""
    with call.store.work(call.caller) as work:
        known = stored.settings_of_user(work.database, pixels_id, call.caller.user_id)
        if known is None:
            return stored.create(work, pixels_id, settings)
        stored.change(work, known, settings)
        return known


def apply_settings(call: Call, source_pixels: int, target_pixels: int) -> bool:
    """Give the caller's settings of one image to another; False when the two do not fit, or there are none.

    Source: RenderingSettingsImpl.applySettings.
    """
    database = call.store.database
    source_id = stored.settings_for_user(database, source_pixels, call.caller.user_id)
    if source_id is None or not are_alike(database, source_pixels, target_pixels):
        return False
    target_id = stored.settings_of_user(database, target_pixels, call.caller.user_id)
    target = (
        computed_settings(call.server, target_pixels)
        if target_id is None
        else stored.load(database, target_id)
    )
    sizes = dimensions_of(database, target_pixels)
    save_own(call, target_pixels, applied(stored.load(database, source_id), target, sizes))
    return True


def are_alike(database: Database, source_pixels: int, target_pixels: int) -> bool:
    """Whether settings of one fit the other: same type, as many channels, same emission wavelengths.

    Source: RenderingSettingsImpl.sanityCheckPixels.
    """
    source, target = (database.row(_COMPARED, one) for one in (source_pixels, target_pixels))
    if source is None or target is None or tuple(source) != tuple(target):
        return False
    waves = _waves(database, source_pixels)
    return sum(wave in waves for wave in _waves(database, target_pixels)) == len(waves)


def _waves(database: Database, pixels_id: int) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.rows(_WAVES, pixels_id)]
