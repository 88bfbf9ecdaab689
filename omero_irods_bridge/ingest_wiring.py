"""Puts together what a scan works with: as a person with both accounts, or as a service of both servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from omero_irods_bridge.adapters.irods.about import about_zone
from omero_irods_bridge.adapters.irods.environment import Account, account_from_environment
from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.model.errors import AccessDenied
from omero_irods_bridge.model.ingest import IngestOptions
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.ports import ObjectStore, TreeStore
from omero_irods_bridge.wiring import Ask, ingest_on, mounts_of, open_connection, open_object_store

if TYPE_CHECKING:
    from omero_irods_bridge.adapters.omero.connection import OmeroConnection
    from omero_irods_bridge.settings import Settings


MOST_IDLE: Final = 8
"""Owners in whose name the zone stays open while nobody uses it so."""

NOBODY: Final = frozenset({"", "root", "guest"})
"""Accounts that each OMERO has: nobody is one of them because of his name."""


def _same_name(name: str) -> str:
    return "" if name in NOBODY else name


def _is_same_name(name: str, user: str) -> bool:
    return name == user and name not in NOBODY


@dataclass(frozen=True, slots=True)
class People:
    """Who is who: names of users of the zone, and of OMERO. By default the names are the same."""

    user_of: Callable[[str], str] = _same_name
    """The name in OMERO of a user of the zone, "" for nobody."""
    is_same: Callable[[str, str], bool] = _is_same_name
    """Whether a user of the zone is that user of OMERO."""


def _name_in(zone: str, owner: str) -> str:
    """The name of an owner (``name#zone``); "" for one of another zone, who is a stranger here."""
    name, _, home = owner.partition("#")
    return name if home in {"", zone} else ""


def options_of(settings: Settings) -> IngestOptions:
    """What the settings say of ingest."""
    return settings.ingest.options(settings.snapshots.prefix, settings.paths)


@contextmanager
def open_tree_store(settings: Settings, *, is_service: bool = False) -> Iterator[TreeStore]:
    """The iRODS zone of the settings; a service changes AVUs with the rights of an administrator.

    Raises:
        UsageError, AccessDenied, Unreachable: as ``wiring.open_object_store``.
    """
    if is_service:
        _check_rodsadmin(account_from_environment(settings.irods.environment_file))
    with open_object_store(settings, as_admin=is_service) as store:
        yield store


def _check_rodsadmin(account: Account) -> None:
    about = about_zone(account)
    if about.user_type != "rodsadmin":
        raise AccessDenied(
            f"{about.user} is a {about.user_type or 'stranger'} in iRODS; a service has to be a rodsadmin.",
            hint="Leave out --service to import for yourself, or name the service's irods.environment_file.",
        )


@contextmanager
def open_hands(
    settings: Settings,
    store: TreeStore,
    ask: Ask | None = None,
    *,
    is_service: bool = False,
    people: People | None = None,
) -> Iterator[Hands]:
    """Connections for a scan by ``store``.

    A person imports for himself, whatever is named elsewhere. A service (``is_service``) is a rodsadmin in
    iRODS and an administrator with the privilege Sudo in OMERO: it imports for the owner of the collection or
    card, who has the same name in OMERO unless ``people`` says otherwise; its own collections and cards may
    name anybody.
    """
    with open_connection(settings, ask) as connection:
        if not is_service:
            yield _of_person(side_on(connection, settings), store)
            return
        with hands_of_service(connection, store, settings, people or People()) as hands:
            yield hands


@contextmanager
def hands_of_service(
    connection: OmeroConnection, store: TreeStore, settings: Settings, people: People
) -> Iterator[Hands]:
    """As :func:`open_hands` for a service, on its connection, which the caller closes."""
    with ExitStack() as stack:
        yield _of_service(side_on(connection, settings), connection, store, settings, people, stack)


def side_on(connection: OmeroConnection, settings: Settings) -> IngestSide:
    """All ports of ingest, with the mounts of the settings."""
    omero = settings.omero
    return ingest_on(
        connection, omero.managed_repository, mounts_of(settings), import_command=omero.import_command
    )


def _of_person(side: IngestSide, store: TreeStore) -> Hands:
    identity = side.receiver.server.identity

    def omero(user: str, group: str) -> AbstractContextManager[IngestSide]:
        if user != identity.user or group not in {"", identity.group}:
            where = f" in the group {group}" if group else ""
            raise AccessDenied(
                f"You are {identity.user} in the group {identity.group}, and cannot import as {user}{where}.",
                hint="Log in to that group (--group), or let a service do it.",
            )
        return nullcontext(side)

    found = hands_of_person(identity.user, lambda _group: nullcontext(side), store)
    return replace(found, omero=omero)


def hands_of_person(
    person: str, side: Callable[[str], AbstractContextManager[IngestSide]], store: TreeStore
) -> Hands:
    """One who imports for himself alone; ``side`` opens OMERO as him in a group, "" for his default one."""

    def omero(user: str, group: str) -> AbstractContextManager[IngestSide]:
        if user != person:
            raise AccessDenied(f"You are {person}, and cannot import as {user}.", hint="Let a service do it.")
        return side(group)

    return Hands(
        omero=omero,
        irods=lambda _owner: nullcontext(store),
        witness=lambda: side(""),
        user_of=lambda _owner: person,
        may_act_as=lambda _owner, user: user == person,
        reads_as=lambda _owner: f"{store.user}#{store.zone}",
    )


def _of_service(
    side: IngestSide,
    connection: OmeroConnection,
    store: TreeStore,
    settings: Settings,
    people: People,
    stack: ExitStack,
) -> Hands:
    owners = _Owners(lambda owner: proxied_store(settings, owner))
    stack.callback(owners.close)
    mine = f"{store.user}#{store.zone}"

    @contextmanager
    def omero(user: str, group: str) -> Iterator[IngestSide]:
        with connection.as_user(user, group or None) as opened:
            yield side_on(opened, settings)

    def irods(owner: str) -> AbstractContextManager[ObjectStore]:
        if owner == mine:
            return nullcontext(store)
        return owners.store(owner)

    return Hands(
        omero=omero,
        irods=irods,
        witness=lambda: nullcontext(side),
        user_of=lambda owner: people.user_of(_name_in(store.zone, owner)),
        may_act_as=lambda owner, user: owner == mine or people.is_same(_name_in(store.zone, owner), user),
        is_service=lambda owner: owner == mine,
    )


@dataclass(slots=True)
class _OfOwner:
    store: IrodsStore
    users: int = 0


class _Owners:
    """The zone as one owner or another. Any thread may use it.

    What was opened for the last ``MOST_IDLE`` is kept. Each connection is a process of the iRODS server.
    """

    def __init__(self, opened: Callable[[str], IrodsStore]) -> None:
        self._opened, self._lock = opened, threading.Lock()
        self._known: dict[str, _OfOwner] = {}

    @contextmanager
    def store(self, owner: str) -> Iterator[IrodsStore]:
        with self._lock:
            one = self._known.pop(owner, None) or _OfOwner(self._opened(owner))
            self._known[owner] = one  # the last one
            one.users += 1
        try:
            yield one.store
        finally:
            with self._lock:
                one.users -= 1
                idle = [owner for owner, known in self._known.items() if not known.users]
                left = [self._known.pop(owner) for owner in idle[:-MOST_IDLE]]
            for known in left:
                known.store.close()

    def close(self) -> None:
        for one in self._known.values():
            one.store.close()


def proxied_store(settings: Settings, owner: str) -> IrodsStore:
    """The zone as ``owner`` (``name#zone``), by proxy of the settings' account; the caller closes it."""
    name, _, zone = owner.partition("#")
    account = account_from_environment(
        settings.irods.environment_file, client_user=name, client_zone=zone or None
    )
    return IrodsStore(account)
