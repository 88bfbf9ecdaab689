"""``omero-irods doctor``."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.cli import output, views, working
from omero_irods_bridge.cli.options import Config, OmeroLogin, Shown
from omero_irods_bridge.model.errors import ExitStatus

_MARKS: Final = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM", "skipped": "-      "}


def doctor(shown: Shown, login: OmeroLogin, config: Config) -> int:
    """Look whether all is well: servers, accounts, scripts, paths, disks, clocks and rules.

    Changes nothing but for a small data object for each line of [paths], which is removed again.
    Exit status 1 when something does not work; warnings are no failure.  Example:  omero-irods doctor --json
    """
    from omero_irods_bridge.doctor.diagnosis import Verdict
    from omero_irods_bridge.doctor.examination import examine
    from omero_irods_bridge.doctor.rules import rules_of_this_computer

    settings = working.settings_of(config, login)
    found = []
    for one in examine(settings, working.asker(), [("rules", rules_of_this_computer)]):
        found.append(one)
        if not shown.as_json:
            output.result(f"{_MARKS[one.verdict]}  {one.check}: {one.text}")
            if one.remedy:
                output.result(f"         {one.remedy}")
    problems = sum(one.verdict is Verdict.PROBLEM for one in found)
    if shown.as_json:
        output.json_result({"ok": problems == 0, "diagnoses": views.plain(found)})
    elif problems:
        output.note(f"{views.count(problems, 'problem')}; each line says what to do.")
    return ExitStatus.FAILED if problems else ExitStatus.DONE
