"""The comparison that the other tests lean on sees whatever changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_omero.graphs import graph
from tests.wire.bridge_unpack.canonical import HISTORY, assert_same, canonical, class_of

MOVED = 7000
SEEN = ("Roi", "Rectangle", "Channel", "MapAnnotation", "Laser", "WellSample", "Dataset", "RenderingDef")


@pytest.fixture
def rows(pair: Any, server: OmeroServer, tmp_path: Path) -> dict[str, Any]:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, tmp_path)
    return graph(server, owner, f"Project:{built.project}", f"Screen:{built.screen}", figures=True)


def test_a_graph_is_the_same_as_itself_with_other_ids(rows: dict[str, Any]) -> None:
    names = {key: f"{class_of(key)}:{int(key.partition(':')[2]) + MOVED}" for key in rows}
    assert_same(canonical(rows.values()), canonical([renamed(row, names) for row in rows.values()]))


def renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        if str(value.get("description", "")).startswith('{"name": "a figure"'):
            moved = re.sub(r"[0-9]+", lambda found: str(int(found[0]) + MOVED), value["description"])
            value = {**value, "description": moved}
        return {name: renamed(one, names) for name, one in value.items()}
    if isinstance(value, list):
        return [renamed(one, names) for one in value]
    return names.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", SEEN)
def test_an_object_that_is_missing_doubled_or_hangs_elsewhere_is_seen(
    kind: str, rows: dict[str, Any]
) -> None:
    whole = canonical(rows.values())
    key = next(key for key in rows if class_of(key) == kind)
    doubled = {**rows[key], "@": f"{kind}:999999"}
    for changed in (
        [row for row in rows.values() if row["@"] != key],
        [*rows.values(), doubled],
    ):
        assert canonical(changed).names != whole.names


def test_every_value_counts(rows: dict[str, Any]) -> None:
    whole = canonical(rows.values())
    for key in [key for key in whole.plain if class_of(key) not in HISTORY][::6]:
        changed = {**rows, key: {**rows[key], "name": "another name"}}
        assert canonical(changed.values()).names != whole.names, key


def test_a_link_that_leads_to_another_object_is_seen(rows: dict[str, Any]) -> None:
    whole = canonical(rows.values())
    links = [row for row in rows.values() if class_of(row["@"]) == "ImageAnnotationLink"]
    first, second = links[:2]
    changed = {**rows, first["@"]: {**first, "child": second["child"]}}
    assert canonical(changed.values()).names != whole.names
