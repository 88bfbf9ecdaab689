"""Objects of omero.model in one line."""

from __future__ import annotations

from typing import Any

import omero
import omero.clients
from omero.rtypes import rint, rstring


def named(kind: str, name: str = "a name") -> Any:
    """A new object with a name."""
    made = getattr(omero.model, f"{kind}I")()
    made.name = rstring(name)
    return made


def tag(text: str = "a tag") -> Any:
    made = omero.model.TagAnnotationI()
    made.textValue = rstring(text)
    return made


def link(kind: str, parent: Any, child: Any) -> Any:
    """A link between objects, or references to them."""
    made = getattr(omero.model, f"{kind}I")()
    made.parent, made.child = parent, child
    return made


def reference(obj: Any) -> Any:
    """An unloaded object with the same id."""
    return type(obj)(obj.id.val, False)


def enumeration(kind: str, value: str) -> Any:
    made = getattr(omero.model, f"{kind}I")()
    made.value = rstring(value)
    return made


def pixels(size: int = 4) -> Any:
    """Pixels with all that is required but an image."""
    made = omero.model.PixelsI()
    made.sizeX = made.sizeY = made.sizeZ = made.sizeC = made.sizeT = rint(size)
    made.sha1 = rstring("Pending...")
    made.pixelsType = enumeration("PixelsType", "uint8")
    made.dimensionOrder = enumeration("DimensionOrder", "XYZCT")
    return made


def image_with_pixels(name: str = "an image", size: int = 4) -> Any:
    made = named("Image", name)
    made.addPixels(pixels(size))
    return made
