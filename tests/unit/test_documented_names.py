"""The documents name the error codes, attributes and diagnoses of the code; of the first two no others."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Description, to_avus
from omero_irods_bridge.operations.ingesting import attributes, facts

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "omero_irods_bridge"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# -- error codes


def errors() -> list[type[BridgeError]]:
    """All kinds, those of adapters and of the agent too: a class whose base is named like one of them."""
    bases = {
        (file, node.name): {ast.unparse(base) for base in node.bases}
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    found = [BridgeError]
    for kind in found:
        for (file, name), of in bases.items():
            if kind.__name__ in of:
                module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
                found.append(getattr(importlib.import_module(module), name))
    return found


ERRORS = errors()


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: str(kind.__name__))
def test_each_error_code_is_documented_with_its_status(kind: type[BridgeError]) -> None:
    row = re.search(rf"^\| `{kind.code}` \| (\d+) \| ([^|]+) \|", text_of("docs/operations.md"), re.MULTILINE)
    assert row is not None, kind.code
    assert int(row[1]) == int(kind.exit_status)
    assert ("yes" if kind.retryable else "no") in re.findall(r"\w+", row[2])


def test_each_documented_code_exists() -> None:
    table = text_of("docs/operations.md").partition("## Errors")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)) == {kind.code for kind in ERRORS}


# -- AVUs


def of_snapshots() -> set[str]:
    whole = Description(
        server="x",
        host="x",
        name="x",
        owner="x",
        group="x",
        packed_by="x",
        sha256="x",
        software="x",
        sources=("Dataset:1",),
        images=1,
        files=1,
        size=1,
        packed_at=NOW,
        note="x",
        job="x",
        image_ids=(1,),
        verified_at=NOW,
    )
    return {avu.attribute for avu in to_avus(whole)}


def of_ingest() -> set[str]:
    """Where the code asks the options for the name of an attribute, or lists such names."""
    found: set[str] = {*attributes._RESULTS, *attributes._UNDER_WAY}
    files = [*(PACKAGE / "operations" / "ingesting").glob("*.py"), PACKAGE / "operations" / "ingest.py"]
    for file in files:
        text = file.read_text(encoding="utf-8")
        found |= set(re.findall(r'\bname\("(\w+)"\)', text))
        found |= set(re.findall(r'"(ingest(?:_[a-z]+)?)"', text))
    return {DEFAULT_PREFIX + name for name in found}


def of_facts() -> set[str]:
    names = {facts._snake(name) for name in (*facts._SIZES, *facts._PHYSICAL)}
    names |= set(re.findall(r'yield "(\w+)", ', (PACKAGE / "operations/ingesting/facts.py").read_text()))
    return {f"{DEFAULT_PREFIX}ome_{name}" for name in names}


def of_rules() -> Iterator[str]:
    for file in (ROOT / "rules" / "python").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        yield from re.findall(r"""\bnamed\(["'](\w+)["']\)""", text)
        yield from (
            name
            for names in re.findall(r"avus_of\([^\")]*((?:\"\w+\"(?:, )?)+)", text)
            for name in re.findall(r'"(\w+)"', names)
        )


def in_texts() -> set[str]:
    """Names that the code writes as a whole."""
    return {
        node.value
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"omero::\w+", node.value)
    }


def test_each_attribute_is_documented_and_no_other() -> None:
    from_rules = {DEFAULT_PREFIX + name for name in of_rules()}
    assert len(from_rules) > 4
    known = of_snapshots() | of_ingest() | of_facts() | from_rules | in_texts()
    documented = set(re.findall(r"`(omero::\w+)`", text_of("docs/avus.md")))
    assert documented - {"omero::queued"} == known


# -- doctor


CHECKS = (
    r'(?:check = |CHECK: Final = )"([^"]+)"',
    r'\b(?:ok|warning|problem|skipped)\(\s*"([^"]+)"',
    r'\("([a-z ]+)", _\w+\)',
)
"""How the doctor names what it looks at."""


def test_each_line_of_doctor_is_documented() -> None:
    table = text_of("docs/getting-started.md").partition("## What doctor says")[2]
    documented = set(re.findall(r"^\| `([\w .*]+)`", table, re.MULTILINE))
    files = [file.read_text(encoding="utf-8") for file in (PACKAGE / "doctor").glob("*.py")]
    in_code = {name for text in files for form in CHECKS for name in re.findall(form, text)}
    assert len(in_code) > 15
    assert in_code <= documented


# -- files


def test_what_the_threat_model_says_holds_a_defence_is_there() -> None:
    places = re.findall(r"`((?:[a-z_]+/)+[a-z_.]+|[a-z_]+\.py)`", text_of("docs/threat-model.md"))
    tests = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    assert len(places) > 30
    missing = [
        one
        for one in places
        if one not in tests and not (ROOT / one).exists() and not (PACKAGE / one).exists()
    ]
    assert missing == []
