"""The file of ``--owners``: who of a packet is who in OMERO here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.model.errors import AccessDenied, NotFound, UsageError
from omero_irods_bridge.model.ownership import OwnerMap

_TABLES: Final = ("users", "groups")
_FORM: Final = 'It has the tables [users] and [groups] with lines such as "name there" = "name here".'


def read_owners(file: Path) -> OwnerMap:
    """What a TOML file with the tables ``[users]`` and ``[groups]`` says.

    Raises:
        NotFound, AccessDenied: it is not there, or cannot be read.
        UsageError: it is no such file; the message names the line or the key.
    """
    found = _tables(file)
    unknown = [name for name in found if name not in _TABLES]
    if unknown:
        raise UsageError(f"{file} has the unknown key {unknown[0]}.", hint=_FORM)
    for name, table in found.items():
        if not isinstance(table, dict):
            raise UsageError(f"{name} in {file} is no table.", hint=_FORM)
    try:
        return OwnerMap(**found)
    except UsageError as error:
        raise UsageError(f"{file}: {error.message}", hint=error.hint) from error


def _tables(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"{file} is not there.", hint="Name a file that says who is who here.") from error
    except OSError as error:
        raise AccessDenied(f"{file} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML: {error}.", hint="Names need quotes in TOML.") from error
