"""How to run a server."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ServerConfig:
    """Ports of 0 are any free ones; the same ``data`` means the same server again."""

    data: Path
    host: str = "127.0.0.1"
    ssl: int = 0
    tcp: int = 0
    name: str = "omero"
    """What to call it in messages."""
    root_password: str | None = field(default=None, repr=False)
    """None means the one kept in ``data``, a random one the first time."""
    idle_timeout_s: float = 600
    """When a session ends that nobody uses (omero.sessions.timeout)."""
    script_timeout_s: float = 3600
    """When a script's session ends (omero.scripts.timeout)."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings as ``omero config set`` makes them."""
    can_reset: bool = False
    """Keep a copy of the database in memory, so that :meth:`OmeroServer.reset` can go back to it."""
    allow_other_hosts: bool = False
    """Listen on an address that other machines can reach: only in a closed network."""

    def __post_init__(self) -> None:
        if self.allow_other_hosts or self.host == "localhost":
            return
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(
                f"{self.host} can be reached from other machines, and nobody looks after this server's data."
                " Use 127.0.0.1, or say so with --allow-other-hosts."
            )
