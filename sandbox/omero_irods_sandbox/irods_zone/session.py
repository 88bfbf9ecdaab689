"""What the server knows about one connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omero_irods_sandbox.irods_zone.catalog.values import User

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.api.open_files import OpenFiles
    from omero_irods_sandbox.irods_zone.api.statements import Statements
    from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
    from omero_irods_sandbox.irods_zone.policy.engine import RuleEngine
    from omero_irods_sandbox.irods_zone.zone import Zone


@dataclass(frozen=True, slots=True)
class Claim:
    """Who the client says it is, in the start-up packet; nobody has checked it yet."""

    proxy_name: str
    proxy_zone: str
    client_name: str
    client_zone: str
    option: str


@dataclass
class Session:
    """State of one agent: one connection, one thread.

    ``user`` is the one whose rights count, ``proxy`` the one who logged in; both
    are None until authentication has succeeded.
    """

    zone: Zone
    claim: Claim
    address: str
    files: OpenFiles
    statements: Statements
    rules: RuleEngine
    socket_number: int = -1
    _user: User | None = None
    _proxy: User | None = None
    challenge: str = ""
    signature: str = ""
    """Hex of the challenge's first 16 characters: keys the obfuscation of new passwords."""
    ticket: str = ""
    api_number: int = 0

    @property
    def catalog(self) -> Catalog:
        return self.zone.catalog

    @property
    def is_authenticated(self) -> bool:
        return self._user is not None

    @property
    def user(self) -> User:
        """Whose rights count. Only after authentication."""
        assert self._user is not None
        return self._user

    @property
    def proxy(self) -> User:
        """Who logged in. Only after authentication."""
        assert self._proxy is not None
        return self._proxy

    def log_in(self, proxy: User, user: User) -> None:
        self._proxy, self._user = proxy, user
