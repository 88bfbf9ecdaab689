"""The stock ``omero`` command as a program that root may run: ``python -m tests.bench.stock ARGUMENTS``."""

from __future__ import annotations

import sys

from tests.interop.loaded_command import CLI

if __name__ == "__main__":
    CLI.invoke(sys.argv[1:])
    sys.exit(CLI.rv)
