"""Plates as omero.model objects: wells, runs and fields around images.

Source: OMEROMetadataStoreClient and WellProcessor of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omero.rtypes import rint, rstring

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject
from omero_irods_sandbox.omero_server.repository.placing import link_to

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.formats.description import (
        FilesetDescription,
        PlateDescription,
        ScreenDescription,
        WellPosition,
    )
    from omero_irods_sandbox.omero_server.repository.import_settings import Wishes


def plate_objects(
    fileset: FilesetDescription, images: Sequence[IObject], base: str, wishes: Wishes
) -> list[IObject]:
    """The plates of a fileset with ``images``, its images in order, in their wells."""
    builders = [_PlateBuilder(plate, base, wishes) for plate in fileset.plates]
    _link_screens(fileset, [builder.plate for builder in builders])
    pairs = zip(fileset.images, images, strict=True)
    placed = [(described.well, image) for described, image in pairs if described.well is not None]
    for well, image in sorted(placed, key=lambda pair: _order(pair[0])):
        builders[well.plate].place(well, image)
    return [builder.plate for builder in builders]


def _link_screens(fileset: FilesetDescription, plates: Sequence[IObject]) -> None:
    """Make the screens that the files name, with their plates."""
    screens = [_screen(described) for described in fileset.screens]
    for described, plate in zip(fileset.plates, plates, strict=True):
        if described.screen is not None:
            link_to(screens[described.screen], plate)


def _screen(described: ScreenDescription) -> IObject:
    screen = MODEL.entity("Screen").make()
    screen.name = rstring(described.name)
    screen.description = None if described.description is None else rstring(described.description)
    return screen


def _order(well: WellPosition) -> tuple[int, ...]:
    """Wells row by row; in a well run by run and field by field."""
    return well.plate, well.row, well.column, well.acquisition or 0, well.field


class _PlateBuilder:
    """One plate while images come in."""

    def __init__(self, described: PlateDescription, base: str, wishes: Wishes) -> None:
        self.plate = MODEL.entity("Plate").make()
        self.plate.name = rstring(wishes.name or described.name or base)
        description = described.description if wishes.description is None else wishes.description
        self.plate.description = None if description is None else rstring(description)
        identifier = described.external_identifier
        self.plate.externalIdentifier = None if identifier is None else rstring(identifier)
        self.plate.rowNamingConvention = rstring(described.row_naming)
        self.plate.columnNamingConvention = rstring(described.column_naming)
        self.plate.rows, self.plate.columns = rint(described.rows or 1), rint(described.columns or 1)
        self._wells: dict[tuple[int, int], IObject] = {}
        self._runs = [self._run(name) for name in described.acquisitions]

    def _run(self, name: str) -> IObject:
        run = MODEL.entity("PlateAcquisition").make()
        run.name = rstring(name)
        self.plate.addPlateAcquisition(run)
        return run

    def place(self, position: WellPosition, image: IObject) -> None:
        """Put an image into its well, as the next field there."""
        sample = MODEL.entity("WellSample").make()
        sample.image = image
        if position.acquisition is not None and position.acquisition < len(self._runs):
            sample.plateAcquisition = self._runs[position.acquisition]
        self._well(position.row, position.column).addWellSample(sample)

    def _well(self, row: int, column: int) -> IObject:
        well = self._wells.get((row, column))
        if well is None:
            well = self._wells[row, column] = MODEL.entity("Well").make()
            well.row, well.column = rint(row), rint(column)
            self.plate.addWell(well)
            self._make_room(row, column)
        return well

    def _make_room(self, row: int, column: int) -> None:
        """A plate is as large as its wells need (WellProcessor.process)."""
        self.plate.rows = rint(max(self.plate.rows.val, row + 1))
        self.plate.columns = rint(max(self.plate.columns.val, column + 1))
