"""The stock ``omero`` command, in a process of its own for each call, with folders of its own.

The ``omero`` script refuses to run as root (``omero.main.not_root``) and takes a second to load its
plugins. So the command runs as that script runs it, ``CLI().invoke(arguments)``, in processes that are
copies of one that has loaded the plugins and nothing else: a fork would not survive a communicator.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import dataclass
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

_SHIM: Final = Path(__file__).parent / "import_shim"
_TIMEOUT_S: Final = 120

_numbers = count(1)


@dataclass(frozen=True)
class Finished:
    """What a command left."""

    status: int
    out: str
    errors: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class CommandFailed(Exception):
    """A command ended with another status than expected."""


class OmeroCommand:
    """``omero`` with a user's folder below ``folder``: sessions, cache, temporary files.

    Commands of one folder share its current session, as in a terminal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prepare_jars()

    def _prepare_jars(self) -> None:
        """A class path, so that ``omero import`` downloads none."""
        jars = self.folder / "omero" / "cache" / "jars"
        libraries = jars / "shim" / "libs"
        libraries.mkdir(parents=True)
        (libraries / "shim.jar").touch()
        (jars / "OMERO.java.txt").write_text("shim")

    def __call__(self, *arguments: object, **environment: str) -> Finished:
        """Run ``omero ARGUMENTS``, with more in its environment.

        Raises:
            CommandFailed: its status is not 0; the message has all that it said.
        """
        finished = self.run(*arguments, **environment)
        if finished.status != 0:
            raise CommandFailed(
                f"omero {' '.join(map(str, arguments))}: status {finished.status}\n"
                f"{finished.out}\n{finished.errors}"
            )
        return finished

    def run(self, *arguments: object, **environment: str) -> Finished:
        """Run ``omero ARGUMENTS``, whatever status it ends with."""
        number = next(_numbers)
        out, errors = (self.folder / f"{number}.{name}" for name in ("out", "errors"))
        settings = {**self._environment(), **environment}
        process = _context().Process(
            target=_in_child, args=([str(one) for one in arguments], settings, self.folder, out, errors)
        )
        process.start()
        process.join(_TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            raise CommandFailed(f"omero {arguments[0]} did not end:\n{out.read_text()}\n{errors.read_text()}")
        return Finished(process.exitcode, out.read_text(), errors.read_text())

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "OMERO_USERDIR": str(self.folder / "omero"),
            "PATH": os.pathsep.join([str(_SHIM), str(Path(sys.executable).parent), os.environ["PATH"]]),
        }


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.loaded_command"])
    return context


def _in_child(
    arguments: list[str], environment: dict[str, str], folder: Path, out: Path, errors: Path
) -> None:
    """The command itself; ends the process with its status."""
    for path, number in ((out, 1), (errors, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(environment)
    os.chdir(folder)
    from tests.interop.loaded_command import CLI

    CLI.invoke(arguments)
    sys.exit(CLI.rv)
