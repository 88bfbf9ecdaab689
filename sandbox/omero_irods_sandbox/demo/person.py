"""Somebody with a home of his own, who types commands there."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TypeAlias

from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.processes import end

_TIMEOUT_S: Final = 120
_Process: TypeAlias = subprocess.Popen[str]
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

    @classmethod
    def moves_in(cls, name: str, home: Path) -> Person:
        """Make the home of somebody with a new password, which lies in it."""
        person = cls(name, secrets.token_urlsafe(12), home)
        (home / "bin").mkdir(parents=True)
        command = home / "bin" / "omero"
        command.write_text(_OMERO_COMMAND)
        command.chmod(0o755)
        person.password_file.touch(mode=0o600)
        person.password_file.write_text(f"{person.password}\n")
        exports = (f"export {key}={shlex.quote(value)}\n" for key, value in person.variables.items())
        person.profile.write_text("".join(exports))
        return person

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
    def password_file(self) -> Path:
        return self.home / "password"

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

    @property
    def profile(self) -> Path:
        """What a shell reads to be hers."""
        return self.home / "profile.sh"

    def run(self, line: str, **hidden: str) -> Finished:
        """Run lines as a shell understands them; ``hidden`` are further variables of the environment.

        Raises:
            subprocess.TimeoutExpired: it did not end.
        """
        process = self._start(line, subprocess.PIPE, subprocess.PIPE, **hidden)
        try:
            out, said = process.communicate(timeout=_TIMEOUT_S)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Finished(process.returncode, out, said)

    @contextmanager
    def running(self, line: str, messages: Path) -> Iterator[_Process]:
        """A command that runs until the end of the block; what it says goes to the file ``messages``."""
        with messages.open("wb") as said:
            process = self._start(f"exec {line}", said, said)
            try:
                yield process
            finally:
                end(process)

    def _start(self, line: str, out: int | IO[bytes], said: int | IO[bytes], **hidden: str) -> _Process:
        """In a process group of its own: Ctrl-C is for the demonstration, which ends things in order."""
        return subprocess.Popen(
            ["bash", "-c", line],
            env={**self._environment, **hidden},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=said,
            text=True,
            process_group=0,
        )

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        return {**kept, **self.variables}

    def types(
        self, line: str, narrator: Narrator, *, status: int = 0, notes_first: bool = False, **hidden: str
    ) -> Finished:
        """Run what is shown, show what it said; ``notes_first`` when notes on its way come before the result.

        Raises:
            StepFailed: it ended with another exit status.
        """
        narrator.command(line)
        finished = self.run(line, **hidden)
        notes = "".join(_as_at_a_terminal(finished.said))
        narrator.output("".join((notes, finished.out) if notes_first else (finished.out, notes)))
        narrator.expect(finished.status == status, f"exit status {status}; it is {finished.status}")
        return finished


def _as_at_a_terminal(said: str) -> Iterator[str]:
    """What a person reads of it: of the JSON lines that tell of progress (docs/commands.md) the notices."""
    for line in said.splitlines(keepends=True):
        told = json.loads(line) if line.startswith('{"event": ') else {}
        if told.get("event") == "notice":
            yield f"Note: {told['text']}\n"
        elif not told:
            yield line
