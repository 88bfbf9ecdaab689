"""Users sign in with what they have: a session in OMERO, or its password once, and then a cookie."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import anyio
import anyio.to_thread
from fastapi import Response

from omero_irods_bridge.agent.auditing import audit
from omero_irods_bridge.agent.desk import Requester
from omero_irods_bridge.agent.http.cookies import Cookies
from omero_irods_bridge.agent.http.throttle import Throttle
from omero_irods_bridge.agent.identities import WhoIsWho
from omero_irods_bridge.model.errors import AccessDenied, Unreachable

KNOWN_S: Final = 60.0
"""How long a session that OMERO has confirmed is taken as that."""

MOST_KNOWN: Final = 10_000
PATIENCE_S: Final = 20.0
AT_ONCE: Final = 8
"""Threads that wait for OMERO; other requests have their own."""

FAILURES_OF_A_USER: Final = 5
FAILURES_FROM_AN_ADDRESS: Final = 30
WITHIN_S: Final = 60.0

_KEY: Final = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


class NotSignedIn(AccessDenied):
    """Nobody knows who asks: there is no token, session or cookie, or one that is not good any more."""

    code = "not-signed-in"


class Users(Protocol):
    """Who has an account in OMERO. Any thread may call it."""

    def by_session(self, key: str) -> str:
        """The user of a session. Raises AccessDenied, Unreachable."""
        ...

    def by_password(self, user: str, password: str) -> str:
        """The user of a name and a password. Raises AccessDenied, Unreachable."""
        ...


class SignIn:
    """Says who asks, when it is a user whom the agent lets in. Any task may use it.

    A session key is kept nowhere; that OMERO confirmed it is remembered under its SHA-256 for ``KNOWN_S``.
    """

    def __init__(
        self,
        users: Users,
        identities: WhoIsWho,
        cookies: Cookies,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cookies = cookies
        self._users, self._identities, self._now = users, identities, now
        self._known: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()
        self._of_users = Throttle(FAILURES_OF_A_USER, WITHIN_S, now)
        self._of_addresses = Throttle(FAILURES_FROM_AN_ADDRESS, WITHIN_S, now)
        self._room = anyio.CapacityLimiter(AT_ONCE)

    async def by_session(self, key: str, address: str) -> Requester:
        """Who has this session in OMERO.

        Raises:
            NotSignedIn: it is over, or was opened by somebody else.
            AccessDenied: the agent does not let this user in.
            TooManyAttempts: too many came from this address with keys that are none.
            Unreachable: OMERO does not answer.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        user = self._remembered(digest)
        if user is None:
            user = await self._ask_for_session(key, address)
            self._remember(digest, user)
        return self.requester(user)

    async def by_password(self, user: str, password: str, address: str) -> Requester:
        """Who OMERO says that this is; the name is as OMERO writes it.

        Raises:
            NotSignedIn: OMERO does not let that user in.
            AccessDenied: the agent does not.
            TooManyAttempts: too many failed for this name, or from this address.
            Unreachable: OMERO does not answer.
        """
        try:
            found = await self._patiently(lambda: self._try_password(user, password, address))
        except NotSignedIn as error:
            audit(user, "sign in", refused="OMERO does not let him in.")
            raise NotSignedIn("OMERO does not know this user with this password.", hint=error.hint) from None
        audit(found, "sign in")
        return self.requester(found)

    def sign_out(self, cookies: Mapping[str, str], response: Response) -> None:
        """End the sign-in of this cookie, here and for whoever has a copy; done when there is none."""
        user = self.cookies.end(cookies, response)
        if user is not None:
            audit(user, "sign out")

    def requester(self, user: str) -> Requester:
        """This user of OMERO, as one whom the agent lets in. Raises AccessDenied."""
        self._identities.irods_user(user)
        return Requester(user, is_admin=self._identities.is_admin(user))

    async def _ask_for_session(self, key: str, address: str) -> str:
        if not _KEY.fullmatch(key):
            raise NotSignedIn("X-OMERO-Session is no key of a session.", hint="Log in to OMERO again.")
        return await self._patiently(lambda: self._try_session(key, address))

    def _try_session(self, key: str, address: str) -> str:
        with self._of_addresses.attempt(address):
            return self._users.by_session(key)

    def _try_password(self, user: str, password: str, address: str) -> str:
        with self._of_users.attempt(user), self._of_addresses.attempt(address):
            return self._users.by_password(user, password)

    async def _patiently(self, ask: Callable[[], str]) -> str:
        """In a thread, of which there are few; one that OMERO keeps waiting is left to itself."""
        try:
            with anyio.fail_after(PATIENCE_S):
                return await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._room)
        except AccessDenied as error:
            raise NotSignedIn(error.message, hint=error.hint) from None
        except TimeoutError as error:
            raise Unreachable("OMERO does not answer.", hint="Try again later.") from error

    def _remembered(self, digest: str) -> str | None:
        with self._lock:
            user, until = self._known.get(digest, ("", 0.0))
        return user if self._now() < until else None

    def _remember(self, digest: str, user: str) -> None:
        with self._lock:
            self._known.pop(digest, None)
            self._known[digest] = (user, self._now() + KNOWN_S)
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
