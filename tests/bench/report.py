"""Shows measurements as tables for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.registry import Measurement, Section


def show(console: Console, section: Section, measurements: Sequence[Measurement]) -> None:
    """A table with a row for each ``what`` and a column for each ``case``."""
    cases = list(dict.fromkeys(one.case for one in measurements))
    cells = {(one.what, one.case): one for one in measurements}
    table = Table("", *(f"{case}" for case in cases), title=section.title, title_justify="left")
    for what in dict.fromkeys(one.what for one in measurements):
        table.add_row(what, *(_cell(cells.get((what, case))) for case in cases))
    console.print(table)


def _cell(one: Measurement | None) -> str:
    if one is None:
        return ""
    digits = 0 if one.value >= 100 else 2
    text = f"{one.value:8,.{digits}f} {one.unit}"
    if one.ratio is not None:
        text += f"  {one.ratio:5.2f}"
    if one.expected is not None and one.ratio is not None:
        colour, verdict = ("green", "at least") if one.ratio >= one.expected else ("red", "BELOW")
        text += f"  [{colour}]{verdict} {one.expected:.3g}[/]"
    return text


def save(path: Path, results: dict[str, list[Measurement]]) -> None:
    """Write all measurements, by section."""
    records = {name: [asdict(one) for one in found] for name, found in results.items()}
    path.write_text(json.dumps(records, indent=2) + "\n")
