"""Somebody with a home of his own, who types commands there."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 120
_OMERO_COMMAND: Final = f"""#!{sys.executable}
# The omero command refuses to run as root, as people in containers do; here it may spoil nothing.
import omero.main

omero.main.not_root = lambda: None
omero.main.main()
"""
_NOT_OURS: Final = ("OMERO_", "IRODS_", "FORCE_COLOR", "TTY_COMPATIBLE")
"""What a person's own variables begin with: commands of the demonstration must not meet them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: its exit status, and what it said on either stream."""

    status: int
    out: str
    said: str


@dataclass(frozen=True, slots=True)
class Person:
    """``name`` is hers in OMERO and in iRODS; ``home`` holds everything that her commands keep."""

    name: str
    password: str
    home: Path

    @property
    def variables(self) -> dict[str, str]:
        """What tells commands that they are hers. No password is among them."""
        return {
            "PATH": f"{self._programs}:{os.environ.get('PATH', os.defpath)}",
            "IRODS_ENVIRONMENT_FILE": str(self.irods_environment),
            "IRODS_AUTHENTICATION_FILE": str(self.irods_password),
            "OMERO_USERDIR": str(self.home / "omero"),
            "OMERO_IRODS_CONFIG": str(self.settings),
        }

    @property
    def irods_environment(self) -> Path:
        return self.home / "irods_environment.json"

    @property
    def irods_password(self) -> Path:
        return self.home / ".irodsA"

    @property
    def settings(self) -> Path:
        return self.home / "config.toml"

    @property
    def _programs(self) -> str:
        return f"{self.home / 'bin'}:{Path(sys.executable).parent}"

    def move_in(self) -> None:
        """Make the home."""
        command = self.home / "bin" / "omero"
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(_OMERO_COMMAND)
        command.chmod(0o755)

    def exports(self) -> list[str]:
        """Lines for a shell in which commands shall be hers."""
        values = {**self.variables, "PATH": f"{self._programs}:$PATH"}
        return [f"export {name}={_quoted(value)}" for name, value in values.items()]

    def run(self, line: str, **secrets: str) -> Finished:
        """Run a line as a shell understands it; ``secrets`` are further variables of the environment.

        Raises:
            subprocess.TimeoutExpired: it did not end.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        process = subprocess.run(
            ["bash", "-c", line],
            env={**kept, **self.variables, **secrets},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return Finished(process.returncode, process.stdout, process.stderr)


def _quoted(value: str) -> str:
    return f'"{value}"' if value.endswith(":$PATH") else shlex.quote(value)
