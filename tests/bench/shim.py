"""The stand-in for Java that the stock ``omero import`` starts: that of the interop tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parents[1] / "interop" / "import_shim"

ENVIRONMENT: Final = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "PATH": os.pathsep.join([str(_FOLDER), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
}
"""Of a command that is to find it."""


def make_class_path(home: Path) -> None:
    """Below the folder where ``omero`` runs, so that ``omero import`` downloads none."""
    jars = home / "omero" / "cache" / "jars"
    libraries = jars / "shim" / "libs"
    libraries.mkdir(parents=True)
    (libraries / "shim.jar").touch()
    (jars / "OMERO.java.txt").write_text("shim")
