"""Declarations kept as JSON in the user's cache folder, so that not every start reads 420 modules."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import platformdirs

from omero_irods_sandbox.omero_server.model.declarations import (
    Declarations,
    DeclaredClass,
    read_declarations,
    source_folder,
)

log = logging.getLogger(__name__)

_FORM: Final = 1
"""Counted up whenever the JSON below changes, so that an older file is not taken for a new one."""


def cache_file() -> Path:
    """One file for each version of omero-py and of the form."""
    folder = Path(platformdirs.user_cache_dir("omero-irods-sandbox"))
    return folder / f"omero-model-{version('omero-py')}-{_FORM}.json"


def declarations(path: Path | None = None) -> Declarations:
    """From the cache when it holds them, else from omero-py's modules (0.6 s); then they are kept."""
    path = path or cache_file()
    try:
        return _decoded(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.debug("no usable cache of the model in %s: %s", path, error)
    found = read_declarations(source_folder())
    _keep(path, found)
    return found


def _keep(path: Path, found: Declarations) -> None:
    """A cache that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several servers may start at once: each writes its own file and the last name wins.
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(_encoded(found)), encoding="utf-8")
        temporary.replace(path)


def _encoded(found: Declarations) -> dict[str, Any]:
    return {
        "classes": {c.name: [c.base, c.members] for c in found.classes.values()},
        "sequences": found.sequences,
        "void": {name: sorted(operations) for name, operations in found.void_operations.items()},
    }


def _decoded(data: dict[str, Any]) -> Declarations:
    return Declarations(
        {
            name: DeclaredClass(name, base, tuple((member, of) for member, of in members))
            for name, (base, members) in data["classes"].items()
        },
        dict(data["sequences"]),
        {name: frozenset(operations) for name, operations in data["void"].items()},
    )
