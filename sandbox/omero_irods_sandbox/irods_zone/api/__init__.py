"""The API operations, one module a family. Importing a module registers its operations."""

from __future__ import annotations

import importlib
from typing import Final

_FAMILIES: Final = (
    "administration",
    "authentication",
    "checksums",
    "collections",
    "copying",
    "descriptor_info",
    "information",
    "metadata",
    "opening",
    "passwords",
    "permissions",
    "physical_move",
    "queries",
    "registration",
    "removal",
    "renaming",
    "rules",
    "system_metadata",
    "tickets",
    "touching",
    "transfer",
    "truncation",
    "user_administration",
)


def register_all() -> None:
    """Fill ``registry.OPERATIONS``. Safe to call again."""
    for family in _FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
