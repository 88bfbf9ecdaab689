"""Headers of frames."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.wire.channel import Channel, PeerGone
from omero_irods_sandbox.irods_zone.wire.framing import (
    MAX_HEADER_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_STREAM_BYTES,
    FrameError,
    Header,
    check_sizes,
    decode_header,
    read_header,
)

numbers = st.integers(-(2**63) + 1, 2**63 - 1)
headers = st.builds(
    Header,
    st.from_regex(r"[A-Z_]{1,32}", fullmatch=True),
    st.integers(0, MAX_MESSAGE_BYTES),
    st.integers(0, 1 << 20),
    st.integers(0, MAX_STREAM_BYTES),
    numbers,
)


@contextmanager
def _channels() -> Iterator[tuple[Channel, Channel]]:
    """Two ends of one TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    one, other = Channel(near), Channel(far)
    other.set_timeout(10)
    try:
        yield one, other
    finally:
        one.close()
        other.close()


def _received(data: bytes) -> Header:
    with _channels() as (near, far):
        near.send(data)
        near.close()
        return read_header(far)


@given(headers)
def test_a_header_comes_back_as_it_was_sent(header: Header) -> None:
    encoded = header.encode()
    (length,) = struct.unpack(">I", encoded[:4])
    assert length == len(encoded) - 4 <= MAX_HEADER_BYTES
    assert decode_header(encoded[4:]) == header
    check_sizes(header)


@given(st.binary(max_size=200))
@example(
    b"<MsgHeader_PI><type></type><msgLen>1</msgLen><errorLen>0</errorLen><bsLen>0</bsLen><intInfo>0</intInfo>"
)
def test_any_bytes_are_a_header_or_refused(data: bytes) -> None:
    with suppress(FrameError):
        assert isinstance(decode_header(data), Header)


@given(headers, st.integers(min_value=0), st.binary(max_size=4))
def test_a_damaged_header_is_a_header_or_refused(header: Header, place: int, noise: bytes) -> None:
    data = header.encode()[4:]
    cut = place % (len(data) + 1)
    with suppress(FrameError):
        decode_header(data[:cut] + noise + data[cut + len(noise) :])


@pytest.mark.parametrize(
    "header",
    [
        Header("RODS_API_REQ", MAX_MESSAGE_BYTES + 1),
        Header("RODS_API_REQ", -1),
        Header("RODS_API_REQ", 0, (1 << 20) + 1),
        Header("RODS_API_REQ", 0, -1),
        Header("RODS_API_REQ", 0, 0, MAX_STREAM_BYTES + 1),
        Header("RODS_API_REQ", 0, 0, -1),
    ],
)
def test_sizes_out_of_bounds_are_refused(header: Header) -> None:
    with pytest.raises(FrameError):
        check_sizes(header)


@pytest.mark.parametrize("length", [0, MAX_HEADER_BYTES + 1, (1 << 32) - 1])
def test_a_header_of_no_possible_length_is_refused_unread(length: int) -> None:
    with pytest.raises(FrameError):
        _received(struct.pack(">I", length) + b"x" * 10)


@pytest.mark.parametrize("count", [0, 3, 4, 30])
def test_a_header_that_ends_early_says_that_the_peer_is_gone(count: int) -> None:
    with pytest.raises(PeerGone):
        _received(Header("RODS_API_REQ").encode()[:count])


def test_a_header_is_read_and_what_follows_is_left() -> None:
    header = Header("RODS_API_REQ", 3, 0, 0, 702)
    with _channels() as (near, far):
        near.send(header.encode(), b"abc")
        assert read_header(far) == header
        assert far.receive(3) == b"abc"
