"""Frames: a length, a header, then message, error and byte stream.

Source: ``sockComm.cpp``, ``MsgHeader_PI``.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.wire.channel import Channel

MAX_HEADER_BYTES: Final = 1088
"""MAX_NAME_LEN; the real server takes no longer header."""

MAX_MESSAGE_BYTES: Final = 64 << 20
MAX_ERROR_BYTES: Final = 1 << 20
MAX_STREAM_BYTES: Final = 1 << 40

_HEADER: Final = re.compile(
    rb"<MsgHeader_PI>\s*<type>([A-Za-z0-9_-]{1,128})</type>\s*<msgLen>(-?\d{1,19})</msgLen>\s*"
    rb"<errorLen>(-?\d{1,19})</errorLen>\s*<bsLen>(-?\d{1,19})</bsLen>\s*<intInfo>(-?\d{1,19})</intInfo>"
)


class FrameError(Exception):
    """What came is not a frame, or is larger than this server takes; the connection can't go on."""


@dataclass(frozen=True, slots=True)
class Header:
    """What comes, and how much of each part. ``int_info``: API number in a request, status in a reply."""

    type: str
    message_bytes: int = 0
    error_bytes: int = 0
    stream_bytes: int = 0
    int_info: int = 0

    def encode(self) -> bytes:
        text = (
            f"<MsgHeader_PI>\n<type>{self.type}</type>\n<msgLen>{self.message_bytes}</msgLen>\n"
            f"<errorLen>{self.error_bytes}</errorLen>\n<bsLen>{self.stream_bytes}</bsLen>\n"
            f"<intInfo>{self.int_info}</intInfo>\n</MsgHeader_PI>\n"
        ).encode()
        return struct.pack(">I", len(text)) + text


def read_header(channel: Channel) -> Header:
    """The next header.

    Raises:
        FrameError: not a header.
        PeerGone: the connection ended.
    """
    (length,) = struct.unpack(">I", channel.receive(4))
    if not 0 < length <= MAX_HEADER_BYTES:
        raise FrameError(f"header of {length} bytes")
    return decode_header(channel.receive(length))


def decode_header(data: bytes) -> Header:
    """Raises FrameError."""
    match = _HEADER.search(data)
    if match is None:
        raise FrameError("not a header")
    return Header(match.group(1).decode("ascii"), *(int(number) for number in match.groups()[1:]))


def check_sizes(header: Header) -> None:
    """Raises FrameError when a part is negative or larger than this server takes."""
    limits = (
        ("message", header.message_bytes, MAX_MESSAGE_BYTES),
        ("error", header.error_bytes, MAX_ERROR_BYTES),
        ("byte stream", header.stream_bytes, MAX_STREAM_BYTES),
    )
    for part, size, limit in limits:
        if not 0 <= size <= limit:
            raise FrameError(f"{part} of {size} bytes")
