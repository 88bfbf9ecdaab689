"""Memory that this machine has, for a step that is about to be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PIECE_BYTES: Final = 4 << 20


def warm(folder: Path, size: int) -> None:
    """Write ``size`` bytes into a file below ``folder`` and remove it, so that the next step finds them free.

    A virtual machine gives free memory back to its host within seconds and gets it again page by page,
    an eighth as fast: 2 GiB were written in 0.4 s and, 15 s later, in 4 to 5 s. It takes large pieces back
    first: writes of 4 MiB met that in half of all rounds, a copy's of 64 KiB hardly ever.
    """
    path = folder / "warming"
    piece = bytes(_PIECE_BYTES)
    with path.open("wb", buffering=0) as file:
        for _ in range(0, size, _PIECE_BYTES):
            file.write(piece)
    path.unlink()
