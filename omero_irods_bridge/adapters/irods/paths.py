"""Which logical paths the bridge hands to iRODS, and how they look in conditions of a query."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.model.errors import BadName
from omero_irods_bridge.model.stored import is_sendable, name_of, parent_of

MAX_PATH_BYTES: Final = 1023
"""MAX_PATH_ALLOWED of ``rodsDef.h`` with the closing NUL."""


def checked(path: str) -> str:
    """``path`` itself, when it is an absolute logical path that iRODS takes as it is.

    Raises:
        BadName: it is not; the message says why.
    """
    reason = _reason(path)
    if reason:
        raise BadName(f"{path!r} cannot be a path in iRODS: {reason}.", hint="Choose another name.")
    return path


def _reason(path: str) -> str:
    if not path.startswith("/"):
        return "it does not start with a slash"
    if path != "/" and {"", ".", ".."} & set(path[1:].split("/")):
        return "a part of it is empty, '.' or '..'"
    if not is_sendable(path):
        return "it has control characters or is no Unicode text"
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    return ""


def split(path: str) -> tuple[str, str]:
    """The collection and the name in it."""
    return parent_of(path), name_of(path)


def join(collection: str, name: str) -> str:
    """The path of ``name`` in ``collection``."""
    return f"{collection.rstrip('/')}/{name}"
