"""Logging in with a password, in both generations of the protocol (API 110000, 703 and 704).

The server sends a challenge, the client answers with a digest of it and the password. So
the server must know the password in clear: accounts of this zone are for demonstration.
Source: ``plugins/authentication/src/native.cpp``, ``db_check_auth_op`` of ``db_plugin.cpp``,
PRC ``irods/auth/native.py`` and ``irods/connection.py``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.values import User
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

ANONYMOUS: Final = "anonymous"
MAX_PASSWORD_BYTES: Final = 50
SCHEME: Final = "native"

# CHALLENGE_LEN is 64. Printable ASCII: clients read the challenge as text.
_CHALLENGE_RANDOM_BYTES: Final = 32
_SIGNATURE_CHARACTERS: Final = 16


@operation(110000, "authenticate", needs_login=False)
def authenticate(session: Session, request: Request) -> Reply:
    """One step of the authentication framework of iRODS 4.3 and newer: JSON in, that and more out."""
    message = request.json()
    scheme = message.get("scheme")
    if scheme != SCHEME:
        raise ZoneError("SYS_NOT_SUPPORTED", f"Authentication scheme {scheme!r} is not supported.")
    step = _STEPS.get(str(message.get("next_operation")))
    if step is None:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", "The next_operation is none of this scheme.")
    return Reply(structs.json_buffer(step(session, message)))


def _request_step(session: Session, message: dict[str, Any]) -> dict[str, Any]:
    return message | {"request_result": _new_challenge(session)}


def _response_step(session: Session, message: dict[str, Any]) -> dict[str, Any]:
    missing = [key for key in ("digest", "user_name", "zone_name") if not isinstance(message.get(key), str)]
    if missing:
        raise ZoneError("SYS_INVALID_INPUT_PARAM", f"Missing in the request: {', '.join(missing)}.")
    _log_in(session, message["user_name"], message["zone_name"], message["digest"])
    return message


_STEPS: Final[dict[str, Callable[[Session, dict[str, Any]], dict[str, Any]]]] = {
    "auth_agent_auth_request": _request_step,
    "auth_agent_auth_response": _response_step,
}


@operation(703, "auth_request", needs_login=False)
def auth_request(session: Session, _request: Request) -> Reply:
    """Ask for a challenge, as clients before 4.3 do."""
    challenge = base64.b64encode(_new_challenge(session).encode()).decode("ascii")
    return Reply(structs.struct("authRequestOut_PI", ("challenge", challenge)))


@operation(704, "auth_response", needs_login=False)
def auth_response(session: Session, request: Request) -> Reply:
    """Answer the challenge; ``username`` is ``user`` or ``user#zone``."""
    name, _, zone = request.body.string("username").partition("#")
    _log_in(session, name, zone, request.body.string("response"))
    return Reply()


def _new_challenge(session: Session) -> str:
    session.challenge = secrets.token_hex(_CHALLENGE_RANDOM_BYTES)
    return session.challenge


def _log_in(session: Session, name: str, zone: str, digest: str) -> None:
    """Let the session's proxy user in, acting as its client user.

    ``digest`` is base64. A challenge is good for one attempt.

    Raises:
        ZoneError: CAT_INVALID_USER (not there, or without a password), CAT_INVALID_AUTHENTICATION,
            CAT_PASSWORD_EXPIRED, SYS_PROXYUSER_NO_PRIV or CAT_INVALID_CLIENT_USER.
    """
    session.zone.faults.check_login()
    challenge, session.challenge = session.challenge, ""
    if (name, zone or session.catalog.zone) != _claimed_proxy(session):
        raise ZoneError("CAT_INVALID_AUTHENTICATION", f"{name} did not open this connection.")
    proxy = _authenticated(session, challenge, _decoded(digest))
    session.log_in(proxy, _client(session, proxy))
    session.signature = challenge[:_SIGNATURE_CHARACTERS].encode().hex()


def _claimed_proxy(session: Session) -> tuple[str, str]:
    return session.claim.proxy_name, session.claim.proxy_zone or session.catalog.zone


def _claimed_client(session: Session) -> tuple[str, str]:
    return session.claim.client_name, session.claim.client_zone or session.catalog.zone


def _decoded(digest: str) -> bytes:
    try:
        return base64.b64decode(digest)
    except (binascii.Error, ValueError) as error:
        raise ZoneError("CAT_INVALID_AUTHENTICATION", "The digest is not base64.") from error


def _authenticated(session: Session, challenge: str, digest: bytes) -> User:
    users = session.catalog.users
    name, zone = _claimed_proxy(session)
    user = users.find(name, zone)
    passwords = users.passwords(user) if user else []
    if user is not None and not passwords and user.name == ANONYMOUS:
        return user
    if user is None or not passwords:
        raise ZoneError("CAT_INVALID_USER", f"User does not exist or has no password: {name}#{zone}")
    for row_id, password, expiry in passwords:
        if challenge and secrets.compare_digest(_digest(challenge, password), digest):
            _use_up(session, row_id, expiry)
            return user
    raise ZoneError("CAT_INVALID_AUTHENTICATION")


def _digest(challenge: str, password: str) -> bytes:
    secret = password.encode()[:MAX_PASSWORD_BYTES].ljust(MAX_PASSWORD_BYTES, b"\0")
    digest = hashlib.md5(challenge.encode() + secret, usedforsecurity=False).digest()
    # A C string must not end early: clients and server both add one to a zero byte.
    return digest.replace(b"\0", b"\1")


def _use_up(session: Session, row_id: int, expiry: float | None) -> None:
    """A temporary password, one with an ``expiry``, is gone after its first use, in time or not."""
    if expiry is None:
        return
    if not session.catalog.users.drop_password(row_id):
        raise ZoneError("CAT_INVALID_AUTHENTICATION")  # another connection was faster
    if expiry < time.time():
        raise ZoneError("CAT_PASSWORD_EXPIRED")


def _client(session: Session, proxy: User) -> User:
    """The user whose rights count: the proxy itself, or whom a rodsadmin speaks for."""
    if _claimed_client(session) == _claimed_proxy(session):
        return proxy
    if not proxy.is_admin:
        raise ZoneError("SYS_PROXYUSER_NO_PRIV", f"{proxy.name} is no rodsadmin and can act for nobody else.")
    name, zone = _claimed_client(session)
    client = session.catalog.users.find(name, zone)
    if client is None or client.is_group:
        raise ZoneError("CAT_INVALID_CLIENT_USER", f"User does not exist: {name}#{zone}")
    return client
