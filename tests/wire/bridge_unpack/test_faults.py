"""Whatever breaks while a load is made: a clear error, and the same command then ends right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import omero
import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import (
    BridgeError,
    Interrupted,
    NoSpace,
    Unreachable,
)
from omero_irods_bridge.model.events import CancelToken, Event, Progress
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations import undo, unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.wiring import SystemClock
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.bridge_unpack.conftest import People, Side, row_counts, unpacked
from tests.wire.omero_server.conftest import User

LOGGING_IN = ("createSession", "joinSession", "activateSession")


class Loading:
    """A load that is made, broken, made again and taken back, each time by a new session of Alice."""

    def __init__(self, people: People, alice: User, store: IrodsStore, path: str) -> None:
        self._people, self._alice, self._store, self.path = people, alice, store, path
        self.side = people.log_in(alice)
        self.server = self.side.omero
        self.before = row_counts(self.server)
        self.calls = self._calls()
        self.after = row_counts(self.server)
        self.take_back(self.side)
        assert row_counts(self.server) == self.before

    def _calls(self) -> dict[str, int]:
        self.server.counters.reset()
        unpacked(self._store, self.path, self.side)
        return self.server.counters.all_calls()

    def fails(self, store: IrodsStore | None = None, **more: Any) -> BridgeError | None:
        """What a run ends with, none where it ended well."""
        with self.logged_in() as side:
            try:
                unpacked(store or self._store, self.path, side, **more)
            except BridgeError as error:
                return error
        return None

    def ends_right(self, after_what: str = "") -> None:
        """The same command again makes just what a run that nothing disturbed makes; undo leaves nothing."""
        with self.logged_in() as side:
            unpacked(self._store, self.path, side)
            assert row_counts(self.server) == self.after, after_what
            self.take_back(side)
            assert row_counts(self.server) == self.before, after_what

    @contextmanager
    def logged_in(self) -> Iterator[Side]:
        side = self._people.log_in(self._alice)
        yield side
        side.connection.close()

    def take_back(self, side: Side) -> None:
        for record in side.receiver.book.list_loads():
            undo.apply(undo.plan(record.load, side.receiver), side.receiver)


@pytest.fixture
def loading(people: People, alice: User, store: IrodsStore, snapshot: str) -> Loading:
    return Loading(people, alice, store, snapshot)


def test_each_call_of_omero_may_fail_once_and_the_rerun_ends_right(loading: Loading) -> None:
    failed: list[str] = []
    for operation, count in sorted(loading.calls.items()):
        for nth in sorted({1, count}):
            with loading.logged_in() as side:
                loading.server.faults.fail_call(operation, nth=nth)
                try:
                    unpacked(loading._store, loading.path, side)
                except BridgeError as error:
                    failed.append(error.message)
                loading.server.faults.clear()
            loading.ends_right(f"{operation}, call {nth} of {count}")
    assert len(failed) > 30
    assert [message for message in failed if "Traceback" in message or "serverStackTrace" in message] == []


@pytest.mark.parametrize("position", [0, 3_000, 20_000, 40_000, 60_000])
def test_a_cut_connection_to_irods_is_an_error_or_nothing_and_the_rerun_ends_right(
    position: int, loading: Loading, zone: Zone
) -> None:
    zone.faults.cut_after(position, direction="sent")
    error = loading.fails()
    zone.faults.clear()
    assert error is None or isinstance(error, Unreachable), error
    loading.ends_right()


@pytest.mark.parametrize("position", [0, 1_000, 5_000])
def test_a_cut_connection_to_omero_while_bytes_pass_is_an_error_or_nothing(
    position: int, loading: Loading
) -> None:
    loading.server.faults.cut_file_after(position, "write")
    error = loading.fails()
    loading.server.faults.clear()
    assert error is None or error.message, error
    loading.ends_right()


def test_an_expired_session_says_so_and_the_rerun_ends_right(loading: Loading) -> None:
    with loading.logged_in() as side:
        session = side.connection.client.getSessionId()

        def expire(event: Event) -> None:
            if isinstance(event, Progress) and event.items_done == 1:
                loading.server.faults.expire_session(session)

        with pytest.raises(BridgeError) as failed:
            run(loading, side, report=expire)
    assert session not in failed.value.message + failed.value.hint
    assert "session" in f"{failed.value.message} {failed.value.hint}".lower()
    loading.ends_right()


def test_a_full_disk_of_omero_is_called_so_and_the_rerun_ends_right(loading: Loading) -> None:
    full = omero.ResourceError(message="No space left on device")
    loading.server.faults.fail_call("RawFileStore.write", full)
    assert isinstance(loading.fails(), NoSpace)
    loading.ends_right()


@pytest.mark.parametrize("number", range(0, 40, 4))
def test_a_load_that_is_stopped_can_be_continued(number: int, loading: Loading) -> None:
    cancel, events = CancelToken(), iter(range(10_000))

    def stop(_event: Event) -> None:
        if next(events) == number:
            cancel.cancel()

    with loading.logged_in() as side:
        try:
            run(loading, side, report=stop, cancel=cancel)
        except Interrupted:
            assert next(events) > number
    loading.ends_right()


def run(loading: Loading, side: Side, **more: Any) -> None:
    with open_snapshot(loading._store, loading.path) as packet:
        plan = unpack.plan(UnpackRequest(loading.path), packet, side.receiver)
        unpack.apply(plan, packet, side.receiver, clock=SystemClock(), **more)
