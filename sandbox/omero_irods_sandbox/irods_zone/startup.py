"""The first frames of a connection: start-up packet, negotiation of TLS, version.

Source: ``rodsAgent.cpp``, ``irods_client_server_negotiation.cpp``; reference/irods-wire.md, Connect.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Final

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.session import Claim
from omero_irods_sandbox.irods_zone.wire import structs
from omero_irods_sandbox.irods_zone.wire.channel import Channel
from omero_irods_sandbox.irods_zone.wire.framing import FrameError, Header, check_sizes, read_header
from omero_irods_sandbox.irods_zone.wire.xml import Element, PackingError, parse

RELEASE: Final = "rods5.0.2"
_COOKIE: Final = 400
_XML_PROTOCOL: Final = 1
_MAX_STARTUP_BYTES: Final = 16 * 1024
_NEGOTIATE: Final = "request_server_negotiation"


class Negotiation(Enum):
    """What the server asks for when a client offers to negotiate."""

    REFUSE = "CS_NEG_REFUSE"
    REQUIRE = "CS_NEG_REQUIRE"
    DONT_CARE = "CS_NEG_DONT_CARE"


@dataclass(frozen=True, slots=True)
class Transport:
    """How connections are protected; ``context`` is needed unless TLS is refused."""

    negotiation: Negotiation = Negotiation.REFUSE
    context: ssl.SSLContext | None = None


class ConnectionRefused(Exception):
    """The client and the server could not agree; the connection ends here."""


def greet(channel: Channel, transport: Transport) -> Claim:
    """Bring a new connection to where the client may authenticate.

    Raises:
        ConnectionRefused: a health probe, another protocol than XML, or no agreement on TLS.
        FrameError, PackingError, PeerGone: the client does not speak iRODS.
    """
    packet = _startup_packet(channel)
    if packet.integer("irodsProt") != _XML_PROTOCOL:
        _send_version(channel, code_of("USER_PACKSTRUCT_INPUT_ERR"))
        raise ConnectionRefused("the binary protocol is not supported; set irodsProt=1")
    option = packet.string("option")
    use_tls = _agree_on_tls(channel, transport, offered=_NEGOTIATE in option)
    _send_version(channel, 0)
    if use_tls:
        _start_tls(channel, transport)
    return Claim(
        proxy_name=packet.string("proxyUser"),
        proxy_zone=packet.string("proxyRcatZone"),
        client_name=packet.string("clientUser"),
        client_zone=packet.string("clientRcatZone"),
        option=option.replace(_NEGOTIATE, ""),
    )


def _startup_packet(channel: Channel) -> Element:
    header = read_header(channel)
    if header.type == "HEARTBEAT":
        raise ConnectionRefused("a health probe")
    return _read_message(channel, header, "RODS_CONNECT")


def _read_message(channel: Channel, header: Header, expected: str) -> Element:
    check_sizes(header)
    if header.type != expected or header.message_bytes > _MAX_STARTUP_BYTES:
        raise FrameError(f"{header.type} of {header.message_bytes} bytes where {expected} was due")
    return parse(channel.receive(header.message_bytes))


def _agree_on_tls(channel: Channel, transport: Transport, *, offered: bool) -> bool:
    if not offered:
        if transport.negotiation is Negotiation.REQUIRE:
            _send_version(channel, code_of("SERVER_NEGOTIATION_ERROR"))
            raise ConnectionRefused("the server requires TLS and the client does not negotiate")
        return False
    offer = structs.struct("CS_NEG_PI", ("status", 1), ("result", transport.negotiation.value))
    channel.send(Header("RODS_CS_NEG_T", len(offer)).encode(), offer)
    answer = _read_message(channel, read_header(channel), "RODS_CS_NEG_T")
    return _is_tls_agreed(answer, transport)


def _is_tls_agreed(answer: Element, transport: Transport) -> bool:
    pairs = dict(pair.split("=", 1) for pair in answer.string("result").split(";") if "=" in pair)
    choice = pairs.get("cs_neg_result_kw", "")
    if answer.integer("status") != 1 or choice not in ("CS_NEG_USE_SSL", "CS_NEG_USE_TCP"):
        raise ConnectionRefused("the client gave up the negotiation")
    use_tls = choice == "CS_NEG_USE_SSL"
    refused = {Negotiation.REQUIRE: not use_tls, Negotiation.REFUSE: use_tls}
    if refused.get(transport.negotiation, False) or (use_tls and transport.context is None):
        raise ConnectionRefused(f"the client chose {choice}")
    return use_tls


def _start_tls(channel: Channel, transport: Transport) -> None:
    assert transport.context is not None
    channel.start_tls(transport.context)
    # Two more frames follow that nobody answers: the parameters of the encryption of
    # portal ports (in the header's own fields), then the secret. There are no portal
    # ports here, so both are dropped.
    read_header(channel)
    secret = read_header(channel)
    check_sizes(secret)
    if secret.message_bytes > _MAX_STARTUP_BYTES:
        raise FrameError("shared secret too long")
    channel.receive(secret.message_bytes)


def _send_version(channel: Channel, status: int) -> None:
    version = structs.struct(
        "Version_PI",
        ("status", status),
        ("relVersion", RELEASE),
        ("apiVersion", "d"),
        ("reconnPort", 0),
        ("reconnAddr", ""),
        ("cookie", _COOKIE),
    )
    channel.send(Header("RODS_VERSION", len(version), int_info=status).encode(), version)


__all__ = ["RELEASE", "ConnectionRefused", "Negotiation", "PackingError", "Transport", "greet"]
