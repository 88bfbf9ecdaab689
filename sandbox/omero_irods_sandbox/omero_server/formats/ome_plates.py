"""Screens, plates and wells in OME-XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from lxml import etree

from omero_irods_sandbox.omero_server.formats.description import (
    PlateDescription,
    ScreenDescription,
    WellPosition,
)

Element: TypeAlias = etree._Element  # lxml exports no other name for it
WellsById: TypeAlias = Mapping[str, WellPosition]
"""Where an image is, by its ID."""


def plates_of(root: Element) -> tuple[PlateDescription, ...]:
    """The plates in document order. A plate that does not say its size is as big as its wells ask for."""
    screens = {
        reference.get("ID", ""): index
        for index, screen in enumerate(root.findall("{*}Screen"))
        for reference in screen.findall("{*}PlateRef")
    }
    return tuple(_plate(plate, screens.get(plate.get("ID", ""))) for plate in root.findall("{*}Plate"))


def screens_of(root: Element) -> tuple[ScreenDescription, ...]:
    """The screens in document order."""
    return tuple(
        ScreenDescription(screen.get("Name", ""), screen.findtext("{*}Description"))
        for screen in root.findall("{*}Screen")
    )


def wells_of(root: Element) -> WellsById:
    """Where the images that are on plates are."""
    found: dict[str, WellPosition] = {}
    for number, plate in enumerate(root.findall("{*}Plate")):
        runs = _runs_by_sample(plate)
        for well in plate.findall("{*}Well"):
            found.update(_well(well, number, runs))
    return found


def _plate(plate: Element, screen: int | None) -> PlateDescription:
    wells = plate.findall("{*}Well")
    rows, columns = (
        int(plate.get(size, "0")) or max((int(well.get(at, "0")) + 1 for well in wells), default=1)
        for size, at in (("Rows", "Row"), ("Columns", "Column"))
    )
    runs = plate.findall("{*}PlateAcquisition")
    return PlateDescription(
        name=plate.get("Name", ""),
        rows=rows,
        columns=columns,
        acquisitions=tuple(run.get("Name", "") for run in runs),
        row_naming=plate.get("RowNamingConvention", "letter"),
        column_naming=plate.get("ColumnNamingConvention", "number"),
        description=plate.findtext("{*}Description"),
        external_identifier=plate.get("ExternalIdentifier"),
        screen=screen,
    )


def _runs_by_sample(plate: Element) -> dict[str, int]:
    return {
        reference.get("ID", ""): index
        for index, run in enumerate(plate.findall("{*}PlateAcquisition"))
        for reference in run.findall("{*}WellSampleRef")
    }


def _well(well: Element, plate: int, runs: Mapping[str, int]) -> dict[str, WellPosition]:
    """Fields count in each run of their own."""
    found: dict[str, WellPosition] = {}
    fields: dict[int | None, int] = {}
    row, column = int(well.get("Row", "0")), int(well.get("Column", "0"))
    for sample in well.findall("{*}WellSample"):
        image = sample.find("{*}ImageRef")
        run = runs.get(sample.get("ID", ""))
        if image is not None:
            fields[run] = fields.get(run, -1) + 1
            found[image.get("ID", "")] = WellPosition(plate, row, column, run, fields[run])
    return found
