"""What a person sees of ``omero-irods doctor``, and what a program gets."""

from __future__ import annotations

import json

import pytest

from omero_irods_bridge.cli.main import main
from omero_irods_bridge.model.errors import ExitStatus
from tests.doctor.conftest import Site


def toml(section: str, values: dict[str, object]) -> list[str]:
    """Names are quoted, and values are those of JSON: of texts and numbers TOML has the same."""
    return [f"[{section}]", *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in values.items())]


def run(site: Site, *arguments: str) -> int:
    config = site.folder / "config.toml"
    lines = [line for section, values in site.tree.items() for line in toml(section, values)]
    config.write_text("\n".join(lines))
    return main(["doctor", "--config", str(config), *arguments])


def test_a_site_that_is_well_ends_with_done(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(site) == ExitStatus.DONE
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ok       irods: zone ") for line in lines)
    assert not any("PROBLEM" in line or "WARNING" in line for line in lines)


def test_a_problem_is_told_with_what_to_do_and_ends_with_failed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.password_file.write_text("wrong")
    assert run(site) == ExitStatus.FAILED
    told = capsys.readouterr()
    line, remedy = next(
        pair
        for pair in zip(told.out.splitlines(), told.out.splitlines()[1:], strict=False)
        if "PROBLEM" in pair[0]
    )
    assert "omero: " in line
    assert remedy.strip() == "Check the user, the password and the group."
    assert "1 problem; each line says what to do." in told.err
    assert "wrong" not in told.out


def test_programs_get_each_line_as_an_object(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.install_scripts("https://old.example.org")
    assert run(site, "--json") == ExitStatus.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    warnings = [one for one in found["diagnoses"] if one["verdict"] == "warning"]
    assert {one["check"] for one in warnings} == {"scripts"}
    assert all(one["remedy"] for one in warnings)
