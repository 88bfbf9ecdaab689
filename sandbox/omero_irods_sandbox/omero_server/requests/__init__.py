"""Requests submitted to a session. Importing a module registers its commands."""

from __future__ import annotations

import importlib
import pkgutil


def register_all() -> None:
    """Import every module of this package."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
