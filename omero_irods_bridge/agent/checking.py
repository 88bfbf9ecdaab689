"""Verify jobs: one snapshot, or all at and below a collection, as a schedule wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from omero_irods_bridge.agent.store.outcomes import End, Outcome
from omero_irods_bridge.model.errors import (
    BridgeError,
    ChecksumMismatch,
    ExitStatus,
    Interrupted,
    NotFound,
)
from omero_irods_bridge.model.events import CancelToken, Progress, Report, Step, silent
from omero_irods_bridge.model.jobs import VerifyWork
from omero_irods_bridge.model.stored import Collection
from omero_irods_bridge.model.verification import Finding, Verification
from omero_irods_bridge.operations import verify
from omero_irods_bridge.operations.find import Criteria, find
from omero_irods_bridge.packet.reading import MANIFEST
from omero_irods_bridge.ports import Clock, ObjectStore

MOST_FINDINGS: Final = 100
"""That a result tells of one by one; the AVUs and the command tell of all."""

_PAGE: Final = 500


class Checker:
    """Does the work of verify jobs. Any thread may call it."""

    def __init__(self, clock: Clock, prefix: str) -> None:
        self._clock, self._prefix = clock, prefix

    def __call__(self, work: VerifyWork, store: ObjectStore, report: Report, cancel: CancelToken) -> Outcome:
        """Verify what is at the path, or all snapshots below it when it is a collection of others.

        Raises:
            BridgeError: it cannot be looked at.
        """
        if self._holds_others(work.path, store):
            return self._check_all(work, store, report, cancel)
        done = self._checked(work.path, work, store, report, cancel)
        result = _verification_fields(done)
        return Outcome(End.DONE, result) if done.ok else Outcome.failed(_problem(done), result)

    def _holds_others(self, path: str, store: ObjectStore) -> bool:
        if not isinstance(store.find(path), Collection):
            return False
        is_described = any(one.attribute == f"{self._prefix}packet" for one in store.avus(path))
        return not is_described and store.find(f"{path.rstrip('/')}/{MANIFEST}") is None

    def _checked(
        self, path: str, work: VerifyWork, store: ObjectStore, report: Report, cancel: CancelToken
    ) -> Verification:
        plan = verify.plan(store, path, scope=work.scope, sample=work.sample, prefix=self._prefix)
        return verify.apply(plan, store, clock=self._clock, report=report, cancel=cancel)

    def _check_all(
        self, work: VerifyWork, store: ObjectStore, report: Report, cancel: CancelToken
    ) -> Outcome:
        """One bad snapshot does not stop the others; a server that is away does."""
        paths = list(self._below(work.path, store))
        report(Step("Verifying snapshots", items_total=len(paths)))
        problems: list[BridgeError] = []
        for number, path in enumerate(paths, 1):
            cancel.check()
            problem = self._problem_of(path, work, store, cancel)
            if problem is not None:
                problems.append(problem)
            report(Progress(items_done=number))
        result = _result_of_all(work, len(paths), problems)
        return Outcome.failed(_worst(work.path, len(paths), problems), result) if problems else _done(result)

    def _below(self, path: str, store: ObjectStore) -> Iterator[str]:
        skip = 0
        while found := find(store, Criteria(below=path), skip=skip, limit=_PAGE, prefix=self._prefix):
            yield from (one.path for one in found)
            skip += _PAGE

    def _problem_of(
        self, path: str, work: VerifyWork, store: ObjectStore, cancel: CancelToken
    ) -> BridgeError | None:
        try:
            done = self._checked(path, work, store, silent, cancel)  # its steps would fill the log
        except Interrupted:
            raise
        except BridgeError as error:
            if error.retryable:
                raise
            return error
        return None if done.ok else _problem(done)


def _done(result: dict[str, Any]) -> Outcome:
    return Outcome(End.DONE, result)


def _result_of_all(work: VerifyWork, number: int, problems: list[BridgeError]) -> dict[str, Any]:
    told = [{"text": one.message, "remedy": one.hint} for one in problems[:MOST_FINDINGS]]
    return {
        "ok": not problems,
        "path": work.path,
        "scope": work.scope,
        "snapshots": number,
        "problems": len(problems),
        "findings": told,
    }


def _worst(path: str, number: int, problems: list[BridgeError]) -> BridgeError:
    """Damage before what could not be looked at."""
    first = next((one for one in problems if isinstance(one, ChecksumMismatch)), problems[0])
    said = f"{len(problems):,} of {number:,} snapshots below {path} have problems. {first.message}"
    return type(first)(said, hint=first.hint)


def _verification_fields(done: Verification) -> dict[str, Any]:
    return {
        "ok": done.ok,
        "path": done.path,
        "scope": done.scope,
        "members": done.members,
        "members_checked": done.members_checked,
        "complete": done.complete,
        "problems": len(done.findings),
        "findings": [_finding_fields(one) for one in done.findings[:MOST_FINDINGS]],
    }


def _finding_fields(one: Finding) -> dict[str, Any]:
    named = {"problem": one.problem, "path": one.path, "text": one.text, "remedy": one.remedy}
    return {**named, "member": one.member, "images": list(one.images[:MOST_FINDINGS])}


def _problem(done: Verification) -> BridgeError:
    """The error of the job; its exit status is that of the command."""
    worst = {ExitStatus.CHECKSUM_MISMATCH: ChecksumMismatch, ExitStatus.NOT_FOUND: NotFound}
    number = len(done.findings)
    rest = f" ({number - 1:,} more)" if number > 1 else ""
    first = next(iter(done.findings))
    kind = worst.get(done.exit_status, BridgeError)
    return kind(f"{done.path} is not as it was packed: {first.text}{rest}", hint=first.remedy)
