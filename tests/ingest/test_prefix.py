"""Where a site has another prefix for its AVUs, what people are told names AVUs with that one."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import omero_irods_bridge
from omero_irods_bridge.model.ingest import Existing, IngestResult
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX
from omero_irods_bridge.model.stored import Avu
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.ingest.conftest import Drop
from tests.ingest.test_commands import config_of
from tests.wire.cli.conftest import Person, set_up_irods

PREFIX = "lab.example::"
DEFAULTS = {"model/snapshot.py", "adapters/irods/trees.py"}
"""The default itself, and the mark that asks iRODS for the time, which no message names."""


def test_what_people_are_told_names_avus_with_the_prefix_of_the_site(drop: Drop) -> None:
    drop.options = dataclasses.replace(drop.options, prefix=PREFIX)
    asked = {"ingest": "in-place", "ingest_when": "handover", "ingest_target": "Dataset:name:same"}
    drop.store.change_avus(drop.collection, add=[Avu(PREFIX + name, text) for name, text in asked.items()])
    path = drop.put("a.png")
    texts = [one.reason for one in drop.scan().waiting]
    drop.store.change_avus(path, add=[Avu(f"{PREFIX}ingest_ready", "yes")])
    texts += hints(drop.scan(hands=drop.hands(user_of=lambda _owner: "")))
    texts += hints(drop.scan(paths={}))
    assert len(drop.scan().done) == 1
    late = drop.put("b.png")
    drop.store.change_avus(late, add=[Avu(f"{PREFIX}ingest_ready", "yes")])
    texts += hints(drop.scan(existing=Existing.FAIL))
    names = ["ingest_ready", "ingest_user", "ingest", "ingest_existing"]
    assert [f"{PREFIX}{name}" in text for name, text in zip(names, texts, strict=True)] == [True] * 4, texts
    assert not [text for text in texts if DEFAULT_PREFIX in text]


def hints(result: IngestResult) -> list[str]:
    return [one.error.hint for one in result.failed]


def test_the_command_names_the_attribute_of_the_site(
    drop: Drop, zone: Zone, vault: Path, tmp_path: Path
) -> None:
    set_up_irods(tmp_path, zone)
    extra = f'[snapshots]\nprefix = "{PREFIX}"\n'
    file = config_of(drop, drop.user, vault, tmp_path, zone, extra)
    done = Person(tmp_path, {"OMERO_IRODS_CONFIG": str(file)})("ingest", "scan", drop.collection)
    assert f"opted in, by {PREFIX}ingest or a card" in done.err


def test_no_text_of_the_program_has_the_usual_prefix_in_it() -> None:
    root = Path(omero_irods_bridge.__file__).parent
    found = {
        f"{path.relative_to(root)}:{line}"
        for path in root.rglob("*.py")
        for line in _lines_with_prefix(path)
        if str(path.relative_to(root)) not in DEFAULTS
    }
    assert found == set()


def _lines_with_prefix(path: Path) -> Iterator[int]:
    tree = ast.parse(path.read_text())
    comments = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and id(one) not in comments and DEFAULT_PREFIX in str(one.value):
            yield one.lineno
