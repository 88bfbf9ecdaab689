"""The documents name what there is: commands, settings, exit statuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from omero_irods_bridge.cli.main import app
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.operations.targets import FIELDS
from omero_irods_bridge.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
COMMANDS = {command.name for command in app.registered_commands}
GROUPS = {group.name for group in app.registered_groups}
OF_THIS_COMPUTER = ("transfer.streams", "agent.database", "agent.worker")
"""Settings whose default is said in words."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def settings() -> list[tuple[str, object]]:
    """Dotted names and defaults."""
    return [
        (f"{section}.{name}", default)
        for section, model in Settings.model_construct()
        if isinstance(model, BaseModel)
        for name, default in model
    ]


@pytest.mark.parametrize("command", sorted(filter(None, COMMANDS)))
def test_each_command_is_documented(command: str) -> None:
    assert re.search(rf"^\| `{command}[ `]", text_of("docs/commands.md"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"\bomero-irods ([a-z]+)", page.read_text(encoding="utf-8"))
    assert set(named) <= COMMANDS | GROUPS


def test_each_option_that_the_pages_for_users_name_exists() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    known = {name for command in group.commands.values() for one in command.params for name in one.opts}
    blocks = re.findall(r"omero-irods [^`\n]*", text_of("docs/commands.md") + text_of("README.md"))
    named = {option for block in blocks for option in re.findall(r"--[a-z-]+", block)}
    assert named - known <= {"--help", "--version"}


@pytest.mark.parametrize(("name", "default"), settings(), ids=str)
def test_each_setting_is_documented_with_its_default(name: str, default: object) -> None:
    page = "docs/agent.md" if name.startswith("agent.") else "docs/configuration.md"
    row = re.search(rf"^\| `{name}` \| (.*?) \|", text_of(page), re.MULTILINE)
    assert row is not None, f"{page} has no row for {name}"
    if type(default) in {str, int} and name not in OF_THIS_COMPUTER:
        assert row[1] == f"`{default}`"
    elif isinstance(default, bool):
        assert row[1] == f"`{str(default).lower()}`"


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_a_template_is_documented(field: str) -> None:
    assert f"`{{{field}}}`" in text_of("docs/configuration.md")


@pytest.mark.parametrize("status", ExitStatus)
def test_each_exit_status_is_documented(status: ExitStatus) -> None:
    assert re.search(rf"^\| {int(status)} \| ", text_of("docs/commands.md"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if not link.startswith(("https:", "http:"))]
    assert [link for link in inside if not (page.parent / link).exists()] == []
