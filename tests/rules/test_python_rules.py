"""The Python rules run on any Python from 3.6, with nothing but its library and what the plugin brings."""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections.abc import Callable
from typing import Any, Final

import irods.keywords as kw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from irods.exception import CAT_NO_ACCESS_PERMISSION
from irods.meta import iRODSMeta
from irods.models import DataObject
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import running_zone
from tests.rules.conftest import CORE, RULES, add_avus, ruled, states
from tests.rules.settings_module import read_settings
from tests.wire.irods_zone import data_objects as do
from tests.wire.irods_zone.conftest import connect

FILES: Final = sorted((RULES / "python").glob("*.py"))
BROUGHT_BY_THE_PLUGIN: Final = {"genquery"}
OURS: Final = {path.stem for path in FILES}
NEWER_THAN_3_6: Final = {
    "fromisoformat",
    "isascii",
    "removeprefix",
    "removesuffix",
    "is_relative_to",
    "bit_count",
    "zip_longest_strict",
}
DEFAULTS: Final = read_settings("{}")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_syntax_is_that_of_python_3_6(path: Any) -> None:
    """The plugin is linked with that on EL 8, for iRODS 5 too; a file that it can't read stops all rules."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "__future__" not in modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_standard_library_is_imported(path: Any) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named <= set(sys.stdlib_module_names) | BROUGHT_BY_THE_PLUGIN | OURS
    assert not {"tomllib", "zoneinfo", "graphlib"} & named


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_called_or_written_that_is_newer(path: Any) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & NEWER_THAN_3_6
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and is_union(node)]
    strict = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "strict"]
    assert not strict


def is_union(node: ast.BinOp) -> bool:
    """``dict | dict``, or a union of types that is evaluated; numbers may be joined so."""
    return isinstance(node.op, ast.BitOr) and not ast.unparse(node).startswith("os.O_")


# -- conditions of GenQuery 1, whose text iRODS 4 and iRODS 5 read otherwise


def condition(value: str) -> str:
    sys.path.insert(0, str(RULES / "python"))
    try:
        return str(importlib.import_module("omero_bridge_catalog")._where("COLL_NAME", value))
    finally:
        sys.path.pop(0)


def as_irods_4_reads(text: str) -> tuple[str, str]:
    """Operator and value, which goes from the first quote to the last."""
    match = re.fullmatch(r"COLL_NAME (=|like) '(.*)'", text, re.DOTALL)
    assert match is not None
    return match[1], match[2]


def as_irods_5_reads(text: str) -> tuple[str, str]:
    """The same by ``lib/genquery1/dsl/lexer.l``: a quote ends it, two are one, backslash x is a byte."""
    match = re.fullmatch(r"COLL_NAME (=|like) '((?:''|[^'])*)'", text, re.DOTALL)
    assert match is not None
    decoded = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), match[2])
    return match[1], decoded.replace("''", "'")


def matches(operator: str, wanted: str, value: str) -> bool:
    """As the database compares."""
    if operator == "=":
        return wanted == value
    pieces = re.findall(r"\\.|.", wanted, re.DOTALL)
    regex = "".join({"%": ".*", "_": "."}.get(one, re.escape(one[-1])) for one in pieces)
    return re.fullmatch(regex, value, re.DOTALL) is not None


@given(
    st.text("'\\%_x41aA|& \n\"µ", min_size=1) | st.text(st.characters(blacklist_characters="\0"), min_size=1)
)
def test_both_generations_of_the_parser_find_the_value(value: str) -> None:
    text = condition(value)
    assert as_irods_4_reads(text) == as_irods_5_reads(text)
    assert matches(*as_irods_5_reads(text), value)


# -- settings


def test_no_settings_are_the_defaults() -> None:
    assert read_settings("{}") == (DEFAULTS, [])


def test_the_settings_that_are_shipped_are_right() -> None:
    assert read_settings((RULES / "python" / "omero_bridge_settings.json").read_text()) == (DEFAULTS, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prefix", "it's"),
        ("prefix", ""),
        ("tell", "yes"),
        ("protect", 1),
        ("service_users", "bridge#tempZone"),
        ("service_users", ["bridge"]),
        ("wake_after_s", 0),
        ("wake_after_s", True),
        ("wake_after_s", "5"),
        ("instance", "<x>"),
        ("instanse", "x"),
    ],
)
def test_a_wrong_setting_has_its_default_and_the_others_hold(name: str, value: object) -> None:
    other = "tell" if name == "protect" else "protect"
    settings, problems = read_settings(json.dumps({name: value, other: False}))
    assert settings == {**DEFAULTS, other: False}
    assert len(problems) == 1
    assert name in problems[0]


@given(
    st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_settings_that_are_none_are_the_defaults(text: str) -> None:
    settings, problems = read_settings(text)
    assert settings == DEFAULTS
    assert len(problems) == 1


# -- what goes wrong fails no client

BROKEN: Final = {
    "settings that are no JSON": (CORE, "{'prefix': 1"),
    "wrong settings": (CORE, '{"prefix": 7, "wake_after_s": "soon", "service_users": "x", "colour": "red"}'),
    "tell raises": (
        CORE + "\ndef _broken(*_): raise ValueError('broken')\nomero_bridge._arrived = _broken\n",
        "{}",
    ),
    "protect raises": (
        CORE + "\ndef _broken(*_): raise KeyError('broken')\nomero_bridge.protection.of_object = _broken\n",
        "{}",
    ),
    "genquery is missing": (
        CORE + "\nimport omero_bridge_catalog\ndef _rows(*_): import no_such_module\n"
        "omero_bridge_catalog.rows = omero_bridge.rows = _rows\n",
        "{}",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_goes_wrong_inside_fails_no_client_and_is_logged(
    tmp_path: Any, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    caplog.set_level("INFO")
    core, settings = BROKEN[what]
    with running_zone(ruled(tmp_path, core=core, settings=settings)) as zone, connect(zone) as session:
        home = f"/{zone.name}/home/rods"
        session.collections.get(home).metadata.add("omero::ingest", "copy")
        session.data_objects.put(__file__, f"{home}/put")
        do.write(session, f"{home}/put", b"again")
        session.data_objects.move(f"{home}/put", f"{home}/moved")
        session.data_objects.unlink(f"{home}/moved", force=True)
    assert "omero_bridge: " in caplog.text


HARM: Final[dict[str, Callable[[iRODSSession, str], object]]] = {
    "unlink": lambda session, home: session.data_objects.unlink(f"{home}/c/put", force=True),
    "rename above": lambda session, home: session.collections.move(f"{home}/c", f"{home}/d"),
    "trim": lambda session, home: session.data_objects.trim(f"{home}/c/put", **{kw.REPL_NUM_KW: "0"}),
}


@pytest.mark.parametrize("broken", ["override", "image"])
@pytest.mark.parametrize("what", HARM)
def test_what_is_known_to_be_linked_stays_protected_whatever_else_goes_wrong(
    tmp_path: Any, broken: str, what: str
) -> None:
    """Here: who overrides, which images, and which replicas are good cannot be found out."""
    core = CORE + (
        "\nimport omero_bridge_protection as p\n_avus, _carrier = p.avus_of, p.carrier_of\n"
        f"def _fail(ask):\n    def asked(callback, where, *names):\n        if {broken!r} in names:\n"
        "            raise RuntimeError('broken')\n"
        "        return ask(callback, where, *names)\n    return asked\n"
        "def _no_rows(*_): raise RuntimeError('broken')\n"
        "p.avus_of, p.carrier_of, p.exactly = _fail(_avus), _fail(_carrier), _no_rows\n"
    )
    with running_zone(ruled(tmp_path, core=core, settings="{}")) as zone, connect(zone) as session:
        home = f"/{zone.name}/home/rods"
        session.collections.create(f"{home}/c")
        session.data_objects.put(__file__, f"{home}/c/put")
        session.metadata.add(DataObject, f"{home}/c/put", iRODSMeta("omero::linked", "in-place"))
        with pytest.raises(CAT_NO_ACCESS_PERMISSION, match="is linked in place by OMERO"):
            HARM[what](session, home)
        assert session.data_objects.exists(f"{home}/c/put")


@pytest.mark.parametrize("off", ["tell", "protect"])
def test_each_half_can_be_switched_off(tmp_path: Any, off: str) -> None:
    settings = json.dumps({off: False, "prefix": "image::"})
    with running_zone(ruled(tmp_path, settings=settings)) as zone, connect(zone) as session:
        home = f"/{zone.name}/home/rods"
        session.collections.get(home).metadata.add("image::ingest", "copy")
        do.write(session, f"{home}/x", b"x")
        told = ("image::ingest_state", "waiting", "") in zone.catalog.metadata.of(
            zone.catalog.object_id(f"{home}/x")
        )
        assert told is (off != "tell")
        session.data_objects.get(f"{home}/x").metadata.add("image::linked", "in-place")
        assert is_refused(session, f"{home}/x") is (off != "protect")


def is_refused(session: iRODSSession, path: str) -> bool:
    try:
        session.data_objects.unlink(path, force=True)
    except CAT_NO_ACCESS_PERMISSION:
        return True
    return False


def test_the_module_itself_can_be_core(tmp_path: Any) -> None:
    core = (RULES / "python" / "omero_bridge.py").read_text()
    with running_zone(ruled(tmp_path, core=core)) as zone, connect(zone) as session:
        home = f"/{zone.name}/home/rods"
        session.collections.get(home).metadata.add("omero::ingest", "copy")
        do.write(session, f"{home}/x", b"x")
        assert states(zone, f"{home}/x") == ["waiting"]
        add_avus(session, f"{home}/x", linked="in-place")
        assert is_refused(session, f"{home}/x")
        do.wait_until((tmp_path / "woken").exists)
