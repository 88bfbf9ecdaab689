"""Whatever a client sends, the zone serves on and the catalog stays as it was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from irods.access import iRODSAccess
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone import recording
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.frame_mutations import Mutator, Request
from tests.wire.irods_zone.wire_client import WireClient, frame, startup_packet

_FRAMES: Final = 10_000
_FRAMES_A_CONNECTION: Final = 25
_FRAMES_AT_LEAST_READ: Final = 4_000
"""Of each half; after a frame that breaks the framing the zone reads no more."""

_UNFORESEEN: Final = "failed in a way nobody foresaw"
_VICTIM: Final = "/tempZone/home/rods/trace"
_NOBODY: Final = "mallory"
_MAY_CHANGE: Final = {
    "R_DATA_MAIN": {"access_ts"},  # reading is allowed
    "R_USER_PASSWORD": {"*"},  # so is asking for a temporary password of one's own
    "ZONE_SEQUENCE": {"*"},
}

Dump = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def hunted(tmp_path: Path) -> Iterator[Zone]:
    """A zone with what the recorded requests are about, and a user who may read it and write nowhere."""
    with running_zone(ZoneConfig(root=tmp_path / "zone")) as zone:
        with connect(zone) as admin:
            _fill(admin)
        yield zone


def _fill(admin: iRODSSession) -> None:
    admin.collections.create(f"{_VICTIM}/a/b")
    for name in ("small.txt", "big.bin", "stream"):
        with admin.data_objects.open(f"{_VICTIM}/{name}", "w") as file:
            file.write(b"content")
    admin.data_objects.get(f"{_VICTIM}/stream").metadata.add("omero::state", "sealed")
    admin.users.create(_NOBODY, "rodsuser")
    admin.users.modify(_NOBODY, "password", "pw")
    admin.acls.set(iRODSAccess("read", _VICTIM, _NOBODY), recursive=True)
    for home in (f"/tempZone/home/{_NOBODY}", f"/tempZone/trash/home/{_NOBODY}"):
        admin.acls.set(iRODSAccess("null", home, _NOBODY), admin=True)
    for path in ("/tempZone/home/public", "/tempZone/trash/home/public"):
        admin.acls.set(iRODSAccess("null", path, "public"), admin=True)


def _corpus() -> list[Request]:
    return [
        Request(one.int_info, one.message.encode("utf-8", "surrogateescape"), one.stream_bytes)
        for one in recording.frames()
        if one.is_request and one.type == "RODS_API_REQ"
    ]


def _dump(zone: Zone) -> Dump:
    database = zone.catalog.database
    tables = [row[0] for row in database.rows("select name from sqlite_master where type = 'table'")]
    return {table: sorted(map(tuple, database.rows(f"select * from {table}")), key=repr) for table in tables}


def _lasting(zone: Zone, dump: Dump) -> Dump:
    """The dump without what anybody who may log in may change."""
    return {
        table: [_without(zone, table, row) for row in rows]
        for table, rows in dump.items()
        if "*" not in _MAY_CHANGE.get(table, ())
    }


def _without(zone: Zone, table: str, row: tuple[object, ...]) -> tuple[object, ...]:
    columns = [column["name"] for column in zone.catalog.database.rows(f"pragma table_info({table})")]
    dropped = _MAY_CHANGE.get(table, set())
    return tuple(value for name, value in zip(columns, row, strict=True) if name not in dropped)


def _play(client: WireClient, frames: list[bytes]) -> None:
    """Send it all, say that there is no more, and wait until the zone has dealt with it."""
    with suppress(OSError):  # the zone may have heard enough
        client.send(b"".join(frames))
        client.end_sending()
    with suppress(OSError):
        client.read_to_end()


@contextmanager
def _nothing_unforeseen(zone: Zone, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails when an operation raised what nobody foresaw, an agent's thread died, or something stays open."""
    dead: list[threading.ExceptHookArgs] = []
    hook, threading.excepthook = threading.excepthook, dead.append
    open_files = _open_files()
    try:
        with caplog.at_level(logging.WARNING, "omero_irods_sandbox"):
            yield
            _wait_for_agents(zone)
    finally:
        threading.excepthook = hook
    assert not [
        record.exc_text or record.message for record in caplog.records if _UNFORESEEN in record.message
    ]
    assert not dead
    assert _open_files() <= open_files


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _wait_for_agents(zone: Zone) -> None:
    deadline = time.monotonic() + 20
    while zone._agents:
        assert time.monotonic() < deadline, "agents are still at work"
        time.sleep(0.05)


def _still_serves(zone: Zone) -> None:
    with connect(zone) as session:
        with session.data_objects.open(f"{_VICTIM}/after", "w") as file:
            file.write(b"alive")
        assert session.data_objects.open(f"{_VICTIM}/after", "r").read() == b"alive"


def test_damaged_frames_of_strangers_never_reach_the_catalog(
    hunted: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    mutator = Mutator(_corpus(), seed=1)
    before = _dump(hunted)
    with _nothing_unforeseen(hunted, caplog):
        for number in range(_FRAMES // 2 // _FRAMES_A_CONNECTION):
            with WireClient(hunted.host, hunted.port) as client:
                packet = startup_packet("rods", "tempZone")
                is_start_damaged = number % 10 == 0
                start = mutator.start(packet) if is_start_damaged else frame("RODS_CONNECT", packet)
                damaged = [mutator.in_step() for _ in range(_FRAMES_A_CONNECTION - 1)]
                _play(client, [start, *damaged, mutator.out_of_step()])
    assert hunted.counters.calls() > _FRAMES_AT_LEAST_READ
    assert _dump(hunted) == before
    _still_serves(hunted)


def test_damaged_frames_of_a_reader_change_nothing(hunted: Zone, caplog: pytest.LogCaptureFixture) -> None:
    mutator = Mutator(_corpus(), seed=2)
    before = _lasting(hunted, _dump(hunted))
    with _nothing_unforeseen(hunted, caplog):
        for _ in range(_FRAMES // 2 // _FRAMES_A_CONNECTION):
            with WireClient(hunted.host, hunted.port) as client:
                client.log_in(_NOBODY, "tempZone", "pw")
                damaged = [mutator.in_step() for _ in range(_FRAMES_A_CONNECTION - 1)]
                _play(client, [*damaged, mutator.out_of_step()])
    assert hunted.counters.calls() > _FRAMES_AT_LEAST_READ
    assert _lasting(hunted, _dump(hunted)) == before
    _still_serves(hunted)


def test_the_frames_would_change_the_catalog_if_the_sender_were_allowed_to(hunted: Zone) -> None:
    """The mutations leave enough intact: as the administrator they do change things."""
    mutator = Mutator(_corpus(), seed=2)
    before = _lasting(hunted, _dump(hunted))
    for _ in range(10):
        with WireClient(hunted.host, hunted.port) as client:
            client.log_in("rods", "tempZone", hunted.password)
            _play(client, [mutator.in_step() for _ in range(_FRAMES_A_CONNECTION)])
    assert _lasting(hunted, _dump(hunted)) != before
