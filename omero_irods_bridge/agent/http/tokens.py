"""Tokens of services: rules, scripts, administrators. The file has only their digests.

    [tokens.rules]
    sha256 = "..."                  # omero-irods agent token rules   prints token and line
    scopes = ["submit"]

A token has 256 random bits, so that a plain digest keeps it as safe as a slow one would.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, Self

from omero_irods_bridge.model.errors import AccessDenied, NotFound, UsageError

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class Scope(StrEnum):
    """What a token is good for."""

    SUBMIT = "submit"
    """Hand in jobs for any user whom the agent lets in, and wake."""
    WAKE = "wake"
    """Say that something arrived in iRODS, and nothing else."""
    READ = "read"
    """Look at all jobs."""
    MANAGE = "manage"
    """Cancel, retry and delete any job."""


@dataclass(frozen=True, slots=True)
class Service:
    """Who a token belongs to."""

    name: str
    sha256: str
    scopes: frozenset[Scope]


class KnownTokens(Protocol):
    """Says whose token it is, as :class:`Tokens` does. Any thread may call it."""

    def service_of(self, token: str) -> Service | None: ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """All services that have a token."""

    services: tuple[Service, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Parse the file and check each service.

        Raises:
            NotFound, AccessDenied: it is not there, or cannot be read.
            UsageError: it is not as it should be; says which service is wrong.
        """
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise NotFound(f"{file} is not there.", hint="Make it, or set agent.tokens.") from error
        except OSError as error:
            raise AccessDenied(f"{file} cannot be read: {error.strerror}.") from error
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{file} is not TOML: {error}.") from error
        services = found.pop("tokens", {})
        if found or not isinstance(services, dict):
            raise UsageError(f"{file} has sections such as [tokens.rules], and nothing else.")
        return cls(tuple(_service(file, name, fields) for name, fields in services.items()))

    def service_of(self, token: str) -> Service | None:
        """Whose token it is; all are compared, so that the time taken says nothing."""
        digest = digest_of(token)
        found = [one for one in self.services if hmac.compare_digest(one.sha256, digest)]
        return found[0] if found else None


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """As the file has it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _service(file: Path, name: str, fields: object) -> Service:
    where = f"{file}: [tokens.{name}]"
    if not _NAME.fullmatch(name) or not isinstance(fields, dict) or set(fields) != {"sha256", "scopes"}:
        raise UsageError(f"{where} has a sha256 and scopes, and nothing else.")
    digest, scopes = fields["sha256"], fields["scopes"]
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise UsageError(f"{where}: sha256 has 64 hexadecimal digits.", hint="omero-irods agent token NAME")
    if not isinstance(scopes, list) or not all(one in list(Scope) for one in scopes):
        raise UsageError(f"{where}: scopes is a list of some of {', '.join(Scope)}.")
    return Service(name, digest, frozenset(map(Scope, scopes)))
