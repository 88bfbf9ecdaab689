"""What schemathesis cannot know of our texts. It loads this file by its path."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies as st

KINDS = st.sampled_from(["Project", "Dataset", "Screen", "Plate", "Well", "Image"])
IDS = st.integers(0, 10**18 - 1)
RANGES = st.tuples(st.integers(0, 10**12), st.integers(0, 50)).map(lambda one: f"{one[0]}-{one[0] + one[1]}")
ITEMS = st.lists(IDS.map(str) | RANGES, min_size=1, max_size=4).map(",".join)

OBJECTS = st.builds("{}:{}".format, KINDS, ITEMS)
CONTAINERS = st.just("") | st.builds("{}:{}".format, st.sampled_from(["Project", "Dataset", "Screen"]), IDS)

schemathesis.openapi.format("omero-objects", OBJECTS)
schemathesis.openapi.format("omero-container", CONTAINERS)

RANGES_OF_SNAPSHOTS = (("since", "until"), ("min_size", "max_size"))


@schemathesis.hook
def map_query(_context: Any, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """A range that ends before it begins is refused, and no schema can say so."""
    for first, last in RANGES_OF_SNAPSHOTS:
        if query and first in query and last in query and _ends_before(query[first], query[last]):
            query[first], query[last] = query[last], query[first]
    return query


def _ends_before(first: Any, last: Any) -> bool:
    return type(first) is type(last) and isinstance(first, (int, str)) and first > last
