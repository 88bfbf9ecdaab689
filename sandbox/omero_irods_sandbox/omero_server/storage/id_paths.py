"""Where what has only an id is kept, e.g. ``Files/Dir-001/Dir-234/1234567``.

Source: AbstractFileSystemService.getPath of omero-romio.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FILES_IN_A_FOLDER: Final = 1000


def id_path(id: int) -> Path:  # the model's word
    """The path of an id, below the folder of its kind."""
    folders: list[str] = []
    rest = id // _FILES_IN_A_FOLDER
    while rest:
        folders.insert(0, f"Dir-{rest % _FILES_IN_A_FOLDER:03}")
        rest //= _FILES_IN_A_FOLDER
    return Path(*folders, str(id))
