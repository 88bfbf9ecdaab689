"""A first settings file: what was answered, and the rest as comments that say what could be set. Pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.settings import Settings

USERS: Final = """# Who may use the agent: names in OMERO = names in iRODS. Who fits no line is refused.
[users]
# alice = "a.smith"          # OMERO's alice is a.smith in iRODS
# "lab7-*" = "{name}"        # of the same name in both; * is any text, ? any one character
# lab7-guest = false         # but not this one
"""

TOKENS: Final = """# Tokens of services: omero-irods agent token NAME makes the lines for one.
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of a site; "" and none are left to the accounts of whoever runs a command.

    ``paths`` is the table of the same name in the settings. ``agent_folder`` is where the files of an agent
    lie, none where there shall be no agent.
    """

    omero_host: str = ""
    omero_port: int | None = None
    omero_user: str = ""
    omero_group: str = ""
    repository: str = ""
    irods_environment: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    agent_folder: Path | None = None


def settings_text(answers: Answers) -> str:
    """The file, in TOML, which :mod:`.settings` reads.

    Raises:
        UsageError: an answer is not what a setting can be.
    """
    text = "\n".join(_lines(answers)) + "\n"
    try:
        Settings.model_validate(tomllib.loads(text))
    except ValueError as error:  # of pydantic and tomllib alike
        raise UsageError(f"These settings cannot be: {_first_line(error)}") from error
    return text


def _first_line(error: ValueError) -> str:
    return next((line.strip() for line in str(error).splitlines()[2:3]), str(error))


def _lines(answers: Answers) -> Iterator[str]:
    yield "# Settings of omero-irods. Every setting: omero-irods settings, and docs/configuration.md."
    yield "# Passwords do not belong here."
    yield ""
    yield "[omero]"
    yield from _setting("host", answers.omero_host, "omero.example.org", "else the server of `omero login`")
    if answers.omero_port is not None:
        yield f"port = {answers.omero_port}"
    yield from _setting("user", answers.omero_user, "alice", "else the user of `omero login`")
    yield from _setting("group", answers.omero_group, "imaging", "else the user's default one")
    if answers.agent_folder is not None:
        yield from _setting("password_file", str(answers.agent_folder / "omero-password"), "", "mode 600")
    yield from _setting(
        "managed_repository",
        answers.repository,
        "/OMERO/ManagedRepository",
        "where it is mounted here, if it is",
    )
    yield ""
    yield "[irods]"
    yield from _setting(
        "environment_file",
        answers.irods_environment,
        "/home/alice/.irods/irods_environment.json",
        "else where iinit puts it",
    )
    yield ""
    yield "# Where OMERO sees the files of iRODS: needed for what is linked in place."
    yield "[paths]"
    if not answers.paths:
        yield '# "demoResc:/var/lib/irods/Vault" = "/mnt/vault"'
    yield from (f"{_string(rule)} = {_string(folder)}" for rule, folder in answers.paths.items())
    yield ""
    yield "[snapshots]"
    yield f"# target = {_string(Settings().snapshots.target)}"
    yield from _agent(answers.agent_folder)


def _setting(name: str, value: str, example: str, meaning: str) -> Iterator[str]:
    yield f"{'' if value else '# '}{name} = {_string(value or example)}  # {meaning}"


def _string(text: str) -> str:
    """As TOML has it: like JSON, but that DEL is escaped and nothing else needs to be."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _agent(folder: Path | None) -> Iterator[str]:
    if folder is None:
        return
    yield ""
    yield "# The service that runs jobs: docs/agent.md"
    yield "[agent]"
    yield from _setting("users", str(folder / "users.toml"), "", "who may use it, and who is who")
    yield from _setting("tokens", str(folder / "tokens.toml"), "", "services that may talk to it")
    yield '# database = "postgresql://bridge@db.example.org/bridge"  # else a file, for one computer'
    yield '# listen = "127.0.0.1:8640"  # a proxy with TLS before it lets others in'
