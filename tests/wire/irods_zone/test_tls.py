"""TLS: who insists, who refuses, what goes over it, and whom the client believes."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import irods.keywords as kw
import pytest
from irods.exception import NetworkException
from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.startup import Negotiation
from omero_irods_sandbox.irods_zone.tls import server_context
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.wire_client import WireClient, frame, startup_packet

_LARGE: Final = bytes(range(256)) * (40 << 12)
_ENCRYPTION: Final = {
    "irods_encryption_algorithm": "AES-256-CBC",
    "irods_encryption_key_size": 32,
    "irods_encryption_num_hash_rounds": 16,
    "irods_encryption_salt_size": 8,
}


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Negotiation, Zone]]:
    """A zone of each policy; the one that does not insist has a certificate too."""
    root = tmp_path_factory.mktemp("tls")
    required = ZoneConfig(root=root / "require", tls=Negotiation.REQUIRE)
    optional = ZoneConfig(root=root / "dont_care", tls=Negotiation.DONT_CARE)
    refused = ZoneConfig(root=root / "refuse", tls=Negotiation.REFUSE)
    with running_zone(required) as one, running_zone(optional) as two, running_zone(refused) as three:
        yield {zone.config.tls: zone for zone in (one, two, three)}


@pytest.fixture
def secure(zones: dict[Negotiation, Zone]) -> Iterator[iRODSSession]:
    """A session with the zone that insists on TLS."""
    zone = zones[Negotiation.REQUIRE]
    with _connect(zone, "CS_NEG_REQUIRE") as session:
        yield session


def _connect(zone: Zone, policy: str, *, ca: Path | None = None, verify: str = "hostname") -> iRODSSession:
    certificate = ca or zone.certificate
    options: dict[str, Any] = _ENCRYPTION | {
        "irods_client_server_negotiation": "request_server_negotiation",
        "irods_client_server_policy": policy,
        "irods_ssl_verify_server": verify,
    }
    if certificate is not None:
        options["irods_ssl_ca_certificate_file"] = str(certificate)
    return connect(zone, **{name.removeprefix("irods_"): value for name, value in options.items()})


def _is_encrypted(session: iRODSSession) -> bool:
    with session.pool.get_connection() as connection:
        return isinstance(connection.socket, ssl.SSLSocket)


AGREED: Final = {
    ("CS_NEG_REQUIRE", Negotiation.REQUIRE): True,
    ("CS_NEG_REQUIRE", Negotiation.DONT_CARE): True,
    ("CS_NEG_REFUSE", Negotiation.DONT_CARE): False,
    ("CS_NEG_REFUSE", Negotiation.REFUSE): False,
}
"""Who agrees, and on TLS or not. Source: ``irods_client_server_negotiation.cpp``, the table of outcomes.

PRC has no client that does not care; :func:`_negotiate` is one.
"""


@pytest.mark.parametrize(("client", "server"), AGREED)
def test_policies_that_fit_agree(zones: dict[Negotiation, Zone], client: str, server: Negotiation) -> None:
    with _connect(zones[server], client) as session:
        assert session.collections.exists("/tempZone/home/rods")
        assert _is_encrypted(session) is AGREED[client, server]


@pytest.mark.parametrize(
    ("client", "server"), [("CS_NEG_REFUSE", Negotiation.REQUIRE), ("CS_NEG_REQUIRE", Negotiation.REFUSE)]
)
def test_policies_that_exclude_each_other_end_the_connection(
    zones: dict[Negotiation, Zone], client: str, server: Negotiation
) -> None:
    with _connect(zones[server], client) as session, pytest.raises(NetworkException, match="negotiation"):
        session.collections.exists("/tempZone/home/rods")


def _negotiate(zone: Zone, choice: str) -> tuple[bytes, bytes]:
    """What the zone offers to a client that asks, and all that it says to the client's ``choice``."""
    with WireClient(zone.host, zone.port) as client:
        packet = startup_packet("rods", "tempZone").replace(
            b"<option>", b"<option>request_server_negotiation"
        )
        client.send(frame("RODS_CONNECT", packet))
        offer = client.receive()
        assert offer.type == "RODS_CS_NEG_T"
        answer = f"<CS_NEG_PI><status>1</status><result>cs_neg_result_kw={choice};</result></CS_NEG_PI>"
        client.send(frame("RODS_CS_NEG_T", answer.encode()))
        client.end_sending()
        return offer.message, client.read_to_end()


@pytest.mark.parametrize("server", Negotiation)
def test_the_zone_offers_its_policy_to_a_client_that_asks(
    zones: dict[Negotiation, Zone], server: Negotiation
) -> None:
    offer, _ = _negotiate(zones[server], "CS_NEG_FAILURE")
    assert f"<result>{server.value}</result>".encode() in offer


@pytest.mark.parametrize("server", Negotiation)
def test_a_client_that_does_not_care_can_follow_any_policy(
    zones: dict[Negotiation, Zone], server: Negotiation
) -> None:
    choice = "CS_NEG_USE_SSL" if server is Negotiation.REQUIRE else "CS_NEG_USE_TCP"
    _, version = _negotiate(zones[server], choice)
    assert b"<status>0</status>" in version


@pytest.mark.parametrize(
    ("server", "choice"),
    [
        (Negotiation.REQUIRE, "CS_NEG_USE_TCP"),
        (Negotiation.REFUSE, "CS_NEG_USE_SSL"),
        (Negotiation.DONT_CARE, "CS_NEG_FAILURE"),
        (Negotiation.REQUIRE, "nonsense"),
    ],
)
def test_a_client_that_overrules_the_policy_is_not_served(
    zones: dict[Negotiation, Zone], server: Negotiation, choice: str
) -> None:
    _, answer = _negotiate(zones[server], choice)
    assert answer == b""


def test_a_client_that_does_not_negotiate_is_told_that_tls_is_required(
    zones: dict[Negotiation, Zone],
) -> None:
    with connect(zones[Negotiation.REQUIRE]) as session, pytest.raises(KeyError, match="-1825000"):
        session.collections.exists("/tempZone/home/rods")


@pytest.mark.parametrize("server", [Negotiation.DONT_CARE, Negotiation.REFUSE])
def test_a_client_that_does_not_negotiate_is_served_in_clear_where_tls_is_not_required(
    zones: dict[Negotiation, Zone], server: Negotiation
) -> None:
    with connect(zones[server]) as session:
        assert session.collections.exists("/tempZone/home/rods")
        assert not _is_encrypted(session)


def test_a_small_file_goes_up_and_comes_back(secure: iRODSSession, sample: Path, tmp_path: Path) -> None:
    secure.data_objects.put(str(sample), "/tempZone/home/rods/small")
    secure.data_objects.get("/tempZone/home/rods/small", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == sample.read_bytes()


@pytest.mark.parametrize("streams", [1, 3])
def test_a_large_file_goes_up_and_comes_back(
    secure: iRODSSession, zones: dict[Negotiation, Zone], tmp_path: Path, streams: int
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(_LARGE)
    path = f"/tempZone/home/rods/large-{streams}"
    secure.data_objects.put(str(source), path, num_threads=streams, **{kw.REG_CHKSUM_KW: ""})
    secure.data_objects.get(path, str(back), num_threads=streams)
    assert back.read_bytes() == _LARGE
    assert secure.data_objects.get(path).size == len(_LARGE)


def test_connections_of_a_parallel_transfer_are_encrypted_too(
    secure: iRODSSession, zones: dict[Negotiation, Zone], tmp_path: Path
) -> None:
    """The zone that insists would refuse them otherwise; more than one connection was in use."""
    source = tmp_path / "source"
    source.write_bytes(_LARGE)
    counters = zones[Negotiation.REQUIRE].counters
    counters.reset()
    secure.data_objects.put(str(source), "/tempZone/home/rods/parallel", num_threads=2)
    assert counters.calls(20004) == min(2, os.cpu_count() or 1) - 1


def test_part_of_a_file_is_read_over_tls(secure: iRODSSession) -> None:
    path = "/tempZone/home/rods/part"
    with secure.data_objects.open(path, "w") as file:
        file.write(_LARGE[: 3 << 20])
    with secure.data_objects.open(path, "r") as file:
        file.seek(1_000_003)
        assert file.read(2_000_000) == _LARGE[1_000_003:3_000_003]


def test_a_session_ends_cleanly(zones: dict[Negotiation, Zone]) -> None:
    """PRC raises SSLEOFError from ``unwrap`` when the server does not answer its close_notify."""
    session = _connect(zones[Negotiation.REQUIRE], "CS_NEG_REQUIRE")
    with session.pool.get_connection() as connection:
        connection.disconnect()


def test_connections_can_be_dropped(tmp_path: Path) -> None:
    with running_zone(ZoneConfig(root=tmp_path / "zone", tls=Negotiation.REQUIRE)) as zone:
        session = _connect(zone, "CS_NEG_REQUIRE")
        assert session.collections.exists("/tempZone/home/rods")
        zone.drop_connections()
        assert not zone._agents
        with pytest.raises(NetworkException):
            session.collections.exists("/tempZone/home/rods")


def test_a_certificate_of_somebody_else_is_not_believed(
    zones: dict[Negotiation, Zone], tmp_path: Path
) -> None:
    _, stranger = server_context(tmp_path / "stranger")
    with (
        _connect(zones[Negotiation.REQUIRE], "CS_NEG_REQUIRE", ca=stranger) as session,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        session.collections.exists("/tempZone/home/rods")


def test_a_certificate_is_only_good_for_the_names_in_it(
    tmp_path: Path,
) -> None:
    """127.0.0.2 is this machine as well, and the certificate does not name it."""
    config = ZoneConfig(root=tmp_path / "zone", host="127.0.0.2", tls=Negotiation.REQUIRE)
    with running_zone(config) as zone:
        with (
            _connect(zone, "CS_NEG_REQUIRE") as session,
            pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.2"),
        ):
            session.collections.exists("/tempZone/home/rods")
        with _connect(zone, "CS_NEG_REQUIRE", verify="cert") as session:
            assert session.collections.exists("/tempZone/home/rods")


def test_the_environment_file_and_a_password_file_are_all_that_a_client_needs(
    zones: dict[Negotiation, Zone], tmp_path: Path
) -> None:
    zone = zones[Negotiation.REQUIRE]
    password_file = tmp_path / ".irodsA"
    password_file.write_text(encode(zone.password))
    with iRODSSession(
        irods_env_file=str(zone.environment_file), irods_authentication_file=str(password_file)
    ) as session:
        assert session.collections.exists("/tempZone/home/rods")
        assert _is_encrypted(session)


def test_the_certificate_is_kept_over_a_restart(tmp_path: Path) -> None:
    config = ZoneConfig(root=tmp_path / "zone", tls=Negotiation.REQUIRE)
    with running_zone(config) as zone:
        assert zone.certificate is not None
        before = zone.certificate.read_bytes()
    with running_zone(config) as zone:
        assert zone.certificate is not None
        assert zone.certificate.read_bytes() == before


def test_only_the_owner_may_read_the_key(zones: dict[Negotiation, Zone]) -> None:
    key = zones[Negotiation.REQUIRE].config.root / "tls" / "server.key"
    assert key.stat().st_mode & 0o077 == 0
