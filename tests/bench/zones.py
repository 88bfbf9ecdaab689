"""Embedded zones in processes of their own, and sessions with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import ZoneProcess, zone_process
from omero_irods_sandbox.irods_zone.zone import Zone

_OPTIONS: Final[dict[str, tuple[str, ...]]] = {"plain": (), "TLS": ("--tls",)}


def session_of(zone: ZoneProcess | Zone) -> iRODSSession:
    """A session of the zone's administrator."""
    if isinstance(zone, ZoneProcess):
        user, name = zone.admin, zone.zone
    else:
        user, name = zone.config.admin, zone.name
    return iRODSSession(host=zone.host, port=zone.port, user=user, password=zone.password, zone=name)


@contextmanager
def sessions(folder: Path) -> Iterator[dict[str, iRODSSession]]:
    """A session with a zone that speaks plain TCP, and one with a zone that speaks TLS, by those names."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_session(folder / name, *more)) for name, more in _OPTIONS.items()}


@contextmanager
def _session(root: Path, *options: str) -> Iterator[iRODSSession]:
    with (
        zone_process(root, "--port", "0", *options) as zone,
        iRODSSession(password=zone.password, **_settings(zone.environment_file)) as session,
    ):
        yield session


_NAMES: Final = {"irods_user_name": "user", "irods_zone_name": "zone"}


def _settings(environment_file: Path) -> dict[str, Any]:
    """What an environment file says, as arguments: given the file itself, PRC takes no password."""
    settings: dict[str, Any] = json.loads(environment_file.read_text())
    return {_NAMES.get(name, name.removeprefix("irods_")): value for name, value in settings.items()}
