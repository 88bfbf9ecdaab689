"""The picture of a terminal in the README: some steps of the demonstration, as they were just now.

python -m omero_irods_sandbox.demo.picture docs/images/demo.svg
"""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.story import tell

STEPS: Final = (
    "Pack it",
    "Verify it again",
    "Alice runs the script Save to iRODS",
    "It appears in OMERO, and stays where it is",
    "Rename it, remove it",
)
"""What is in the picture, by the titles of the steps."""

WIDTH: Final = 100
_FONTS: Final = re.compile(r"@font-face \{\{.*?\}\}\n?", re.DOTALL)
"""Of other computers; a page shows none of these in a picture, and the reader's own do as well."""


class Excerpt(Narrator):
    """Tells the steps of the picture into a recording, and all others on the terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._terminal = console
        self._recorded = Console(
            record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, highlight=False
        )
        self.missing = set(STEPS)

    def step(self, title: str, explanation: str) -> None:
        """Begin the next step, in the recording or beside it."""
        self._console = self._recorded if title in STEPS else self._terminal
        self.missing.discard(title)
        super().step(title, explanation)

    def drawn(self) -> str:
        """The recording, as SVG."""
        text_only = _FONTS.sub("", CONSOLE_SVG_FORMAT)
        return self._recorded.export_svg(title="make demo", code_format=text_only, unique_id="demo")


def main(target: Path) -> int:
    """Play the demonstration and write the picture; 1 when a step failed or is not there any more."""
    os.environ.pop("KEEP", None)
    narrator = Excerpt(Console(highlight=False))
    if not tell(None, narrator):
        return 1
    if narrator.missing:
        narrator.failure(f"No step is called so any more: {', '.join(sorted(narrator.missing))}")
        return 1
    drawn = "".join(f"{line.rstrip()}\n" for line in narrator.drawn().splitlines())
    target.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
