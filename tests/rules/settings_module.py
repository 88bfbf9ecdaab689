"""The settings module as it is shipped, imported without its neighbours."""

from __future__ import annotations

import importlib.util
from typing import Any

from tests.rules.conftest import RULES

_spec = importlib.util.spec_from_file_location(
    "shipped_settings", RULES / "python" / "omero_bridge_settings.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


def read_settings(text: str) -> tuple[dict[str, Any], list[str]]:
    """(settings, problems)."""
    settings, problems = _module.read_settings(text)
    return settings, problems
