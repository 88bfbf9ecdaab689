"""``omero-irods doctor``."""

from __future__ import annotations

from omero_irods_bridge.cli import diagnoses, output, views, working
from omero_irods_bridge.cli.options import Config, OmeroLogin, Shown
from omero_irods_bridge.model.errors import ExitStatus


def doctor(shown: Shown, login: OmeroLogin, config: Config) -> int:
    """Look whether all is well: servers, accounts, scripts, paths, disks, clocks and rules.

    Changes nothing but for a small data object for each line of [paths], which is removed again.
    Exit status 1 when something does not work; warnings are no failure.  Example:  omero-irods doctor --json
    """
    from omero_irods_bridge.doctor.examination import examine
    from omero_irods_bridge.doctor.rules import rules_of_this_computer

    settings = working.settings_of(config, login)
    examined = examine(settings, working.asker(), [("rules", rules_of_this_computer)])
    problems = diagnoses.tell(examined, shown)
    if problems and not shown.as_json:
        output.note(f"{views.count(problems, 'problem')}; each line says what to do.")
    return ExitStatus.FAILED if problems else ExitStatus.DONE
