"""Connections of the agent's two service accounts, on behalf of the user whose job it is.

OMERO: sudo of the user of ``[omero]``, a light administrator with the privilege Sudo. iRODS: proxy of the
account in ``[irods]``, a rodsadmin. Passwords are read from their files when a connection is made, and kept
nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from omero_irods_bridge.adapters.irods.environment import account_from_environment
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import OmeroConnection, connect
from omero_irods_bridge.adapters.omero.errors import SessionExpired
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.agent.identities import WhoIsWho
from omero_irods_bridge.ingest_wiring import People, hands_of_person, hands_of_service, side_on
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.ports import ImageServer, ObjectStore, TreeStore
from omero_irods_bridge.settings import OmeroSettings, Settings, read_secret
from omero_irods_bridge.wiring import mounts_of, open_object_store, receiver_on


class SessionBroken(SessionExpired):
    """A session that the agent had begun is over; another attempt begins another one."""

    retryable = True

    @classmethod
    def of(cls, user: str) -> Self:
        """Of the session that the agent had for this user of OMERO."""
        return cls(
            f"The session that the agent had in OMERO for {user} ended before its work was done.",
            hint="Somebody, or a restart of OMERO, ended it; another attempt begins another one.",
        )


class Accounts:
    """Connections on behalf of users, by their names in OMERO; each lasts as long as its block."""

    def __init__(self, settings: Settings, identities: WhoIsWho) -> None:
        self._settings, self._identities = settings, identities

    @contextmanager
    def image_server(self, user: str, group: str = "") -> Iterator[ImageServer]:
        """OMERO as ``user``, in this group, "" for his default one.

        Raises:
            AccessDenied: he may not use the agent, or the agent may not act as him.
            SessionBroken: OMERO ended the session while the block ran.
            NotFound: OMERO has no such user or group.
            Unreachable: nobody answers there.
        """
        with self._omero_as(user, group) as connection:
            yield OmeroImageServer(connection, repository=self._settings.omero.managed_repository)

    @contextmanager
    def receiver(self, user: str, group: str = "") -> Iterator[Receiver]:
        """As :meth:`image_server`, as one that takes a load."""
        omero = self._settings.omero
        with self._omero_as(user, group) as connection:
            yield receiver_on(
                connection,
                omero.managed_repository,
                mounts_of(self._settings),
                import_command=omero.import_command,
            )

    @contextmanager
    def _omero_as(self, user: str, group: str) -> Iterator[OmeroConnection]:
        self._identities.irods_user(user)
        with (
            _sessions_of_ours(user),
            open_service(self._settings.omero) as service,
            service.as_user(user, group or None) as connection,
        ):
            yield connection

    @contextmanager
    def object_store(self, user: str) -> Iterator[ObjectStore]:
        """The zone, as who ``user`` is in iRODS.

        Raises:
            AccessDenied: he may not use the agent, or the agent may not act as him.
            Unreachable: nobody answers there.
        """
        with open_object_store(self._settings, client_user=self._identities.irods_user(user)) as store:
            yield store

    @contextmanager
    def scan(self, user: str) -> Iterator[tuple[TreeStore, Hands, str]]:
        """What an ingest for ``user`` works with, and the collection that it is usually at.

        An administrator of the agent has it done for all users, by the agent's own accounts; others work as
        themselves.

        Raises:
            AccessDenied: he may not use the agent, or the agent may not act as him.
            Unreachable: nobody answers there.
        """
        name, is_all = self._identities.irods_user(user), self._identities.is_admin(user)
        with (
            open_object_store(self._settings, client_user=None if is_all else name, as_admin=is_all) as store,
            _sessions_of_ours(user),
            open_service(self._settings.omero) as service,
        ):
            if is_all:
                with hands_of_service(service, store, self._settings, self._people()) as hands:
                    yield store, hands, f"/{store.zone}"
            else:
                yield store, self._hands_of(user, service, store), store.home

    def _people(self) -> People:
        return People(self._identities.omero_user, self._identities.is_same)

    def _hands_of(self, user: str, service: OmeroConnection, store: TreeStore) -> Hands:
        @contextmanager
        def side(group: str = "") -> Iterator[IngestSide]:
            with service.as_user(user, group or None) as connection:
                yield side_on(connection, self._settings)

        return hands_of_person(user, side, store)


@contextmanager
def _sessions_of_ours(user: str) -> Iterator[None]:
    try:
        yield
    except SessionExpired as error:
        raise SessionBroken.of(user) from error


def service_account(omero: OmeroSettings) -> tuple[str, str, Path]:
    """Host, user and password file of the agent's own account in OMERO.

    Raises:
        UsageError: the settings do not say all three.
    """
    if omero.host and omero.user and omero.password_file:
        return omero.host, omero.user, omero.password_file
    raise UsageError(
        "The settings do not say host, user and password_file of the agent's account in OMERO.",
        hint="Set them below [omero]; the account is a light administrator with the privilege Sudo.",
    )


def service_login(omero: OmeroSettings) -> UserPassword:
    """What the agent's own account in OMERO logs in with.

    Raises:
        UsageError: as :func:`service_account`.
        NotFound, AccessDenied: the file of the password.
    """
    host, name, file = service_account(omero)
    return UserPassword(host, name, read_secret(file), omero.port)


@contextmanager
def open_service(omero: OmeroSettings) -> Iterator[OmeroConnection]:
    """OMERO as the agent's own account. Raises as :func:`service_login`, and Unreachable."""
    with connect(service_login(omero), secure=omero.secure) as service:
        yield service


def service_user_in_irods(settings: Settings) -> str:
    """The name of the agent's own account in iRODS. Connects to nothing.

    Raises:
        UsageError: there is no usable irods_environment.json.
    """
    with IrodsStore(account_from_environment(settings.irods.environment_file)) as store:
        return store.user
