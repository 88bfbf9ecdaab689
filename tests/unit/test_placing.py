"""Where OMERO sees a data object, by the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.model.errors import NotInPlace
from omero_irods_bridge.model.stored import DataObject, Replica, ReplicaStatus
from omero_irods_bridge.operations.placing import place_of, places_in
from tests.contracts.object_store import write

VAULT = "/var/lib/irods/Vault"
PATH = "/tempZone/home/alice/a.tif"


def replica(
    number: int = 0,
    resource: str = "demoResc",
    status: ReplicaStatus = ReplicaStatus.GOOD,
    path: str = f"{VAULT}/home/alice/a.tif",
) -> Replica:
    return Replica(number, resource, status, 5, "", path=path)


def place(*replicas: Replica, path: str = PATH, mapping: Mapping[str, str]) -> str | None:
    found = DataObject(path, 1, replicas or (replica(),))
    placed = place_of(found, {rule: PurePosixPath(folder) for rule, folder in mapping.items()})
    return None if placed is None else str(placed)


def test_a_physical_rule_follows_the_vault() -> None:
    assert place(mapping={f"demoResc:{VAULT}": "/irods/vault"}) == "/irods/vault/home/alice/a.tif"


def test_a_logical_rule_follows_the_zone() -> None:
    assert place(mapping={"/tempZone": "/mnt/irods"}) == "/mnt/irods/home/alice/a.tif"


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"otherResc:/var/lib/irods/Vault": "/x"},
        {"demoResc:/var/lib/irods/Vaul": "/x"},
        {"/temp": "/x"},
        {"/otherZone": "/x"},
        {PATH: "/x"},
    ],
)
def test_no_rule_that_fits_is_no_place(mapping: dict[str, str]) -> None:
    assert place(mapping=mapping) is None


def test_the_longest_prefix_wins_whatever_it_is_of() -> None:
    rules = {"/tempZone": "/zone", "/tempZone/home/alice": "/alice", f"demoResc:{VAULT}": "/vault"}
    assert place(mapping=rules) == "/vault/home/alice/a.tif"
    assert place(mapping={**rules, f"demoResc:{VAULT}/home/alice": "/near"}) == "/near/a.tif"
    assert place(mapping={**rules, "/tempZone/home/alice/": "/alice"}) == "/vault/home/alice/a.tif"


def test_of_two_as_long_the_physical_one_wins() -> None:
    rules = {"/tempZone/home/alice": "/logical", "demoResc:/var/lib/irods": "/physical"}
    assert place(mapping=rules) == "/physical/Vault/home/alice/a.tif"


def test_only_a_good_replica_on_the_named_resource_counts() -> None:
    stale = replica(0, status=ReplicaStatus.STALE)
    good = replica(1, "archive", path="/archive/a.tif")
    rules = {f"demoResc:{VAULT}": "/vault", "archive:/archive": "/tape"}
    assert place(stale, good, mapping=rules) == "/tape/a.tif"
    assert place(stale, mapping={**rules, "/tempZone": "/zone"}) is None


def test_a_path_that_goes_up_has_no_place() -> None:
    up = replica(path=f"{VAULT}/../secret/a.tif")
    assert place(up, mapping={f"demoResc:{VAULT}": "/vault"}) is None
    assert place(path="/tempZone/../etc/a", mapping={"/tempZone": "/mnt"}) is None


@given(st.lists(st.sampled_from(["a", "..", ".", "", "b c", "ü"]), max_size=6))
def test_a_place_is_always_below_the_folder_of_its_rule(parts: list[str]) -> None:
    found = place(replica(path="/".join([VAULT, *parts])), mapping={f"demoResc:{VAULT}": "/vault"})
    assert found is None or (found.startswith("/vault/") and ".." not in found.split("/"))


def test_of_a_snapshot_the_members_that_omero_sees_are_placed() -> None:
    store = MemoryStore()
    store.make_collection(f"{store.home}/snapshot/data")
    write(store, f"{store.home}/snapshot/data/a.tif")
    places = places_in(store, f"{store.home}/snapshot", {store.home: PurePosixPath("/mnt")})
    assert places == {"data/a.tif": PurePosixPath("/mnt/snapshot/data/a.tif")}
    assert places_in(store, f"{store.home}/snapshot", {"r:/x": PurePosixPath("/mnt")}) == {}


def test_a_zip_and_a_missing_mapping_are_refused_with_what_to_do() -> None:
    store = MemoryStore()
    write(store, f"{store.home}/snapshot.zip")
    with pytest.raises(NotInPlace, match="one file") as refused:
        places_in(store, f"{store.home}/snapshot.zip", {store.home: PurePosixPath("/mnt")})
    assert "--expanded" in refused.value.hint
    store.make_collection(f"{store.home}/snapshot")
    with pytest.raises(NotInPlace, match="No setting says"):
        places_in(store, f"{store.home}/snapshot", {})
