"""Somebody changes what a load has made while it makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.operations.unpacking.rebuilding import MOST_ROUNDS
from omero_irods_bridge.ports import Draft
from tests.wire.bridge_unpack.conftest import Side, unpacked


class Disturbed(OmeroGraphWriter):
    """Whenever a dataset is saved, so many times, somebody renames it."""

    def __init__(self, connection: OmeroConnection, times: int) -> None:
        super().__init__(connection)
        self._times = times

    def save(self, drafts: Sequence[Draft]) -> Mapping[str, str]:
        made = super().save(drafts)
        datasets = [made.get(one["@"], one["@"]) for one in drafts if one["@"].startswith("Dataset:")]
        if datasets and self._times:
            self._times -= 1
            super().save([{"@": datasets[0], "name": "mine"}])
        return made


def disturbed(side: Side, times: int) -> Side:
    return replace(side, receiver=replace(side.receiver, writer=Disturbed(side.connection, times)))


def test_what_the_last_round_has_made_equal_is_done(store: IrodsStore, snapshot: str, hers: Side) -> None:
    unpacked(store, snapshot, disturbed(hers, MOST_ROUNDS - 1))


def test_a_load_that_somebody_changes_again_and_again_says_what_is_otherwise(
    store: IrodsStore, snapshot: str, hers: Side
) -> None:
    with pytest.raises(BridgeError, match=r"4 rounds: Dataset:\d+ has another name\."):
        unpacked(store, snapshot, disturbed(hers, MOST_ROUNDS))
