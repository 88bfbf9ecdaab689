"""Search: by words in names, descriptions and annotations."""

from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import rstring

from tests.wire.omero_server.content import annotate, new

Gateway = Any


@pytest.fixture
def named(gateway: Gateway) -> dict[str, int]:
    """Datasets by name."""
    return {name: new(gateway, "Dataset", name) for name in ("red cell_01.tif", "green cell", "blue")}


def _found(gateway: Gateway, text: str, **options: Any) -> list[int]:
    return [one.getId() for one in gateway.searchObjects(["Dataset"], text, **options)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("blue", ["blue"]),
        ("CELL", ["red cell_01.tif", "green cell"]),
        ("gre*", ["green cell"]),
        ("bl?e", ["blue"]),
        ("red blue", ["red cell_01.tif", "blue"]),
        ("red AND cell", ["red cell_01.tif"]),
        ('"green cell"', ["green cell"]),
        ('"cell green"', []),
        ("01.tif", ["red cell_01.tif"]),
        ("name:blue", ["blue"]),
        ("description:blue", []),
        ("ell", []),
    ],
)
def test_words_are_found(text: str, names: list[str], gateway: Gateway, named: dict[str, int]) -> None:
    assert _found(gateway, text) == [named[name] for name in names]


def test_annotations_are_searched_too_and_fields_chosen(gateway: Gateway, named: dict[str, int]) -> None:
    annotate(gateway, ("Dataset", named["blue"]), "TagAnnotation", textValue=rstring("kidney"))
    values = [omero.model.NamedValue("organ", "liver")]
    annotate(gateway, ("Dataset", named["green cell"]), "MapAnnotation", mapValue=values)

    assert _found(gateway, "kidney") == [named["blue"]]
    assert _found(gateway, "liver") == [named["green cell"]]
    assert _found(gateway, "kidney", fields=("tag",), rawQuery=False) == [named["blue"]]
    assert _found(gateway, "kidney", fields=("name",), rawQuery=False) == []


def test_results_come_in_batches(gateway: Gateway, named: dict[str, int]) -> None:
    search = gateway.createSearchService()
    search.setBatchSize(1)
    search.onlyType("Dataset")
    search.byFullText("cell")
    batches = []
    while search.hasNext():
        batches.append(len(search.results()))
    with pytest.raises(omero.ApiUsageException):
        search.results()
    search.close()
    assert batches == [1, 1]


def test_only_what_the_caller_can_read_is_found(named: dict[str, int], make_user: Any, connect: Any) -> None:
    assert _found(connect(make_user()), "blue") == []


def test_an_owner_can_be_asked_for(gateway: Gateway, named: dict[str, int]) -> None:
    assert _found(gateway, "blue", ownedBy=gateway.getUserId()) == [named["blue"]]
    assert _found(gateway, "blue", ownedBy=0) == []


@pytest.mark.parametrize(("day", "is_found"), [(86_400_000, False), (4_000_000_000_000, True)])
def test_the_day_of_the_import_can_be_asked_for(
    day: int, is_found: bool, gateway: Gateway, named: dict[str, int]
) -> None:
    period = [omero.rtypes.rtime(0), omero.rtypes.rtime(day)]
    assert bool(_found(gateway, "blue", created=period, rawQuery=False)) is is_found
    assert bool(_found(gateway, "blue", created=period)) is is_found


@pytest.mark.parametrize("text", ["", "%%"])
def test_nothing_cannot_be_searched_for(text: str, gateway: Gateway) -> None:
    search = gateway.createSearchService()
    search.onlyType("Image")
    with pytest.raises(omero.ApiUsageException):
        search.byFullText(text)
    search.close()


def test_a_type_is_needed(gateway: Gateway) -> None:
    search = gateway.createSearchService()
    with pytest.raises(omero.ApiUsageException, match="onlyType"):
        search.byFullText("x")
    search.close()
