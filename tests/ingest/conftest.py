"""A zone whose vault the embedded OMERO sees under another path, and scans by a user of both."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import tifffile
from omero.rtypes import unwrap
from PIL import Image

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import connect
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.ingest import IngestOptions, IngestResult
from omero_irods_bridge.model.stored import Avu, DataObject
from omero_irods_bridge.operations import ingest
from omero_irods_bridge.operations.ingesting.hands import Hands, IngestSide
from omero_irods_bridge.wiring import SystemClock, ingest_on
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import _no_faults_in_the_zone  # noqa: F401
from tests.wire.irods_zone.conftest import session, zone  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    User,
    _no_faults_left,
    make_group,
    make_user,
    root,
    server,
    user,
)

_places = count(1)
_pictures = count(1)


def png(width: int = 8, height: int = 6) -> bytes:
    """A picture like no other one."""
    target = io.BytesIO()
    pixels = np.random.default_rng(next(_pictures)).integers(0, 255, (height, width), np.uint8)
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def tiff(description: str | None = None) -> bytes:
    """A TIFF like no other one."""
    target = io.BytesIO()
    pixels = np.random.default_rng(next(_pictures)).integers(0, 255, (6, 8), np.uint8)
    tifffile.imwrite(target, pixels, description=description, metadata=None)
    return target.getvalue()


@dataclass
class Drop:
    """A collection in iRODS, and the scans of it."""

    collection: str
    store: IrodsStore
    server: OmeroServer
    user: User
    options: IngestOptions
    sides: Callable[[], AbstractContextManager[IngestSide]]
    allowed: set[str] = field(default_factory=set)

    def put(self, name: str, content: bytes | None = None) -> str:
        """The path of a data object that is there now."""
        path = f"{self.collection}/{name}"
        self.store.make_collection(path.rpartition("/")[0])
        writer = self.store.open_writer(path)
        writer.write_at(0, 0, png() if content is None else content)
        writer.close()
        return path

    def opt_in(self, mode: str = "in-place", collection: str | None = None, **more: str) -> None:
        told = {"ingest": mode} | {f"ingest_{name}": value for name, value in more.items()}
        avus = [Avu(f"omero::{name}", value) for name, value in told.items()]
        self.store.change_avus(collection or self.collection, add=avus)

    def avus(self, path: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in self.store.avus(path):
            found.setdefault(one.attribute.removeprefix("omero::"), []).append(one.value)
        return found

    def hands(self, **changed: Any) -> Hands:
        made = Hands(
            omero=lambda _user, _group: self.sides(),
            irods=lambda _owner: nullcontext(self.store),
            witness=self.sides,
            user_of=lambda _owner: self.user.name,
            may_act_as=lambda _owner, name: name == self.user.name or name in self.allowed,
        )
        return dataclasses.replace(made, **changed)

    def plan(self, **changed: Any) -> ingest.IngestPlan:
        options = dataclasses.replace(self.options, **changed)
        return ingest.plan(self.store, self.collection, self.hands(), options, clock=SystemClock())

    def scan(self, *, hands: Hands | None = None, **changed: Any) -> IngestResult:
        options = dataclasses.replace(self.options, **changed)
        return ingest.scan(self.store, self.collection, hands or self.hands(), options, clock=SystemClock())

    def rows(self, hql: str, **values: Any) -> list[Any]:
        """What a query in OMERO answers this user."""
        parameters = omero.sys.ParametersI()
        for name, value in values.items():
            add = parameters.addString if isinstance(value, str) else parameters.addLong
            add(name, value)
        with self.connection() as opened:
            query = opened.session.getQueryService()
            return [unwrap(row) for row in query.projection(hql, parameters, opened.all_groups())]

    @contextmanager
    def connection(self) -> Iterator[Any]:
        login = UserPassword(self.server.host, self.user.name, self.user.password, self.server.ssl_port)
        with connect(login, secure=False) as opened:
            yield opened

    def images(self) -> list[str]:
        """Names of this user's images."""
        return sorted(row[0] for row in self.rows("select i.name from Image i"))

    def stored(self, path: str) -> DataObject:
        found = self.store.find(path)
        assert isinstance(found, DataObject)
        return found


@pytest.fixture
def vault(zone: Zone, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """Where OMERO sees the vault of the zone."""
    mount = tmp_path_factory.mktemp("mount") / "vault"
    mount.symlink_to(vault_of(zone))
    return mount


def vault_of(zone: Zone) -> Path:  # noqa: F811
    return Path(zone.config.root) / "vault"


@pytest.fixture
def drop(
    store: IrodsStore,  # noqa: F811
    server: OmeroServer,  # noqa: F811
    user: User,  # noqa: F811
    vault: Path,
    zone: Zone,  # noqa: F811
) -> Drop:
    """An empty collection of the administrator's; nothing has opted in. Files are at rest at once."""
    collection = f"{store.home}/drop-{next(_places)}"
    store.make_collection(collection)
    options = IngestOptions(quiet_s=0, paths={f"demoResc:{vault_of(zone)}": vault})

    @contextmanager
    def sides() -> Iterator[IngestSide]:
        login = UserPassword(server.host, user.name, user.password, server.ssl_port)
        with connect(login, secure=False) as opened:
            yield ingest_on(opened)

    return Drop(collection, store, server, user, options, sides)


def renamed(zone: Zone, old: str, new: str) -> None:  # noqa: F811
    """Another name, of a data object or path of a collection, as no client of ours can give it."""
    with zone.catalog.database.transaction():
        zone.catalog.database.execute("update R_DATA_MAIN set data_name = ? where data_name = ?", new, old)
        zone.catalog.database.execute("update R_COLL_MAIN set coll_name = ? where coll_name = ?", new, old)
