"""The agent over HTTP for tests: an application on a real socket, and who asks it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from omero_irods_bridge.agent.http.cookies import Cookies
from omero_irods_bridge.agent.http.serving import served
from omero_irods_bridge.agent.http.sign_in import SignIn
from omero_irods_bridge.agent.http.tokens import Scope, Service, Tokens, digest_of, new_token
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.model.errors import AccessDenied, Unreachable

TOKENS = {scope: new_token() for scope in ("submit", "read", "manage", "all")}
USERS = Identities.parse('admins = ["root-of-lab"]\n[users]\nada = "ada"\nbob = "bob"\nroot-of-lab = "lab"')
SECRET = "a secret of the tests, of no use elsewhere"


def tokens() -> Tokens:
    each = {
        **{scope: frozenset({Scope(scope)}) for scope in ("submit", "read", "manage")},
        "all": frozenset(Scope),
    }
    return Tokens(tuple(Service(name, digest_of(TOKENS[name]), scopes) for name, scopes in each.items()))


def by(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[scope]}"}


def key_of(user: str) -> str:
    return hashlib.md5(user.encode()).hexdigest()


def session_of(user: str) -> dict[str, str]:
    return {"X-OMERO-Session": key_of(user)}


@dataclass
class KnownUsers:
    """Stands for OMERO where what becomes of its answers matters; test_sign_in.py has the real wire."""

    names: tuple[str, ...] = ("ada", "bob", "root-of-lab", "stranger")
    is_away: bool = False
    takes_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    def by_session(self, key: str) -> str:
        return self._found(next((name for name in self.names if key_of(name) == key), None))

    def by_password(self, user: str, password: str) -> str:
        return self._found(user if user in self.names and password == f"{user}-pw" else None)

    def _found(self, name: str | None) -> str:
        self.asked.append(name or "")
        time.sleep(self.takes_s)
        if self.is_away:
            raise Unreachable("OMERO did not answer.")
        if name is None:
            raise AccessDenied("OMERO does not let you in.")
        return name


class EndedHere:
    """As far as this process knows, and as long as it lives."""

    def __init__(self) -> None:
        self._ended: set[str] = set()

    def end(self, sign_in: str, expires: float) -> None:
        self._ended.add(sign_in)

    def has_ended(self, sign_in: str) -> bool:
        return sign_in in self._ended


def local_cookies(secret: str = SECRET, *, is_secure: bool = False, **more: Any) -> Cookies:
    """Of an agent that remembers for itself who has signed out."""
    return Cookies(secret, is_secure=is_secure, ended=EndedHere(), **more)


def signing_in(users: KnownUsers, **more: Any) -> SignIn:
    return SignIn(users, USERS, local_cookies(), **more)


@contextmanager
def answering(app: FastAPI) -> Iterator[httpx.Client]:
    with (
        served(app, "127.0.0.1", 0) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", timeout=30) as client,
    ):
        yield client


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["title"]
