"""A zone: one server with its catalog and its vault."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import os
import secrets
import socket
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omero_irods_sandbox.errors import StartError
from omero_irods_sandbox.folder_lock import FolderLock
from omero_irods_sandbox.irods_zone import api
from omero_irods_sandbox.irods_zone.agent import Agent
from omero_irods_sandbox.irods_zone.api.open_files import OpenFiles
from omero_irods_sandbox.irods_zone.api.replica_access import ReplicaAccess
from omero_irods_sandbox.irods_zone.api.statements import Statements
from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.faults import Counters, Faults
from omero_irods_sandbox.irods_zone.policy.delay_server import DelayServer
from omero_irods_sandbox.irods_zone.policy.engine import RuleEngine, RuleFile
from omero_irods_sandbox.irods_zone.session import Claim, Session
from omero_irods_sandbox.irods_zone.startup import Negotiation, Transport
from omero_irods_sandbox.irods_zone.tls import server_context

log = logging.getLogger(__name__)

_BACKLOG: Final = 128
_STOP_TIMEOUT_S: Final = 10.0
_BLOCKED_AFTER_S: Final = 1.0
_ADMIN_CREDENTIAL: Final = "admin_password"

api.register_all()


@dataclass(frozen=True)
class ZoneConfig:
    """How to run a zone. ``port`` 0 means any free one; the same ``root`` means the same zone again."""

    root: Path
    host: str = "127.0.0.1"
    port: int = 0
    zone: str | None = None
    """Its name; None means that of the zone kept in ``root``, tempZone the first time."""
    admin: str = "rods"
    password: str | None = field(default=None, repr=False)
    """The administrator's; None means the one kept in ``root``, a random one the first time."""
    tls: Negotiation = Negotiation.REFUSE
    rules: Path | None = None
    """A rule file as the Python rule engine plugin loads it (``core.py``)."""
    exec_bin: Path | None = None
    """The folder that ``msiExecCmd`` runs programs from (``msiExecCmd_bin``)."""
    delay_interval_s: float = 0.2
    """How often delayed rules are looked for; 30 on a real server."""
    resource_host: str | None = None
    """The default resource's host name; clients compare it with their own."""
    allow_other_hosts: bool = False
    """Listen where other machines can reach it. Passwords are readable: only in a closed network."""


class Zone:
    """A running zone.

    :meth:`start` returns when clients can connect, :meth:`stop` when all threads have ended.
    """

    def __init__(self, config: ZoneConfig) -> None:
        _check_address(config)
        self.config = config
        self.rules = RuleFile(config.rules, config.exec_bin)
        config.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.password = _admin_password(config)
        self.vault = config.root / "vault"
        self.vault.mkdir(exist_ok=True)
        self.transport, self.certificate = _transport(config)
        self._root_lock = FolderLock(config.root, "zone")
        self.catalog = self._open_catalog()
        self.counters = Counters()
        self.faults = Faults(self.catalog)
        self.replica_access = ReplicaAccess()
        self._delay_server = DelayServer(self, config.delay_interval_s)
        self._listener: socket.socket | None = None
        self._agents: dict[Agent, threading.Thread] = {}
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, name="irods-accept", daemon=True)
        self.port = config.port

    def _open_catalog(self) -> Catalog:
        path = self.config.root / "catalog.sqlite"
        # Passwords in it are readable, so nobody else may read the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            return Catalog(
                path,
                zone=self.config.zone,
                vault=self.vault.resolve(),
                resource_host=self.config.resource_host or self.config.host,
                admin=self.config.admin,
                password=self.password,
            )
        except sqlite3.DatabaseError as error:
            raise StartError(f"{path} is no catalog of a zone ({error}). Take another folder.") from error

    @property
    def host(self) -> str:
        return self.config.host

    @property
    def name(self) -> str:
        return self.catalog.zone

    def start(self) -> Zone:
        """Listen. Replicas that the last run left in between are stale from now on.

        Raises:
            StartError: another zone runs in this root.
        """
        self._root_lock.hold()
        self.catalog.data_objects.settle_interrupted()
        try:
            self._listener = socket.create_server((self.config.host, self.config.port), backlog=_BACKLOG)
        except OSError:
            self._root_lock.release()
            raise
        self.port = int(self._listener.getsockname()[1])
        self.write_environment()
        self._acceptor.start()
        self._delay_server.start()
        return self

    def _accept(self) -> None:
        assert self._listener is not None
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return  # the listener is closed: the zone stops
            agent = Agent(self, connection, str(address[0]))
            thread = threading.Thread(target=self._serve, args=(agent,), name="irods-agent", daemon=True)
            with self._lock:
                self._agents[agent] = thread
            thread.start()

    def _serve(self, agent: Agent) -> None:
        try:
            agent.serve()
        finally:
            with self._lock:
                self._agents.pop(agent, None)

    def new_session(self, claim: Claim, address: str, socket_number: int) -> Session:
        """The state of a new agent, with a rule module of its own, as each agent of a real server has."""
        return Session(
            zone=self,
            claim=claim,
            address=address,
            files=OpenFiles(),
            statements=Statements(),
            rules=RuleEngine(self.rules),
            socket_number=socket_number,
        )

    def drop_connections(self) -> None:
        """Cut every connection at once, as a restart of the server does."""
        with self._lock:
            agents = dict(self._agents)
        for agent in agents:
            agent.break_off()
        for agent, thread in agents.items():
            thread.join(_BLOCKED_AFTER_S)
            agent.stop_sending()
            thread.join(_STOP_TIMEOUT_S)

    def stop(self) -> None:
        """End the listener, all connections and the delay server, and close the catalog."""
        if self._listener is not None:
            _shut(self._listener)
            self._listener.close()
            self._acceptor.join(_STOP_TIMEOUT_S)
        self.drop_connections()
        self._delay_server.stop()
        self.catalog.close()
        self._root_lock.release()

    @property
    def environment_file(self) -> Path:
        return self.config.root / "irods_environment.json"

    def environment(self) -> dict[str, object]:
        """The client's settings as irods_environment.json has them."""
        settings: dict[str, object] = {
            "irods_host": self.config.host,
            "irods_port": self.port,
            "irods_user_name": self.config.admin,
            "irods_zone_name": self.name,
            "irods_home": f"/{self.name}/home/{self.config.admin}",
            "irods_default_resource": self.catalog.resources.default,
            "irods_default_hash_scheme": "SHA256",
        }
        if self.certificate is None:
            return settings
        return settings | {
            "irods_client_server_negotiation": "request_server_negotiation",
            "irods_client_server_policy": "CS_NEG_REQUIRE",
            "irods_ssl_ca_certificate_file": str(self.certificate),
            "irods_ssl_verify_server": "cert",
            "irods_encryption_algorithm": "AES-256-CBC",
            "irods_encryption_key_size": 32,
            "irods_encryption_num_hash_rounds": 16,
            "irods_encryption_salt_size": 8,
        }

    def ready(self) -> dict[str, object]:
        """What a program that started the zone wants to know, as one JSON line."""
        return {
            "host": self.config.host,
            "port": self.port,
            "zone": self.name,
            "admin": self.config.admin,
            "environment_file": str(self.environment_file),
        }

    def write_environment(self) -> None:
        self.environment_file.write_text(json.dumps(self.environment(), indent=2) + "\n")


def _check_address(config: ZoneConfig) -> None:
    if config.allow_other_hosts or config.host == "localhost":
        return
    if not ipaddress.ip_address(config.host).is_loopback:
        raise ValueError(
            f"{config.host} can be reached from other machines, and this zone keeps readable passwords."
            " Use 127.0.0.1, or say so with --allow-other-hosts."
        )


def _admin_password(config: ZoneConfig) -> str:
    """The password given, else the one kept in the root, else a new one that is kept there."""
    path = config.root / _ADMIN_CREDENTIAL
    if config.password is None and path.exists():
        return path.read_text().strip()
    password = config.password or secrets.token_urlsafe(12)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
    return password


def _transport(config: ZoneConfig) -> tuple[Transport, Path | None]:
    if config.tls is Negotiation.REFUSE:
        return Transport(), None
    context, certificate = server_context(config.root / "tls")
    return Transport(config.tls, context), certificate


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        connection.shutdown(socket.SHUT_RDWR)
