"""A PostgreSQL server of our own, that a test may kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Postgres:
    """Reached by a socket in a folder of ours, without a password."""

    folder: Path
    sockets: str
    """A path of its own: that of a socket has at most 107 characters."""
    prefix: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"postgresql://bridge@/bridge?host={self.sockets}"

    def start(self, more: str = "") -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.sockets} -c fsync=off {more}"
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / "pg.log", "-o", options, "-w", "start")

    def crash(self) -> None:
        """As a power cut: connections end at once, and the next start recovers."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, *command: object) -> None:
        done = subprocess.run(
            [*self.prefix, *map(str, command)], capture_output=True, text=True, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def own_postgres(folder: Path) -> Iterator[Postgres]:
    """A server with an empty database in ``folder``, which it gets for itself."""
    if shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as sockets:
        yield from _started(folder, sockets)


def _started(folder: Path, sockets: str) -> Iterator[Postgres]:
    is_root = os.geteuid() == 0
    if is_root:  # its programs refuse to be run by root
        shutil.chown(folder, "postgres")
        shutil.chown(sockets, "postgres")
    server = Postgres(folder, sockets, ("runuser", "-u", "postgres", "--") if is_root else ())
    server.run("initdb", "-D", server.data, "-U", "bridge", "-A", "trust", "-N", "--no-locale", "-E", "UTF8")
    server.start()
    try:
        server.run("createdb", "-h", sockets, "-U", "bridge", "bridge")
        yield server
    finally:
        server.crash()
