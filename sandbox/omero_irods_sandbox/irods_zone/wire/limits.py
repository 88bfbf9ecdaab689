"""Strings of bounded length: the packing instructions give some fields a fixed array.

Source: ``rodsDef.h`` (MAX_NAME_LEN 1088, NAME_LEN 64, LONG_NAME_LEN 256) and the packing
instructions in ``rodsPackInstruct.h``. The real server answers USER_PACKSTRUCT_INPUT_ERR.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.wire.xml import Element, PackingError, encoded

_MAX_NAME_LEN: Final = 1088
_NAME_LEN: Final = 64

_BOUNDS: Final = {
    "objPath": _MAX_NAME_LEN,
    "collName": _MAX_NAME_LEN,
    "dataType": _NAME_LEN,
    "proxyUser": _NAME_LEN,
    "proxyRcatZone": _NAME_LEN,
    "clientUser": _NAME_LEN,
    "clientRcatZone": _NAME_LEN,
}


def check_lengths(body: Element) -> None:
    """Raises PackingError when a bounded string does not fit, its final NUL included."""
    for element in body.walk():
        bound = _BOUNDS.get(element.tag)
        if bound is not None and element.text and len(encoded(element.text)) >= bound:
            raise PackingError(f"{element.tag} is longer than {bound - 1} bytes")
