"""A client that sends exactly the bytes it is told to, for tests that PRC is too well-behaved for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from irods import MAX_PASSWORD_LENGTH

API_AUTHENTICATION: Final = 110000
_TIMEOUT_S: Final = 30.0
_HEADER_FIELD: Final = re.compile(rb"<(type|msgLen|errorLen|bsLen|intInfo)>([^<]*)</")


@dataclass(frozen=True, slots=True)
class WireReply:
    """One frame from the server."""

    type: str
    int_info: int
    message: bytes
    error: bytes
    stream: bytes


def frame(kind: str, message: bytes = b"", int_info: int = 0, stream: bytes = b"") -> bytes:
    """A whole frame, as PRC writes it (``irods/message.py``)."""
    text = (
        f"<MsgHeader_PI><type>{kind}</type><msgLen>{len(message)}</msgLen><errorLen>0</errorLen>"
        f"<bsLen>{len(stream)}</bsLen><intInfo>{int_info}</intInfo></MsgHeader_PI>"
    ).encode()
    return struct.pack(">I", len(text)) + text + message + stream


def startup_packet(user: str, zone: str) -> bytes:
    fields = {
        "irodsProt": "1",
        "connectCnt": "0",
        "proxyUser": user,
        "proxyRcatZone": zone,
        "clientUser": user,
        "clientRcatZone": zone,
        "relVersion": "rods5.0.2",
        "apiVersion": "d",
        "option": "wire_client",
    }
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items())
    return f"<StartupPack_PI>{inner}</StartupPack_PI>".encode()


def json_buffer(value: object) -> bytes:
    """BinBytesBuf_PI holding JSON, as PRC writes it."""
    text = json.dumps(value).encode()
    encoded = base64.b64encode(text).decode()
    return f"<BinBytesBuf_PI><buflen>{len(text)}</buflen><buf>{encoded}</buf></BinBytesBuf_PI>".encode()


def read_json_buffer(message: bytes) -> dict[str, Any]:
    """The JSON object in a BinBytesBuf_PI."""
    match = re.search(rb"<buf>([^<]*)</buf>", message)
    assert match is not None, message
    value: dict[str, Any] = json.loads(base64.b64decode(match.group(1)).rstrip(b"\0"))
    return value


def digest(challenge: str, password: str) -> str:
    """The answer to a challenge of native authentication. Source: PRC ``irods/auth/native.py``."""
    padded = password.encode().ljust(MAX_PASSWORD_LENGTH, b"\0")
    answer = hashlib.md5(challenge.encode() + padded, usedforsecurity=False).digest()
    return base64.b64encode(answer.replace(b"\0", b"\1")).decode()


class WireClient:
    """One connection. The server closing it is a :class:`ConnectionError`."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=_TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end_sending(self) -> None:
        """Let the server see the end of what this client says; replies still arrive."""
        self._socket.shutdown(socket.SHUT_WR)

    def receive(self) -> WireReply:
        (length,) = struct.unpack(">I", self._exactly(4))
        fields = dict(_HEADER_FIELD.findall(self._exactly(length)))
        return WireReply(
            fields[b"type"].decode(),
            int(fields[b"intInfo"]),
            self._exactly(int(fields[b"msgLen"])),
            self._exactly(int(fields[b"errorLen"])),
            self._exactly(int(fields[b"bsLen"])),
        )

    def read_to_end(self) -> bytes:
        """Everything until the server closes."""
        parts = []
        while part := self._socket.recv(65536):
            parts.append(part)
        return b"".join(parts)

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = self._socket.recv_into(view)
            if got == 0:
                raise ConnectionError("the server closed the connection")
            view = view[got:]
        return bytes(data)

    def call(self, number: int, message: bytes = b"", stream: bytes = b"") -> WireReply:
        self.send(frame("RODS_API_REQ", message, number, stream))
        return self.receive()

    def start(self, user: str, zone: str) -> WireReply:
        self.send(frame("RODS_CONNECT", startup_packet(user, zone)))
        return self.receive()

    def log_in(self, user: str, zone: str, password: str) -> None:
        """Start and authenticate. Raises AssertionError when the server refuses."""
        assert self.start(user, zone).int_info == 0
        request = {"user_name": user, "zone_name": zone, "scheme": "native"}
        asked = request | {"next_operation": "auth_agent_auth_request"}
        challenge = read_json_buffer(self.call(API_AUTHENTICATION, json_buffer(asked)).message)
        answer = challenge | {
            "digest": digest(challenge["request_result"], password),
            "next_operation": "auth_agent_auth_response",
        }
        assert self.call(API_AUTHENTICATION, json_buffer(answer)).int_info == 0
