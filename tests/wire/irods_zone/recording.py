"""The frames recorded from a real iRODS 5.0.2 (tests/data/irods-5.0.2), and their replay.

What can't be the same is carried over: ids, replica tokens and authentication challenges of
this server take the place of the recorded ones in later requests; the new password of a user is
scrambled for this connection; bytes that the recording left out are made up.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from irods.password_obfuscation import obfuscate_new_password

from tests.wire.irods_zone.reply_comparison import Difference, KnownValues, differences
from tests.wire.irods_zone.wire_client import (
    API_AUTHENTICATION,
    WireClient,
    WireReply,
    digest,
    frame,
    json_buffer,
    read_json_buffer,
)

FOLDER: Final = Path(__file__).parents[2] / "data" / "irods-5.0.2"
ZONE: Final = "tempZone"
ADMIN: Final = "rods"
PASSWORDS: Final = {"rods": "rods", "tina": "tpw"}
"""What scenario.py used."""

_WRONG_PASSWORD_CONNECTION: Final = 5
_WRONG_PASSWORD: Final = "wrong"
_REGISTERED_FILE: Final = "/etc/hostname"
_FILL: Final = {"small.txt": b"s", "big.bin": b"b", "stream": b"x"}
"""Made-up content: every byte of an object is the same, so that any part of it can be checked."""

_APPENDED: Final = b"y"
_SESSION_SIGNATURE_CHARACTERS: Final = 16

API_WRITE: Final = 676
_API_GENERAL_ADMIN: Final = 701
_API_OPEN: Final = (601, 602)
_API_READ: Final = 675


@dataclass(frozen=True, slots=True)
class Frame:
    """One recorded frame; ``number`` is its place in the file, from 0."""

    number: int
    connection: int
    is_request: bool
    type: str
    int_info: int
    message: str
    error: str
    stream_bytes: int


def frames() -> list[Frame]:
    """All frames, every reply after its request."""
    with gzip.open(FOLDER / "frames.jsonl.gz", "rt", encoding="utf-8") as lines:
        return list(
            _replies_after_requests(_frame(number, json.loads(line)) for number, line in enumerate(lines))
        )


def _replies_after_requests(recorded: Iterable[Frame]) -> Iterator[Frame]:
    """The recorder wrote both directions from threads of their own, and once a reply overtook its request."""
    waiting: Counter[int] = Counter()
    early: dict[int, Frame] = {}
    for one in recorded:
        if not one.is_request and not waiting[one.connection]:
            early[one.connection] = one
            continue
        yield one
        waiting[one.connection] += 1 if one.is_request else -1
        if one.connection in early:
            yield early.pop(one.connection)
            waiting[one.connection] -= 1


def _frame(number: int, line: dict[str, str | int]) -> Frame:
    return Frame(
        number,
        int(line["conn"]),
        line["dir"] == ">",
        str(line["type"]),
        int(line["int_info"]),
        str(line["msg"]),
        str(line["err"]),
        int(line["bs_len"]),
    )


class _Connection:
    """One recorded connection as it is replayed."""

    def __init__(self, client: WireClient) -> None:
        self.client = client
        self.challenge = ""
        self.opened = ""
        self.waiting: list[Frame] = []
        """Requests that were sent and have no reply yet."""


class Replay:
    """Sends the recorded requests to the server at ``host`` and ``port`` and compares its replies."""

    def __init__(self, host: str, port: int, *, vault: Path, registered_file: Path) -> None:
        self._address = (host, port)
        self._registered_file = registered_file
        self._known = KnownValues(vault)
        self._connections: dict[int, _Connection] = {}

    def run(self, recorded: list[Frame]) -> Iterator[Difference]:
        """Replay all frames in the order in which they passed."""
        for one in recorded:
            if one.is_request:
                self._send(one)
            else:
                yield from self._receive(one)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.client.close()

    def _send(self, request: Frame) -> None:
        if request.type == "RODS_CONNECT":
            self._connections[request.connection] = _Connection(WireClient(*self._address))
        connection = self._connections[request.connection]
        prepared = self._prepared(connection, request)
        connection.waiting.append(prepared)
        stream = _made_up(connection, prepared)
        message = prepared.message.encode("utf-8", "surrogateescape")
        connection.client.send(frame(prepared.type, message, prepared.int_info, stream))

    def _receive(self, recorded: Frame) -> Iterator[Difference]:
        connection = self._connections[recorded.connection]
        request = connection.waiting.pop(0)
        reply = connection.client.receive()
        yield from differences(recorded, reply, self._known)
        if request.int_info == API_AUTHENTICATION and reply.int_info == 0:
            connection.challenge = read_json_buffer(reply.message)["request_result"]
        if request.int_info == _API_READ:
            yield from _check_bytes(connection, recorded, reply)

    def _prepared(self, connection: _Connection, request: Frame) -> Frame:
        """The request with what this server said in the place of what the recorded one did."""
        message = self._known.translate(request.message)
        message = message.replace(_REGISTERED_FILE, str(self._registered_file))
        if request.int_info == API_AUTHENTICATION and connection.challenge:
            message = _answer(request, connection.challenge)
        if request.int_info == _API_GENERAL_ADMIN and "<arg3>password</arg3>" in message:
            message = _with_password(message, connection.challenge)
        if request.int_info in _API_OPEN:
            connection.opened = _object_name(message)
        return replace(request, message=message)


def _answer(request: Frame, challenge: str) -> str:
    answer = read_json_buffer(request.message.encode())
    password = PASSWORDS[answer["user_name"]]
    if request.connection == _WRONG_PASSWORD_CONNECTION:
        password = _WRONG_PASSWORD
    changed = {"request_result": challenge, "digest": digest(challenge, password)}
    return json_buffer(answer | changed).decode()


def _with_password(message: str, challenge: str) -> str:
    """The new password of tina, scrambled with the administrator's and this connection's signature."""
    signature = challenge[:_SESSION_SIGNATURE_CHARACTERS].encode().hex()
    scrambled = obfuscate_new_password(PASSWORDS["tina"], PASSWORDS[ADMIN], signature)
    escaped = scrambled.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"<arg4>[^<]*</arg4>", lambda _: f"<arg4>{escaped}</arg4>", message)


def _object_name(message: str) -> str:
    match = re.search(r"<objPath>[^<]*/([^/<]*)</objPath>", message)
    assert match is not None, message
    return match.group(1)


def _made_up(connection: _Connection, request: Frame) -> bytes:
    if request.int_info == API_WRITE and request.stream_bytes == len(_APPENDED):
        return _APPENDED
    return _FILL.get(connection.opened, b"?") * request.stream_bytes


def _check_bytes(connection: _Connection, recorded: Frame, reply: WireReply) -> Iterator[Difference]:
    expected = _FILL[connection.opened] * recorded.stream_bytes
    if reply.stream != expected:
        yield Difference(
            recorded.number, "stream", f"{len(expected)} bytes", f"other {len(reply.stream)} bytes"
        )
