"""Who somebody is, asked of OMERO; nothing stays open."""

from __future__ import annotations

from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.login import SessionKey, UserPassword
from omero_irods_bridge.model.errors import AccessDenied


def user_of(login: SessionKey | UserPassword, *, secure: bool = True) -> str:
    """The name of the user whom OMERO lets in; a session that was opened for this is over afterwards.

    A session that somebody opened as another user is good for nobody: owners of a group get one that sees no
    other group, and whatever acts in that user's name elsewhere would see all.

    Raises:
        AccessDenied: a wrong password, SessionExpired for a key, or a session by sudo.
        Unreachable: nobody answers there.
    """
    with connect(login, secure=secure) as connection, omero_errors("asking who you are"):
        context = connection.session.getAdminService().getEventContext()
    if context.sudoerId is not None:
        raise AccessDenied(
            f"Somebody else opened this session as {context.userName}.",
            hint="Log in with a password of your own.",
        )
    return str(context.userName)
