from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.omero_server.repository.sanitising import DEFAULT_RULES, Sanitiser

DEFAULT = Sanitiser(DEFAULT_RULES)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ('say "hi".tif', "say 'hi'.tif"),
        ("5*3.tif", "5x3.tif"),
        ("12:30.tif", "12;30.tif"),
        ("<a>.tif", "[a].tif"),
        ("what?.tif", "what%.tif"),
        ("a\\b|c/d", "a!b!c!d"),
        ("tab\there", "tab_here"),
        ("delete\x7fhere\x85", "delete_here_"),
    ],
)
def test_characters_that_a_system_forbids_are_replaced(name: str, safe: str) -> None:
    assert DEFAULT.component(name) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("CON", "CON_"),
        ("con", "con_"),
        ("COM1", "COM1_"),
        ("LPT9", "LPT9_"),
        ("COM0", "COM0"),
        ("CONSOLE", "CONSOLE"),
        ("con.tif", "_con.tif"),
        ("nul.ome.tiff", "_nul.ome.tiff"),
        ("$RECYCLE", "_$RECYCLE"),
        ("clock$", "clock$_"),
    ],
)
def test_reserved_names_are_marked_at_their_end_and_prefixes_at_their_start(name: str, safe: str) -> None:
    assert DEFAULT.component(name) == safe


@pytest.mark.parametrize(
    "name", ["ends with a dot.", "ends with a space ", ".hidden", "-dash", "é", "e\u0301", "x" * 300]
)
def test_what_only_optional_rules_mind_stays(name: str) -> None:
    assert DEFAULT.component(name) == name


def test_optional_rules_can_be_asked_for() -> None:
    strict = Sanitiser("Windows optional, UNIX optional")
    assert strict.component(".hidden.") == "_.hidden._"
    assert strict.component("-dash ") == "_-dash _"


def test_an_unknown_set_of_rules_is_named() -> None:
    with pytest.raises(ValueError, match="Mac required"):
        Sanitiser("Windows required, Mac required")


@given(st.text(min_size=1))
def test_a_safe_name_is_safe(name: str) -> None:
    safe = DEFAULT.component(name)
    assert DEFAULT.component(safe) == safe
