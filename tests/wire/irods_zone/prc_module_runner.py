"""Runs one module of python-irodsclient's own tests and writes what became of each test as JSON.

It runs in a process of its own: ``python -m tests.wire.irods_zone.prc_module_runner`` with the
order (JSON: module, left_out, only, results) on standard input. See :mod:`prc_suite`.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Problem = Any
"""What unittest calls exc_info; its types are private to typeshed."""


class Recorder(unittest.TestResult):
    """The outcome of every test by its short name, ``Class.test``."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, tuple[str, str]] = {}

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._record(test, "passed", "")

    def addFailure(self, test: unittest.TestCase, err: Problem) -> None:
        self._record(test, "failed", _text(err))

    def addError(self, test: unittest.TestCase, err: Problem) -> None:
        self._record(test, "failed", _text(err))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._record(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Problem) -> None:
        self._record(test, "passed", "")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._record(test, "failed", "unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Problem | None) -> None:
        if err is not None:
            self._record(test, "failed", f"{subtest}\n{_text(err)}")

    def _record(self, test: unittest.TestCase, outcome: str, detail: str) -> None:
        name = short_name(test.id())
        earlier = self.outcomes.get(name)
        # A tearDown may fail after the test passed, or a skip follow a failure: the worst counts.
        if earlier is None or earlier[0] != "failed":
            self.outcomes[name] = (outcome, detail)


def short_name(test_id: str) -> str:
    """``Class.test`` of ``irods.test.module.Class.test``; ``setUpClass (...)`` stays as it is."""
    return test_id if "(" in test_id else ".".join(test_id.split(".")[-2:])


def _text(error: Problem) -> str:
    return "".join(traceback.format_exception(*error))


def _tests_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from _tests_of(entry)
        else:
            yield entry


def run(module: str, left_out: list[str], only: list[str]) -> dict[str, tuple[str, str]]:
    """Run the tests of ``irods.test.<module>``: only those ``only`` if any, never those ``left_out``."""
    loaded = list(_tests_of(unittest.TestLoader().loadTestsFromName(f"irods.test.{module}")))
    wanted = [test for test in loaded if not only or short_name(test.id()) in only]
    recorder = Recorder()
    unittest.TestSuite(test for test in wanted if short_name(test.id()) not in left_out).run(recorder)
    for test in wanted:
        recorder.outcomes.setdefault(short_name(test.id()), ("left out", ""))
    return recorder.outcomes


def main() -> None:
    """Some tests send SIGINT to programs they start, which must not inherit that a job control ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    order = json.load(sys.stdin)
    outcomes = run(order["module"], order["left_out"], order["only"])
    Path(order["results"]).write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main()
