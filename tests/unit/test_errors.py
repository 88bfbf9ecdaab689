from __future__ import annotations

import pickle

import pytest

from omero_irods_bridge.model import errors
from omero_irods_bridge.model.errors import BridgeError, ExitStatus

KINDS: list[type[BridgeError]] = [BridgeError, *BridgeError.__subclasses__()]

PROMISED: dict[type[BridgeError], int] = {
    errors.BridgeError: 1,
    errors.UsageError: 2,
    errors.PartialFailure: 3,
    errors.ChecksumMismatch: 4,
    errors.NotFound: 10,
    errors.Busy: 11,
    errors.AccessDenied: 12,
    errors.StalePlan: 13,
    errors.Unreachable: 14,
    errors.Interrupted: 130,
}


def test_the_exit_statuses_are_those_that_scripts_were_promised() -> None:
    assert {kind: int(kind.exit_status) for kind in PROMISED} == PROMISED
    assert {kind.exit_status for kind in KINDS} == {kind.exit_status for kind in PROMISED}


def test_every_exit_status_but_those_of_results_has_an_error() -> None:
    results = {ExitStatus.DONE, ExitStatus.DIFFERENT}
    assert {kind.exit_status for kind in PROMISED} == set(ExitStatus) - results


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in PROMISED}) == len(PROMISED)


def test_only_what_may_pass_by_itself_is_worth_a_retry() -> None:
    assert {kind for kind in PROMISED if kind.retryable} == {errors.Busy, errors.Unreachable}


def test_an_error_reads_as_its_message() -> None:
    assert str(errors.NotFound("/tempZone/home/alice/a.zip does not exist", hint="Look: ils")) == (
        "/tempZone/home/alice/a.zip does not exist"
    )


@pytest.mark.parametrize("kind", PROMISED)
def test_an_error_crosses_a_process_border_whole(kind: type[BridgeError]) -> None:
    copy = pickle.loads(pickle.dumps(kind("image 7 is locked", hint="Wait.")))
    assert (type(copy), copy.message, copy.hint) == (kind, "image 7 is locked", "Wait.")
