"""How the demonstration talks: numbered steps, the command a person would type, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT: Final = (0, 0, 0, 4)


class StepFailed(Exception):
    """A step did not do what it says."""


class Narrator:
    """Writes to the terminal; keeps count of the steps."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._number = 0

    def title(self, text: str, note: str) -> None:
        self._console.rule(f"[bold]{escape(text)}")
        self._console.print(f"[dim]{escape(note)}")

    def step(self, title: str, explanation: str) -> None:
        """Begin the next step."""
        self._number += 1
        self._console.print(f"\n[bold cyan]{self._number}. {escape(title)}")
        self._console.print(escape(explanation))

    def command(self, text: str, prompt: str = "$") -> None:
        """What a person would type to do the same; never cut, so that it can be copied."""
        for line in text.splitlines():
            self._console.print(f"    [dim]{prompt}[/] [bold]{escape(line)}", soft_wrap=True)

    def output(self, text: str) -> None:
        """What a command said; long lines are folded between words."""
        for line in text.splitlines():
            self._console.print(Padding(Text(line), _INDENT))

    def outcome(self, text: str) -> None:
        self._console.print(f"   [green]✓[/] {escape(text)}")

    def table(self, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        table = Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self._console.print(Padding(table, _INDENT))

    def failure(self, text: str) -> None:
        self._console.print(f"\n[bold red]✗ {escape(text)}")

    def say(self, text: str) -> None:
        self._console.print(escape(text))

    def check(self, holds: bool, claim: str) -> None:
        """Say that ``claim`` holds.

        Raises:
            StepFailed: it does not.
        """
        self.expect(holds, claim)
        self.outcome(claim)

    def expect(self, holds: bool, claim: str) -> None:
        """Go on in silence when ``claim`` holds.

        Raises:
            StepFailed: it does not.
        """
        if not holds:
            raise StepFailed(f"Expected, but not so: {claim}")
