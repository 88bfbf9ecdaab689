"""The ``omero`` command with its plugins loaded, as ``omero.cli.argv`` loads them before anything else."""

from __future__ import annotations

from typing import Any, Final

from omero.cli import CLI as _CLI

CLI: Final[Any] = _CLI(prog="omero")
CLI.loadplugins()
