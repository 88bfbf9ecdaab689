"""Filesets are imported side by side, each import through a connection of its own in the same session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import omero
import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero import importing
from omero_irods_bridge.model.errors import Unreachable
from tests.wire.bridge_unpack.conftest import Side, row_counts, unpacked

FILESETS = 3


def test_each_fileset_beside_the_first_has_a_connection_of_its_own_which_is_closed(
    hers: Side, store: IrodsStore, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    another = hers.connection.another_client

    @contextmanager
    def counted() -> Iterator[Any]:
        with another() as client:
            opened.append(client)
            yield client

    importer = hers.receiver.importer
    assert isinstance(importer, importing.OmeroImporter)
    monkeypatch.setattr(importer, "_another_client", counted)
    unpacked(store, snapshot, hers)
    assert row_counts(hers.omero)["Fileset"] == FILESETS
    assert len(opened) == FILESETS - 1
    for client in opened:
        with pytest.raises(omero.ClientError):
            client.getSession()


def test_a_server_that_lets_no_further_connection_in_gets_all_filesets_through_the_first(
    hers: Side, store: IrodsStore, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> Any:
        raise Unreachable("too many connections")

    monkeypatch.setattr(hers.receiver.importer, "_another_client", refused)
    unpacked(store, snapshot, hers)
    assert row_counts(hers.omero)["Fileset"] == FILESETS
