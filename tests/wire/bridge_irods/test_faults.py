"""What the iRODS store says and leaves behind when something breaks."""

from __future__ import annotations

import gc
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from irods.access import iRODSAccess

from omero_irods_bridge.adapters.irods.environment import account
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import (
    AccessDenied,
    BridgeError,
    Busy,
    NoSpace,
    TargetExists,
    Unreachable,
)
from omero_irods_bridge.model.stored import Avu, ReplicaStatus
from omero_irods_bridge.ports import AvuCondition
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.wire.channel import Direction
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.contracts.object_store import read, write
from tests.wire.bridge_irods.conftest import store_of
from tests.wire.bridge_irods.replicas import status_of
from tests.wire.irods_zone.conftest import connect

RENAME, UNLINK, CHECKSUM, OPEN, WRITE, CLOSE, READ, QUERY, ATOMIC = (
    627,
    615,
    629,
    602,
    676,
    673,
    675,
    702,
    20002,
)
ONE_PIECE = bytes(range(256)) * 256


# -- broken connections


def until_alone(zone: Zone) -> None:
    """Wait until the server has heard the good-byes of earlier tests, which a cut would hit else."""
    gc.collect()  # PRC keeps a connection that could not log in until then
    for _ in range(1000):
        if len(zone._agents) <= 1:
            return
        threading.Event().wait(0.01)
    raise AssertionError("connections of earlier tests are still open")


@pytest.mark.parametrize(
    ("direction", "position"),
    [("received", position) for position in (0, 3, 100, 250, 400, 700, 40_000, 66_000, 66_300, 200_000)]
    + [("sent", position) for position in (0, 3, 100, 250, 400, 700, 1000)],
)
def test_a_connection_cut_while_writing_ends_as_unreachable_and_leaves_nothing_good(
    zone: Zone, store: IrodsStore, place: str, direction: Direction, position: int
) -> None:
    store.find(place)  # logged in, so that the cut hits the writer
    until_alone(zone)
    zone.faults.cut_after(position, direction=direction)
    with pytest.raises(Unreachable):  # noqa: PT012 - where it comes out depends on the position
        writer = store.open_writer(f"{place}/object", streams=1)
        for number in range(4):
            writer.write_at(0, number * len(ONE_PIECE), ONE_PIECE)
        for _ in range(4):
            writer.close()
            store.find(place)
    zone.faults.clear()
    # Only the answer to the close may be what was lost: then all has arrived.
    if status_of(store, f"{place}/object") is ReplicaStatus.GOOD:
        assert read(store, f"{place}/object") == 4 * ONE_PIECE


@pytest.mark.parametrize("direction", ["received", "sent"])
@pytest.mark.parametrize("position", [0, 3, 100, 250, 400, 1000, 40_000, 66_000, 130_000])
def test_a_connection_cut_while_reading_ends_as_unreachable(
    zone: Zone, store: IrodsStore, place: str, direction: Direction, position: int
) -> None:
    path = write(store, f"{place}/object", 4 * ONE_PIECE)
    until_alone(zone)
    zone.faults.cut_after(position, direction=direction)
    with pytest.raises(Unreachable), store.open_source(path) as source:  # noqa: PT012 - as above
        for _ in range(100):
            source.read_at(0, 4 * len(ONE_PIECE))
            store.find(path)
    zone.faults.clear()
    assert read(store, path) == 4 * ONE_PIECE


def test_after_a_failed_read_the_next_one_opens_anew(zone: Zone, store: IrodsStore, place: str) -> None:
    path = write(store, f"{place}/object")
    with store.open_source(path) as source:
        zone.faults.fail_call(READ, "SYS_COPY_LEN_ERR")
        with pytest.raises(BridgeError):
            source.read_at(0, 7)
        zone.faults.cut_after(0, direction="sent")
        with pytest.raises(Unreachable):
            source.read_at(0, 7)
        assert source.read_at(0, 7) == b"content"


def test_threads_share_the_streams_of_a_source(store: IrodsStore, place: str) -> None:
    path = write(store, f"{place}/object", ONE_PIECE)
    with store.open_source(path, streams=2) as source, ThreadPoolExecutor(6) as pool:
        places = list(range(0, len(ONE_PIECE), 1001))
        pieces = list(pool.map(lambda start: source.read_at(start, 1001), places))
    assert b"".join(pieces) == ONE_PIECE


def test_one_broken_stream_of_several_spoils_the_object_and_nobody_hangs(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    writer = store.open_writer(f"{place}/object", streams=3)
    for stream in range(3):
        writer.write_at(stream, stream * len(ONE_PIECE), ONE_PIECE)
    zone.faults.cut_after(20_000)
    with ThreadPoolExecutor(3) as pool:
        written = [pool.submit(writer.write_at, n, (3 + n) * len(ONE_PIECE), ONE_PIECE) for n in range(3)]
    assert any(isinstance(one.exception(), Unreachable) for one in written)
    with pytest.raises(BridgeError):
        writer.close()
    with pytest.raises(BridgeError):
        writer.write_at(0, 0, b"more")
    assert status_of(store, f"{place}/object") is not ReplicaStatus.GOOD


def test_other_requests_go_on_after_the_server_dropped_all_connections(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    write(store, f"{place}/object")
    zone.drop_connections()
    assert read(store, f"{place}/object") == b"content"


@contextmanager
def impostor(answer: bytes) -> Iterator[int]:
    """A port where the first connection gets ``answer``, after its first request, and an orderly close."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


@pytest.mark.parametrize(
    "answer", [b"", b"\0\0", b"\0\0\0\x10<MsgHea", b"SSH-2.0-OpenSSH\r\n", b"\0\0\0\x04<a/>"]
)
def test_what_is_no_irods_server_is_told_apart(answer: bytes) -> None:
    with impostor(answer) as port:
        who = account("127.0.0.1", port, zone="z", user="u", password="secret-word")
        with IrodsStore(who, connect_timeout_s=5) as store, pytest.raises(BridgeError, match=r"127\.0\.0\.1"):
            store.find("/z")


def test_a_server_that_is_down_is_unreachable(tmp_path: Path) -> None:
    with running_zone(ZoneConfig(root=tmp_path)) as own, store_of(own) as store:
        assert store.find("/tempZone")
        own.stop()
        with pytest.raises(Unreachable, match=str(own.port)):
            store.find("/tempZone")


def test_a_server_that_does_not_answer_is_unreachable_after_the_timeout(zone: Zone, place: str) -> None:
    with store_of(zone, timeout_s=0.2) as impatient:
        assert impatient.find(place)
        zone.faults.delay_calls(QUERY, 0.7)
        with pytest.raises(Unreachable):
            impatient.find(place)
        zone.faults.clear()
        found = impatient.find(place)  # and not the late answer to the question before
        assert found is not None
        assert found.path == place


def test_a_long_answer_is_waited_for_longer_than_a_connection(zone: Zone, place: str) -> None:
    with store_of(zone, connect_timeout_s=0.5) as patient:
        path = write(patient, f"{place}/object")
        zone.faults.delay_calls(CHECKSUM, 1.0)
        assert patient.compute_checksum(path).hex == hashlib.sha256(b"content").hexdigest()


# -- logging in


def test_a_wrong_password_is_denied_with_a_hint_and_never_told(zone: Zone) -> None:
    with store_of(zone, password="not-the-word") as store, pytest.raises(AccessDenied) as caught:
        store.find("/tempZone")
    assert "iinit" in caught.value.hint
    assert "not-the-word" not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"


def test_an_unknown_user_is_denied(zone: Zone) -> None:
    with store_of(zone, "nobody-here", "x") as store, pytest.raises(AccessDenied):
        store.find("/tempZone")


# -- answers of the server


Attempt = Callable[[IrodsStore, str], object]

ATTEMPTS: list[tuple[int, Attempt]] = [
    (QUERY, lambda store, path: store.find(path)),
    (QUERY, lambda store, path: list(store.children(path.rpartition("/")[0]))),
    (QUERY, lambda store, path: store.avus(path)),
    (QUERY, lambda store, path: store.avus_of_many([path])),
    (QUERY, lambda store, path: store.find_by_avus([AvuCondition("a", equals=path)])),
    (ATOMIC, lambda store, path: store.change_avus(path, add=[Avu("a", "1")])),
    (OPEN, lambda store, path: store.open_writer(path)),
    (OPEN, lambda store, path: store.open_source(path).__enter__()),
    (WRITE, lambda store, path: store.open_writer(path).write_at(0, 0, b"new")),
    (CLOSE, lambda store, path: store.open_writer(path).close()),
    (READ, read),
    (CHECKSUM, lambda store, path: store.compute_checksum(path)),
    (CHECKSUM, lambda store, path: store.verify_checksum(path, replica=0)),
    (RENAME, lambda store, path: store.move(path, f"{path}2")),
    (UNLINK, lambda store, path: store.remove(path)),
    (802, lambda store, path: store.truncate(path, 1)),
    (681, lambda store, path: store.make_collection(f"{path}-c")),
    (679, lambda store, path: store.remove_if_empty(path)),
]

CODES = [
    ("CAT_NO_ACCESS_PERMISSION", AccessDenied),
    ("SYS_RESC_QUOTA_EXCEEDED", NoSpace),
    ("INTERMEDIATE_REPLICA_ACCESS", Busy),  # PRC knows no class for it
    ("LOCKED_DATA_OBJECT_ACCESS", Busy),
    ("HIERARCHY_ERROR", Busy),
    ("CAT_NAME_EXISTS_AS_DATAOBJ", TargetExists),
    ("INVALID_OPERATION", BridgeError),  # nor for this one
    ("SYS_COPY_LEN_ERR", BridgeError),
]


@pytest.mark.parametrize(("api", "attempt"), ATTEMPTS)
@pytest.mark.parametrize(("code", "expected"), CODES)
def test_a_code_of_the_server_is_the_bridges_error_and_the_next_request_works(
    zone: Zone,
    store: IrodsStore,
    place: str,
    api: int,
    attempt: Attempt,
    code: str,
    expected: type[BridgeError],
) -> None:
    path = write(store, f"{place}/object")
    zone.faults.fail_call(api, code)
    with pytest.raises(expected) as caught:
        attempt(store, path)
    assert type(caught.value) is expected
    assert code in caught.value.message
    assert zone.password not in f"{caught.value!r} {caught.value.hint}"
    assert store.find(place) is not None


def test_a_code_that_nobody_knows_is_told_as_a_number(zone: Zone, store: IrodsStore, place: str) -> None:
    zone.faults.fail_call(QUERY, -7654321)
    with pytest.raises(BridgeError, match="-765"):
        store.find(place)


def test_a_full_disk_is_no_space_and_leaves_nothing_good(zone: Zone, store: IrodsStore, place: str) -> None:
    zone.faults.limit_disk(100_000)
    writer = store.open_writer(f"{place}/object", streams=2)
    with pytest.raises(NoSpace):  # noqa: PT012
        for number in range(4):
            writer.write_at(number % 2, number * len(ONE_PIECE), ONE_PIECE)
    with pytest.raises(BridgeError):
        writer.close()
    assert status_of(store, f"{place}/object") is not ReplicaStatus.GOOD


def test_a_failed_overwrite_does_not_leave_a_short_good_object(
    zone: Zone, store: IrodsStore, place: str
) -> None:
    path = write(store, f"{place}/object", 2 * ONE_PIECE)
    writer = store.open_writer(path)
    writer.write_at(0, 0, b"short")
    zone.faults.fail_call(WRITE, "SYS_COPY_LEN_ERR")
    with pytest.raises(BridgeError):
        writer.write_at(0, 5, b"more")
    with pytest.raises(BridgeError):
        writer.close()
    assert status_of(store, path) is ReplicaStatus.STALE


def test_one_who_may_only_read_is_denied_what_changes(
    zone: Zone, store: IrodsStore, user_store: IrodsStore, place: str
) -> None:
    path = write(store, f"{place}/object")
    share(zone, path, user_store.user)
    assert read(user_store, path) == b"content"
    for attempt in (
        lambda: user_store.open_writer(path),
        lambda: user_store.open_writer(f"{place}/new"),
        lambda: user_store.remove(path),
        lambda: user_store.move(path, f"{user_store.home}/mine"),
        lambda: user_store.change_avus(path, add=[Avu("a", "1")]),
        lambda: user_store.make_collection(f"{place}/mine"),
        lambda: user_store.truncate(path, 1),
    ):
        with pytest.raises(AccessDenied):
            attempt()
    assert read(store, path) == b"content"


def share(zone: Zone, path: str, user: str) -> None:
    """Let ``user`` read a data object and see the collection it is in."""
    with connect(zone) as session:
        for target in (path, path.rpartition("/")[0]):
            session.acls.set(iRODSAccess("read", target, user, zone.name))
