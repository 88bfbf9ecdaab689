"""Damages recorded requests, reproducibly: what a broken or hostile client may send.

*In step* means that the header still tells the size of what follows, so more frames can come
after it; *out of step* means that it does not, and the connection is of no further use.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.wire.irods_zone.wire_client import frame

_ELEMENT: Final = re.compile(rb"<(\w+)>[^<]*</\1>")
_NUMBER: Final = re.compile(rb">-?\d+<")
_TEXT: Final = re.compile(rb">[^<]*<")
_BUFFER: Final = re.compile(rb"<buf>([^<]*)</buf>")
_STREAM_BYTES: Final = 64
_HUGE_NUMBERS: Final = (
    b"-1",
    b"99999999999999999999999999999999",
    b"-9223372036854775809",
    b"9223372036854775807",
    b"2147483648",
    b"1e400",
    b"0x10",
    b"\xd9\xa3",  # a digit, but of another script
)
_TEXTS: Final = (
    b"",
    b"../../../../etc/passwd",
    b"/tempZone/home/rods/trace/../../..",
    b"'; drop table R_DATA_MAIN; --",
    b"%",
    b"\x00\x01\x02",
    b"\xff\xfe\xed",
    b"&#0;&unknown;&",
    b"x" * 4000,
    "\u202e\N{PILE OF POO}".encode(),
)
_JSON_VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "x" * 3000,
    [],
    {},
    [[[[]]]],
    {"a": {}},
)
_NUMBERS_OF_OPERATIONS: Final = (
    601, 602, 606, 608, 615, 622, 624, 625, 627, 629, 630, 632, 633, 650, 652, 673, 674, 675, 676, 679,
    681, 687, 695, 696, 701, 702, 703, 704, 706, 707, 709, 714, 722, 723, 724, 801, 802, 10215, 10220, 10221,
    20000, 20002, 20003, 20004, 20005, 20007, 110000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request to start from."""

    number: int
    message: bytes
    stream_bytes: int


class Mutator:
    """Makes damaged frames of the requests in ``corpus``; the same ``seed`` makes the same ones."""

    def __init__(self, corpus: Sequence[Request], seed: int) -> None:
        self._corpus = corpus
        self._random = Random(seed)
        self._in_step: tuple[Callable[[bytes], bytes], ...] = (
            self._flip_bytes,
            self._truncate,
            self._insert_bytes,
            self._huge_number,
            self._other_text,
            self._deep_nesting,
            self._repeat_element,
            self._remove_element,
            self._other_structure,
            self._other_json,
            self._no_message,
        )
        self._out_of_step: tuple[Callable[[bytes], bytes], ...] = (
            self._flip_bytes,
            self._truncate,
            self._wrong_length,
            self._wrong_header_length,
            self._other_type,
            self._noise,
        )

    def in_step(self) -> bytes:
        """A whole frame whose message is damaged, once or several times."""
        request = self._random.choice(self._corpus)
        message = request.message
        for _ in range(self._random.choice((1, 1, 1, 2, 5))):
            message = self._random.choice(self._in_step)(message)
        number = request.number
        if self._random.random() < 0.2:
            number = self._random.choice((*_NUMBERS_OF_OPERATIONS, self._random.randrange(-(2**31), 2**31)))
        return frame("RODS_API_REQ", message, number, self._stream(request))

    def out_of_step(self) -> bytes:
        """Bytes that are no whole frame."""
        request = self._random.choice(self._corpus)
        whole = frame("RODS_API_REQ", request.message, request.number, self._stream(request))
        return self._random.choice(self._out_of_step)(whole)

    def start(self, packet: bytes) -> bytes:
        """A damaged start-up packet in a whole frame."""
        return frame("RODS_CONNECT", self._random.choice(self._in_step)(packet))

    def _stream(self, request: Request) -> bytes:
        return self._random.randbytes(min(request.stream_bytes, _STREAM_BYTES))

    def _place(self, data: bytes) -> int:
        return self._random.randrange(len(data) + 1)

    def _flip_bytes(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(self._random.choice((1, 2, 8)) if data else 0):
            changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return bytes(changed)

    def _truncate(self, data: bytes) -> bytes:
        return data[: self._place(data)]

    def _insert_bytes(self, data: bytes) -> bytes:
        place = self._place(data)
        return data[:place] + self._random.randbytes(self._random.randrange(1, 20)) + data[place:]

    def _instead_of(self, pattern: re.Pattern[bytes], data: bytes, new: bytes) -> bytes:
        matches = list(pattern.finditer(data))
        if not matches:
            return data
        match = self._random.choice(matches)
        return data[: match.start()] + new + data[match.end() :]

    def _huge_number(self, data: bytes) -> bytes:
        return self._instead_of(_NUMBER, data, b">" + self._random.choice(_HUGE_NUMBERS) + b"<")

    def _other_text(self, data: bytes) -> bytes:
        return self._instead_of(_TEXT, data, b">" + self._random.choice(_TEXTS) + b"<")

    def _deep_nesting(self, data: bytes) -> bytes:
        depth = self._random.choice((10, 40, 3000))
        return b"<a>" * depth + data + b"</a>" * depth

    def _repeat_element(self, data: bytes) -> bytes:
        matches = list(_ELEMENT.finditer(data))
        if not matches:
            return data
        match = self._random.choice(matches)
        times = self._random.choice((1, 2, 1000))
        return data[: match.end()] + match.group() * times + data[match.end() :]

    def _remove_element(self, data: bytes) -> bytes:
        return self._instead_of(_ELEMENT, data, b"")

    def _other_structure(self, _data: bytes) -> bytes:
        return self._random.choice(self._corpus).message

    def _no_message(self, _data: bytes) -> bytes:
        return b""

    def _other_json(self, data: bytes) -> bytes:
        """Damage inside the JSON of a BinBytesBuf_PI; any other message stays as it is."""
        match = _BUFFER.search(data)
        try:
            value = json.loads(base64.b64decode(match.group(1))) if match else None
        except ValueError:
            return data
        if not isinstance(value, dict) or not value or match is None:
            return data
        value[self._random.choice(list(value))] = self._random.choice(_JSON_VALUES)
        text = self._random.choice((json.dumps(value).encode(), b"[" * 5000, b'{"fd":', b"3", b"\xff"))
        return data[: match.start(1)] + base64.b64encode(text) + data[match.end(1) :]

    def _wrong_length(self, whole: bytes) -> bytes:
        """A header whose sizes are not those of the parts."""
        (size,) = struct.unpack(">I", whole[:4])
        tag = self._random.choice((b"msgLen", b"errorLen", b"bsLen"))
        length = str(
            self._random.choice((-1, 1, 1 << 16, 64 << 20, (64 << 20) + 1, 1 << 40, 1 << 62, 1 << 80))
        )
        header = re.sub(
            b"<" + tag + b">\\d+<", b"<" + tag + b">" + length.encode() + b"<", whole[4 : 4 + size]
        )
        return struct.pack(">I", len(header)) + header + whole[4 + size :]

    def _wrong_header_length(self, whole: bytes) -> bytes:
        return (
            struct.pack(">I", self._random.choice((0, 1, 100, 1088, 1089, 1 << 31, (1 << 32) - 1)))
            + whole[4:]
        )

    def _other_type(self, whole: bytes) -> bytes:
        kind = self._random.choice(
            (b"RODS_CONNECT", b"RODS_CS_NEG_T", b"RODS_VERSION", b"", b"x" * 900, b"\x00")
        )
        (size,) = struct.unpack(">I", whole[:4])
        header = whole[4 : 4 + size].replace(b"RODS_API_REQ", kind)
        return struct.pack(">I", len(header)) + header + whole[4 + size :]

    def _noise(self, _whole: bytes) -> bytes:
        return self._random.randbytes(self._random.randrange(1, 2000))
