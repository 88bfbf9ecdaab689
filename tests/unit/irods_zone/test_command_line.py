r"""The tokenizer of msiExecCmd, traps included (``initCmdArg`` of rsExecCmd.cpp)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.irods_zone.policy.command_line import quoted, split


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("", []),
        ("   ", []),
        ("a b", ["a", "b"]),
        ("  a   b ", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ("\"a b\" 'c d'", ["a b", "c d"]),
        ("''", [""]),
        ("'' b", ["", "b"]),
        ("'a\" b", ["a", "b"]),
        (r"it\'s", ["it's"]),
        (r"'it\'s so' b", ["it's so", "b"]),
        ("pre'quoted'", ["quoted"]),
        ("'open end", ["open end"]),
        ("a\nb", ["a\nb"]),
        ("$(id) `id` ; *", ["$(id)", "`id`", ";", "*"]),
    ],
)
def test_a_command_line_is_cut_as_the_server_cuts_it(line: str, arguments: list[str]) -> None:
    assert split(line) == arguments


def test_an_argument_that_ends_in_a_backslash_lets_the_next_one_inject_arguments() -> None:
    assert split(quoted("/z/a") + quoted("x --evil y")) == ["/z/a", "x --evil y"]
    assert split(quoted("/z/a\\") + quoted("x --evil y"))[1:3] == ["x", "--evil"]


@given(st.lists(st.from_regex(r"[0-9a-f]{1,40}", fullmatch=True), min_size=1, max_size=5))
def test_hexadecimal_tokens_arrive_unharmed(tokens: list[str]) -> None:
    assert split(" ".join(tokens)) == tokens


@given(st.text(alphabet=st.characters(exclude_characters="\\\0", exclude_categories=["Cs"]), min_size=1))
def test_a_quoted_argument_without_backslashes_arrives_whole_but_for_leading_blanks(argument: str) -> None:
    assert split(quoted(argument)) == [argument.lstrip(" ")]


@given(st.text(max_size=60))
def test_any_line_can_be_cut(line: str) -> None:
    assert all(isinstance(argument, str) for argument in split(line))
