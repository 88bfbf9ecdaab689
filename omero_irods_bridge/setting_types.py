"""Types of settings that several sections have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from omero_irods_bridge.model.errors import UsageError


def _absolute(path: Path) -> Path:
    there = Path(os.path.expanduser(path))  # noqa: PTH111 -- Path.expanduser raises for ~nobody
    if not there.is_absolute() or "\0" in str(there):
        raise ValueError("must be an absolute path")
    return there


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""``~`` is the home of whoever runs this."""


def understood_by(read: Callable[[str], object]) -> AfterValidator:
    """The text stays as it is; it is refused, with the reason, where ``read`` raises UsageError."""

    def check(text: str) -> str:
        try:
            read(text)
        except UsageError as error:
            raise ValueError(f"{error.message} {error.hint}".rstrip()) from error
        return text

    return AfterValidator(check)
