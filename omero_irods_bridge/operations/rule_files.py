"""The rule files for iRODS that come with this package, and putting them where a server reads them.

Plan, then apply. A file that is there and is another one stays, unless it was asked to be replaced; the
site's settings always stay.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, StalePlan

PROGRAM: Final = "omero_bridge_wake"
ETC: Final = Path("/etc/irods")
PROGRAMS: Final = Path("/var/lib/irods/msiExecCmd_bin")

_VERSION: Final = re.compile(r'^(?:VERSION = "|# Version )(\w+)', re.MULTILINE)


class Language(StrEnum):
    """Which rule engine runs them."""

    PYTHON = "python"
    NATIVE = "native"


class Action(StrEnum):
    """What is done with a file."""

    INSTALL = "install"
    KEEP = "keep"
    """It is as it should be, or it is the site's own."""
    REPLACE = "replace"
    LEAVE = "leave"
    """It is another one: somebody has changed it, or it is of another version."""


@dataclass(frozen=True, slots=True)
class RuleFile:
    """Where a file comes from and where it belongs. ``is_settings``: the site's own once it is there."""

    source: Path
    target: Path
    is_settings: bool = False
    mode: int = 0o644

    @property
    def is_installed(self) -> bool:
        """Whether there is one."""
        return self.target.exists()

    @property
    def is_as_shipped(self) -> bool:
        """Whether it is there, to the byte."""
        return self.is_installed and digest(self.target) == digest(self.source)


@dataclass(frozen=True, slots=True)
class RuleStep:
    """What is done with one file; ``present`` is the digest of what is there now, "" for nothing."""

    file: RuleFile
    action: Action
    present: str


def shipped() -> Path:
    """The folder of the rules: inside of the package, or beside it in a checkout.

    Raises:
        NotFound: the package was installed without them.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "rules", package.parent / "rules"):
        if (folder / "python" / "omero_bridge.py").is_file():
            return folder
    raise NotFound("The rule files are not in this installation.", hint="Install the package from its wheel.")


def files_of(language: Language, target: Path, programs: Path) -> list[RuleFile]:
    """What has to be in ``target``, where the server reads rules, and ``programs``, its msiExecCmd_bin."""
    folder = shipped()
    sources = sorted(path for path in (folder / language).iterdir() if path.is_file())
    rules = [RuleFile(path, target / path.name, _is_settings(path)) for path in sources]
    return [*rules, RuleFile(folder / "bin" / PROGRAM, programs / PROGRAM, mode=0o755)]


def _is_settings(path: Path) -> bool:
    return path.suffix != ".py" and path.stem.endswith("_settings")


def digest(path: Path) -> str:
    """Sha256 of a file in hex, "" when there is none. Raises AccessDenied when it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _refused(path, error) from error


def version_of(path: Path) -> str:
    """Which version of our rules a file is, "" when it does not say."""
    found = _VERSION.search(path.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""


def plan_install(files: Sequence[RuleFile], *, replace: bool = False) -> list[RuleStep]:
    """What has to be done so that ``files`` are in their places.

    Raises:
        NotFound: a folder that they belong in is not there.
        AccessDenied: it may not be looked into.
    """
    for folder in {file.target.parent for file in files}:
        try:
            is_there = folder.is_dir()
        except OSError as error:
            raise _refused(folder, error) from error
        if not is_there:
            hint = "Run this on the iRODS server, or name the folders with --target and --programs."
            raise NotFound(f"There is no folder {folder}.", hint=hint)
    return [RuleStep(file, _action(file, replace=replace), digest(file.target)) for file in files]


def _action(file: RuleFile, *, replace: bool) -> Action:
    if not file.is_installed:
        return Action.INSTALL
    if file.is_settings or file.is_as_shipped:
        return Action.KEEP
    return Action.REPLACE if replace else Action.LEAVE


def apply(steps: Sequence[RuleStep]) -> None:
    """Carry out a plan; safe to repeat. A server that reads a file meanwhile sees the old or the new one.

    Raises:
        StalePlan: a file is no longer what the plan was made for; those before it are done.
        AccessDenied: a file may not be written; run it as who owns them.
    """
    for step in steps:
        if step.action in {Action.INSTALL, Action.REPLACE}:
            _put(step)


def _put(step: RuleStep) -> None:
    target = step.file.target
    if digest(target) != step.present:
        raise StalePlan(f"{target} has changed meanwhile.", hint="Run the command again.")
    try:
        _write(step.file)
    except OSError as error:
        raise _refused(target, error) from error


def _write(file: RuleFile) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{file.target.name}.", dir=file.target.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(file.source.read_bytes())
        Path(name).chmod(file.mode)
        Path(name).replace(file.target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _refused(path: Path, error: OSError) -> BridgeError:
    return AccessDenied(
        f"{path}: {error.strerror}.", hint="Run the command as the account that the iRODS server runs as."
    )


def lines_to_add(language: Language) -> list[str]:
    """What an administrator has to write himself: core.py and server_config.json are the site's own."""
    return _PYTHON_LINES if language is Language.PYTHON else _NATIVE_LINES


_PYTHON_LINES: Final = [
    "In core.py beside these files, as its first line (make the file if there is none):",
    "    from omero_bridge import *",
    "In server_config.json, in plugin_configuration.rule_engines, before the entry of the rule language:",
    '    {"instance_name": "irods_rule_engine_plugin-python-instance",',
    '     "plugin_name": "irods_rule_engine_plugin-python", "plugin_specific_configuration": {}},',
]
_NATIVE_LINES: Final = [
    "In server_config.json, at the rule engine irods_rule_engine_plugin-irods_rule_language-instance:",
    '    "re_rulebase_set": ["omero_bridge_settings", "omero_bridge", ..., "core"]',
]
