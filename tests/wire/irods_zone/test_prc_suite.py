"""python-irodsclient's own tests are the conformance suite of the zone."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

from tests.wire.irods_zone.prc_left_out import LEFT_OUT, MODULES_LEFT_OUT, RACY, SKIP_THEMSELVES
from tests.wire.irods_zone.prc_suite import (
    MODULE_TIMEOUT_S,
    ModuleRun,
    Outcome,
    modules_with_tests,
    run_module,
)

_LONGEST_FIRST: Final = ("data_obj_test", "query_test", "extended_test", "ticket_test")
_MODULES: Final = sorted(
    set(modules_with_tests()) - MODULES_LEFT_OUT.keys(),
    key=lambda module: (module not in _LONGEST_FIRST, module),
)
_AT_ONCE: Final = 2
_MUST_PASS: Final = 293
_RULES: Final = Path(__file__).with_name("prc_rules.py")


class Suite:
    """Every module runs once, at most two at a time, each against a zone of its own.

    Under pytest-xdist the workers share results through a folder, so that a module still runs once.
    """

    def __init__(self, folder: Path, threads: ThreadPoolExecutor) -> None:
        self._folder = folder
        self._threads = threads
        self._runs: dict[str, Future[ModuleRun]] = {}

    def begin(self, module: str) -> Future[ModuleRun]:
        """Run the module as soon as there is room, if nobody has yet."""
        if module not in self._runs:
            self._runs[module] = self._threads.submit(self._run_once, module)
        return self._runs[module]

    def _run_once(self, module: str) -> ModuleRun:
        stored = self._folder / f"{module}.json"
        with (self._folder / f"{module}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not stored.exists():
                stored.write_text(json.dumps(asdict(self._run(module))))
        known = json.loads(stored.read_text())
        return ModuleRun(module, tuple(Outcome(**outcome) for outcome in known["outcomes"]))

    def _run(self, module: str) -> ModuleRun:
        return run_module(
            module,
            self._folder / module,
            left_out=tuple(LEFT_OUT.get(module, ())),
            retry=RACY.get(module, ()),
            rules=_RULES if module == "rule_test" else None,
        )


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if is_worker else base) / "prc"
    folder.mkdir(exist_ok=True)
    threads = ThreadPoolExecutor(max_workers=1 if is_worker else _AT_ONCE)
    yield Suite(folder, threads)
    threads.shutdown(cancel_futures=True)


@pytest.fixture
def all_begun(suite: Suite, request: pytest.FixtureRequest) -> Suite:
    """The suite, with what this run of pytest will ask for under way, so that two processors have work."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for item in request.session.items:
            if isinstance(item, pytest.Function) and "prc_module" in getattr(item, "fixturenames", ()):
                suite.begin(str(item.callspec.params["prc_module"]))
    return suite


@pytest.mark.timeout(MODULE_TIMEOUT_S + 60)
@pytest.mark.parametrize("prc_module", _MODULES)
def test_the_tests_of_the_client_pass(all_begun: Suite, prc_module: str) -> None:
    failed = all_begun.begin(prc_module).result().tests("failed")
    assert not failed, "\n\n".join(f"{test}\n{detail}" for test, detail in failed.items())


@pytest.fixture
def runs(suite: Suite) -> dict[str, ModuleRun]:
    """What became of every module."""
    under_way = {module: suite.begin(module) for module in _MODULES}
    return {module: run.result() for module, run in under_way.items()}


def test_as_many_tests_of_the_client_pass_as_were_promised(runs: dict[str, ModuleRun]) -> None:
    passed = {module: len(run.tests("passed")) for module, run in runs.items()}
    assert sum(passed.values()) >= _MUST_PASS, passed


def test_exactly_the_listed_tests_of_the_client_are_left_out(runs: dict[str, ModuleRun]) -> None:
    left_out = {module: set(run.tests("left out")) for module, run in runs.items()}
    assert {module: tests for module, tests in left_out.items() if tests} == {
        module: set(tests) for module, tests in LEFT_OUT.items()
    }


def test_no_test_of_the_client_skips_itself_that_is_not_listed(runs: dict[str, ModuleRun]) -> None:
    unlisted = {
        f"{module}.{test}": reason
        for module, run in runs.items()
        for test, reason in run.tests("skipped").items()
        if test not in SKIP_THEMSELVES.get(module, {})
    }
    assert not unlisted


def test_the_modules_left_out_exist() -> None:
    assert MODULES_LEFT_OUT.keys() <= set(modules_with_tests())
