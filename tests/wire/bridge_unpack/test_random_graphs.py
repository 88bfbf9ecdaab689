"""Row P4 and U4: whatever is in OMERO arrives in another one as it was, and ``undo`` takes it back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.adapters.omero.image_server import OmeroImageServer
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations import undo
from tests.wire.bridge_unpack.canonical import assert_same, canonical
from tests.wire.bridge_unpack.conftest import People, Side, packed, row_counts, rows_of, unpacked
from tests.wire.bridge_unpack.worlds import World, worlds
from tests.wire.bridge_unpack.worlds_built import build

_numbers = count(1)
PHASES = tuple(Phase) if os.environ.get("SHRINK") else (Phase.explicit, Phase.generate)
"""To make a world that fails smaller takes minutes: say ``SHRINK=1`` and the seed that was printed."""


@settings(
    max_examples=20,
    deadline=None,
    phases=PHASES,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds(), form=st.sampled_from(Form))
def test_whatever_there_is_arrives_and_is_taken_back(
    world: World,
    form: Form,
    gateway: Any,
    omero: OmeroImageServer,
    store: IrodsStore,
    place: str,
    people: People,
    tmp_path: Path,
) -> None:
    roots = build(gateway, world, tmp_path)
    number = next(_numbers)
    store.make_collection(f"{place}/{number}")
    rows: list[Any] = []
    omero.read_graph(roots, rows.append, figures=True)
    path = packed(omero, store, f"{place}/{number}", roots, form)
    with somebody(people, number) as side:
        before = row_counts(side.omero)
        loaded = unpacked(store, path, side)
        assert set(loaded.objects) == {str(root) for root in roots}
        assert_same(canonical(rows), canonical(rows_of(side, loaded.objects.values())))
        undo.apply(undo.plan(loaded.load, side.receiver), side.receiver)
        assert row_counts(side.omero) == before


@contextmanager
def somebody(people: People, number: int) -> Iterator[Side]:
    """A new user of B, who has nothing of earlier examples."""
    user = people.make_user(f"user-{number}", people.make_group(f"group-{number}"))
    side = people.log_in(user)
    try:
        yield side
    finally:
        side.connection.close()
