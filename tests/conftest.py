"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from typing import Final

import hypothesis
import pytest

_LONG: Final = (
    "bench/test_bench.py",
    "wire/irods_zone/test_prc_suite.py",
    "wire/test_demo.py",
    "wire/bridge_unpack/test_killed.py",
    "wire/bridge_unpack/test_faults.py",
    "wire/bridge_pack/test_killed.py",
    "wire/omero_server/test_many_clients.py",
)
"""Files of a minute and more each."""


def pytest_configure() -> None:
    """Let Ctrl-C be heard, by the processes that tests start too, and examples take as long as they take.

    A shell without job control starts what runs in the background with SIGINT ignored, and that is inherited.
    Hypothesis would else fail a test for one example that met the garbage collector or a busy machine.
    """
    _hear_ctrl_c()
    hypothesis.settings.register_profile("no deadline", deadline=None)
    hypothesis.settings.load_profile("no deadline")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: for a third of their time tests wait, for servers and intervals."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with long files: with two processes one would else be alone with the last of them for minutes."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(_LONG))


def pytest_runtest_setup() -> None:
    """A command that a test interrupted in this process has it ignored from then on (cli/main.py)."""
    _hear_ctrl_c()


def _hear_ctrl_c() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
