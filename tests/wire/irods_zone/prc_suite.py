"""python-irodsclient's own tests (``irods.test``, in its wheel), run against a zone of their own.

How: end of reference/irods-wire.md. Each module runs in a process with a HOME of its own. The
tests that look at files beside the server run only when the client calls the server by the
machine's own name, and that name may lead anywhere, or be ``localhost``; so the process
believes that the machine is called :data:`HOST_NAME` and that this is the loopback address.
PRC itself is untouched: a copy of the installed package, because one of its tests writes
beside its own files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from irods.password_obfuscation import encode
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.running import zone_process

HOST_NAME: Final = "irods-zone.test"
"""What the tests' process takes for the name of its machine (``.test``: RFC 6761, never a real host)."""

MODULE_TIMEOUT_S: Final = 540
"""Two tests of ``data_obj_test`` move 24 GiB to see what signals do to the client."""

_REPOSITORY: Final = Path(__file__).parents[3]
_NAME_RESOLUTION: Final = f"""\
import socket

_lookup, _lookup_name = socket.getaddrinfo, socket.gethostbyname


def _here(host):
    return "127.0.0.1" if host == {HOST_NAME!r} else host


socket.gethostname = lambda: {HOST_NAME!r}
socket.getaddrinfo = lambda host, *rest, **named: _lookup(_here(host), *rest, **named)
socket.gethostbyname = lambda host: _lookup_name(_here(host))
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: passed, failed, skipped or left out."""

    test: str
    result: str
    detail: str


@dataclass(frozen=True, slots=True)
class ModuleRun:
    """All outcomes of one module."""

    module: str
    outcomes: tuple[Outcome, ...]

    def tests(self, result: str) -> dict[str, str]:
        """The tests that ended as ``result``, with their details."""
        return {outcome.test: outcome.detail for outcome in self.outcomes if outcome.result == result}

    def replaced_by(self, again: ModuleRun) -> ModuleRun:
        """The outcomes of ``again`` in the place of those here."""
        newer = {outcome.test: outcome for outcome in again.outcomes}
        return ModuleRun(self.module, tuple(newer.get(outcome.test, outcome) for outcome in self.outcomes))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the zone listens, and who the tests are: a rodsadmin."""

    port: int
    zone: str
    user: str
    password: str


def modules_with_tests() -> list[str]:
    """The modules of ``irods.test`` that define tests."""
    spec = find_spec("irods.test")
    assert spec is not None
    assert spec.origin is not None
    files = Path(spec.origin).parent.glob("*.py")
    return sorted(file.stem for file in files if "(unittest.TestCase)" in file.read_text())


def run_module(
    module: str,
    folder: Path,
    *,
    left_out: Sequence[str] = (),
    retry: Sequence[str] = (),
    rules: Path | None = None,
) -> ModuleRun:
    """Run one module of ``irods.test`` against a fresh zone in ``folder``, which follows ``rules``.

    Tests named in ``retry`` that fail get one more run, alone.

    Raises:
        RuntimeError: the process of the tests died or did not end; with what it had printed.
    """
    options = [] if rules is None else ["--rules", str(rules)]
    with zone_process(folder / "zone", "--port", "0", *options) as zone:
        endpoint = Endpoint(zone.port, zone.zone, zone.admin, zone.password)
        _name_resource_host(endpoint)
        environment = _environment(folder / "home", endpoint)
        if rules is not None:
            environment["PYTHON_RULE_ENGINE_INSTALLED"] = "yes"
        run = _run(module, folder, environment, left_out=left_out)
        again = [test for test in retry if test in run.tests("failed")]
        if again:
            run = run.replaced_by(_run(module, folder, environment, left_out=left_out, only=again))
        return run


def _run(
    module: str,
    folder: Path,
    environment: dict[str, str],
    *,
    left_out: Sequence[str],
    only: Sequence[str] = (),
) -> ModuleRun:
    results = folder / "results.json"
    results.unlink(missing_ok=True)
    order = {"module": module, "left_out": [*left_out], "only": [*only], "results": str(results)}
    output = folder / "output.txt"
    with output.open("w") as sink:
        status = subprocess.run(
            [sys.executable, "-m", "tests.wire.irods_zone.prc_module_runner"],
            input=json.dumps(order),
            text=True,
            cwd=folder,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            timeout=MODULE_TIMEOUT_S,
            check=False,
        ).returncode
    if not results.exists():
        raise RuntimeError(f"{module} ended with status {status}: {output.read_text()[-4000:]}")
    found: dict[str, tuple[str, str]] = json.loads(results.read_text())
    return ModuleRun(module, tuple(Outcome(test, *rest) for test, rest in sorted(found.items())))


def _name_resource_host(zone: Endpoint) -> None:
    """Let the default resource live on the host that the tests take for this one."""
    with iRODSSession(
        host="127.0.0.1", port=zone.port, user=zone.user, password=zone.password, zone=zone.zone
    ) as session:
        session.resources.modify("demoResc", "host", HOST_NAME)


def _environment(home: Path, endpoint: Endpoint) -> dict[str, str]:
    """The environment of a process of tests, after making its HOME."""
    settings = home / ".irods"
    settings.mkdir(parents=True)
    (settings / "irods_environment.json").write_text(
        json.dumps(
            {
                "irods_host": HOST_NAME,
                "irods_port": endpoint.port,
                "irods_user_name": endpoint.user,
                "irods_zone_name": endpoint.zone,
            }
        )
    )
    password_file = settings / ".irodsA"
    password_file.touch(mode=0o600)
    password_file.write_text(encode(endpoint.password))
    packages = home / "packages"
    _copy_client(packages)
    kept = {name: value for name, value in os.environ.items() if "IRODS" not in name.upper()}
    path = os.pathsep.join((str(packages), str(_REPOSITORY), str(_REPOSITORY / "sandbox")))
    return kept | {"HOME": str(home), "PYTHONPATH": path, "TMPDIR": str(_temporary_folder(home))}


def _temporary_folder(home: Path) -> Path:
    folder = home / "tmp"
    folder.mkdir()
    return folder


def _copy_client(packages: Path) -> None:
    spec = find_spec("irods")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(
        Path(spec.origin).parent, packages / "irods", ignore=shutil.ignore_patterns("__pycache__")
    )
    (packages / "sitecustomize.py").write_text(_NAME_RESOLUTION)
