"""The bridge between real servers: those of ``make sandbox-up``. Needs a container engine.

Commands run in the container of the agent, as in docs/getting-started.md. Each test leaves what it made.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

PROJECT: Final = "omero-irods-sandbox"
SERVICE: Final = "com.docker.compose.service"
PASSWORD: Final = "sandbox"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def containers() -> Iterator[dict[str, Any]]:
    """Those of the sandbox by the names of their services."""
    docker = pytest.importorskip("docker", reason="the package docker is not installed")
    try:
        client = docker.from_env(timeout=10)
        found = client.containers.list(filters={"label": f"com.docker.compose.project={PROJECT}"})
    except docker.errors.DockerException:
        pytest.skip("there is no container engine here: the real servers cannot be tried")
    if not found:
        pytest.skip("the sandbox is not running: make sandbox-up")
    yield {one.labels[SERVICE]: one for one in found}
    client.close()


@pytest.fixture(scope="module")
def ada(containers: dict[str, Any]) -> Run:
    """Types lines as Ada, who has an account on both servers; what they print."""
    account = json.dumps(
        {"irods_host": "irods", "irods_port": 1247, "irods_user_name": "ada", "irods_zone_name": "tempZone"}
    )
    variables = {
        "HOME": "/tmp/ada",
        "IRODS_ENVIRONMENT_FILE": "/tmp/ada/irods_environment.json",
        "IRODS_AUTHENTICATION_FILE": "/tmp/ada/irodsA",
        "OMERO_PASSWORD": PASSWORD,
        "OMERO_IRODS_OMERO__HOST": "omero",
        "OMERO_IRODS_OMERO__USER": "ada",
        "OMERO_IRODS_CONFIG": "/dev/null",
    }

    def run(line: str, *, status: int = 0) -> str:
        done = containers["agent"].exec_run(["bash", "-c", line], environment=variables, demux=True)
        out, err = (part.decode() if part else "" for part in done.output)
        assert done.exit_code == status, f"{line}\n{out}{err}"
        return str(out)

    run(f"mkdir -p /tmp/ada && echo '{account}' > $IRODS_ENVIRONMENT_FILE")
    encode = "from irods.password_obfuscation import encode; print(encode('" + PASSWORD + "'), end='')"
    run(f'python -c "{encode}" > $IRODS_AUTHENTICATION_FILE && chmod 600 $IRODS_AUTHENTICATION_FILE')
    return run


@pytest.fixture(scope="module")
def dataset(containers: dict[str, Any]) -> str:
    """A dataset of Ada's with one image, imported by OMERO's own command where OMERO has its Java."""
    image = "/tmp/plain&sizeX=64&sizeY=64.fake"
    lines = (
        "PATH=/opt/omero/server/venv3/bin:$PATH; omero login -q ada@localhost",
        f"made=$(omero -q obj new Dataset name=sandbox-{uuid.uuid4().hex[:8]})",
        f"touch '{image}' && omero -q import -d $made '{image}' > /dev/null && echo $made",
    )
    variables = {"HOME": "/tmp", "OMERO_PASSWORD": PASSWORD}
    done = containers["omero"].exec_run(["bash", "-ec", "\n".join(lines)], environment=variables, demux=True)
    assert done.exit_code == 0, done.output
    return str(done.output[0].decode().strip())


def test_a_dataset_is_packed_verified_loaded_and_compared(ada: Run, dataset: str) -> None:
    path = json.loads(ada(f"omero-irods pack {dataset} --json"))["snapshot"]["path"]
    ada(f"omero-irods verify {path} --data")
    load = json.loads(ada(f"omero-irods unpack {path} --json"))["loaded"]["load"]
    ada(f"omero-irods diff {path}")
    ada(f"omero-irods undo {load}")


def test_what_lands_in_an_inbox_is_shown_in_omero_and_protected(ada: Run) -> None:
    name = f"{uuid.uuid4().hex[:8]}.png"
    inbox = "/tempZone/home/ada/inbox"
    draw = f"from PIL import Image; Image.new('L', (32, 32)).save('/tmp/ada/{name}')"
    ada(f'python -c "{draw}"')
    session = "from irods.helpers import make_session; data = make_session().data_objects"
    ada(f"python -c \"{session}; data.put('/tmp/ada/{name}', '{inbox}/{name}')\"")
    ada(f"omero-irods ingest scan {inbox}")
    ada(f"omero-irods ingest status {inbox}/{name}")
    ada(f"python -c \"{session}; data.unlink('{inbox}/{name}')\"", status=1)
