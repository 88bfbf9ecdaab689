"""Who signs in: asked of the OMERO server of the agent."""

from __future__ import annotations

from omero_irods_bridge.adapters.omero.login import SessionKey, UserPassword
from omero_irods_bridge.adapters.omero.signing_in import user_of
from omero_irods_bridge.settings import OmeroSettings


class OmeroUsers:
    """Asks on a connection that is closed at once. Any thread may call it."""

    def __init__(self, omero: OmeroSettings) -> None:
        self._omero = omero

    def by_session(self, key: str) -> str:
        """The user whose session this is; it stays as it is.

        Raises:
            AccessDenied: there is no such session any more, or it is one by sudo.
            Unreachable: OMERO does not answer.
        """
        return user_of(SessionKey(self._host, key, self._omero.port), secure=self._omero.secure)

    def by_password(self, user: str, password: str) -> str:
        """The user whom OMERO lets in with this name and password; no session stays open.

        Raises:
            AccessDenied: it does not.
            Unreachable: OMERO does not answer.
        """
        login = UserPassword(self._host, user, password, self._omero.port)
        return user_of(login, secure=self._omero.secure)

    @property
    def _host(self) -> str:
        """A worker does not start without one."""
        return self._omero.host or ""
