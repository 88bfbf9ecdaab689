"""What omero-py and Ice raise, as errors for people. No message has a password or a session key."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import Glacier2
import Ice
import omero
import omero.clients

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Busy, NoSpace, NotFound, Unreachable

log = logging.getLogger(__name__)

LOG_IN: Final = "Log in again: omero login"
_KEY: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
"""What session keys look like; servers put them into their messages."""
_NOT_UP: Final = ("internal server error", "Server not fully initialized", "Obtained null object prox")
_IS_UP: Final = "See whether the OMERO server runs and whether a firewall lets you through."


class SessionExpired(AccessDenied):
    """The session is over: nobody used it for long, its user logged out, or the server started anew."""

    code: ClassVar[str] = "session-expired"


@contextmanager
def omero_errors(what: str) -> Iterator[None]:
    """Let what omero-py and Ice raise leave as a BridgeError; ``what`` failed reads as "reading Image:5"."""
    try:
        yield
    except FOREIGN as error:
        made = translate(error, what)
        # Servers put the key into what they say of a session that ended; a traceback would show it.
        raise made from (None if isinstance(made, SessionExpired) else error)


def translate(error: Exception, what: str) -> BridgeError:
    """The error that says that ``what`` failed, and why."""
    log.debug("%s: %s", what, type(error).__name__)
    if is_not_up(error):
        return _unreachable(error, what)
    for foreign, make in _MEANINGS:
        if isinstance(error, foreign):
            return make(error, what)
    return BridgeError(f"OMERO failed while {what}: {_said(error)}.")


def is_not_up(error: Exception) -> bool:
    """Whether the server behind the router is away, or not ready yet: that is no word about who asks.

    Glacier2 refuses with an "internal server error" when it can ask nobody (Ice 3.6, SessionRouterI.cpp),
    OMERO is "not fully initialized" while it starts (SessionManagerI.java). omero-py asks three times then,
    and when connecting takes too long, before it says that it has no proxy (omero/clients.py).
    """
    text = str(getattr(error, "reason", "") or (error if isinstance(error, omero.ClientError) else ""))
    return text.startswith(_NOT_UP)


def _said(error: Any) -> str:
    """The first line of what the server said, or the name of the error: stack traces are for its log."""
    text = str(getattr(error, "message", "") or getattr(error, "reason", "") or "").strip()
    return _KEY.sub("...", text.splitlines()[0].rstrip(".")) if text else type(error).__name__


def _session_ended(_error: Any, what: str) -> BridgeError:
    return SessionExpired(f"Your OMERO session ended while {what}.", hint=LOG_IN)


def _wrong_password(_error: Any, what: str) -> BridgeError:
    return AccessDenied(f"OMERO does not let you in while {what}.", hint="Check user name and password.")


def _refused(error: Any, what: str) -> BridgeError:
    return AccessDenied(
        f"OMERO refused while {what}: {_said(error)}.", hint="Ask the owner of the data or of the group."
    )


def _disk(error: Any, what: str) -> BridgeError:
    if "No space left" in _said(error):
        return NoSpace(f"The disk of OMERO is full: {what}.")
    return NotFound(
        f"OMERO does not find a file on its disk while {what}: {_said(error)}.",
        hint="Let an administrator of OMERO look for it: omero admin, fs.",
    )


def _is_busy(error: Any, what: str) -> BridgeError:
    return Busy(f"OMERO is not ready while {what}: {_said(error)}.", hint="Try again later.")


def _unreachable(error: Any, what: str) -> BridgeError:
    return Unreachable(f"OMERO did not answer while {what} ({type(error).__name__}).", hint=_IS_UP)


def _not_trusted(_error: Any, what: str) -> BridgeError:
    return AccessDenied(
        f"The certificate of the OMERO server is not one that you trust ({what}).",
        hint="Ask the administrator for the certificate, or for the name that it is made for.",
    )


_SESSION_ENDED: Final = (
    omero.SessionTimeoutException,
    omero.RemovedSessionException,
    omero.SessionException,
    Ice.ObjectNotExistException,
)

FOREIGN: Final = (omero.ServerError, omero.ClientError, omero.CmdError, Ice.Exception)

_MEANINGS: Final = (
    (Glacier2.PermissionDeniedException, _wrong_password),
    (Glacier2.CannotCreateSessionException, _wrong_password),
    (_SESSION_ENDED, _session_ended),
    (omero.SecurityViolation, _refused),
    (omero.ResourceError, _disk),
    (omero.ConcurrencyException, _is_busy),
    (Ice.SecurityException, _not_trusted),
    (Ice.LocalException, _unreachable),
)
