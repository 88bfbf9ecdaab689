"""The command ``omero-irods`` in a process of its own, as a person with both embedded servers runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from irods.password_obfuscation import encode

from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_irods.conftest import place, store  # noqa: F401
from tests.wire.bridge_omero.conftest import _temporary_files  # noqa: F401
from tests.wire.bridge_pack.conftest import _no_faults_in_the_zone, dataset  # noqa: F401
from tests.wire.irods_zone.conftest import home, session, zone  # noqa: F401
from tests.wire.omero_server.conftest import (  # noqa: F401
    User,
    _no_faults_left,
    connect,
    gateway,
    make_group,
    make_user,
    root,
    server,
    user,
)

COMMAND = Path(sys.executable).with_name("omero-irods")
TIMEOUT_S = 120


@dataclass(frozen=True)
class Finished:
    """What a command left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.err.splitlines()]


@dataclass(frozen=True)
class Person:
    """Somebody with a home of his own; ``environment`` is over that of the tests."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: object, **more: Any) -> subprocess.Popen[str]:
        command = [str(COMMAND), *map(str, arguments)]
        ends = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, text=True, cwd=self.folder, env=self.variables(), **{**ends, **more})

    def run(self, *arguments: object) -> Finished:
        """Run ``omero-irods ARGUMENTS``, whatever status it ends with."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert "Traceback" not in err, err
        return Finished(process.returncode, out, err)

    def __call__(self, *arguments: object) -> Finished:
        """Run it; it has to end well."""
        finished = self.run(*arguments)
        assert finished.status == ExitStatus.DONE, finished
        return finished

    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "OMERO_USERDIR": str(self.folder / "omero"),
            "OMERO_TMPDIR": str(self.folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }

    def with_variables(self, **environment: str) -> Person:
        return Person(self.folder, {**self.environment, **environment})


def set_up_irods(folder: Path, zone: Zone, password: str | None = None) -> None:  # noqa: F811
    """What iinit leaves."""
    irods = folder / ".irods"
    irods.mkdir(exist_ok=True)
    (irods / "irods_environment.json").write_text(json.dumps(zone.environment()))
    secret = irods / ".irodsA"
    secret.write_text(encode(password or zone.password))
    secret.chmod(0o600)


MakePerson = Callable[..., Person]


@pytest.fixture
def person(zone: Zone, server: OmeroServer, user: User, tmp_path: Path) -> Person:  # noqa: F811
    """Has run iinit, has a settings file, and gives the OMERO password by the environment."""
    folder = tmp_path / "home"
    folder.mkdir()
    set_up_irods(folder, zone)
    config = folder / "config" / "omero-irods-bridge" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        f'[omero]\nhost = "{server.host}"\nport = {server.ssl_port}\nuser = "{user.name}"\n'
        '[transfer]\npiece = "64 KiB"\n'
    )
    return Person(folder, {"OMERO_PASSWORD": user.password})


@pytest.fixture
def snapshot(
    person: Person,
    dataset: ObjectRef,  # noqa: F811
    place: str,  # noqa: F811
) -> str:
    """The path of a zip of the dataset."""
    person("pack", dataset, "--to", f"{place}/noise.zip")
    return f"{place}/noise.zip"
