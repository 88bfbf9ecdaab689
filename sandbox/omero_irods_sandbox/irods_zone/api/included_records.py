"""AVUs and permissions that come with the data: keywords ``metadataIncluded`` and ``aclIncluded`` of iput.

Source: ``irods_serialization.cpp`` and ``finalize_utilities.cpp`` of iRODS. AVUs are
``attribute;value;unit;...``, permissions ``level user;level user``; a backslash takes the
separator after it literally.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.catalog.values import AccessLevel, Replica
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session

_ESCAPE: Final = "\\"


def apply(session: Session, replica: Replica, keywords: dict[str, str]) -> None:
    """Add what the keywords hold to the data object. Inside a transaction.

    Raises:
        ZoneError: SYS_BAD_INPUT, CAT_NO_ACCESS_PERMISSION, CAT_INVALID_USER, CAT_INVALID_ARGUMENT.
    """
    if "metadataIncluded" in keywords:
        _add_metadata(session, replica.data_id, keywords["metadataIncluded"])
    if "aclIncluded" in keywords:
        _grant(session, replica.data_id, keywords["aclIncluded"])


def _add_metadata(session: Session, data_id: int, text: str) -> None:
    parts = split(text, ";")
    if len(parts) % 3 == 2:
        parts.append("")
    if len(parts) % 3:
        raise ZoneError("SYS_BAD_INPUT", "metadataIncluded must hold triplets: attribute;value;unit")
    session.catalog.permissions.require(session.user, data_id, AccessLevel.CREATE_METADATA)
    for start in range(0, len(parts), 3):
        attribute, value, unit = parts[start : start + 3]
        session.catalog.metadata.add(data_id, attribute, value, unit, again_ok=True)


def _grant(session: Session, data_id: int, text: str) -> None:
    session.catalog.permissions.require(session.user, data_id, AccessLevel.OWN)
    for entry in split(text, ";", inner=" "):
        words = split(entry, " ")
        if len(words) != 2:
            raise ZoneError("SYS_BAD_INPUT", "aclIncluded must hold pairs: level user;level user")
        level = AccessLevel.of(words[0])
        if level is None:
            raise ZoneError("CAT_INVALID_ARGUMENT", f"No such permission: {words[0]}")
        session.catalog.permissions.grant(data_id, session.catalog.users.get(words[1]).id, level)


def split(text: str, separator: str, *, inner: str = "") -> list[str]:
    """The parts between separators, escapes resolved; those of ``inner`` are left for a second split.

    An empty last part is dropped, so a final separator changes nothing.
    """
    parts, part = [], ""
    characters = iter(text)
    for character in characters:
        if character == separator:
            parts.append(part)
            part = ""
        elif character == _ESCAPE:
            escaped = next(characters, "")
            part += _ESCAPE + escaped if inner and escaped in inner + _ESCAPE else escaped
        else:
            part += character
    return [*parts, part] if part else parts
