"""Passwords: temporary ones (API 709 and 724), and how new ones travel.

Source: ``db_make_temp_pw_op`` and ``decodePw`` of ``db_plugin.cpp``, ``obf.cpp``, PRC
``irods/password_obfuscation.py``, whose functions are used here from the other side.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from irods.password_obfuscation import create_temp_password, unscramble

from omero_irods_sandbox.irods_zone.api.registry import Reply, Request, operation
from omero_irods_sandbox.irods_zone.catalog.permissions import require_admin
from omero_irods_sandbox.irods_zone.catalog.values import User
from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.session import Session
from omero_irods_sandbox.irods_zone.wire import structs

# MAX_PASSWORD_LEN less what the obfuscation needs.
MAX_PASSWORD_LENGTH: Final = 42

_HASH_BYTES: Final = 16
# A random character comes before the marker of version 2 ("A.ObfV2" in obf.cpp).
_MARKER: Final = ".ObfV2"
_PADDING: Final = "1gCBizHWbwIYyWLo"
_KEY_LENGTH: Final = 100
_KEY_PASSWORD_LENGTH: Final = 90


@operation(709, "get_temp_password")
def get_temp_password(session: Session, _request: Request) -> Reply:
    """A password for one login as oneself; the client makes it from the answer and its own password."""
    seed = _add_temporary_password(session, session.user)
    return Reply(structs.struct("getTempPasswordOut_PI", ("stringToHashWith", seed)))


@operation(724, "get_temp_password_for_other")
def get_temp_password_for_other(session: Session, request: Request) -> Reply:
    """The same for somebody else, for a rodsadmin."""
    require_admin(session.user)
    name = request.body.string("targetUser")
    user = session.catalog.users.find(name)
    if user is None:
        # An insert that finds nobody: clients take this code for an unknown user.
        raise ZoneError("CAT_SQL_ERR", f"User does not exist: {name}")
    seed = _add_temporary_password(session, user)
    return Reply(structs.struct("getTempPasswordForOtherOut_PI", ("stringToHashWith", seed)))


def _add_temporary_password(session: Session, user: User) -> str:
    seed = secrets.token_hex(_HASH_BYTES)
    password = str(create_temp_password(seed, _own_password(session)))
    with session.catalog.transaction():
        session.catalog.users.add_temporary_password(user, password)
    return seed


def _own_password(session: Session) -> str:
    """Of the user whose rights count: his is the secret that both sides know."""
    password = session.catalog.users.password(session.user)
    if not password:
        raise ZoneError("CAT_INVALID_USER", f"{session.user.name} has no password.")
    return password


def decoded_password(session: Session, obfuscated: str) -> str:
    """The new password that the client has sent, obfuscated with the old one and this login's challenge.

    Raises:
        ZoneError: PASSWORD_EXCEEDS_MAX_SIZE, also when it was obfuscated with another password;
            CAT_INVALID_ARGUMENT when it is empty; CAT_INVALID_USER when the user has none to decode it with;
            CAT_PASSWORD_ENCODING_ERROR.
    """
    password = deobfuscate(obfuscated, _own_password(session), session.signature)
    if len(password) > MAX_PASSWORD_LENGTH:
        message = f"Password must be between 3 and {MAX_PASSWORD_LENGTH} characters"
        raise ZoneError("PASSWORD_EXCEEDS_MAX_SIZE", message)
    if not password:
        raise ZoneError("CAT_INVALID_ARGUMENT", "A password cannot be empty.")
    return password


def deobfuscate(obfuscated: str, old_password: str, signature: str) -> str:
    """What ``obfuscate_new_password`` or ``obfuscate_new_password_with_key`` of PRC has made.

    ``signature`` is the session's. With another old password the result is nonsense, and long.

    Raises:
        ZoneError: CAT_PASSWORD_ENCODING_ERROR for version 1 and an old password that is not ASCII.
    """
    plain = _version_2(obfuscated, old_password, signature)
    if plain[1:].startswith(_MARKER):
        plain = plain[1 + len(_MARKER) :]
    elif old_password.isascii():
        plain = str(unscramble(obfuscated, key=old_password, scramble_prefix=""))
    else:
        raise ZoneError("CAT_PASSWORD_ENCODING_ERROR", "The new password is not encoded with the old one.")
    return plain.partition(_PADDING)[0]


def _version_2(obfuscated: str, password: str, signature: str) -> str:
    key = (password[:_KEY_PASSWORD_LENGTH] + signature).ljust(_KEY_LENGTH, "\0")
    digest = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
    return str(unscramble(obfuscated, key=digest, scramble_prefix="", block_chaining=True))
