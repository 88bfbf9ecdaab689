"""The part of the native rule language that the zone understands."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
from omero_irods_sandbox.irods_zone.policy.native_rules import NativeCall, parse


def rule(body: str) -> str:
    return f"@external rule {{ {body} }}"


def test_calls_are_found_in_their_order() -> None:
    calls = parse(rule("""msiSleep('1', "0"); writeLine("serverLog", 'it is, (1; 2)')"""))
    assert calls == [
        NativeCall("msiSleep", ("1", "0")),
        NativeCall("writeLine", ("serverLog", "it is, (1; 2)")),
    ]


def test_an_empty_rule_calls_nothing() -> None:
    assert parse(rule("")) == []


@pytest.mark.parametrize(
    "text",
    [
        "msiSleep('1','0')",
        rule("*x = 1"),
        rule("if (1 == 1) { msiSleep('1','0'); }"),
        rule("msiSleep('1','0'); *x"),
        rule("msiSleep('1',*x)"),
        rule("msiSleep('1'"),
    ],
)
def test_anything_else_is_refused_whole(text: str) -> None:
    with pytest.raises(ZoneError) as refusal:
        parse(text)
    assert refusal.value.code == code_of("RE_PARSER_ERROR")


@given(st.lists(st.text(st.characters(exclude_characters="\\'")), min_size=1, max_size=4))
def test_literals_arrive_as_they_were_written(values: list[str]) -> None:
    written = ", ".join(f"'{value}'" for value in values)
    assert parse(rule(f"msiAny({written})")) == [NativeCall("msiAny", tuple(values))]


@given(st.text())
def test_any_text_is_parsed_or_refused_with_the_parsers_error(body: str) -> None:
    with suppress(ZoneError):
        assert all(isinstance(call, NativeCall) for call in parse(rule(body)))
