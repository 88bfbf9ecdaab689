"""The cookie of the page: who has signed in, and until when, signed with a secret of the agent."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from fastapi import Response
from itsdangerous import BadSignature, URLSafeSerializer

from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.settings import read_secret

COOKIE: Final = "omero_irods"
LASTS_S: Final = 12 * 3600
"""A working day; then the password is asked for again."""

_CLOCKS_DIFFER_S: Final = 300.0
"""Of agents that share the secret. What lasts longer was made by a clock that has been set back since."""

LONGEST: Final = 1_000
"""Characters; ours are shorter."""


class Ended(Protocol):
    """Which sign-ins are over although their cookies are not. Any thread may call it."""

    def end(self, sign_in: str, expires: float) -> None: ...
    def has_ended(self, sign_in: str) -> bool: ...


class Cookies:
    """Makes and reads the cookie. Who has the secret can be anybody, so it is in a private file.

    ``is_secure`` lets browsers send it over TLS alone. ``ended`` is asked for each cookie, and may wait for a
    database. Any thread may call any method.
    """

    def __init__(
        self,
        secret: str,
        *,
        is_secure: bool,
        ended: Ended,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ended = ended
        self._signed = URLSafeSerializer(secret, COOKIE, signer_kwargs={"digest_method": hashlib.sha256})
        self._is_secure, self._now = is_secure, now

    def set(self, response: Response, user: str) -> None:
        """Let this user be signed in with who gets the response, for ``LASTS_S`` seconds."""
        about = {"user": user, "expires": int(self._now()) + LASTS_S, "id": secrets.token_hex(16)}
        value = self._signed.dumps(about)
        response.set_cookie(COOKIE, str(value), max_age=LASTS_S, **self._attributes())

    def end(self, cookies: Mapping[str, str], response: Response) -> str | None:
        """Let nobody be signed in any more with this cookie, nor with a copy of it; who was."""
        found = self._ours(cookies)
        if found is not None:
            self._ended.end(found["id"], found["expires"])
        response.delete_cookie(COOKIE, **self._attributes())
        return None if found is None else str(found["user"])

    def user_of(self, cookies: Mapping[str, str]) -> str | None:
        """Who has signed in; none when nobody has, when it is over, or when the cookie is not from here."""
        found = self._ours(cookies)
        if found is None or not 0 < found["expires"] - self._now() <= LASTS_S + _CLOCKS_DIFFER_S:
            return None
        return None if self._ended.has_ended(found["id"]) else str(found["user"])

    def _ours(self, cookies: Mapping[str, str]) -> dict[str, Any] | None:
        """What a cookie says that is from here."""
        value = cookies.get(COOKIE, "")
        if not value or len(value) > LONGEST:
            return None
        try:
            found: dict[str, Any] = self._signed.loads(value)
        except BadSignature:
            return None
        return found if "id" in found else None  # an older release gave them none

    def _attributes(self) -> dict[str, Any]:
        return {"path": "/", "secure": self._is_secure, "httponly": True, "samesite": "strict"}


def secret_in(file: Path) -> str:
    """The secret that the file has; made, for its owner alone, when there is no file.

    Several workers may call it at once, and get the same.

    Raises:
        AccessDenied: it can be read by others, or cannot be made.
        NotFound: it is empty.
    """
    if not file.exists():
        _make(file)
    return read_secret(file)


def _make(file: Path) -> None:
    """Whole or not at all: a link to a file that is complete already."""
    made = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(32) + "\n")
        try:
            os.link(made, file)
        except FileExistsError:
            pass  # another worker was quicker
        finally:
            made.unlink()
    except OSError as error:
        raise AccessDenied(
            f"The secret of the page cannot be made in {file.parent}: {error.strerror}.",
            hint="Let the agent's account write there.",
        ) from error
