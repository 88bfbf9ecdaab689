"""Logging in: both generations of the protocol, proxies, the anonymous user, temporary passwords."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

import irods.client_configuration as settings
import pytest
from irods import MAX_PASSWORD_LENGTH
from irods.exception import (
    CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
    CAT_INVALID_AUTHENTICATION,
    CAT_INVALID_CLIENT_USER,
    CAT_INVALID_USER,
    CAT_PASSWORD_EXPIRED,
    SYS_PROXYUSER_NO_PRIV,
)
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.wire_client import (
    API_AUTHENTICATION,
    WireClient,
    digest,
    json_buffer,
    read_json_buffer,
)

_GEN_QUERY: Final = 702
_AUTH_REQUEST: Final = 703
_AUTH_RESPONSE: Final = 704
_LEGACY: Final = "legacy"


@pytest.fixture(params=["framework", _LEGACY])
def generation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, zone: Zone) -> str:
    """Both ways to log in, one after the other."""
    name = str(request.param)
    monkeypatch.setattr(settings.legacy_auth, "force_legacy_auth", name == _LEGACY)
    zone.counters.reset()
    return name


@pytest.fixture
def anonymous(session: iRODSSession) -> Iterator[str]:
    """The anonymous user exists."""
    session.users.create("anonymous", "rodsuser")
    yield "anonymous"
    session.users.remove("anonymous")


@pytest.fixture
def wire(zone: Zone) -> Iterator[WireClient]:
    with WireClient(zone.host, zone.port) as client:
        client.start(zone.config.admin, zone.name)
        yield client


def log_in(zone: Zone, user: str | None = None, password: str | None = None, **options: object) -> str:
    """Log in, and the user that the server then takes the client for."""
    with connect(zone, user, password, **options) as opened:
        return str(opened.users.get(opened.username).name)


def temporary_password(session: iRODSSession) -> str:
    with session.pool.get_connection() as connection:
        return str(connection.temp_password())


def challenge_of(wire: WireClient, user: str, zone: str) -> dict[str, str]:
    request = {"user_name": user, "zone_name": zone, "scheme": "native"}
    asked = request | {"next_operation": "auth_agent_auth_request"}
    return read_json_buffer(wire.call(API_AUTHENTICATION, json_buffer(asked)).message)


def answer(wire: WireClient, challenge: dict[str, str], password: str, **changes: str) -> int:
    reply = challenge | {
        "digest": digest(challenge["request_result"], password),
        "next_operation": "auth_agent_auth_response",
    }
    return wire.call(API_AUTHENTICATION, json_buffer(reply | changes)).int_info


# -- passwords


def test_the_right_password_lets_in(zone: Zone, generation: str) -> None:
    assert log_in(zone) == zone.config.admin


def test_each_generation_uses_its_own_calls(zone: Zone, generation: str) -> None:
    log_in(zone)
    calls = [zone.counters.calls(number) for number in (API_AUTHENTICATION, _AUTH_REQUEST, _AUTH_RESPONSE)]
    assert calls == ([0, 1, 1] if generation == _LEGACY else [2, 0, 0])


def test_a_wrong_password_is_refused(zone: Zone, generation: str) -> None:
    with pytest.raises(CAT_INVALID_AUTHENTICATION):
        log_in(zone, password="not-the-password")


def test_an_unknown_user_is_refused(zone: Zone, generation: str) -> None:
    with pytest.raises(CAT_INVALID_USER):
        log_in(zone, "nobody", "any")


def test_a_user_without_a_password_is_refused(
    zone: Zone, session: iRODSSession, home: str, generation: str
) -> None:
    session.users.create("mute", "rodsuser")
    try:
        with pytest.raises(CAT_INVALID_USER):
            log_in(zone, "mute", "any")
    finally:
        session.users.remove("mute")


def test_a_group_cannot_log_in(zone: Zone, generation: str) -> None:
    with pytest.raises(CAT_INVALID_USER):
        log_in(zone, "public", "any")


def test_logins_fail_when_they_are_to_be_refused(zone: Zone, generation: str) -> None:
    zone.faults.refuse_logins()
    with pytest.raises(CAT_INVALID_AUTHENTICATION):
        log_in(zone)


def test_nothing_is_answered_before_the_login(wire: WireClient) -> None:
    assert wire.call(_GEN_QUERY).int_info == code_of("SYS_NO_API_PRIV")


def test_a_challenge_is_good_for_one_answer(zone: Zone, wire: WireClient) -> None:
    challenge = challenge_of(wire, zone.config.admin, zone.name)
    assert answer(wire, challenge, "wrong") == code_of("CAT_INVALID_AUTHENTICATION")
    assert answer(wire, challenge, zone.password) == code_of("CAT_INVALID_AUTHENTICATION")


def test_an_answer_needs_a_challenge_of_this_connection(zone: Zone, wire: WireClient) -> None:
    made_up = {
        "user_name": zone.config.admin,
        "zone_name": zone.name,
        "scheme": "native",
        "request_result": "",
    }
    assert answer(wire, made_up, zone.password) == code_of("CAT_INVALID_AUTHENTICATION")


def test_only_who_opened_the_connection_can_log_in_on_it(
    zone: Zone, wire: WireClient, make_user: Callable[[str], iRODSSession]
) -> None:
    other = make_user("other").username
    challenge = challenge_of(wire, other, zone.name)
    for password in (f"{other}-pw", zone.password):
        assert answer(wire, challenge, password) == code_of("CAT_INVALID_AUTHENTICATION")
        challenge = challenge_of(wire, other, zone.name)


def test_a_failed_login_can_be_tried_again(zone: Zone, wire: WireClient) -> None:
    assert answer(wire, challenge_of(wire, zone.config.admin, zone.name), "wrong") < 0
    assert answer(wire, challenge_of(wire, zone.config.admin, zone.name), zone.password) == 0


def test_another_scheme_is_refused(wire: WireClient) -> None:
    request = json_buffer({"scheme": "pam_password", "next_operation": "auth_agent_auth_request"})
    assert wire.call(API_AUTHENTICATION, request).int_info == code_of("SYS_NOT_SUPPORTED")


@pytest.mark.parametrize("missing", ["digest", "user_name", "zone_name"])
def test_an_answer_must_be_complete(zone: Zone, wire: WireClient, missing: str) -> None:
    challenge = challenge_of(wire, zone.config.admin, zone.name)
    reply = challenge | {"digest": "", "next_operation": "auth_agent_auth_response"}
    del reply[missing]
    status = wire.call(API_AUTHENTICATION, json_buffer(reply)).int_info
    assert status == code_of("SYS_INVALID_INPUT_PARAM")


def challenge_with_a_zero_byte(wire: WireClient, zone: Zone) -> dict[str, str]:
    """A challenge whose digest has a zero byte, to which clients add one: about one in sixteen."""
    secret = zone.password.encode().ljust(MAX_PASSWORD_LENGTH, b"\0")
    for _ in range(1000):
        challenge = challenge_of(wire, zone.config.admin, zone.name)
        if 0 in hashlib.md5(challenge["request_result"].encode() + secret, usedforsecurity=False).digest():
            return challenge
    raise AssertionError("no such digest in a thousand")


def test_a_digest_with_a_zero_byte_is_understood(zone: Zone, wire: WireClient) -> None:
    assert answer(wire, challenge_with_a_zero_byte(wire, zone), zone.password) == 0


# -- proxies


def test_a_rodsadmin_acts_for_another_user_with_that_users_rights(
    zone: Zone, make_user: Callable[[str], iRODSSession], generation: str
) -> None:
    user = make_user("client").username
    with connect(zone, client_user=user) as proxied:
        made = proxied.collections.create(f"/{zone.name}/home/{user}/by-proxy")
        assert made.owner_name == user
        assert not proxied.collections.exists(f"/{zone.name}/home/{zone.config.admin}")
        made.remove(force=True)


def test_a_rodsuser_cannot_act_for_another_user(
    zone: Zone, make_user: Callable[[str], iRODSSession], generation: str
) -> None:
    user, victim = make_user("user").username, make_user("victim").username
    with pytest.raises(SYS_PROXYUSER_NO_PRIV):
        log_in(zone, user, f"{user}-pw", client_user=victim)


def test_nobody_acts_for_a_user_who_does_not_exist(zone: Zone, generation: str) -> None:
    with pytest.raises(CAT_INVALID_CLIENT_USER):
        log_in(zone, client_user="nobody")


def test_nobody_acts_for_a_group(zone: Zone) -> None:
    with pytest.raises(CAT_INVALID_CLIENT_USER):
        log_in(zone, client_user="public")


# -- anonymous


def test_the_anonymous_user_needs_no_password(zone: Zone, anonymous: str, generation: str) -> None:
    assert log_in(zone, anonymous, "") == anonymous


def test_the_anonymous_user_must_exist(zone: Zone) -> None:
    with pytest.raises(CAT_INVALID_USER):
        log_in(zone, "anonymous", "")


def test_the_anonymous_user_sees_what_the_public_may_see(zone: Zone, anonymous: str, home: str) -> None:
    with connect(zone, anonymous, "") as visitor:
        assert visitor.collections.exists(f"/{zone.name}/home/public")
        assert not visitor.collections.exists(home)


# -- temporary passwords


def test_a_temporary_password_lets_in(zone: Zone, session: iRODSSession, generation: str) -> None:
    assert log_in(zone, password=temporary_password(session)) == zone.config.admin


def test_a_temporary_password_is_good_for_one_login(zone: Zone, session: iRODSSession) -> None:
    password = temporary_password(session)
    log_in(zone, password=password)
    with pytest.raises(CAT_INVALID_AUTHENTICATION):
        log_in(zone, password=password)


def test_the_lasting_password_stays_good(zone: Zone, session: iRODSSession) -> None:
    log_in(zone, password=temporary_password(session))
    assert log_in(zone) == zone.config.admin


def test_an_expired_temporary_password_is_refused_and_gone(zone: Zone, session: iRODSSession) -> None:
    password = temporary_password(session)
    zone.catalog.database.execute(
        "update R_USER_PASSWORD set pass_expiry_ts = '1' where rcat_password = ?", password
    )
    with pytest.raises(CAT_PASSWORD_EXPIRED):
        log_in(zone, password=password)
    with pytest.raises(CAT_INVALID_AUTHENTICATION):
        log_in(zone, password=password)


def test_expired_passwords_do_not_pile_up(zone: Zone, session: iRODSSession) -> None:
    temporary_password(session)
    zone.catalog.database.execute(
        "update R_USER_PASSWORD set pass_expiry_ts = '1' where pass_expiry_ts not like '9999%'"
    )
    temporary_password(session)
    left = "select count(*) from R_USER_PASSWORD where pass_expiry_ts = '1'"
    assert zone.catalog.database.value(left) == 0


def test_a_rodsadmin_makes_a_temporary_password_for_another_user(
    zone: Zone, session: iRODSSession, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("guest").username
    assert log_in(zone, user, session.users.get(user).temp_password()) == user


def test_a_rodsuser_makes_no_password_for_another_user(
    zone: Zone, make_user: Callable[[str], iRODSSession]
) -> None:
    user = make_user("user")
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        user.users.temp_password_for_user(zone.config.admin)
