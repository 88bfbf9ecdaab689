"""Each fault that can be asked for, as the unmodified client meets it."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import irods.keywords as kw
import pytest
from irods.exception import (
    CAT_INVALID_AUTHENTICATION,
    CAT_SQL_ERR,
    UNIX_FILE_WRITE_ERR,
    USER_CHKSUM_MISMATCH,
    NetworkException,
    iRODSException,
)
from irods.manager.data_object_manager import Server_Checksum_Warning
from irods.message import RErrorStack
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import ZoneProcess, running_zone, zone_process
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.wire_client import WireClient, frame

API_OPEN: Final = 602
API_READ: Final = 675
API_WRITE: Final = 676
API_METADATA: Final = 706

STALE, GOOD = "0", "1"
_MIB: Final = 1 << 20
_LARGE_BYTES: Final = 40 * _MIB
_SETTLES_WITHIN_S: Final = 20.0
_BROKEN: Final = (NetworkException, iRODSException, OSError, ValueError, RuntimeError)
"""What PRC raises when a connection breaks depends on where it was: all of these were seen."""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Large enough for a parallel transfer."""
    path = tmp_path / "large.bin"
    path.write_bytes(b"z" * _LARGE_BYTES)
    return path


def _states(session: iRODSSession, path: str) -> list[str]:
    """The states of all replicas, none when there is no such data object."""
    if not session.data_objects.exists(path):
        return []
    return [replica.status for replica in session.data_objects.get(path).replicas]


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SETTLES_WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)


def _settled_states(zone: Zone, path: str) -> list[str]:
    """The states once nobody writes any more; an agent notices late that its client is gone."""
    with connect(zone) as session:
        _wait_until(lambda: set(_states(session, path)) <= {STALE, GOOD})
        return _states(session, path)


def _leave(session: iRODSSession) -> None:
    """Close a session whose connections are broken."""
    with suppress(*_BROKEN):
        session.cleanup()


@contextmanager
def _doomed(zone: Zone) -> Iterator[iRODSSession]:
    """A session that will not survive."""
    session = connect(zone)
    yield session
    _leave(session)


def test_the_nth_call_fails_with_the_code_and_those_around_it_do_not(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    metadata = session.collections.get(home).metadata
    zone.faults.fail_call(API_METADATA, "CAT_SQL_ERR", nth=2)
    metadata.add("first", "1")
    with pytest.raises(CAT_SQL_ERR):
        metadata.add("second", "2")
    metadata.add("third", "3")
    assert {avu.name for avu in metadata.items()} == {"first", "third"}


def test_several_calls_can_fail_in_a_row_with_a_code_without_a_name(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    metadata = session.collections.get(home).metadata
    zone.faults.fail_call(API_METADATA, -999_000, times=2)
    for _ in range(2):
        with pytest.raises((iRODSException, KeyError), match="999000"):
            metadata.add("name", "value")
    metadata.add("name", "value")


@pytest.mark.parametrize("is_done", [False, True])
def test_a_cut_call_is_done_or_not_and_only_that_one(
    zone: Zone, session: iRODSSession, home: str, is_done: bool
) -> None:
    zone.faults.cut_call(API_METADATA, is_done=is_done, nth=2)
    with _doomed(zone) as doomed:
        doomed.collections.get(home).metadata.add("first", "1")
        with pytest.raises(_BROKEN):
            doomed.collections.get(home).metadata.add("second", "2")
    metadata = session.collections.get(home).metadata
    metadata.add("third", "3")
    assert {avu.name for avu in metadata.items()} == {"first", "third"} | ({"second"} if is_done else set())


def test_an_open_that_fails_leaves_no_object(
    zone: Zone, session: iRODSSession, home: str, sample: Path
) -> None:
    zone.faults.fail_call(API_OPEN, "SYS_RESC_DOES_NOT_EXIST")
    with pytest.raises(iRODSException):
        session.data_objects.put(str(sample), f"{home}/new")
    assert not session.data_objects.exists(f"{home}/new")


def test_a_write_that_fails_reaches_the_client_and_nothing_of_it_is_written(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    with session.data_objects.open(f"{home}/new", "w") as file:
        zone.faults.fail_call(API_WRITE, "UNIX_FILE_WRITE_ERR")
        with pytest.raises(UNIX_FILE_WRITE_ERR):
            file.raw.write(b"first")
        file.raw.write(b"second")
    assert session.data_objects.open(f"{home}/new", "r").read() == b"second"


def test_a_connection_cut_while_putting_leaves_a_stale_replica(zone: Zone, home: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"z" * _MIB)
    zone.faults.cut_after(_MIB // 2)
    with _doomed(zone) as session, pytest.raises(_BROKEN):
        session.data_objects.put(str(source), f"{home}/cut")
    assert _settled_states(zone, f"{home}/cut") == [STALE]


_PUT: Final = """\
import json, sys
from irods.session import iRODSSession

host, port, password, source, path = json.load(sys.stdin)
with iRODSSession(host=host, port=port, user="rods", password=password, zone="tempZone") as session:
    session.data_objects.put(source, path)
"""


@pytest.mark.parametrize("at", [_MIB, _LARGE_BYTES // 2, _LARGE_BYTES - _MIB])
def test_a_connection_cut_in_a_parallel_put_leaves_a_stale_replica(
    zone: Zone, home: str, large: Path, at: int
) -> None:
    """In a process to be killed: PRC's other streams wait for ever for the broken one (irods/parallel.py)."""
    zone.faults.cut_after(at)
    order = json.dumps([zone.host, zone.port, zone.password, str(large), f"{home}/cut"])
    with subprocess.Popen([sys.executable, "-c", _PUT], stdin=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        client.stdin.write(order)
        client.stdin.close()
        _wait_until(lambda: zone.faults._cut is None)
        client.kill()
    assert _settled_states(zone, f"{home}/cut") == [STALE]


def test_a_connection_cut_while_overwriting_leaves_the_object_stale_and_a_second_put_mends_it(
    zone: Zone, session: iRODSSession, home: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"1" * _MIB)
    session.data_objects.put(str(source), f"{home}/twice")
    source.write_bytes(b"2" * _MIB)
    zone.faults.cut_after(_MIB // 2)
    with _doomed(zone) as doomed, pytest.raises(_BROKEN):
        doomed.data_objects.put(str(source), f"{home}/twice")
    assert _settled_states(zone, f"{home}/twice") == [STALE]
    with connect(zone) as again:
        again.data_objects.put(str(source), f"{home}/twice")
        assert _states(again, f"{home}/twice") == [GOOD]
        assert again.data_objects.open(f"{home}/twice", "r").read() == b"2" * _MIB


def test_a_connection_cut_while_getting_harms_nothing(
    zone: Zone, session: iRODSSession, home: str, tmp_path: Path
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(b"z" * _MIB)
    session.data_objects.put(str(source), f"{home}/whole")
    zone.faults.cut_after(_MIB // 2, direction="sent")
    with _doomed(zone) as doomed, pytest.raises(_BROKEN):
        doomed.data_objects.get(f"{home}/whole", str(back))
    back.unlink(missing_ok=True)
    with connect(zone) as again:
        assert _states(again, f"{home}/whole") == [GOOD]
        again.data_objects.get(f"{home}/whole", str(back))
    assert back.read_bytes() == source.read_bytes()


def test_a_cut_happens_once(zone: Zone, home: str, sample: Path) -> None:
    zone.faults.cut_after(100)
    with _doomed(zone) as session, suppress(*_BROKEN):
        session.collections.get(home)
    with connect(zone) as session:
        session.data_objects.put(str(sample), f"{home}/after")


def test_a_delayed_call_waits_and_others_do_not(zone: Zone, session: iRODSSession, home: str) -> None:
    metadata = session.collections.get(home).metadata
    zone.faults.delay_calls(API_METADATA, 1.5)
    delayed = threading.Thread(target=metadata.add, args=("late", "yes"))
    delayed.start()
    _wait_until(lambda: bool(zone.counters.calls(API_METADATA)))
    with connect(zone) as other:
        assert other.collections.exists(home)
    assert delayed.is_alive()
    delayed.join(_SETTLES_WITHIN_S)
    assert [avu.name for avu in session.collections.get(home).metadata.items()] == ["late"]


def test_a_flipped_byte_is_found_by_verifying_the_checksum(
    zone: Zone, session: iRODSSession, home: str, sample: Path
) -> None:
    path = f"{home}/flipped"
    session.data_objects.put(str(sample), path, **{kw.REG_CHKSUM_KW: ""})
    session.data_objects.chksum(path, **{kw.VERIFY_CHKSUM_KW: ""})
    zone.faults.flip_byte(path, offset=700)
    with pytest.raises(Server_Checksum_Warning) as raised:
        session.data_objects.chksum(path, r_error=RErrorStack(), **{kw.VERIFY_CHKSUM_KW: ""})
    assert [finding["error_code"] for finding in raised.value.response] == [USER_CHKSUM_MISMATCH.code]
    content = session.data_objects.open(path, "r").read()
    original = sample.read_bytes()
    assert [place for place, byte in enumerate(content) if byte != original[place]] == [700]


def test_a_byte_flipped_on_its_way_to_the_vault_stays_there_and_the_checksum_is_of_what_arrived(
    zone: Zone, session: iRODSSession, home: str, sample: Path
) -> None:
    path, original = f"{home}/flipped-on-the-way", sample.read_bytes()
    zone.faults.flip_on_wire("received")
    session.data_objects.put(str(sample), path)
    content = session.data_objects.open(path, "r").read()
    assert [place for place, byte in enumerate(content) if byte != original[place]] == [len(original) - 1]
    arrived = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert session.data_objects.chksum(path) == f"sha2:{arrived}"


def test_a_byte_flipped_on_its_way_to_the_reader_is_right_when_it_is_read_again(
    zone: Zone, session: iRODSSession, home: str, sample: Path
) -> None:
    path, original = f"{home}/whole", sample.read_bytes()
    session.data_objects.put(str(sample), path)
    zone.faults.flip_on_wire("sent")
    first, second = (session.data_objects.open(path, "r").read() for _ in range(2))
    assert [place for place, byte in enumerate(first) if byte != original[place]] == [len(original) - 1]
    assert second == original


def test_a_replica_can_be_made_stale(zone: Zone, session: iRODSSession, home: str, sample: Path) -> None:
    session.data_objects.put(str(sample), f"{home}/old")
    zone.faults.make_stale(f"{home}/old")
    assert _states(session, f"{home}/old") == [STALE]


@pytest.mark.parametrize("size", [_MIB, _LARGE_BYTES])
def test_a_full_disk_fails_the_put_and_what_is_shorter_than_announced_is_stale(
    zone: Zone, home: str, tmp_path: Path, size: int
) -> None:
    source, path = tmp_path / "source", f"{home}/full-{size}"
    source.write_bytes(b"z" * size)
    zone.faults.limit_disk(_MIB // 2)  # too little for any of the streams: PRC waits for those that end well
    with _doomed(zone) as session, pytest.raises(_BROKEN) as raised:
        session.data_objects.put(str(source), path)
    if size == _MIB:
        assert os.strerror(errno.ENOSPC) in repr(raised.value)
    assert GOOD not in _settled_states(zone, path)
    zone.faults.clear()
    with connect(zone) as again:
        again.data_objects.put(str(source), path)
        assert _states(again, path) == [GOOD]


def test_a_full_disk_fails_the_put_over_an_object_and_leaves_what_there_was_room_for_as_good(
    zone: Zone, session: iRODSSession, home: str, tmp_path: Path
) -> None:
    """Only the failed write (API 676) tells: what is there already is not measured by what was announced."""
    source, path = tmp_path / "source", f"{home}/over"
    source.write_bytes(b"z" * (4 * _MIB))
    session.data_objects.put(str(source), path)
    zone.faults.limit_disk(2 * _MIB)
    with _doomed(zone) as doomed, pytest.raises(_BROKEN) as raised:
        doomed.data_objects.put(str(source), path, **{kw.FORCE_FLAG_KW: ""})
    assert os.strerror(errno.ENOSPC) in repr(raised.value)
    assert _settled_states(zone, path) == [GOOD]
    assert session.data_objects.get(path).size < 4 * _MIB


def test_a_full_disk_fails_the_write_to_a_stream_and_closing_it_leaves_a_good_short_replica(
    zone: Zone, session: iRODSSession, home: str
) -> None:
    with session.data_objects.open(f"{home}/stream", "w") as file:
        zone.faults.limit_disk(5)
        file.raw.write(b"there")
        with pytest.raises((UNIX_FILE_WRITE_ERR, iRODSException), match=os.strerror(errno.ENOSPC)):
            file.raw.write(b" is no room")
    assert _states(session, f"{home}/stream") == [GOOD]
    assert session.data_objects.open(f"{home}/stream", "r").read() == b"there"


def test_logins_are_refused_and_who_is_in_stays_in(zone: Zone, session: iRODSSession, home: str) -> None:
    assert session.collections.exists(home)
    zone.faults.refuse_logins()
    with connect(zone) as refused, pytest.raises(CAT_INVALID_AUTHENTICATION):
        refused.collections.exists(home)
    assert session.collections.exists(home)
    zone.faults.clear()
    with connect(zone) as welcome:
        assert welcome.collections.exists(home)


def test_dropped_connections_in_the_middle_of_a_transfer_leave_a_stale_replica(zone: Zone, home: str) -> None:
    with _doomed(zone) as session:
        file = session.data_objects.open(f"{home}/dropped", "w")
        file.write(b"z" * _MIB)
        zone.drop_connections()
        with pytest.raises(_BROKEN):
            file.close()
    assert _settled_states(zone, f"{home}/dropped") == [STALE]


def test_connections_of_clients_that_do_not_read_are_dropped_too(
    zone: Zone, session: iRODSSession, home: str, large: Path
) -> None:
    session.data_objects.put(str(large), f"{home}/large")
    with WireClient(zone.host, zone.port) as client:
        client.log_in(zone.config.admin, zone.name, zone.password)
        opened = f"<DataObjInp_PI><objPath>{home}/large</objPath><openFlags>0</openFlags></DataObjInp_PI>"
        number = client.call(API_OPEN, opened.encode()).int_info
        wanted = f"<l1descInx>{number}</l1descInx><len>{_LARGE_BYTES}</len>"
        message = f"<OpenedDataObjInp_PI>{wanted}</OpenedDataObjInp_PI>".encode()
        client.send(frame("RODS_API_REQ", message, API_READ))
        _wait_until(lambda: bool(zone.counters.calls(API_READ)))
        zone.drop_connections()
        assert not zone._agents


def test_a_client_that_vanishes_leaves_a_stale_replica(zone: Zone, home: str) -> None:
    with _doomed(zone) as session:
        file = session.data_objects.open(f"{home}/vanished", "w")
        file.write(b"z" * _MIB)
        file.raw.conn.socket.close()
        with suppress(*_BROKEN):
            file.close()
    assert _settled_states(zone, f"{home}/vanished") == [STALE]


def test_a_restart_in_the_middle_of_a_transfer_leaves_a_stale_replica(tmp_path: Path, sample: Path) -> None:
    config = ZoneConfig(root=tmp_path / "zone")
    with running_zone(config) as zone, _doomed(zone) as session:
        session.data_objects.put(str(sample), "/tempZone/home/rods/whole")
        file = session.data_objects.open("/tempZone/home/rods/half", "w")
        file.write(b"z" * _MIB)
        zone.stop()
        with suppress(*_BROKEN):
            file.close()
    with running_zone(config) as zone, connect(zone) as session:
        assert _states(session, "/tempZone/home/rods/half") == [STALE]
        assert _states(session, "/tempZone/home/rods/whole") == [GOOD]


def _connect(zone: ZoneProcess) -> iRODSSession:
    return iRODSSession(
        host=zone.host, port=zone.port, user=zone.admin, password=zone.password, zone=zone.zone
    )


def test_a_killed_zone_comes_back_with_the_interrupted_replica_stale_and_all_else_whole(
    tmp_path: Path, sample: Path
) -> None:
    root, home = tmp_path / "zone", "/tempZone/home/rods"
    with zone_process(root, "--port", "0") as zone:
        session = _connect(zone)
        session.data_objects.put(str(sample), f"{home}/whole", **{kw.REG_CHKSUM_KW: ""})
        session.collections.get(home).metadata.add("kept", "yes")
        session.data_objects.put(str(sample), f"{home}/overwritten")
        files = [session.data_objects.open(f"{home}/{name}", "w") for name in ("half", "overwritten")]
        for file in files:
            file.write(b"z" * _MIB)
        zone.kill()
        for file in files:
            with suppress(*_BROKEN):
                file.close()
        _leave(session)
    with zone_process(root, "--port", "0") as zone, _connect(zone) as session:
        assert _states(session, f"{home}/half") == [STALE]
        assert _states(session, f"{home}/overwritten") == [STALE]
        assert _states(session, f"{home}/whole") == [GOOD]
        session.data_objects.chksum(f"{home}/whole", **{kw.VERIFY_CHKSUM_KW: ""})
        assert session.data_objects.open(f"{home}/whole", "r").read() == sample.read_bytes()
        assert [avu.value for avu in session.collections.get(home).metadata.items()] == ["yes"]
        session.data_objects.put(str(sample), f"{home}/half")
        assert _states(session, f"{home}/half") == [GOOD]


def test_a_zone_that_is_told_to_stop_ends_well_and_remembers_everything(tmp_path: Path, sample: Path) -> None:
    root, home = tmp_path / "zone", "/tempZone/home/rods"
    with zone_process(root, "--port", "0") as zone:
        session = _connect(zone)
        session.data_objects.put(str(sample), f"{home}/kept")
        session.users.create("tina", "rodsuser")
        assert zone.stop() == 0
        _leave(session)
        password = zone.password
    with zone_process(root, "--port", "0") as zone, _connect(zone) as session:
        assert zone.password == password
        assert session.users.get("tina").type == "rodsuser"
        assert session.data_objects.open(f"{home}/kept", "r").read() == sample.read_bytes()
