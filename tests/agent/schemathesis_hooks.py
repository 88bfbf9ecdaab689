"""What schemathesis cannot know of our texts. It loads this file by its path."""

from __future__ import annotations

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
