"""The values that enumerations have from the start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import omero
import omero.clients

from omero_irods_sandbox.omero_server.model.entities import EntityType

_FORMATS: Final = (
    "AVI", "BMP", "BigTiff", "Companion/OME", "DV", "Deltavision", "Fake", "GIF", "ImageJ", "JPEG",
    "JPEG2000",
    "OMETiff", "OMEXML", "PNG", "SPW", "Tiff", "TIFF", "Zarr", "application/json", "application/octet-stream",
    "application/pdf", "text/csv", "text/plain", "text/x-python",
)  # fmt: skip
"""Some of the formats of OMERO, named after Bio-Formats readers; omero-py does not list them."""


def initial_values(enumerations: Iterable[EntityType]) -> dict[str, list[str]]:
    """Values by enumeration, from the constants of omero.model.enums (``PixelsTypeint8 = "int8"``)."""
    names = [entity.name for entity in enumerations]
    values: dict[str, list[str]] = {name: [] for name in names}
    for constant, value in sorted(vars(omero.model.enums).items()):
        owner = max((name for name in names if constant.startswith(name)), key=len, default=None)
        if isinstance(value, str) and owner is not None and not constant.startswith("_"):
            values[owner].append(value)
    values["Format"] = list(_FORMATS)
    return values
