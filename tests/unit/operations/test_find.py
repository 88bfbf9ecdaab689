from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.memory import MemoryStore
from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Description, State, to_avus
from omero_irods_bridge.model.stored import Avu, parent_of
from omero_irods_bridge.operations.find import Criteria, SizeRange, find, size_ranges

START = datetime(2026, 1, 1, tzinfo=UTC)

PLAIN = Description(
    server="2f1c",
    host="omero.example.org",
    sources=("Dataset:51",),
    name="HeLa",
    owner="alice",
    group="lab",
    packed_by="alice",
    images=1,
    files=1,
    size=900,
    sha256="0" * 64,
    packed_at=START,
    software="omero-irods-bridge 0.1.0",
    image_ids=(12,),
)


def add(store: MemoryStore, path: str, *avus: Avu, **changes: Any) -> str:
    """Make an object at ``path`` below the home, with the AVUs of a snapshot if none are given."""
    full = f"{store.home}/{path}"
    store.make_collection(parent_of(full))
    store.open_writer(full).close()
    store.change_avus(full, add=avus or to_avus(replace(PLAIN, **changes)))
    return full


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def names(
    store: MemoryStore, criteria: Criteria | None = None, *, skip: int = 0, limit: int = 100
) -> list[str]:
    found = find(store, criteria or Criteria(), skip=skip, limit=limit)
    return [snapshot.path.rpartition("/")[2] for snapshot in found]


def test_what_is_no_snapshot_is_not_found(store: MemoryStore) -> None:
    add(store, "a.zip")
    add(store, "other", Avu("color", "red"))
    add(store, "half", Avu("omero::packet", "2"))
    assert names(store) == ["a.zip"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"owner": "bob"}, Criteria(owner="bob")),
        ({"group": "other"}, Criteria(group="other")),
        ({"sources": ("Image:9", "Screen:2")}, Criteria(source=ObjectRef(Kind.SCREEN, 2))),
        ({"image_ids": (12, 121)}, Criteria(image=121)),
        ({"name": "the 100% yield"}, Criteria(name="100% y")),
        ({"packed_at": START + timedelta(days=2)}, Criteria(since=START + timedelta(days=1))),
        ({"packed_at": START - timedelta(days=2)}, Criteria(until=START - timedelta(days=1))),
        ({"state": State.DAMAGED}, Criteria(state=State.DAMAGED)),
        ({"size": 1000}, Criteria(min_size=901)),
        ({"size": 99}, Criteria(max_size=899)),
    ],
)
def test_each_criterion_finds_just_what_fulfils_it(
    store: MemoryStore, changes: dict[str, Any], wanted: Criteria
) -> None:
    add(store, "a.zip")
    add(store, "b.zip", **changes)
    assert names(store, wanted) == ["b.zip"]


def test_all_criteria_must_be_fulfilled(store: MemoryStore) -> None:
    add(store, "a.zip", owner="bob", group="lab", size=10)
    add(store, "b.zip", owner="bob", group="other", size=10)
    add(store, "c.zip", owner="bob", group="lab", size=20)
    assert names(store, Criteria(owner="bob", group="lab", min_size=10, max_size=10)) == ["a.zip"]


def test_only_what_is_below_the_collection_is_found(store: MemoryStore) -> None:
    add(store, "one/a.zip")
    add(store, "one-more/b.zip")
    assert names(store, Criteria(below=f"{store.home}/one")) == ["a.zip"]


@pytest.mark.parametrize("criteria", [Criteria(), Criteria(min_size=0)])
def test_pages_do_not_overlap_and_miss_nothing(store: MemoryStore, criteria: Criteria) -> None:
    sizes = [7 ** (number % 5) for number in range(11)]
    every = [
        add(store, f"{number:02}.zip", size=size).rpartition("/")[2] for number, size in enumerate(sizes)
    ]
    pages = [names(store, criteria, skip=skip, limit=4) for skip in range(0, 16, 4)]
    assert [len(page) for page in pages] == [4, 4, 3, 0]
    assert [name for page in pages for name in page] == every


def test_another_prefix_is_another_world(store: MemoryStore) -> None:
    add(store, "a.zip")
    add(store, "b.zip", *to_avus(PLAIN, "lab::"))
    assert [found.path[-5:] for found in find(store, Criteria(owner="alice"), prefix="lab::")] == ["b.zip"]


def test_what_nothing_can_fulfil_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        Criteria(since=START, until=START - timedelta(seconds=1))
    with pytest.raises(UsageError):
        Criteria(min_size=2, max_size=1)


_SIZES = st.integers(0, 10**18 - 1) | st.builds(
    lambda digits, more: 10**digits + more, st.integers(0, 17), st.integers(-1, 1)
)


@given(least=_SIZES, most=_SIZES, size=_SIZES)
def test_each_size_between_two_is_in_one_range_when_compared_as_text(
    least: int, most: int, size: int
) -> None:
    least, most = sorted((least, most))
    text = str(size)
    holding = [one for one in size_ranges(least, most) if _holds(one, text)]
    assert len(holding) == (1 if least <= size <= most else 0)


def _holds(sizes: SizeRange, text: str) -> bool:
    low, high = sizes.between or ("", ":")
    return sizes.digits[0] <= len(text) <= sizes.digits[1] and str(low) <= text <= str(high)


def test_data_that_were_ingested_have_images_too_and_are_no_snapshots(store: MemoryStore) -> None:
    add(store, "a.zip", image_ids=(12,))
    add(store, "raw.tif", Avu("omero::image", "12"), Avu("omero::fileset", "3"), Avu("omero::server", "2f1c"))
    assert names(store, Criteria(image=12)) == ["a.zip"]
    assert names(store, Criteria(image=12, owner="alice")) == ["a.zip"]
