"""Both embedded servers, and what pack needs to work between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from omero.rtypes import rstring

from omero_irods_bridge.adapters.omero.connection import connect as log_in
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.adapters.omero.login import UserPassword
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.irods_zone.conftest import make_user as make_irods_user  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    pair,
    root,
    server,
    user,
)
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any
ServerOf = Callable[[User], OmeroImageServer]


@pytest.fixture(autouse=True)
def _no_faults_in_the_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "zone" in request.fixturenames:
        request.getfixturevalue("zone").faults.clear()


@pytest.fixture
def omero_of(server: OmeroServer) -> Iterator[ServerOf]:  # noqa: F811
    """An image server of a user, closed after the test."""
    opened = []

    def make(user: User) -> OmeroImageServer:  # noqa: F811
        login = UserPassword(server.host, user.name, user.password, server.ssl_port)
        connection = log_in(login, secure=False)
        opened.append(connection)
        return OmeroImageServer(connection)

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def omero(omero_of: ServerOf, user: User) -> OmeroImageServer:  # noqa: F811
    """The image server of ``user``."""
    return omero_of(user)


@pytest.fixture
def dataset(gateway: Gateway, tmp_path: Path) -> ObjectRef:  # noqa: F811
    """Three images of one file each."""
    return make_dataset(gateway, tmp_path, [(64, 48), (300, 300), (16, 16)])


def make_dataset(gateway: Gateway, folder: Path, sizes: list[tuple[int, int]]) -> ObjectRef:  # noqa: F811
    """A dataset of images of random noise, of these widths and heights in pixels of 16 bits."""
    import omero.model

    dataset = omero.model.DatasetI()
    dataset.name = rstring("noise")
    saved = gateway.getUpdateService().saveAndReturnObject(dataset)
    noise = np.random.default_rng(len(sizes))
    for number, (width, height) in enumerate(sizes):
        path = folder / f"noise-{number}.tif"
        tifffile.imwrite(path, noise.integers(0, 65535, (height, width), dtype=np.uint16))
        (image, *_) = image_ids(import_files(gateway.c, [path]))
        link = omero.model.DatasetImageLinkI()
        link.parent = omero.model.DatasetI(saved.id.val, False)
        link.child = omero.model.ImageI(image, False)
        gateway.getUpdateService().saveObject(link)
    return ObjectRef(Kind.DATASET, saved.id.val)
