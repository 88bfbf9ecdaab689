"""omero.api.RenderingEngine. Source: RenderingBean of omero-server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.romio

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.formats.pixel_types import type_range
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject, RType
from omero_irods_sandbox.omero_server.pixels.access import readable_pixels
from omero_irods_sandbox.omero_server.pixels.creation import described
from omero_irods_sandbox.omero_server.pixels.projection import project
from omero_irods_sandbox.omero_server.pixels.single_resolution import SingleResolution
from omero_irods_sandbox.omero_server.pixels.source import PixelSource, pixel_source
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.defaults import computed_settings, known_ranges
from omero_irods_sandbox.omero_server.rendering.objects import inversions, quantum_def, updated, value_of
from omero_irods_sandbox.omero_server.rendering.plane_parts import part_of_plane
from omero_irods_sandbox.omero_server.rendering.renderer import (
    DEFAULT_QUALITY,
    Picture,
    jpeg,
    packed,
    render,
)
from omero_irods_sandbox.omero_server.rendering.reset import reset_settings
from omero_irods_sandbox.omero_server.rendering.settings import ChannelSettings, Settings
from omero_irods_sandbox.omero_server.services.raw_pixels_store import TILE_SIZE
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import StatefulService

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.server import OmeroServer
    from omero_irods_sandbox.omero_server.sessions.session import Session

_NOT_READY: Final = "RenderingEngine not ready: {} not set."


@service(omero.api.RenderingEngine, getter="createRenderingEngine", stateful=True)
class RenderingEngineService(SingleResolution, StatefulService):
    """Settings of one image that a client changes and looks at, and saves if it likes them."""

    has_hibernate_session = True

    def __init__(self, server: OmeroServer, session: Session) -> None:
        super().__init__(server, session)
        self._opened: PixelSource | None = None
        self._pixels_id: int | None = None
        self._current: Settings | None = None
        self._settings_id: int | None = None
        self._was_loaded_by_id = False
        self._quality = DEFAULT_QUALITY

    @property
    def _source(self) -> PixelSource:
        if self._opened is None:
            raise api_usage(_NOT_READY.format("Pixels object"))
        return self._opened

    @property
    def _settings(self) -> Settings:
        if self._current is None:
            raise api_usage(_NOT_READY.format("RenderingDef object"))
        return self._current

    @property
    def _checked_pixels_id(self) -> int:
        if self._pixels_id is None:
            raise api_usage(_NOT_READY.format("Pixels object"))
        return self._pixels_id

    # -- which image, which settings

    def lookupPixels(self, pixels_id: int, call: Call) -> None:
        readable_pixels(call, pixels_id)
        self._pixels_id, self._opened = pixels_id, pixel_source(self.server, pixels_id)
        self._current, self._settings_id, self._was_loaded_by_id = None, None, False

    def lookupRenderingDef(self, pixels_id: int, call: Call) -> bool:
        """Take the caller's settings, else the owner's; False when there are none."""
        found = stored.settings_for_user(call.store.database, pixels_id, call.caller.user_id)
        if found is None:
            return False
        self._take(found, by_id=False)
        return True

    def loadRenderingDef(self, settings_id: int, call: Call) -> None:
        """Take these settings, also those of another image when they fit.

        Raises:
            ValidationException: the caller sees none, or they are for another number of channels.
        """
        if call.store.find("RenderingDef", settings_id, call.caller) is None:
            raise validation(f"No rendering definition exists with ID: {settings_id}")
        settings = stored.load(call.store.database, settings_id)
        if len(settings.channels) != self._source.dimensions.size_c:
            raise validation(f"The rendering definition {settings_id} is incompatible with the pixels")
        self._take(settings_id, by_id=True)

    def _take(self, settings_id: int, *, by_id: bool) -> None:
        self._current = stored.load(self.server.store.database, settings_id)
        self._settings_id, self._was_loaded_by_id = settings_id, by_id

    def load(self, call: Call) -> None:
        """Be ready to render."""
        if self._opened is None or self._current is None:
            raise api_usage(_NOT_READY.format("Pixels or RenderingDef object"))

    def getRenderingDefId(self, call: Call) -> int:
        if self._settings_id is None:
            raise api_usage(_NOT_READY.format("RenderingDef object"))
        return self._settings_id

    def getPixels(self, call: Call) -> IObject | None:
        return described(call.store, self._checked_pixels_id, call.caller)

    # -- saving

    def resetDefaultSettings(self, save: bool, call: Call) -> int:
        """Default settings, which become the caller's with ``save``, unless settings were taken by id.

        The id of the settings that are taken, -1 when there are none.
        """
        if save and not self._was_loaded_by_id:
            settings_id = reset_settings(call, self._checked_pixels_id)
            self._take(settings_id, by_id=False)
        else:
            self._current = computed_settings(self.server, self._checked_pixels_id)
        return -1 if self._settings_id is None else self._settings_id

    def saveCurrentSettings(self, call: Call) -> None:
        """Save over the settings taken; somebody else's become new ones of the caller, unless taken by id."""
        settings, settings_id = self._settings, self._settings_id
        if settings_id is None or not (self._was_loaded_by_id or self._is_own(settings_id, call)):
            self.saveAsNewSettings(call)
            return
        with call.store.work(call.caller) as work:
            stored.check_editable(work, settings_id)
            stored.change(work, settings_id, settings)

    def saveAsNewSettings(self, call: Call) -> int:
        settings = self._settings
        with call.store.work(call.caller) as work:
            self._settings_id = stored.create(work, self._checked_pixels_id, settings)
        return self._settings_id

    def updateSettings(self, given: IObject | None, call: Call) -> None:
        """Take over what is set in a RenderingDef; it is not saved."""
        if given is not None:
            self._current = updated(self._settings, given, call.store.database)

    def _is_own(self, settings_id: int, call: Call) -> bool:
        row = call.store.row("RenderingDef", settings_id)
        return row is not None and row["d_owner"] == call.caller.user_id

    # -- of the whole image

    def getDefaultZ(self, call: Call) -> int:
        return self._settings.z

    def getDefaultT(self, call: Call) -> int:
        return self._settings.t

    def setDefaultZ(self, z: int, call: Call) -> None:
        self._current = replace(self._settings, z=z)

    def setDefaultT(self, t: int, call: Call) -> None:
        self._current = replace(self._settings, t=t)

    def getModel(self, call: Call) -> IObject:
        return _enumeration(call, "RenderingModel", self._settings.model)

    def setModel(self, model: IObject, call: Call) -> None:
        self._current = replace(self._settings, model=value_of(call.store.database, "RenderingModel", model))

    def getAvailableModels(self, call: Call) -> list[IObject]:
        return call.store.objects("select e from RenderingModel e order by e.id", call.caller)

    def getAvailableFamilies(self, call: Call) -> list[IObject]:
        return call.store.objects("select e from Family e order by e.id", call.caller)

    def getQuantumDef(self, call: Call) -> IObject:
        return quantum_def(self._settings)

    def setQuantumStrategy(self, bit_resolution: int, call: Call) -> None:
        self._current = replace(self._settings, bit_resolution=bit_resolution)

    def setCodomainInterval(self, start: int, end: int, call: Call) -> None:
        if not 0 <= start <= end <= 255:
            raise api_usage(f"no codomain from {start} to {end}")
        self._current = replace(self._settings, codomain=(start, end))

    # -- of a channel

    def _channel(self, index: int) -> ChannelSettings:
        channels = self._settings.channels
        if not 0 <= index < len(channels):
            raise api_usage(f"there is no channel {index} of {len(channels)}")
        return channels[index]

    def _change(self, index: int, **changes: object) -> None:
        self._channel(index)
        self._current = self._settings.with_channel(index, **changes)

    def isActive(self, index: int, call: Call) -> bool:
        return self._channel(index).is_active

    def setActive(self, index: int, active: bool, call: Call) -> None:
        self._change(index, is_active=active)

    def getChannelWindowStart(self, index: int, call: Call) -> float:
        return self._channel(index).start

    def getChannelWindowEnd(self, index: int, call: Call) -> float:
        return self._channel(index).end

    def setChannelWindow(self, index: int, start: float, end: float, call: Call) -> None:
        self._change(index, start=min(start, end), end=max(start, end))

    def getChannelStats(self, index: int, call: Call) -> list[float]:
        """The smallest and largest value."""
        self._channel(index)
        ranges = known_ranges(call.store.database, self._checked_pixels_id)
        return list(ranges[index] if index < len(ranges) else type_range(self._source.dimensions.pixels_type))

    def getRGBA(self, index: int, call: Call) -> list[int]:
        return list(self._channel(index).color)

    def setRGBA(  # the operation's own
        self, index: int, red: int, green: int, blue: int, alpha: int, call: Call
    ) -> None:
        if not all(0 <= part <= 255 for part in (red, green, blue, alpha)):
            raise api_usage(f"no colour: {red}, {green}, {blue}, {alpha}")
        self._change(index, color=(red, green, blue, alpha))

    def getChannelLookupTable(self, index: int, call: Call) -> str:
        return self._channel(index).lookup_table or ""

    def setChannelLookupTable(self, index: int, table: str | None, call: Call) -> None:
        self._change(index, lookup_table=table or None)

    def getChannelFamily(self, index: int, call: Call) -> IObject:
        return _enumeration(call, "Family", self._channel(index).family)

    def getChannelCurveCoefficient(self, index: int, call: Call) -> float:
        return self._channel(index).coefficient

    def getChannelNoiseReduction(self, index: int, call: Call) -> bool:
        return self._channel(index).noise_reduction

    def setQuantizationMap(
        self, index: int, family: IObject, coefficient: float, noise_reduction: bool, call: Call
    ) -> None:
        name = value_of(call.store.database, "Family", family)
        self._change(index, family=name, coefficient=coefficient, noise_reduction=noise_reduction)

    # -- codomain maps: inversion is the only one that is drawn

    def getCodomainMapContext(self, index: int, call: Call) -> list[IObject]:
        return inversions(self._channel(index))

    def addCodomainMapToChannel(self, context: Any, index: int, call: Call) -> None:
        _check_inversion(context)
        self._change(index, is_inverted=True)

    def removeCodomainMapFromChannel(self, context: Any, index: int, call: Call) -> None:
        _check_inversion(context)
        self._change(index, is_inverted=False)

    def addCodomainMap(self, context: Any, call: Call) -> None:
        for index in range(len(self._settings.channels)):
            self.addCodomainMapToChannel(context, index, call)

    def removeCodomainMap(self, context: Any, call: Call) -> None:
        for index in range(len(self._settings.channels)):
            self.removeCodomainMapFromChannel(context, index, call)

    # -- pictures

    def render(self, plane: Any, call: Call) -> Any:
        picture = self._picture(plane)
        height, width = picture.shape[:2]
        bands = [picture[:, :, band].tobytes() for band in range(3)]
        return omero.romio.RGBBuffer(bands, width, height)

    def renderAsPackedInt(self, plane: Any, call: Call) -> list[int]:
        return packed(self._picture(plane))

    def renderCompressed(self, plane: Any, call: Call) -> bytes:
        return jpeg(self._picture(plane), self._quality)

    def renderProjectedCompressed(  # the operation's own
        self, method: Any, time: int, stepping: int, start: int, end: int, call: Call
    ) -> bytes:
        return jpeg(self._projected(method, time, stepping, (start, end)), self._quality)

    def renderProjectedAsPackedInt(  # the operation's own
        self, method: Any, time: int, stepping: int, start: int, end: int, call: Call
    ) -> list[int]:
        return packed(self._projected(method, time, stepping, (start, end)))

    def _picture(self, plane: Any) -> Picture:
        source = self._source
        return render(self._settings, lambda channel: part_of_plane(source, channel, plane))

    def _projected(self, method: Any, time: int, stepping: int, sections: Sequence[int]) -> Picture:
        source = self._source
        return render(
            self._settings,
            lambda channel: project(source, str(method), (channel, time), sections, stepping),
        )

    def setCompressionLevel(self, level: float, call: Call) -> None:
        if not 0 <= level <= 1:
            raise api_usage(f"compression level {level} is not within 0 and 1")
        self._quality = level

    def getCompressionLevel(self, call: Call) -> float:
        return self._quality

    def setOverlays(self, table_id: RType, image_id: RType, row_colors: Any, call: Call) -> None:
        """Masks in tables are not drawn."""

    def isPixelsTypeSigned(self, call: Call) -> bool:
        return self._source.dtype.kind != "u"

    def getPixelsTypeLowerBound(self, index: int, call: Call) -> float:
        return type_range(self._source.dimensions.pixels_type)[0]

    def getPixelsTypeUpperBound(self, index: int, call: Call) -> float:
        return type_range(self._source.dimensions.pixels_type)[1]

    # -- resolutions: there is one

    def getTileSize(self, call: Call) -> list[int]:
        return list(TILE_SIZE)


def _enumeration(call: Call, kind: str, value: str) -> IObject:
    return call.store.load([(MODEL.entity(kind), call.store.enumeration(kind, value))], call.caller)[0]


def _check_inversion(context: Any) -> None:
    if not isinstance(context, omero.romio.ReverseIntensityMapContext):
        raise api_usage(f"{type(context).__name__} is not drawn by the embedded server")
