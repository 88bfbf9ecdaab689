"""The ways to log in to OMERO, and the omero command's own store of sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from omero_irods_bridge.model.errors import AccessDenied

DEFAULT_PORT: Final = 4064


@dataclass(frozen=True, slots=True)
class StoredSession:
    """The session that ``omero login`` left on this computer: the last one, of host and user if given."""

    host: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class SessionKey:
    """A session that somebody else has opened and closes."""

    host: str
    key: str = field(repr=False)
    port: int = DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class UserPassword:
    """A session of our own; ``group`` by name, none for the user's default."""

    host: str
    user: str
    password: str = field(repr=False)
    port: int = DEFAULT_PORT
    group: str | None = None


Login: TypeAlias = StoredSession | SessionKey | UserPassword

_LOG_IN: Final = "Log in first: omero login"


def stored_session(wanted: StoredSession) -> SessionKey:
    """The key that the omero command has stored.

    Raises:
        AccessDenied: nobody is logged in there, or its folder cannot be read or made, as of an account that
            has no home.
    """
    try:
        return _stored_session(wanted)
    except OSError as error:
        raise AccessDenied(
            f"The sessions of the omero command cannot be looked at: {error.strerror} ({error.filename}).",
            hint="Let HOME or OMERO_USERDIR name a folder of yours, or give OMERO's password in a file: "
            "omero.password_file",
        ) from error


def _stored_session(wanted: StoredSession) -> SessionKey:
    from omero.util.sessions import SessionsStore  # noqa: PLC0415  # makes folders when it is imported

    store = SessionsStore()
    current_host, _, _, port = store.get_current()
    host = wanted.host or current_host
    user = wanted.user or (_text(store.user_file(host)) if host else None)
    key = _text(store.sess_file(host, user)) if host and user else None
    if not host or not key:
        whom = f" as {wanted.user}" if wanted.user else ""
        where = f" to {wanted.host}" if wanted.host else ""
        asked = f"{wanted.user or 'NAME'}@{wanted.host or 'HOST'}" if wanted.user or wanted.host else ""
        hint = f"{_LOG_IN} {asked}".rstrip()
        raise AccessDenied(f"Nobody is logged in{where}{whom} with the omero command.", hint=hint)
    told = store.get(host, user, key) if store.exists(host, user, key) else {}
    usual = port if host == current_host else DEFAULT_PORT
    return SessionKey(host, key, int(told.get("omero.port") or usual))


def _text(file: Any) -> str | None:
    return str(file.text()).strip() or None if file.exists() else None
