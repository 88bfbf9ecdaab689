"""Makes the servers that use cases speak of, from settings; client libraries are imported when needed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from omero_irods_bridge.adapters.local import open_local
from omero_irods_bridge.model.errors import AccessDenied, NotFound, UsageError
from omero_irods_bridge.model.imports import MountedAt, Mounts
from omero_irods_bridge.ports import ImageServer, ObjectModel, ScriptRepository, TreeStore
from omero_irods_bridge.settings import OmeroSettings, Settings, read_secret

if TYPE_CHECKING:
    from omero_irods_bridge.adapters.omero.connection import OmeroConnection
    from omero_irods_bridge.adapters.omero.login import Login
    from omero_irods_bridge.operations.ingesting.hands import IngestSide
    from omero_irods_bridge.operations.unpacking.receiver import Receiver

__all__ = ["SystemClock", "open_image_server", "open_local", "open_object_store", "zone_of"]

PASSWORD_VARIABLE: Final = "OMERO_PASSWORD"  # noqa: S105 -- the name of a variable

Ask = Callable[[str], str]
"""Asks a person for a secret; the argument says for which."""

FindSession = Callable[[], tuple[str, str, int]]
"""Host, key and port of a session that somebody else has opened."""

_session_of_others: ContextVar[FindSession | None] = ContextVar("session", default=None)


class SystemClock:
    """The time of this computer."""

    def now(self) -> float:
        return time.time()


@contextmanager
def open_object_store(
    settings: Settings, *, client_user: str | None = None, as_admin: bool = False
) -> Iterator[TreeStore]:
    """The iRODS zone of the user's irods_environment.json, or of the one that the settings name.

    ``client_user`` is whom to act as, and ``as_admin`` changes AVUs of everybody's objects: the account has
    to be a rodsadmin's for either.

    Raises:
        UsageError: there is no such file, or it is not what iinit writes.
        AccessDenied: there is no password, or a wrong one.
        Unreachable: nobody answers there.
    """
    from omero_irods_bridge.adapters.irods.environment import account_from_environment
    from omero_irods_bridge.adapters.irods.store import IrodsStore

    account = account_from_environment(settings.irods.environment_file, client_user=client_user)
    with IrodsStore(account, as_admin=as_admin) as store:
        store.find(f"/{store.zone}")  # a wrong password is told now, not after OMERO was asked for everything
        yield store


@contextmanager
def open_image_server(settings: Settings, ask: Ask | None = None) -> Iterator[ImageServer]:
    """The OMERO server of the settings.

    With a password (``OMERO_PASSWORD``, or ``password_file`` of the settings) a session of our own is opened.
    Else the omero command's stored session is joined, and left open; when there is none, or it is over, and
    the settings say which server and user, ``ask`` is asked for the password. It is none where nobody can be
    asked.

    Raises:
        UsageError: the settings do not say enough.
        AccessDenied: nobody is logged in, or OMERO refuses the password.
        Unreachable: nobody answers there.
    """
    from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer

    with _connected(settings.omero, ask) as connection:
        yield OmeroImageServer(connection, repository=settings.omero.managed_repository)


@contextmanager
def open_receiver(
    settings: Settings, ask: Ask | None = None, *, group: str | None = None
) -> Iterator[Receiver]:
    """The OMERO server of the settings, as one that takes a load; see :func:`open_image_server`.

    In ``group`` where OMERO lets this user have a session there, else in that of his session.
    """
    with _connected(settings.omero, ask) as connection, _turned_to(connection, group) as turned:
        yield receiver_on(
            turned,
            settings.omero.managed_repository,
            mounts_of(settings),
            import_command=settings.omero.import_command,
        )


@contextmanager
def open_scripts(settings: Settings, ask: Ask | None = None) -> Iterator[ScriptRepository]:
    """The scripts of the OMERO server of the settings; see :func:`open_image_server`."""
    from omero_irods_bridge.adapters.omero.scripts import OmeroScripts

    with _connected(settings.omero, ask) as connection:
        yield OmeroScripts(connection)


@contextmanager
def over_session(find: FindSession) -> Iterator[None]:
    """Let every OMERO server that is opened within the block be that of this session, which stays open.

    ``find`` is called each time, and not before.
    """
    token = _session_of_others.set(find)
    try:
        yield
    finally:
        _session_of_others.reset(token)


def is_over_session() -> bool:
    """Whether this runs within :func:`over_session`."""
    return _session_of_others.get() is not None


def mounts_of(settings: Settings) -> Mounts:
    """Where this machine sees folders of the OMERO server."""
    pairs = settings.mounts.items()
    return Mounts(tuple(MountedAt(PurePosixPath(there), PurePosixPath(here)) for there, here in pairs))


def receiver_on(
    connection: OmeroConnection,
    repository: Path | None = None,
    mounts: Mounts | None = None,
    *,
    import_command: Path | None = None,
) -> Receiver:
    """All ports of a load on one connection, which the caller closes.

    With ``import_command`` files are imported by that ``omero`` command instead of by us.
    """
    from omero_irods_bridge.adapters.omero.container_links import OmeroContainerLinks
    from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
    from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
    from omero_irods_bridge.adapters.omero.import_copies import copying_importer
    from omero_irods_bridge.adapters.omero.importing import OmeroImporter
    from omero_irods_bridge.adapters.omero.loads import OmeroLoadBook
    from omero_irods_bridge.adapters.omero.object_model import OmeroModel
    from omero_irods_bridge.adapters.omero.ownership import OmeroOwnership
    from omero_irods_bridge.adapters.omero.surroundings import OmeroSurroundings
    from omero_irods_bridge.operations.unpacking.receiver import Receiver

    ours = OmeroImporter(connection.client, mounts, repository, connection.another_client)
    command = None if import_command is None else [str(import_command)]
    return Receiver(
        server=OmeroImageServer(connection, repository=repository),
        importer=ours if command is None else copying_importer(connection.client, command, ours),
        writer=OmeroGraphWriter(connection),
        book=OmeroLoadBook(connection),
        surroundings=OmeroSurroundings(connection),
        links=OmeroContainerLinks(connection),
        model=OmeroModel(),
        ownership=OmeroOwnership(connection),
    )


def ingest_on(
    connection: OmeroConnection,
    repository: Path | None = None,
    mounts: Mounts | None = None,
    *,
    import_command: Path | None = None,
) -> IngestSide:
    """All ports of ingest on one connection, which the caller closes; see :func:`receiver_on`."""
    from omero_irods_bridge.adapters.omero.ingest_book import OmeroIngestBook
    from omero_irods_bridge.operations.ingesting.hands import IngestSide

    receiver = receiver_on(connection, repository, mounts, import_command=import_command)
    return IngestSide(receiver, OmeroIngestBook(connection, mounts, repository))


def object_model() -> ObjectModel:
    """The classes that OMERO knows; no server is asked."""
    from omero_irods_bridge.adapters.omero.object_model import OmeroModel

    return OmeroModel()


@contextmanager
def open_session(settings: Settings, host: str, key: str, port: int) -> Iterator[ImageServer]:
    """The OMERO server in which somebody has opened the session ``key``; it stays open.

    Raises:
        AccessDenied: there is no such session any more.
        Unreachable: nobody answers there.
    """
    from omero_irods_bridge.adapters.omero.connection import connect
    from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
    from omero_irods_bridge.adapters.omero.login import SessionKey

    with connect(SessionKey(host, key, port), secure=settings.omero.secure) as connection:
        yield OmeroImageServer(connection, repository=settings.omero.managed_repository)


def open_connection(settings: Settings, ask: Ask | None = None) -> AbstractContextManager[OmeroConnection]:
    """A connection with the OMERO server of the settings; see :func:`open_image_server`."""
    return _connected(settings.omero, ask)


@contextmanager
def _connected(settings: OmeroSettings, ask: Ask | None) -> Iterator[OmeroConnection]:
    from omero_irods_bridge.adapters.omero.connection import connect

    if (find := _session_of_others.get()) is not None:
        opened = _in_group(connect(_key_of(find), secure=settings.secure), settings.group)
    elif (password := _given_password(settings)) is not None:
        opened = connect(_own(settings, password), secure=settings.secure)
    else:
        opened = _stored_or_asked(settings, ask)
    with opened as connection:
        yield connection


def _stored_or_asked(settings: OmeroSettings, ask: Ask | None) -> OmeroConnection:
    from omero_irods_bridge.adapters.omero.connection import connect
    from omero_irods_bridge.adapters.omero.login import StoredSession

    try:
        connection = connect(StoredSession(settings.host, settings.user), secure=settings.secure)
    except AccessDenied:
        if ask is None or not settings.host or not settings.user:
            raise
        password = ask(f"Password of {settings.user} at {settings.host}: ")
        if not password:  # omero-py says of it only "ClientError"
            raise AccessDenied(
                "No password was given.", hint="Run it again, or log in: omero login"
            ) from None
        return connect(_own(settings, password), secure=settings.secure)
    return _in_group(connection, settings.group)


def _in_group(connection: OmeroConnection, group: str | None) -> OmeroConnection:
    """A session that others use too is not switched to another group behind their back."""
    present = connection.identity.group
    if group is None or group == present:
        return connection
    connection.close()
    raise UsageError(
        f"Your stored OMERO session is in the group {present}, not {group}.",
        hint=f"Run: omero sessions group '{group}'",
    )


@contextmanager
def _turned_to(connection: OmeroConnection, group: str | None) -> Iterator[OmeroConnection]:
    """The same user in another group: a session of its own, which administrators may begin for themselves."""
    with ExitStack() as stack:
        turned = connection
        if group and group != connection.identity.group:
            with suppress(AccessDenied, NotFound):
                turned = stack.enter_context(connection.as_user(connection.identity.user, group))
        yield turned


def _key_of(find: FindSession) -> Login:
    from omero_irods_bridge.adapters.omero.login import SessionKey

    host, key, port = find()
    return SessionKey(host, key, port)


def _own(settings: OmeroSettings, password: str) -> Login:
    from omero_irods_bridge.adapters.omero.login import UserPassword

    if not settings.host or not settings.user:
        missing = "server" if not settings.host else "user"
        raise UsageError(
            f"There is an OMERO password, but no {missing} that it is for.",
            hint=f"Name it with --{missing}, or in the settings below [omero].",
        )
    return UserPassword(settings.host, settings.user, password, settings.port, settings.group)


def _given_password(settings: OmeroSettings) -> str | None:
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    return read_secret(settings.password_file) if settings.password_file else None


def zone_of(settings: Settings) -> str | None:
    """The zone of the irods_environment.json; none when there is no usable one. Connects to nothing."""
    from omero_irods_bridge.adapters.irods.environment import account_from_environment
    from omero_irods_bridge.adapters.irods.store import IrodsStore

    try:
        with IrodsStore(account_from_environment(settings.irods.environment_file)) as store:
            return store.zone
    except (UsageError, AccessDenied):
        return None
