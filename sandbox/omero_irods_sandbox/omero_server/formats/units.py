"""Lengths as text: ``0.5``, ``500nm``, ``1.5 µm``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

import omero
import omero.clients

from omero_irods_sandbox.omero_server.formats.description import Quantity

_UNITS: Final[Mapping[str, str]] = {symbol: name for name, symbol in omero.model.LengthI.SYMBOLS.items()} | {
    "um": "MICROMETER",
    "\u03bcm": "MICROMETER",  # the Greek letter, which looks like the micro sign
    "micron": "MICROMETER",
    "microns": "MICROMETER",
    "inch": "INCH",
}
_NUMBER_AND_UNIT: Final = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")


def length_of(text: str) -> Quantity | None:
    """The length that ``text`` says, in micrometres without a unit; None when it says none above 0."""
    found = _NUMBER_AND_UNIT.fullmatch(text)
    return None if found is None else quantity(float(found[1]), found[2] or "µm")


def quantity(value: float, symbol: str) -> Quantity | None:
    """A length from a number and a unit's symbol; None when the unit is unknown or the number is not above 0.

    OMERO refuses physical sizes of 0 and less, so Bio-Formats drops them (FormatTools.getPhysicalSize).
    """
    unit = _UNITS.get(symbol)
    return Quantity(value, unit) if unit is not None and math.isfinite(value) and value > 0 else None
