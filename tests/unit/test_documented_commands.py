"""Each command in the documentation can be typed: it is run by a test, or marked as needing real servers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from omero_irods_bridge.cli.main import app, main, spelled_out
from omero_irods_bridge.model.errors import ExitStatus

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "rules" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARK = "# needs real servers"

RUN_BY = {
    "make demo": "tests/wire/test_demo.py",
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make setup": "Makefile",
    "make docs": "tests/unit/test_site.py",
    "make chaos": "tests/chaos/test_chaos.py",
    ".venv/bin/omero-irods-sandbox": "tests/wire/test_sandbox_command.py",
}
"""What a command begins with, and the file that runs it."""

OF_THE_SYSTEM = ("python3 -m venv ", "/opt/omero-irods/bin/pip install ", ".venv/bin/pre-commit install")
"""Set up by other people's programs alone."""

SEPARATORS = re.compile(r"\s*(?:&&|\|\||;|\|)\s*")


@dataclass(frozen=True)
class Block:
    """Commands between two fences."""

    page: str
    line: int
    lines: tuple[str, ...]

    @property
    def is_marked(self) -> bool:
        return self.lines[0] == MARK


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(?:sh|bash|console)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
        lines = tuple(line.strip() for line in found[2].splitlines() if line.strip())
        yield Block(str(page.relative_to(ROOT)), text[: found.start()].count("\n") + 1, lines)


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
INLINE = [
    (str(page.relative_to(ROOT)), found)
    for page in PAGES
    for found in re.findall(r"`((?:\.venv/bin/)?omero-irods [^`\n]+)`", page.read_text(encoding="utf-8"))
]


def commands_of(line: str) -> list[str]:
    """The commands of a line; what follows ``#`` is a comment."""
    plain = re.sub(r"(^|\s)#.*", "", line)
    return [one for one in SEPARATORS.split(plain.strip()) if one]


def of_ours(line: str) -> Iterator[list[str]]:
    """The arguments of each call of omero-irods in a line, also in ``$(...)`` and after sudo."""
    for found in re.finditer(r"(?<!-[uo])(?:^|[\s(]|bin/)omero-irods ([^#;|&)]*)", line):
        yield shlex.split(found[1])


def parsed(arguments: list[str]) -> Any:
    """The context in which the command would run; raises what typer has against it."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("omero-irods", spelled_out(arguments))
    while isinstance(command, TyperGroup):
        rest = [*context._protected_args, *context.args]  # as TyperGroup.invoke takes them
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return context


DOCUMENTED = [
    (f"{block.page}:{block.line}", arguments)
    for block in BLOCKS
    for line in block.lines
    if line != MARK
    for arguments in of_ours(line)
]
RUN_HERE = [
    command
    for block in BLOCKS
    if not block.is_marked
    for line in block.lines
    for command in commands_of(line)
    if command.startswith("omero-irods ")
]


@pytest.mark.parametrize(("place", "arguments"), DOCUMENTED, ids=str)
def test_a_command_of_a_block_is_understood(place: str, arguments: list[str]) -> None:
    assert parsed(arguments).command is not None, place


@pytest.mark.parametrize(("page", "text"), INLINE, ids=str)
def test_a_command_in_a_sentence_names_what_there_is(page: str, text: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(text.partition("omero-irods ")[2])
    while isinstance(command, TyperGroup) and words and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in command.commands, (page, text)
        command = command.commands[words.pop(0)]
    known = {name for one in command.params for name in one.opts} | {"--help"}
    named = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert named <= known, page


@pytest.mark.parametrize("block", BLOCKS, ids=lambda one: f"{one.page}:{one.line}")
def test_a_block_is_run_by_a_test_or_says_that_it_needs_real_servers(block: Block) -> None:
    if block.is_marked:
        return
    known = (*RUN_BY, *OF_THE_SYSTEM, "omero-irods ")
    commands = [command for line in block.lines for command in commands_of(line)]
    assert [one for one in commands if not one.startswith(known)] == []


@pytest.mark.parametrize("command", RUN_HERE)
def test_what_needs_no_server_runs_without_one(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("IRODS_ENVIRONMENT_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("OMERO_IRODS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == ExitStatus.DONE


@pytest.mark.parametrize(("command", "file"), RUN_BY.items())
def test_what_is_run_elsewhere_is_run_there(command: str, file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert command.rpartition(" ")[2].rpartition("/")[2] in text
