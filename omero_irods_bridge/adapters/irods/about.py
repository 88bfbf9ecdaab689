"""What an iRODS server tells of itself and of who is logged in, for those who look whether all is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from irods.column import In
from irods.models import User

from omero_irods_bridge.adapters.irods.connections import DEFAULT_CONNECT_TIMEOUT_S
from omero_irods_bridge.adapters.irods.environment import Account
from omero_irods_bridge.adapters.irods.errors import translated


@dataclass(frozen=True, slots=True)
class AboutZone:
    """``user_type`` is rodsuser, groupadmin or rodsadmin; ``users`` are those asked for who exist.

    ``hash_scheme`` is that of the checksums which this server computes, in capitals.
    """

    version: tuple[int, ...]
    zone: str
    user: str
    user_type: str
    is_encrypted: bool
    hash_scheme: str
    users: frozenset[str]


def about_zone(account: Account, names: Iterable[str] = ()) -> AboutZone:
    """Log in and ask; nothing is changed.

    Raises:
        AccessDenied: there is no password, or a wrong one.
        Unreachable: nobody answers there.
    """
    with translated("Asking iRODS about itself"), account.open_session(DEFAULT_CONNECT_TIMEOUT_S) as session:
        with session.pool.get_connection() as connection:
            is_encrypted = hasattr(connection.socket, "cipher")
        wanted = [session.username, *names]
        rows = session.query(User.name, User.type, User.zone).filter(In(User.name, wanted))
        types = {row[User.name]: row[User.type] for row in rows if row[User.zone] == session.zone}
        return AboutZone(
            version=tuple(session.server_version),
            zone=str(session.zone),
            user=str(session.username),
            user_type=types.get(session.username, ""),
            is_encrypted=is_encrypted,
            hash_scheme=str(session.client_hints.get("hash_scheme", "")).upper(),
            users=frozenset(types) & frozenset(names),
        )
