"""An agent with its page, and who looks at it without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from omero_irods_bridge.model.jobs import JobSpec, PackWork
from omero_irods_bridge.model.objects import parse_objects
from tests.agent.pages.world import World, world_in


@dataclass
class Reader:
    """Reads pages and sends forms as a browser without a script does."""

    client: httpx.Client
    last: str = ""

    def get(self, path: str) -> httpx.Response:
        answer = self.client.get(path)
        self.last = answer.text
        return answer

    def post(self, path: str, /, **fields: str) -> httpx.Response:
        """A form of the page that was read last, with the token that it has."""
        token = re.search(r'name="token" value="(\w+)"', self.last)
        answer = self.client.post(path, data={"token": token[1] if token else "", **fields})
        self.last = answer.text
        return answer

    def sign_in(self, user: str) -> Reader:
        self.get("/sign-in?next=/jobs")
        assert self.post("/sign-in", user=user, password=f"{user}-pw", next="/jobs").status_code == 303
        return self


@pytest.fixture
def world(memory: Path) -> Iterator[World]:
    with world_in(memory) as made:
        yield made


MakeReader = Callable[[str], Reader]


@pytest.fixture
def reader_of(world: World) -> Iterator[MakeReader]:
    """Somebody who is signed in; "" for nobody."""
    clients: list[httpx.Client] = []

    def make(user: str = "", **headers: Any) -> Reader:
        looks = {"Accept": "text/html", "Origin": world.address}
        client = httpx.Client(base_url=world.address, headers={**looks, **headers}, timeout=30)
        clients.append(client)
        return Reader(client).sign_in(user) if user else Reader(client)

    yield make
    for one in clients:
        one.close()


@pytest.fixture
def ada(reader_of: MakeReader) -> Reader:
    return reader_of("ada")


@pytest.fixture
def chief(reader_of: MakeReader) -> Reader:
    """An administrator."""
    return reader_of("root-of-lab")


def words_of(answer: httpx.Response) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", answer.text)
    text = re.sub(r"<[^>]+>", " ", body)
    return " ".join(text.replace("&#39;", "'").replace("&amp;", "&").split())


def pack(note: str = "", objects: str = "Dataset:51", **more: Any) -> PackWork:
    return PackWork(parse_objects(objects.split()), note=note, **more)


def spec(work: Any = None, request_id: str = "r1", user: str = "ada") -> JobSpec:
    return JobSpec(work or pack(), user, request_id)
