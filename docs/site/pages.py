"""Pages of the site that are made from the code: every option, REST, who imports whom, the decisions."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.core import TyperGroup, TyperOption

from omero_irods_bridge.agent.http.app import description
from omero_irods_bridge.cli.main import app

ROOT: Final = Path(__file__).parents[2]
ELSEWHERE: Final = {
    "docs/decisions/": "reference/decisions.md",
    "CHANGELOG.md": "changes.md",
    "LICENSE": "https://spdx.org/licenses/GPL-2.0-or-later.html",
}
"""What the page at the top links to, and where that is on the site."""

BESIDE: Final = {"rules/README.md": "rules-on-the-server.md", "CHANGELOG.md": "changes.md"}

METHODS: Final = ("get", "post", "put", "patch", "delete")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Called by mkdocs for each page: what lies beside the documentation has a page here too."""
    for there, here in BESIDE.items():
        markdown = markdown.replace(f"](../{there}", f"]({here}")
    return markdown


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs when it has found the pages that are written by hand."""
    made = {
        "index.md": from_the_top("README.md"),
        BESIDE["rules/README.md"]: beside("rules/README.md", up="../docs/"),
        BESIDE["CHANGELOG.md"]: from_the_top("CHANGELOG.md"),
        "reference/cli.md": every_option(),
        "reference/rest.md": rest(description()),
        "reference/architecture.md": architecture(),
        "reference/decisions.md": decisions(),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def from_the_top(name: str) -> str:
    """A page that lies beside the folder of the documentation; its links are those of the site."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for there, here in ELSEWHERE.items():
        text = text.replace(f"]({there})", f"]({here})")
    return text.replace("](docs/", "](").replace('src="docs/', 'src="')


def beside(name: str, *, up: str) -> str:
    """A page of another folder; ``up`` is the way from there to the documentation."""
    return (ROOT / name).read_text(encoding="utf-8").replace(f"]({up}", "](")


# -- commands


def every_option() -> str:
    """Each command with what it says of itself, its arguments and options."""
    command = typer.main.get_command(app)
    blocks = [_command_block(path, one) for path, one in _commands("omero-irods", command)]
    return "\n\n".join(["# Every option", "As the commands say it themselves with `--help`.", *blocks]) + "\n"


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, one in sorted(command.commands.items()):
        if not one.hidden:
            yield from _commands(f"{path} {name}", one)


def _command_block(path: str, command: Any) -> str:
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join(command.collect_usage_pieces(context))
    options = [row for one in command.params if (row := _option_row(one, context))]
    table = ["", "| option | meaning |", "|---|---|", *options] if options else []
    text = (command.help or "").replace("Example:", "\n\nExample:").strip()
    return "\n".join([f"## {path}", "", f"```\n{path} {usage}\n```", "", text, *table])


def _option_row(one: Any, context: Any) -> str:
    if not isinstance(one, TyperOption):
        return ""
    record = one.get_help_record(context)
    if record is None:
        return ""
    names, meaning = (_cell(part) for part in record)
    return f"| `{names}` | {meaning} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("[", "\\[")


# -- REST


def rest(description: dict[str, Any]) -> str:
    """Each endpoint, as the OpenAPI description has it."""
    lines = [
        "# REST",
        "",
        "The agent answers at `agent.listen`. The same as OpenAPI: `omero-irods agent openapi`.",
        "What the answers mean, and how to sign in: [The agent](../agent.md#http).",
    ]
    for path, operations in description["paths"].items():
        for method in METHODS:
            if method in operations:
                lines += ["", f"## {method.upper()} {path}", "", *_operation(operations[method])]
    return "\n".join(lines) + "\n"


def _operation(operation: dict[str, Any]) -> Iterator[str]:
    yield operation.get("description") or operation.get("summary", "")
    if operation.get("parameters"):
        yield from ("", "| parameter | in | |", "|---|---|---|")
    for one in operation.get("parameters", []):
        yield f"| `{one['name']}` | {one['in']} | {_cell(one.get('description', ''))} |"
    yield from ("", "| status | |", "|---|---|")
    for status, answer in operation.get("responses", {}).items():
        yield f"| {status} | {_cell(answer.get('description', ''))} |"


# -- the code


def architecture() -> str:
    """The layers, drawn from the contract that import-linter keeps."""
    return "\n".join(
        [
            "# Architecture",
            "",
            "Who may import whom, from top to bottom; those side by side do not see each other.",
            "The picture is drawn from the contract in `pyproject.toml`, which `make lint` keeps.",
            "",
            layers_picture(),
            "",
            "Each package says in its docstring what it is for:",
            "",
            *(f"- `{name}`: {text}" for name, text in _packages()),
            "",
        ]
    )


def layers_picture() -> str:
    """An SVG: a row a layer."""
    width, height, gap = 640, 44, 14
    rows = [[part.strip(" ()") for part in row.split("|")] for row in _layers()]
    total = len(rows) * (height + gap)
    out = [f'<svg viewBox="0 0 {width} {total}" role="img" aria-label="Layers of the code" width="{width}">']
    for number, row in enumerate(rows):
        each = (width - gap * (len(row) - 1)) / len(row)
        for place, name in enumerate(row):
            x, y = place * (each + gap), number * (height + gap)
            middle = f'x="{x + each / 2:.0f}" y="{y + height / 2 + 5}"'
            out.append(
                f'<rect x="{x:.0f}" y="{y}" width="{each:.0f}" height="{height}" rx="6" fill="none" '
                f'stroke="currentColor"/><text {middle} text-anchor="middle" fill="currentColor" '
                f'font-size="16">{name}</text>'
            )
    return "".join([*out, "</svg>"])


def _layers() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    found: list[str] = next(one["layers"] for one in contracts if one["id"] == "layers")
    return found


def _packages() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "omero_irods_bridge").glob("*/__init__.py")):
        text = file.read_text(encoding="utf-8").strip().strip('"').splitlines()
        if text:
            yield file.parent.name, text[0].strip('"')


def decisions() -> str:
    """The list of decisions, by their titles."""
    lines = ["# Decisions", "", "What was decided, and why.", ""]
    for file in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"- [{title}](../decisions/{file.name})")
    return "\n".join(lines) + "\n"
