"""omero.api.IRenderingSettings. Source: RenderingSettingsImpl of omero-server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import omero

from omero_irods_sandbox.omero_server.dispatch.call import Call
from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.pixels.access import readable_pixels
from omero_irods_sandbox.omero_server.rendering import stored
from omero_irods_sandbox.omero_server.rendering.defaults import computed_settings
from omero_irods_sandbox.omero_server.rendering.objects import unsaved
from omero_irods_sandbox.omero_server.rendering.reset import (
    apply_settings,
    are_alike,
    reset_settings,
    save_own,
)
from omero_irods_sandbox.omero_server.services.registry import service
from omero_irods_sandbox.omero_server.services.service import Service

_PIXELS_OF: Final = {
    "Pixels": "p.id",
    "Image": "p.image.id",
    "Dataset": "d.id",
    "Project": "j.id",
    "Plate": "l.id",
    "PlateAcquisition": "s.plateAcquisition.id",
    "Screen": "n.id",
}
_JOINS: Final = {
    "Dataset": " join i.datasetLinks a join a.parent d",
    "Project": " join i.datasetLinks a join a.parent d join d.projectLinks b join b.parent j",
    "Plate": " join i.wellSamples s join s.well w join w.plate l",
    "PlateAcquisition": " join i.wellSamples s",
    "Screen": " join i.wellSamples s join s.well w join w.plate l join l.screenLinks k join k.parent n",
}


@service(omero.api.IRenderingSettings, getter="getRenderingSettingsService")
class RenderingSettingsService(Service):
    """Settings of many images at once; each user has his own."""

    def sanityCheckPixels(self, source: IObject, target: IObject, call: Call) -> bool:
        """Whether settings of one fit the other."""
        if source is None or target is None:
            return False
        return are_alike(call.store.database, source.id.val, target.id.val)

    def getRenderingSettings(self, pixels_id: int, call: Call) -> IObject | None:
        """The caller's, else the owner's, else None."""
        found = stored.settings_for_user(call.store.database, pixels_id, call.caller.user_id)
        loaded = [] if found is None else stored.objects(call.store, [found], call.caller)
        return loaded[0] if loaded else None

    def createNewRenderingDef(self, pixels: IObject, call: Call) -> IObject:
        """Default settings, not saved."""
        readable_pixels(call, pixels.id.val)
        return unsaved(pixels.id.val, computed_settings(self.server, pixels.id.val))

    # -- defaults

    def resetDefaults(self, settings: IObject, pixels: IObject, call: Call) -> None:
        """Make the settings given the default ones, and save them."""
        changed = computed_settings(self.server, readable_pixels(call, pixels.id.val)["id"])
        if settings.id is None:
            reset_settings(call, pixels.id.val)
            return
        call.store.get("RenderingDef", settings.id.val, call.caller)
        with call.store.work(call.caller) as work:
            stored.check_editable(work, settings.id.val)
            stored.change(work, settings.id.val, changed)

    def resetDefaultsNoSave(self, settings: IObject, pixels: IObject, call: Call) -> IObject:
        return self.createNewRenderingDef(pixels, call)

    def resetDefaultsInImage(self, image_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Image", [image_id], call)

    def resetDefaultsForPixels(self, pixels_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Pixels", [pixels_id], call)

    def resetDefaultsInDataset(self, dataset_id: int, call: Call) -> list[int]:
        return self.resetDefaultsInSet("Dataset", [dataset_id], call)

    def resetDefaultsInSet(self, kind: str, ids: Sequence[int], call: Call) -> list[int]:
        """Default settings of the caller for all images in there; the images' ids."""
        return _each(call, kind, ids, lambda pixels_id: reset_settings(call, pixels_id))

    def resetMinMaxInSet(self, kind: str, ids: Sequence[int], call: Call) -> list[int]:
        return self.resetDefaultsInSet(kind, ids, call)

    def setOriginalSettingsInImage(self, image_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Image", [image_id], call)

    def setOriginalSettingsForPixels(self, pixels_id: int, call: Call) -> None:
        self.resetDefaultsInSet("Pixels", [pixels_id], call)

    def setOriginalSettingsInDataset(self, dataset_id: int, call: Call) -> list[int]:
        return self.resetDefaultsInSet("Dataset", [dataset_id], call)

    def setOriginalSettingsInSet(self, kind: str, ids: Sequence[int], call: Call) -> list[int]:
        return self.resetDefaultsInSet(kind, ids, call)

    def resetDefaultsByOwnerInSet(self, kind: str, ids: Sequence[int], call: Call) -> list[int]:
        """Make the owners' settings the caller's; the ids of the images whose owner has any."""
        return _each(call, kind, ids, lambda pixels_id: _take_owners(call, pixels_id))

    # -- from one image to others

    def applySettingsToSet(
        self, source_pixels: int, kind: str, ids: Sequence[int], call: Call
    ) -> dict[bool, list[int]]:
        """Image ids by whether the settings of ``source_pixels`` fitted; its own image counts as fitting."""
        readable_pixels(call, source_pixels)
        fits: dict[bool, list[int]] = {True: [], False: []}
        for pixels_id, image_id in _pixels_in(call, kind, ids):
            same = pixels_id == source_pixels
            fits[same or apply_settings(call, source_pixels, pixels_id)].append(image_id)
        return fits

    def applySettingsToProject(
        self, source_pixels: int, project_id: int, call: Call
    ) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source_pixels, "Project", [project_id], call)

    def applySettingsToDataset(
        self, source_pixels: int, dataset_id: int, call: Call
    ) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source_pixels, "Dataset", [dataset_id], call)

    def applySettingsToImages(
        self, source_pixels: int, image_ids: Sequence[int], call: Call
    ) -> dict[bool, list[int]]:
        return self.applySettingsToSet(source_pixels, "Image", image_ids, call)

    def applySettingsToImage(self, source_pixels: int, image_id: int, call: Call) -> bool:
        return bool(self.applySettingsToSet(source_pixels, "Image", [image_id], call)[True])

    def applySettingsToPixels(self, source_pixels: int, target_pixels: int, call: Call) -> bool:
        return bool(self.applySettingsToSet(source_pixels, "Pixels", [target_pixels], call)[True])


def _pixels_in(call: Call, kind: str, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Ids of the pixels, and of their images, that the caller sees in containers of a kind."""
    name = kind.rpartition(".")[2].removesuffix("I")
    if name not in _PIXELS_OF:
        raise api_usage(
            "Class parameter for changing settings must be in {Project, Dataset, Image, Plate, Screen,"
            f" PlateAcquisition, Pixels}}, not {kind}"
        )
    if not ids:
        return []
    hql = (
        f"select distinct p.id, i.id from Pixels p join p.image i{_JOINS.get(name, '')}"
        f" where {_PIXELS_OF[name]} in (:ids) order by p.id"
    )
    rows = call.store.query(hql, {"ids": list(ids)}, call.caller).rows
    return [(row[0].val, row[1].val) for row in rows]


def _each(call: Call, kind: str, ids: Sequence[int], change: Callable[[int], int | None]) -> list[int]:
    return [image_id for pixels_id, image_id in _pixels_in(call, kind, ids) if change(pixels_id) is not None]


def _take_owners(call: Call, pixels_id: int) -> int | None:
    row = call.store.row("Pixels", pixels_id)
    if row is None:
        raise validation(f"No such object: Pixels:{pixels_id}")
    found = stored.settings_of_user(call.store.database, pixels_id, row["d_owner"])
    if found is None or row["d_owner"] == call.caller.user_id:
        return found
    return save_own(call, pixels_id, stored.load(call.store.database, found))
