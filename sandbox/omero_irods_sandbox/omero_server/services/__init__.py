"""The services of OMERO, one module a family. Importing a module registers its service."""

from __future__ import annotations

import importlib
import pkgutil


def register_all() -> None:
    """Import every module of this package."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
