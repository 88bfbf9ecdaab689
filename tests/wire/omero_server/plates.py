"""A screen with a plate, as the gateway and ezomero look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import omero
from omero.rtypes import rint

from tests.wire.omero_server import content


@dataclass(frozen=True)
class Plated:
    """Ids; ``wells`` and ``images`` by column."""

    screen: int
    plate: int
    run: int
    wells: list[int]
    images: list[int]


def plated(gateway: Any, columns: int = 2) -> Plated:
    """A screen with one plate of one row, a field in each well, all of one run."""
    plate, run = content.named("Plate", "plate"), content.named("PlateAcquisition", "run")
    plate.addPlateAcquisition(run)
    images = [content.image(gateway, f"field {column}") for column in range(columns)]
    for column, image in enumerate(images):
        plate.addWell(_well(column, image, run))
    saved = content.save(gateway, plate)
    screen = content.new(gateway, "Screen", "screen")
    content.link(gateway, ("Screen", screen), ("Plate", saved.id.val))
    wells = sorted(saved.copyWells(), key=lambda well: well.column.val)
    run_id = saved.copyPlateAcquisitions()[0].id.val
    return Plated(screen, saved.id.val, run_id, [well.id.val for well in wells], images)


def _well(column: int, image: int, run: Any) -> Any:
    well, field = omero.model.WellI(), omero.model.WellSampleI()
    well.row, well.column = rint(0), rint(column)
    field.image, field.plateAcquisition = content.ref("Image", image), run
    well.addWellSample(field)
    return well
