"""Logical paths."""

from __future__ import annotations

import time

from omero_irods_sandbox.irods_zone.errors import ZoneError


def normalized(path: str) -> str:
    """``path`` without empty and ``.`` elements.

    Raises:
        ZoneError: USER_INPUT_PATH_ERR when it is not absolute or has a ``..`` element.
    """
    elements = [element for element in path.split("/") if element not in ("", ".")]
    if not path.startswith("/") or ".." in elements or "\0" in path:
        raise ZoneError("USER_INPUT_PATH_ERR", f"Not a logical path: {path!r}")
    return "/" + "/".join(elements)


def parent_of(path: str) -> str:
    """The collection that ``path`` is in; ``/`` for a zone's root and for ``/`` itself."""
    return path.rsplit("/", 1)[0] or "/"


def name_of(path: str) -> str:
    """The last element."""
    return path.rsplit("/", 1)[1]


def is_below(path: str, ancestor: str) -> bool:
    """Whether ``path`` is ``ancestor`` or lies somewhere below it."""
    return (path + "/").startswith(ancestor.rstrip("/") + "/")


def below_pattern(path: str) -> str:
    r"""A LIKE pattern, escape character ``\``, for everything below the collection ``path``."""
    escaped = path.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.rstrip("/") + "/%"


def timestamp(seconds: float | None = None) -> str:
    """Seconds since the epoch (now when not given) as the catalog stores them: 11 digits."""
    return f"{int(time.time() if seconds is None else seconds):011d}"
