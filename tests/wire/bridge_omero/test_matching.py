"""What a real server has of every kind is paired, made again from nothing, and made again from any half."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.unit.matching.graphs import renumbered
from tests.unit.matching.server import class_of, shape_of
from tests.unit.matching.test_pairing import compared, seeds_of
from tests.unit.matching.test_resuming import Loading
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_omero.graphs import graph

PEOPLE = ("Experimenter", "ExperimenterGroup")
JOBS = ("IndexingJob", "MetadataImportJob", "PixelDataJob", "ThumbnailGenerationJob", "UploadJob")
NOT_CARRIED = {"Event", "FilesetJobLink", "JobOriginalFileLink", *JOBS, *PEOPLE}


def read_everything(server: OmeroServer, pair: Any, folder: Path) -> list[dict[str, Any]]:
    owner, other = pair("rwra--")
    built = build_everything(owner, other, folder)
    roots = f"Project:{built.project}", f"Screen:{built.screen}", f"Image:{built.images[1]}"
    return list(graph(server, owner, *roots, figures=True).values())


def test_everything_is_made_again_however_often_the_load_is_killed(
    server: OmeroServer, pair: Any, tmp_path: Path
) -> None:
    rows = read_everything(server, pair, tmp_path)
    load = Loading(rows)
    for most in (0, 1, 2, 3, 5, 8):
        load.go_on(most, objects=2)
    load.go_on()
    found = load.compare()
    assert found.is_empty
    assert found.superfluous == {}
    missing = Counter(class_of(row["@"]) for row in rows if not is_enumeration(row))
    missing.subtract(map(class_of, found.pairs.keys()))
    tags_of_two = 1
    log = 1
    absent = {name: count for name, count in missing.items() if count and name not in NOT_CARRIED}
    assert absent == {"ImageAnnotationLink": tags_of_two, "OriginalFile": log}
    assert {one.class_name for one in found.not_kept} >= NOT_CARRIED


def test_everything_is_equal_to_itself(server: OmeroServer, pair: Any, tmp_path: Path) -> None:
    rows = read_everything(server, pair, tmp_path)
    other, keys = renumbered(rows[::-1])
    people = {key: made for key, made in keys.items() if class_of(key) in PEOPLE}
    found = compared(rows, other, people | seeds_of(rows, keys), by_owner=True)
    assert [found.pairs.source.key(node) for node in found.created] == []
    assert found.changed == ()
    assert found.superfluous == {}


def is_enumeration(row: dict[str, Any]) -> bool:
    return bool(shape_of(row["@"]).is_enumeration)
