"""An OMERO server: one process's worth of services, with its database and its files."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import secrets
import threading
from pathlib import Path
from typing import Any, Final

import Glacier2
import Ice
import omero

from omero_irods_sandbox.folder_lock import FolderLock
from omero_irods_sandbox.omero_server import requests, services, tls
from omero_irods_sandbox.omero_server.clock import Clock
from omero_irods_sandbox.omero_server.communicator import make_communicator, port_of
from omero_irods_sandbox.omero_server.config import ServerConfig
from omero_irods_sandbox.omero_server.dispatch.call import DOOR_PREFIX
from omero_irods_sandbox.omero_server.dispatch.servants import servant
from omero_irods_sandbox.omero_server.faults import Counters, Faults
from omero_irods_sandbox.omero_server.model.types import Proxy
from omero_irods_sandbox.omero_server.restoring import FirstState
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.security.directory import Directory
from omero_irods_sandbox.omero_server.security.passwords import Passwords
from omero_irods_sandbox.omero_server.security.roles import ALL_GROUPS, ROOT_USER
from omero_irods_sandbox.omero_server.sessions.factory import ServiceFactory
from omero_irods_sandbox.omero_server.sessions.registry import SessionRegistry
from omero_irods_sandbox.omero_server.sessions.router import IDENTITY, Router
from omero_irods_sandbox.omero_server.sessions.session import Limits, Session
from omero_irods_sandbox.omero_server.settings import Settings
from omero_irods_sandbox.omero_server.storage.download_marks import DownloadMarks
from omero_irods_sandbox.omero_server.storage.files import FileStorage
from omero_irods_sandbox.omero_server.store.seed import DATABASE_UUID
from omero_irods_sandbox.omero_server.store.store import Store

log = logging.getLogger(__name__)

_PACKAGE: Final = "omero_irods_sandbox.omero_server"
_FAMILIES: Final = ("repository", "tables", "scripts")
"""Parts that publish something of their own when the server starts."""

_DATA_FOLDERS: Final = ("Files", "ManagedRepository", "Pixels", "ScriptRepository", "Thumbnails")
"""What :meth:`OmeroServer.reset` looks after below the data folder."""

_COLLECT_AFTER: Final = 50_000
"""So many new objects; with Python's default of 700, half the time of a long answer is the collector's."""

_PASSWORD_FILE: Final = "root_password"  # noqa: S105

services.register_all()
requests.register_all()


class OmeroServer:
    """A server. :meth:`start` returns when clients can connect, :meth:`stop` when all has been released."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.clock = Clock()
        self.counters = Counters()
        self.faults = Faults(self)
        self.store = Store(_private(config.data / "omero.sqlite"), self.clock)
        self.directory = Directory(self.store)
        self.passwords = Passwords(self.store.database)
        self.root_password = self._root_password()
        self.uuid = str(self.store.database.value("select value from setting where name = ?", DATABASE_UUID))
        self.storage = FileStorage(self)
        self.store.marks = DownloadMarks(self)
        self.default_limits = Limits(int(config.idle_timeout_s * 1000))
        self.sessions = SessionRegistry(self)
        self.certificate = tls.certificate(config.data / "certs")
        self.ssl_port, self.tcp_port = config.ssl, config.tcp
        self.settings = Settings(self.store.database, {}, config.settings)
        self._communicator: Any = None
        self._adapter: Any = None
        self._doors = threading.Lock()
        self._lock = FolderLock(config.data, "server")
        self._first_state: FirstState | None = None

    @property
    def host(self) -> str:
        return self.config.host

    def _root_password(self) -> str:
        """The password given, else the one kept, else a new one, kept in a file only its owner reads."""
        path = self.root_password_file
        if self.config.root_password is None and path.exists():
            password = path.read_text().strip()
        else:
            password = self.config.root_password or secrets.token_urlsafe(12)
            _private(path).write_text(password + "\n")
        if not self.passwords.check(ROOT_USER, password):
            self.passwords.set(ROOT_USER, password)
        return password

    @property
    def root_password_file(self) -> Path:
        return self.config.data / _PASSWORD_FILE

    # -- life

    def start(self) -> OmeroServer:
        """Listen.

        Raises:
            RuntimeError: a port is in use, or the certificate cannot be read.
            StartError: another server runs in the folder.
        """
        try:
            self._start()
        except Ice.LocalException as error:
            self.stop()
            raise RuntimeError(f"cannot listen on {self.host}: {type(error).__name__}: {error}") from error
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        self._lock.hold()
        self._listen()
        self.settings = Settings(self.store.database, self._default_settings(), self.config.settings)
        self.sessions.start()
        for family in _families():
            family.install(self)
        if self.config.can_reset:
            folders = [self.config.data / name for name in _DATA_FOLDERS]
            self._first_state = FirstState(self.store.database, folders)
        _collect_rarely()
        self._adapter.activate()

    def _listen(self) -> None:
        self._communicator = make_communicator(self.certificate)
        endpoints = ":".join(
            f"{kind} -h {self.host} -p {port}"
            for kind, port in (("ssl", self.ssl_port), ("tcp", self.tcp_port))
        )
        self._adapter = self._communicator.createObjectAdapterWithEndpoints("OMERO", endpoints)
        self.ssl_port, self.tcp_port = port_of(self._adapter, "ssl"), port_of(self._adapter, "tcp")
        self.publish(Glacier2.Router, Router(self), self._communicator.stringToIdentity(IDENTITY))

    def _default_settings(self) -> dict[str, str]:
        return {
            # Clients put in the host they know.
            "omero.router.insecure": f"OMERO.Glacier2/router:tcp -p {self.tcp_port} -h @omero.host@",
            "omero.data.dir": str(self.config.data),
            "omero.managed.dir": str(self.storage.managed),
            "omero.policy.binary_access": "+read,+write,+image",
            "omero.sessions.timeout": str(self.default_limits.idle_ms),
            "omero.scripts.timeout": str(int(self.config.script_timeout_s * 1000)),
            "omero.fs.repo.path": "%user%_%userId%//%year%-%month%/%day%/%time%",
            "omero.fs.repo.path_rules": "Windows required, UNIX required",
            "omero.db.poolsize": "10",
            "omero.client.ui.menu.dropdown.colleagues.enabled": "true",
        }

    def stop(self) -> None:
        """End sessions and services, then connections, then the database."""
        if self._adapter is not None:
            self._adapter.deactivate()
        if self._communicator is not None:
            self.sessions.stop()
            for family in _families():
                family.uninstall(self)
            self._communicator.destroy()
        if self._first_state is not None:
            self._first_state.close()
        self.store.close()
        self._lock.release()

    def reset(self) -> None:
        """Back to the state at the start of this run: its database and files, no sessions, no faults.

        Raises:
            RuntimeError: the server was not started with ``can_reset``.
        """
        if self._first_state is None:
            raise RuntimeError("this server keeps no first state: start it with can_reset")
        self.sessions.close_all()
        self.faults.clear()
        self.counters.reset()
        self.clock.reset()
        self._first_state.restore()
        self.store.identities_version += 1

    def ready(self) -> dict[str, object]:
        """What a program that started the server wants to know, as one JSON line."""
        return {
            "name": self.config.name,
            "host": self.host,
            "ssl": self.ssl_port,
            "tcp": self.tcp_port,
            "root_password_file": str(self.root_password_file),
            "uuid": self.uuid,
            "managed_repository": str(self.storage.managed),
            "certificate": str(self.certificate.authority),
        }

    # -- publishing

    def publish(self, skeleton: type, implementation: object, identity: Any) -> Proxy:
        """Let clients call ``implementation``; a proxy of no particular type."""
        return self._adapter.add(servant(self, skeleton, implementation), identity)

    def unpublish(self, identity: Any) -> None:
        """End it; nothing happens when it is not there."""
        with contextlib.suppress(Ice.NotRegisteredException, Ice.ObjectAdapterDeactivatedException):
            self._adapter.remove(identity)

    def proxy(self, identity: Any) -> Proxy:
        """A proxy for what is, or may be, published."""
        return self._adapter.createProxy(identity)

    def door(self, session: Session, client_id: str) -> Any:
        """The identity of a client's ServiceFactory: its name is the session's id."""
        return Ice.Identity(session.uuid, f"{DOOR_PREFIX}{client_id}")

    def open_door(self, session: Session, client_id: str) -> Proxy:
        """Let a client into a session; its ServiceFactory."""
        identity = self.door(session, client_id)
        self.sessions.join(session, client_id)
        with self._doors:
            if self._adapter.find(identity) is None:
                return self.publish(omero.api.ServiceFactory, ServiceFactory(), identity)
        return self.proxy(identity)

    # -- acting for itself

    def internal_caller(self, group_id: int = ALL_GROUPS) -> Caller:
        """The server acting for itself: nothing is hidden from it, nothing forbidden."""
        return Caller.internal(self.directory.groups(), group_id)


def _families() -> list[Any]:
    specs = (importlib.util.find_spec(f"{_PACKAGE}.{name}") for name in _FAMILIES)
    return [
        importlib.import_module(spec.name) for spec in specs if spec is not None and spec.origin is not None
    ]


def _private(path: Path) -> Path:
    """Make the file if it is missing, for its owner's eyes only."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    return path


def _collect_rarely() -> None:
    """Let the garbage collector of this process come less often."""
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
