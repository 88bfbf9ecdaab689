"""The scripts that OMERO.web shows: are they there, ours, of this version, and do they lead to our agent?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omero_irods_bridge import __version__
from omero_irods_bridge.doctor.diagnosis import Diagnoses, ok, warning
from omero_irods_bridge.operations.install_scripts import InstalledScript
from omero_irods_bridge.operations.official_scripts import NAMES

CHECK: Final = "scripts"


def look_at_scripts(found: Sequence[InstalledScript], url: str) -> Diagnoses:
    """``url`` is where the agent answers users."""
    install = f"omero-irods scripts install --agent {url}"
    if len(found) < len(NAMES):
        missing = len(NAMES) - len(found)
        yield warning(
            CHECK, f"OMERO lacks {missing} of {len(NAMES)} scripts", f"As an administrator: {install}"
        )
    yield from (one for script in found for one in _script(script, url, install))
    if len(found) == len(NAMES) and all(_is_well(script, url) for script in found):
        yield ok(CHECK, f"OMERO has all {len(NAMES)}, and they lead to {url}")


def _is_well(script: InstalledScript, url: str) -> bool:
    return not script.is_changed and script.version == __version__ and script.agent == url.rstrip("/")


def _script(script: InstalledScript, url: str, install: str) -> Diagnoses:
    if script.is_changed:
        yield warning(
            CHECK, f"somebody has changed {script.path}", f"See what differs; then: {install} --replace"
        )
    elif script.version != __version__:
        yield warning(CHECK, f"{script.path} is of version {script.version}, this is {__version__}", install)
    elif script.agent != url.rstrip("/"):
        yield warning(CHECK, f"{script.path} leads to {script.agent}, the agent is at {url}", install)
