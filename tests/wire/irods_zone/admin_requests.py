"""Requests of administrators and groupadmins, as no method of python-irodsclient would send them."""

from __future__ import annotations

from typing import Final

from irods.message import GeneralAdminRequest, UserAdminRequest, iRODSMessage
from irods.session import iRODSSession

USER_ADMIN: Final = 714
_GENERAL_ADMIN: Final = 701


def admin(session: iRODSSession, *arguments: str) -> None:
    """API 701. Raises what PRC raises."""
    _call(session, _GENERAL_ADMIN, GeneralAdminRequest(*arguments))


def user_admin(session: iRODSSession, *arguments: str) -> None:
    """API 714. Raises what PRC raises."""
    _call(session, USER_ADMIN, UserAdminRequest(*arguments))


def _call(session: iRODSSession, number: int, body: object) -> None:
    with session.pool.get_connection() as connection:
        connection.send(iRODSMessage("RODS_API_REQ", msg=body, int_info=number))
        connection.recv()
