"""``omero irods ...``: the commands of omero-irods over the session of the omero command (row S2).

omero-py runs each file that it finds in a folder ``omero/plugins`` of ``sys.path``, with ``register`` among
its globals, whenever the omero command starts (``omero.cli.CLI.loadpath``): nothing is imported here that
takes time.
"""

from __future__ import annotations

from argparse import REMAINDER
from typing import Any

from omero.cli import BaseControl, NonZeroReturnCode

HELP = """Move data, with all that OMERO knows about it, between OMERO and iRODS

Commands: pack, unpack, undo, loads, diff, list, find, show, verify, gc.
Their options: omero irods COMMAND --help

Examples:
  omero irods pack Dataset:51 --note "for the paper"
  omero irods unpack /tempZone/home/alice/cells.zip --into Project:7
  omero irods list
"""


class IrodsControl(BaseControl):  # type: ignore[misc] # omero-py has no types
    """Passes on to the commands of omero-irods."""

    def _configure(self, parser: Any) -> None:
        parser.add_login_arguments()
        parser.add_argument("command", nargs="?", help="pack, unpack, list, ...")
        parser.add_argument("arguments", nargs=REMAINDER, help="of the command")
        parser.set_defaults(func=self._run)

    def _run(self, args: Any) -> None:
        from omero_irods_bridge.cli.omero_session import run_over  # noqa: PLC0415 -- see above

        if not args.command:
            self.ctx.out(HELP)
            return
        status = run_over(lambda: self.ctx.conn(args), [args.command, *args.arguments])
        if status:
            raise NonZeroReturnCode(status)


if "register" in globals():
    globals()["register"]("irods", IrodsControl, HELP)
