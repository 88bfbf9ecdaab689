"""What the builder of everything promises to those who carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.bridge_omero.everything import build_everything


def test_it_can_be_built(pair: Any, tmp_path: Path) -> None:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, tmp_path)
    assert len(built.images) == 5
