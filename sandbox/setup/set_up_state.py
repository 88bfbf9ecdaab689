"""Whether ``.venv`` is what ``pyproject.toml`` and ``constraints.txt`` ask for, told by their content."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
CONSTRAINTS = ROOT / "constraints.txt"
BUILD_TOOLS = Path(__file__).with_name("build-tools.txt")
EXTRAS = ("agent", "sandbox", "test", "lint", "docs")

_STAMP = VENV / ".set-up"


def fingerprint(root: Path = ROOT) -> str:
    """A digest of all that decides what gets installed, and where; settings of tools do not count."""
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    asked = {
        "place": str(root),
        "build-system": pyproject["build-system"],
        "project": pyproject["project"],
        "hatch": pyproject["tool"]["hatch"],
        "constraints": (root / CONSTRAINTS.name).read_text(),
        "build tools": BUILD_TOOLS.read_text(),
        "extras": EXTRAS,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def is_current() -> bool:
    """Whether a set-up of exactly this ran to its end."""
    return _STAMP.is_file() and _STAMP.read_text() == fingerprint()


def record() -> None:
    """Note that the set-up ran to its end."""
    _STAMP.write_text(fingerprint())


def forget() -> None:
    """Note that the set-up is under way: a set-up that is killed must not look finished."""
    _STAMP.unlink(missing_ok=True)
