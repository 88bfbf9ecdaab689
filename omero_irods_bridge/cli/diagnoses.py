"""What was looked at, and how it was found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from omero_irods_bridge.cli import output, views
from omero_irods_bridge.cli.options import Shown

if TYPE_CHECKING:
    from omero_irods_bridge.doctor.diagnosis import Diagnosis

_MARKS: Final = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM", "skipped": "-      "}


def tell(diagnoses: Iterable[Diagnosis], shown: Shown) -> int:
    """Print each as soon as it is known, or all as JSON; how many problems there are."""
    found = []
    for one in diagnoses:
        found.append(one)
        if not shown.as_json:
            _print(one)
    problems = sum(one.verdict == "problem" for one in found)
    if shown.as_json:
        output.json_result({"ok": problems == 0, "diagnoses": views.plain(found)})
    return problems


def _print(one: Diagnosis) -> None:
    output.result(f"{_MARKS[one.verdict]}  {one.check}: {one.text}")
    if one.remedy:
        output.result(f"         {one.remedy}")
