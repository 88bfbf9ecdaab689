"""The documentation as a site: its links hold, and the pages made from the code name all that there is."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest
import typer

from omero_irods_bridge.agent.http.app import description
from omero_irods_bridge.cli.main import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return loaded("pages")


def loaded(name: str) -> ModuleType:
    """A module beside the documentation."""
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / "docs" / "site" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_site_is_made_and_each_link_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "reference" / "rest" / "index.html").is_file()


def test_each_page_by_hand_can_be_found_from_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    by_hand = [file.name for file in (ROOT / "docs").glob("*.md")]
    assert [name for name in by_hand if f": {name}\n" not in menu] == []


def test_each_command_and_option_is_on_its_page(pages: ModuleType) -> None:
    text = pages.every_option()
    command = typer.main.get_command(app)
    leaves = list(pages._commands("omero-irods", command))
    assert len(leaves) > 20
    for path, one in leaves:
        block = text.partition(f"\n## {path}\n")[2].partition("\n## ")[0]
        assert block, path
        options = [name for parameter in one.params for name in parameter.opts if name.startswith("--")]
        assert [name for name in options if name not in block] == []


def test_each_endpoint_is_on_its_page(pages: ModuleType) -> None:
    text = pages.rest(description())
    for path, operations in description()["paths"].items():
        for method in set(operations) & set(pages.METHODS):
            assert f"\n## {method.upper()} {path}\n" in text


def test_each_layer_is_in_the_picture(pages: ModuleType) -> None:
    picture = pages.layers_picture()
    for name in ("cli", "doctor", "agent", "wiring", "adapters", "operations", "packet", "ports", "model"):
        assert f">{name}</text>" in picture


def test_each_decision_is_in_the_list(pages: ModuleType) -> None:
    text = pages.decisions()
    files = [file.name for file in (ROOT / "docs" / "decisions").glob("*.md")]
    assert [name for name in files if name not in text] == []


def test_the_picture_of_the_data_flow_is_what_its_text_says() -> None:
    drawn = loaded("data_flow")
    assert drawn.PICTURE.read_text(encoding="utf-8") == drawn.drawing(
        drawn.SOURCE.read_text(encoding="utf-8")
    )


def test_a_drawing_is_a_picture_whatever_its_texts() -> None:
    box = '{at = [0, 0], size = [2, 2], title = "&", lines = ["<"]}'
    text = f'title = "a < b"\nsize = [4, 4]\nbox = [{box}]\narrow = []\n'
    picture = ET.fromstring(loaded("data_flow").drawing(text))
    assert [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")] == ["&", "<"]
