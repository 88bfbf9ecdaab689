"""The sandbox of real servers, as far as it can be checked where there is no container engine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from dockerfile_parse import DockerfileParser

from omero_irods_bridge.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "sandbox" / "docker"
ONE_SHOT = "first-run"
WITHOUT_CHECK = {ONE_SHOT, "web"}
"""One ends; the other has nothing of ours, and nobody waits for it."""

VARIABLE = re.compile(r"\$\{([A-Z_]+)\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    lines = (FOLDER / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def filled_in(variables: dict[str, str]) -> str:
    """The compose file with its variables replaced and its anchors resolved, as the command does it first."""
    text = VARIABLE.sub(lambda match: variables[match[1]], (FOLDER / "compose.yaml").read_text())
    return yaml.safe_dump(yaml.safe_load(text), sort_keys=False)


def test_the_compose_file_is_one_by_the_specification(variables: dict[str, str]) -> None:
    text = filled_in(variables)
    assert set(PyCompose.from_yaml(text).service_names()) == {
        "catalog", "irods", "omero", "web", "first-run", "agent",
    }  # fmt: skip
    with pytest.raises(ValueError, match="hostnam"):
        PyCompose.from_yaml(text.replace("hostname:", "hostnam:"))


def test_each_variable_of_the_compose_file_has_a_value(variables: dict[str, str]) -> None:
    used = set(VARIABLE.findall((FOLDER / "compose.yaml").read_text()))
    assert used == set(variables)


def test_each_version_is_pinned_to_a_release(compose: dict[str, Any], variables: dict[str, str]) -> None:
    images = [one["image"] for one in compose["services"].values() if "image" in one]
    assert len(images) == 3
    for image in images:
        tag = VARIABLE.sub(lambda match: variables[match[1]], image).partition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", tag), image


def test_who_waits_for_a_service_waits_for_one_that_is_there_and_can_be_asked(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert ("healthcheck" in service) is (name not in WITHOUT_CHECK), name
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other == ONE_SHOT else "service_healthy"
            assert other in services, f"{name} waits for {other}"
            assert how == {"condition": wanted}, f"{name} waits for {other}"


def test_each_volume_is_declared_and_each_mounted_file_is_there(compose: dict[str, Any]) -> None:
    mounts = [mount for one in compose["services"].values() for mount in one.get("volumes", [])]
    sources = {mount.partition(":")[0] for mount in mounts}
    files = {source for source in sources if source.startswith(".")}
    assert sources - files == set(compose["volumes"])
    assert all((FOLDER / name).is_file() for name in files)


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for one in compose["services"].values() for port in one.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["irods", "agent"])
def test_what_a_dockerfile_copies_is_there(name: str, compose: dict[str, Any]) -> None:
    build = compose["services"][name]["build"]
    file = FOLDER / build["context"] / build["dockerfile"]
    assert file.resolve() == FOLDER / name / "Dockerfile"
    parsed = DockerfileParser(path=str(file)).structure
    copies = [line["value"].split() for line in parsed if line["instruction"] == "COPY"]
    sources = [one for words in copies if "--from" not in words[0] for one in words[:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources), sources


@pytest.mark.parametrize("name", ["irods", "agent"])
def test_a_dockerfile_takes_the_versions_that_the_compose_file_gives(
    name: str, compose: dict[str, Any]
) -> None:
    parsed = DockerfileParser(path=str(FOLDER / name / "Dockerfile")).structure
    asked = {line["value"] for line in parsed if line["instruction"] == "ARG" and "=" not in line["value"]}
    assert asked == set(compose["services"][name]["build"]["args"])


def test_the_image_of_the_agent_leaves_out_what_is_not_source() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv"} <= set(ignored)


def test_the_settings_of_the_agent_are_settings() -> None:
    written = tomllib.loads((FOLDER / "agent" / "config.toml").read_text())
    settings = Settings.model_validate(written)
    assert settings.agent.database == "postgresql://bridge@catalog/bridge"
    assert settings.agent.users is not None
    assert list(settings.paths) == ["demoResc:/var/lib/irods/Vault"]


def test_omero_sees_the_vault_where_the_settings_say(compose: dict[str, Any]) -> None:
    settings = Settings.model_validate(tomllib.loads((FOLDER / "agent" / "config.toml").read_text()))
    place = next(iter(settings.paths.values()))
    for name in ("omero", "agent"):
        assert f"vault:{place}:ro" in compose["services"][name]["volumes"]
    assert "vault:/var/lib/irods/Vault" in compose["services"]["irods"]["volumes"]


def test_irods_asks_the_python_rules_first_and_holds_no_password() -> None:
    answers = json.loads((FOLDER / "irods" / "setup.json").read_text())
    plugins = answers["server_config"]["plugin_configuration"]
    engines = [one["plugin_name"] for one in plugins["rule_engines"]]
    assert engines[0] == "irods_rule_engine_plugin-python"
    assert answers["admin_password"] == plugins["database"]["password"] == ""


def test_files_of_the_vault_can_be_read_by_omero() -> None:
    answers = json.loads((FOLDER / "irods" / "setup.json").read_text())["server_config"]
    assert (answers["default_file_mode"], answers["default_dir_mode"]) == ("0644", "0755")


def test_the_rules_know_the_account_of_the_agent() -> None:
    settings = json.loads((FOLDER / "irods" / "omero_bridge_settings.json").read_text())
    assert settings == {"service_users": ["bridge#tempZone"]}


def test_the_agent_scans_by_itself() -> None:
    settings = Settings.model_validate(tomllib.loads((FOLDER / "agent" / "config.toml").read_text()))
    assert [one.kind for one in settings.agent.schedules.values()] == ["ingest"]
