"""omero.api.JobHandle, and the omero command's ``script``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omero
import pytest
from omero.cli import CLI
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.server import OmeroServer

from .conftest import User

Gateway = Any

HELLO = """
import omero.scripts as scripts
from omero.rtypes import rstring

client = scripts.client(
    "Hello", "says hello", scripts.String("who", optional=False), scripts.String("greeting").out()
)
print("hello from the script")
client.setOutput("greeting", rstring("hello " + client.getInput("who", unwrap=True)))
client.closeSession()
"""


@pytest.fixture
def handle(gateway: Gateway) -> Iterator[Any]:
    made = gateway.c.sf.createJobHandle()
    yield made
    made.close()


def test_a_handle_without_job_says_what_to_do(handle: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="submit"):
        handle.jobStatus()


def test_a_submitted_job_is_its_submitters_and_has_not_begun(
    handle: Any, gateway: Gateway, user: User
) -> None:
    job = omero.model.ScriptJobI()
    job.username, job.message = rstring("somebody else"), rstring("please")
    job_id = handle.submit(job)
    found = handle.getJob()

    assert (found.id.val, found.username.val) == (job_id, user.name)
    assert found.groupname.val == gateway.getGroupFromContext().getName()
    assert (found.type.val, found.message.val) == ("User", "please")
    assert handle.jobStatus().value.val == "Submitted"
    assert found.started is None
    assert handle.jobFinished() is None


def test_a_job_goes_from_status_to_status(handle: Any) -> None:
    handle.submit(omero.model.ScriptJobI())

    assert handle.setStatus("Running") == "Submitted"
    assert handle.jobRunning()
    assert handle.setMessage("busy") == ""
    assert handle.jobMessage() == "busy"
    assert handle.setStatusAndMessage("Error", rstring("broken")) == "Running"
    assert handle.jobError()
    assert handle.jobMessage() == "broken"
    assert handle.jobFinished() is not None
    handle.cancelJob()
    assert handle.jobStatus().value.val == "Cancelled"


@pytest.mark.parametrize("status", ["Submitted", "Waiting", "Nonsense"])
def test_a_job_is_not_set_to_what_it_cannot_become(handle: Any, status: str) -> None:
    handle.submit(omero.model.ScriptJobI())
    with pytest.raises(omero.ValidationException):
        handle.setStatus(status)


def test_a_job_does_not_begin_as_finished(handle: Any) -> None:
    job = omero.model.ScriptJobI()
    job.status = omero.model.JobStatusI()
    job.status.value = rstring("Finished")
    with pytest.raises(omero.ApiUsageException, match="SUBMITTED and WAITING"):
        handle.submit(job)


def test_an_unknown_job_cannot_be_handled(handle: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="Unknown job"):
        handle.attach(123_456_789)


# -- the command


@pytest.fixture
def omero_command(
    server: OmeroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run ``omero ...`` as root; what it prints."""
    monkeypatch.setenv("OMERO_USERDIR", str(tmp_path / "omero"))
    monkeypatch.setenv("OMERO_SESSIONDIR", str(tmp_path / "omero" / "sessions"))

    def run(*arguments: str) -> str:
        cli = CLI()
        cli.loadplugins()
        try:
            cli.invoke(list(arguments), strict=True)
        finally:
            cli.close()
        return str(capsys.readouterr().out)

    run("login", f"root@{server.host}:{server.ssl_port}", "-w", server.root_password)
    return run


def test_omero_script_uploads_lists_shows_launches_and_deletes(omero_command: Any, tmp_path: Path) -> None:
    script = tmp_path / "Hello.py"
    script.write_text(HELLO)

    uploaded = omero_command("script", "upload", "--official", str(script))
    script_id = uploaded.strip().rpartition(":")[2]
    assert "Hello.py" in omero_command("script", "list")
    assert "says hello" in omero_command("script", "params", script_id)
    assert omero_command("script", "cat", script_id).strip() == HELLO.strip()
    launched = omero_command("script", "launch", script_id, "who=world")
    assert "hello from the script" in launched
    assert "greeting=hello world" in launched
    assert "Finished" in omero_command("script", "jobs", "--all")
    omero_command("script", "delete", script_id)
    assert "Hello.py" not in omero_command("script", "list")
