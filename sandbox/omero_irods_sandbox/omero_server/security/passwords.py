"""Passwords, kept as salted hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from omero_irods_sandbox.omero_server.store.database import Database

# Cheap on purpose: tests log in thousands of times, and nothing here is worth stealing.
_COST: Final = 2**10
_BLOCK: Final = 8
_SALT_BYTES: Final = 16


class Passwords:
    """Whoever has no password here cannot log in with one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, user_id: int, password: str) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._database.execute(
            "insert or replace into password(user_id, salt, hash) values(?, ?, ?)",
            user_id,
            salt,
            _hash(password, salt),
        )

    def check(self, user_id: int, password: str) -> bool:
        row = self._database.row("select salt, hash from password where user_id = ?", user_id)
        return row is not None and hmac.compare_digest(_hash(password, row["salt"]), row["hash"])


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=1)
