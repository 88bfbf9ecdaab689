"""What holds for all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let Ctrl-C be heard, by the processes that tests start too.

    A shell without job control starts what runs in the background with SIGINT ignored, and that is inherited.
    """
    _hear_ctrl_c()


def pytest_runtest_setup() -> None:
    """A command that a test interrupted in this process has it ignored from then on (cli/main.py)."""
    _hear_ctrl_c()


def _hear_ctrl_c() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
