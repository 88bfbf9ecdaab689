"""Who we are in iRODS: from the files that iinit writes, or said by the caller.

Places and keys are PRC's and the icommands' own: ``IRODS_ENVIRONMENT_FILE``, else
``~/.irods/irods_environment.json``; ``IRODS_AUTHENTICATION_FILE``, else ``~/.irods/.irodsA``
(reference/conventions.md, E2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from irods import env_filename_from_keyword_args
from irods.session import NonAnonymousLoginWithoutPassword, iRODSSession

from omero_irods_bridge.model.errors import AccessDenied, UsageError

APPLICATION_NAME: Final = "omero-irods-bridge"
"""How we appear in ``ips``."""

_RUN_IINIT: Final = "Run iinit; without icommands write that file, and run: prc_write_irodsA.py native"
_IINIT_AGAIN: Final = "Run iinit; without icommands: prc_write_irodsA.py native"
_REQUIRED: Final = ("irods_host", "irods_port", "irods_user_name", "irods_zone_name")
_ENCRYPTION: Final[Mapping[str, object]] = {
    "irods_encryption_algorithm": "AES-256-CBC",
    "irods_encryption_key_size": 32,
    "irods_encryption_num_hash_rounds": 16,
    "irods_encryption_salt_size": 8,
}
"""What the icommands take when the file does not say; PRC fails without."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of an iRODS zone and how to log in to it; no password shows in its text.

    ``host`` and ``port`` are where it logs in. ``arguments`` are those of PRC's ``iRODSSession``.
    """

    host: str
    port: int
    arguments: Mapping[str, object] = field(repr=False)

    def open_session(self, connect_timeout_s: float) -> iRODSSession:
        """A session of PRC; it connects when it is first used.

        Raises:
            AccessDenied: there is no password for it, or it cannot be read.
        """
        try:
            return iRODSSession(
                application_name=APPLICATION_NAME, connection_timeout=connect_timeout_s, **self.arguments
            )
        except NonAnonymousLoginWithoutPassword as error:
            raise AccessDenied(f"There is no iRODS password for {self.host}.", hint=_IINIT_AGAIN) from error
        except (OSError, ValueError, LookupError) as error:
            raise AccessDenied(
                f"The iRODS password file cannot be read ({type(error).__name__}).", hint=_IINIT_AGAIN
            ) from error


def account_from_environment(
    file: Path | None = None, *, client_user: str | None = None, client_zone: str | None = None
) -> Account:
    """The account that iinit set up, or that ``file``, an irods_environment.json, describes.

    ``client_user`` is whom to act as; the account must be a rodsadmin's then.

    Raises:
        UsageError: the file is missing, or is not what iinit writes.
    """
    path = file or Path(env_filename_from_keyword_args({}))
    settings = _settings(path)
    arguments: dict[str, object] = {"irods_env_file": str(path)}
    arguments |= {key: value for key, value in _ENCRYPTION.items() if key not in settings}
    arguments |= _acting_as(client_user, client_zone or settings["irods_zone_name"])
    return Account(str(settings["irods_host"]), int(settings["irods_port"]), arguments)


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no iRODS environment at {path}.", hint=_RUN_IINIT) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"The iRODS environment {path} cannot be read: {error}", hint=_RUN_IINIT) from error
    missing = [key for key in _REQUIRED if not isinstance(settings, dict) or not settings.get(key)]
    if missing:
        raise UsageError(f"The iRODS environment {path} does not say {', '.join(missing)}.", hint=_RUN_IINIT)
    if not str(settings["irods_port"]).isdecimal():
        raise UsageError(f"irods_port in {path} is no number.", hint=_RUN_IINIT)
    return dict(settings)


def account(
    host: str,
    port: int,
    *,
    zone: str,
    user: str,
    password: str,
    client_user: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Account:
    """An account by name and password.

    ``options`` are further keys of irods_environment.json, such as those for TLS.
    """
    arguments: dict[str, object] = {
        **_ENCRYPTION,
        **(options or {}),
        "host": host,
        "port": port,
        "zone": zone,
        "user": user,
        "password": password,
        **_acting_as(client_user, zone),
    }
    return Account(host, port, arguments)


def _acting_as(client_user: str | None, client_zone: object) -> dict[str, object]:
    return {"client_user": client_user, "client_zone": client_zone} if client_user else {}
