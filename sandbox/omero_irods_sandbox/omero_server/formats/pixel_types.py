"""OMERO's pixel types and numpy's, which are always big-endian on OMERO's side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[Any]
"""Rows by columns."""

_CODES: Final[Mapping[str, str]] = {
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "double": "f8",
    "complex": "c8",
    "double-complex": "c16",
    "bit": "u1",
}
_BY_CODE: Final = {code: name for name, code in _CODES.items() if name != "bit"}

PIXEL_TYPES: Final = tuple(_CODES)
"""Values of the enumeration PixelsType that have planes here; a ``bit`` takes a byte, as in Bio-Formats."""


def dtype_of(pixels_type: str) -> np.dtype[Any]:
    """The big-endian dtype of a pixel type.

    Raises:
        KeyError: OMERO knows no such type.
    """
    return np.dtype(">" + _CODES[pixels_type])


def pixels_type_of(dtype: np.dtype[Any]) -> str | None:
    """The pixel type that holds what numpy calls ``dtype``, None when there is none."""
    if dtype.kind == "b":
        return "uint8"
    if dtype == np.float16:
        return "float"
    return _BY_CODE.get(f"{dtype.kind}{dtype.itemsize}")


def bits_of(pixels_type: str) -> int:
    """Bits that a value takes."""
    return 1 if pixels_type == "bit" else dtype_of(pixels_type).itemsize * 8


def type_range(pixels_type: str) -> tuple[float, float]:
    """The lowest and the highest value of a type, as OMERO's StatsFactory bounds them.

    Floating point values are bounded as 32-bit integers are.
    """
    if pixels_type == "bit":
        return 0.0, 1.0
    dtype = dtype_of(pixels_type)
    if dtype.kind in "fc":
        return -float(2**31), float(2**31 - 1)
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)
