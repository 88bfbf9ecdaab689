"""What each command says of itself: it fits a screen, has an example, and names units and defaults."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
import typer
from typer.core import TyperGroup, TyperOption

from omero_irods_bridge.cli.main import app, main
from omero_irods_bridge.model.errors import ExitStatus

NARROW = (80, 30)
WIDE = (100, 24)
"""Columns and lines of a screen."""

UNITS = {
    "SIZE": r"\d+ ?(kB|MB|GB|MiB|GiB)\b",
    "TIME": r"\d+[sm]\b",
    "AGE": r"\d+[smhdw]\b",
    "DATE": r"\bUTC\b",
    "N": r"Snapshots|jobs|page|At most",
}
"""By what stands for the value: what the help has to name."""


def commands_below(path: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands that help is shown for, groups too."""
    yield path, command
    if isinstance(command, TyperGroup):
        for name, one in sorted(command.commands.items()):
            if not one.hidden:
                yield from commands_below((*path, name), one)


COMMANDS = dict(commands_below((), typer.main.get_command(app)))
OPTIONS = {
    " ".join((*path, option.opts[0])): (command, option)
    for path, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, TyperOption) and option.name not in {"help", "version"}
}


def help_of(path: tuple[str, ...], columns: int) -> list[str]:
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown):
        patch.setenv("COLUMNS", str(columns))
        assert main([*path, "--help"]) == ExitStatus.DONE
    return shown.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize(("columns", "lines"), [NARROW, WIDE])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_fits_a_screen(path: tuple[str, ...], columns: int, lines: int) -> None:
    shown = help_of(path, columns)
    assert len(shown) <= (lines if path else NARROW[1])  # the list of all commands may be as long as that
    assert max(map(len, shown)) <= columns


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example_of_it(path: tuple[str, ...]) -> None:
    shown = " ".join(" ".join(help_of(path, 200)).split())
    assert f"Example: {' '.join(('omero-irods', *path))} " in f"{shown} "


@pytest.mark.parametrize(("command", "option"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_says_what_it_is_for_with_unit_and_default(command: Any, option: TyperOption) -> None:
    assert option.help
    record = option.get_help_record(command.make_context("x", [], resilient_parsing=True))
    assert record is not None
    assert re.search(UNITS.get(option.metavar or "", ""), record[1]), f"{record[0]} names no unit"
    if not option.is_flag and option.default not in {None, ""}:
        assert "default:" in record[1], f"{record[0]} names no default"


@pytest.mark.parametrize("path", [path for path, one in COMMANDS.items() if isinstance(one, TyperGroup)])
def test_what_a_group_says_of_its_commands_is_never_cut_off(path: tuple[str, ...]) -> None:
    assert not [line for line in help_of(path, NARROW[0])[1:] if line.endswith("...")]


@pytest.mark.parametrize("path", [path for path, one in COMMANDS.items() if isinstance(one, TyperGroup)])
def test_a_group_alone_shows_its_help_and_is_not_understood(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(path) == ExitStatus.USAGE
    assert capsys.readouterr().out.startswith("Usage: ")
