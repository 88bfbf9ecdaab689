"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import importlib
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import report
from tests.bench.registry import SECTIONS, Measurement, Setting

_MODULES: Final = (
    "transfer",
    "rates",
    "omero_files",
    "omero_rates",
    "packing",
    "plates",
    "snapshots",
    "unpacking",
    "unpack_growth",
    "agent",
    "ingest",
    "ingest_growth",
    "ingest_plan",
)
"""Importing a module registers its sections; they run in this order."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Measure throughput and rates."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, not how fast")
    parser.add_argument("--long", action="store_true", help="the largest sizes too: takes long")
    parser.add_argument(
        "--only", choices=sorted(SECTIONS), action="append", help="this section; may be repeated"
    )
    parser.add_argument("--folder", type=Path, help="measure on the disk of this folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there as well")
    return parser.parse_args()


def _measure(name: str, arguments: argparse.Namespace) -> list[Measurement]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
        return list(SECTIONS[name].run(Setting(Path(folder), arguments.quick, arguments.long)))


def main() -> None:
    for module in _MODULES:
        importlib.import_module(f"tests.bench.{module}")
    arguments = _arguments()
    console = Console()
    results: dict[str, list[Measurement]] = {}
    for name in arguments.only or SECTIONS:
        with console.status(f"{SECTIONS[name].title} ..."):
            results[name] = _measure(name, arguments)
        report.show(console, SECTIONS[name], results[name])
    if arguments.json:
        report.save(arguments.json, results)


if __name__ == "__main__":
    main()
