"""Scripts of the server's, run by its own processor as the user who calls (omero-semantics.md, section 8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import omero
import omero.callbacks
import omero.scripts
import pytest
from omero.rtypes import rint, rlist, rlong, rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer

from .conftest import Connect, MakeUser

Gateway = Any
Upload = Callable[[str, str], int]

SUM = """
    import sys
    import omero.scripts as scripts
    from omero.rtypes import rlong, rstring

    client = scripts.client(
        "Sum", "Adds two numbers",
        scripts.Long("a", optional=False, min=0, max=100, description="the first", grouping="1"),
        scripts.Long("b", default=2, grouping="2"),
        scripts.String("How", values=[rstring("loud"), rstring("soft")]),
        scripts.List("more").ofType(rlong(0)),
        scripts.Long("sum").out(),
        version="1.2", authors=["A. Uthor"], namespaces=["test.sum"],
    )
    a, b = client.getInput("a", unwrap=True), client.getInput("b", unwrap=True)
    print("adding")
    print("to stderr", file=sys.stderr)
    client.setOutput("sum", rlong(a + b + sum(client.getInput("more", unwrap=True) or [])))
    client.closeSession()
"""

WHO = """
    import os
    import omero.scripts as scripts
    from omero.rtypes import rlong, rstring, wrap

    client = scripts.client("Who")
    context = client.sf.getAdminService().getEventContext()
    client.setOutput("user", rlong(context.userId))
    client.setOutput("group", rlong(context.groupId))
    client.setOutput("sudoer", context.sudoerId)
    client.setOutput("event", rstring(context.eventType))
    client.setOutput("variables", wrap(sorted(os.environ)))
    client.setOutput("folder", rstring(os.getcwd()))
    client.setOutput("idle", client.sf.getSessionService().getSession(context.sessionUuid).timeToIdle)
    client.setOutput("live", client.sf.getSessionService().getSession(context.sessionUuid).timeToLive)
"""

SLEEP = """
    import time
    import omero.scripts as scripts

    client = scripts.client("Sleep")
    print("asleep", flush=True)
    time.sleep(600)
"""

FAILS = """
    import omero.scripts as scripts

    scripts.client("Fails").closeSession()
    raise SystemExit("no!")
"""


@pytest.fixture
def upload(root: Gateway) -> Upload:
    """Upload a script of the server's; its id."""

    def put(path: str, text: str) -> int:
        return int(root.getScriptService().uploadOfficialScript(path, dedent(text)))

    return put


@pytest.fixture
def put_once(server: OmeroServer, upload: Upload) -> Upload:
    """As ``upload``, unless an earlier test has uploaded it."""

    def put(path: str, text: str) -> int:
        found = server.storage.data / "ScriptRepository" / path.lstrip("/")
        if found.exists():
            return int(
                server.store.database.value('select id from "OriginalFile" where name = ?', found.name)
            )
        return upload(path, text)

    return put


def _start(gateway: Gateway, script_id: int, **inputs: Any) -> Any:
    return gateway.getScriptService().runScript(script_id, inputs, None)


def _results(gateway: Gateway, script_id: int, **inputs: Any) -> Mapping[str, Any]:
    process = _start(gateway, script_id, **inputs)
    assert process.wait() == 0, _said(gateway, process.getResults(0))
    results: Mapping[str, Any] = process.getResults(0)
    process.close(False)
    return results


def _said(gateway: Gateway, results: Mapping[str, Any]) -> str:
    return "".join(_text(gateway, results[name]) for name in ("stdout", "stderr") if name in results)


def _text(gateway: Gateway, file: Any) -> str:
    return b"".join(gateway.getObject("OriginalFile", file.val.id.val).getFileInChunks()).decode()


def _until(condition: Callable[[], Any]) -> Any:
    """What ``condition`` gives as soon as that is something."""
    for _ in range(600):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def _job_status(gateway: Gateway, job_id: int) -> str:
    query = "select s.value from Job j join j.status s where j.id = :id"
    parameters = omero.sys.ParametersI().addId(job_id)
    rows = gateway.getQueryService().projection(query, parameters, {"omero.group": "-1"})
    return str(unwrap(rows)[0][0])


# -- finding and reading


def test_an_official_script_is_found_by_path_and_listed_for_everybody(
    put_once: Upload, gateway: Gateway
) -> None:
    script_id = put_once("/test/Sum.py", SUM)
    service = gateway.getScriptService()

    assert service.getScriptID("/test/Sum.py") == script_id
    assert service.getScriptID("/test/Nothing.py") == -1
    (found,) = [script for script in service.getScripts() if script.id.val == script_id]
    assert (found.path.val, found.name.val, found.mimetype.val) == ("/test/", "Sum.py", "text/x-python")
    assert found.details.group.id.val == 1
    assert service.getScriptText(script_id) == dedent(SUM)
    ((text, file),) = service.getScriptWithDetails(script_id).items()
    assert (text, file.val.id.val) == (dedent(SUM), script_id)
    assert script_id not in [script.id.val for script in service.getUserScripts([])]


def test_parameters_are_what_the_script_says(put_once: Upload, gateway: Gateway) -> None:
    params = gateway.getScriptService().getParams(put_once("/test/Sum.py", SUM))

    assert (params.name, params.description, params.version) == ("Sum", "Adds two numbers", "1.2")
    assert (params.authors, params.namespaces) == (["A. Uthor"], ["test.sum"])
    assert sorted(params.inputs) == ["How", "a", "b", "more"]
    assert sorted(params.outputs) == ["sum"]
    first, second = params.inputs["a"], params.inputs["b"]
    assert (first.optional, unwrap(first.min), unwrap(first.max)) == (False, 0, 100)
    assert (second.useDefault, unwrap(second.prototype)) == (True, 2)
    assert unwrap(params.inputs["How"].values) == ["loud", "soft"]


def test_reading_parameters_leaves_no_job_behind(
    server: OmeroServer, put_once: Upload, gateway: Gateway
) -> None:
    gateway.getScriptService().getParams(put_once("/test/Sum.py", SUM))
    ids = server.store.database.tuples(
        'select j.id from "Job" j join "JobStatus" s on s.id = j.status_id'
        " where j._class = 'ParseJob' and s.value = 'Finished'"
    )
    assert ids == []


def test_what_is_no_script_has_neither_text_nor_parameters(gateway: Gateway, tmp_path: Path) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("plain")
    file_id = gateway.createOriginalFileFromLocalFile(str(plain), mimetype="text/plain").getId()
    service = gateway.getScriptService()

    assert not service.getScriptText(file_id)
    assert service.getParams(file_id) is None
    assert not service.getScriptWithDetails(file_id)


# -- running


def test_a_script_gets_its_inputs_and_gives_its_outputs(put_once: Upload, gateway: Gateway) -> None:
    results = _results(gateway, put_once("/test/Sum.py", SUM), a=rlong(40), more=rlist([rlong(1), rlong(2)]))

    assert unwrap(results["sum"]) == 45  # 2 is the default of b
    assert _text(gateway, results["stdout"]) == "adding\n"
    assert _text(gateway, results["stderr"]) == "to stderr\n"


def test_output_files_are_the_callers_and_linked_to_the_job(
    put_once: Upload, gateway: Gateway, user: Any
) -> None:
    process = _start(gateway, put_once("/test/Sum.py", SUM), a=rlong(1))
    process.wait()
    job = process.getJob()
    process.close(False)

    files = gateway.getQueryService().findAllByQuery(
        "select f from Job j join j.originalFileLinks l join l.child f where j.id = :id order by f.name",
        omero.sys.ParametersI().addId(job.id.val),
    )
    assert [file.name.val for file in files] == ["Sum.py", "stderr", "stdout"]
    assert [file.details.owner.id.val for file in files[1:]] == [user.id, user.id]
    assert {file.mimetype.val for file in files[1:]} == {"text/plain"}
    assert all(file.hash.val for file in files[1:])


def test_a_job_says_who_ran_what_and_when(put_once: Upload, gateway: Gateway, user: Any) -> None:
    process = _start(gateway, put_once("/test/Sum.py", SUM), a=rlong(1))
    process.wait()
    handle = gateway.c.sf.createJobHandle()
    status = handle.attach(process.getJob().id.val)
    job = handle.getJob()

    assert isinstance(job, omero.model.ScriptJob)
    assert (status.value.val, job.status.value.val) == ("Finished", "Finished")
    assert job.username.val == user.name
    assert job.submitted.val <= job.started.val <= job.finished.val == handle.jobFinished().val
    assert not handle.jobRunning()
    assert not handle.jobError()
    handle.close()
    process.close(False)


def test_a_script_runs_as_its_caller_in_a_session_of_its_own(
    put_once: Upload, gateway: Gateway, user: Any
) -> None:
    results = {
        name: unwrap(value) for name, value in _results(gateway, put_once("/test/Who.py", WHO)).items()
    }

    assert (results["user"], results["group"], results["event"]) == (user.id, user.group_id, "Processing")
    assert (results["idle"], results["live"]) == (0, 3_600_000)


def test_the_environment_is_whitelisted(
    put_once: Upload, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_OWN_VARIABLE", "not for scripts")
    monkeypatch.setenv("OMERO_TMPDIR", "/tmp")
    results = {
        name: unwrap(value) for name, value in _results(gateway, put_once("/test/Who.py", WHO)).items()
    }

    assert "MY_OWN_VARIABLE" not in results["variables"]
    assert {"ICE_CONFIG", "OMERO_HOME", "OMERO_TMPDIR", "PATH"} <= set(results["variables"])
    assert not Path(results["folder"]).exists()  # the folder was for this run only


def test_a_sudoer_is_not_carried_over_into_a_script(put_once: Upload, root: Gateway, user: Any) -> None:
    script_id = put_once("/test/Who.py", WHO)
    sudo = root.suConn(user.name)
    assert sudo.getEventContext().sudoerId is not None
    results = {name: unwrap(value) for name, value in _results(sudo, script_id).items()}
    sudo.close()

    assert results["user"] == user.id
    assert results.get("sudoer") is None


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        ({}, "Missing input"),
        ({"a": rlong(1), "How": rlong(1)}, "Wrong type"),
        ({"a": rlong(101)}, "above max"),
        ({"a": rlong(-1)}, "below min"),
        ({"a": rlong(1), "How": rstring("shrill")}, "not in"),
        ({"a": rlong(1), "more": rlist([rstring("x")])}, "Wrong type"),
    ],
)
def test_inputs_that_break_the_parameters_are_refused_and_fail_the_job(
    put_once: Upload, gateway: Gateway, inputs: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(omero.ValidationException, match=f"(?i){complaint}"):
        _start(gateway, put_once("/test/Sum.py", SUM), **inputs)

    jobs = gateway.getQueryService().projection(
        "select s.value, j.message from ScriptJob j join j.status s order by j.id", None
    )
    status, message = unwrap(jobs)[-1]
    assert status == "Error"
    assert message.startswith("Invalid parameters")


def test_a_script_that_fails_says_so_by_code_status_and_stderr(upload: Upload, gateway: Gateway) -> None:
    script_id = upload("/test/Fails.py", FAILS)
    process = _start(gateway, script_id)

    assert process.wait() == 1
    assert process.poll().val == 1
    assert _job_status(gateway, process.getJob().id.val) == "Error"
    assert _text(gateway, process.getResults(0)["stderr"]) == "no!\n"
    process.close(False)


def test_output_files_are_of_the_type_a_script_says_and_empty_ones_are_not_kept(
    upload: Upload, gateway: Gateway
) -> None:
    text = """
        import omero.scripts
        client = omero.scripts.client("Quiet", stdoutFormat="application/json")
        print("{}")
        client.closeSession()
    """
    results = _results(gateway, upload("/test/Quiet.py", text))
    file = gateway.getObject("OriginalFile", results["stdout"].val.id.val)
    assert file.mimetype == "application/json"
    assert "stderr" not in results


def test_callbacks_hear_the_end(put_once: Upload, gateway: Gateway) -> None:
    process = _start(gateway, put_once("/test/Sum.py", SUM), a=rlong(1))
    callback = omero.scripts.ProcessCallbackI(gateway.c, process, poll=False)
    assert _until(lambda: callback.block(200)) == "FINISHED"
    callback.close()
    process.close(False)


# -- ending


def _asleep(gateway: Gateway, put: Upload) -> Any:
    process = _start(gateway, put("/test/Sleep.py", SLEEP))
    assert process.poll() is None
    return process


@pytest.mark.parametrize(("how", "heard"), [("cancel", "CANCELLED"), ("kill", "KILLED")])
def test_a_script_can_be_ended(put_once: Upload, gateway: Gateway, how: str, heard: str) -> None:
    process = _asleep(gateway, put_once)
    callback = omero.scripts.ProcessCallbackI(gateway.c, process, poll=False)
    getattr(process, how)()

    assert _until(lambda: callback.result) in {heard, "FINISHED"}
    assert process.wait() != 0
    assert _job_status(gateway, process.getJob().id.val) == "Cancelled"
    callback.close()
    process.close(False)


@pytest.mark.parametrize("detach", [True, False])
def test_closing_ends_a_script_unless_it_is_detached(
    put_once: Upload, gateway: Gateway, detach: bool
) -> None:
    process = _asleep(gateway, put_once)
    job_id = process.getJob().id.val
    process.close(detach)

    assert _job_status(gateway, job_id) == ("Running" if detach else "Cancelled")


def test_a_script_ends_with_the_client_that_started_it(
    put_once: Upload, root: Gateway, connect: Connect, make_user: MakeUser
) -> None:
    leaving = connect(make_user())
    job_id = _asleep(leaving, put_once).getJob().id.val
    leaving.close()

    assert _until(lambda: _job_status(root, job_id) != "Running")
    assert _job_status(root, job_id) == "Cancelled"


def test_a_script_ends_when_its_time_is_over(put_once: Upload, root: Gateway, gateway: Gateway) -> None:
    config = root.getConfigService()
    script_id = put_once("/test/Sleep.py", SLEEP)
    gateway.getScriptService().getParams(script_id)
    config.setConfigValue("omero.scripts.timeout", "1500")
    try:
        process = _start(gateway, script_id)
    finally:
        config.setConfigValue("omero.scripts.timeout", "")
    assert _until(lambda: _job_status(root, process.getJob().id.val) == "Cancelled")
    assert process.poll() is not None
    process.close(False)


def test_results_are_for_ended_scripts_and_given_once(put_once: Upload, gateway: Gateway) -> None:
    process = _asleep(gateway, put_once)
    with pytest.raises(omero.ApiUsageException, match="still running"):
        process.getResults(0)
    with pytest.raises(omero.ApiUsageException, match="5 seconds"):
        process.getResults(6)
    process.kill()
    process.wait()
    process.getResults(0)
    with pytest.raises(omero.ApiUsageException, match="No current process"):
        process.getResults(0)
    process.close(False)


def test_the_message_of_a_job_can_be_changed(put_once: Upload, gateway: Gateway) -> None:
    process = _asleep(gateway, put_once)
    assert process.setMessage("half way") == ""
    assert process.setMessage("done soon") == "half way"
    process.close(False)


# -- the repository of scripts


def test_only_administrators_with_the_privilege_upload_official_scripts(
    make_user: MakeUser, connect: Connect, gateway: Gateway
) -> None:
    light = connect(make_user(privileges=["Sudo"]))
    for one in (gateway, light):
        with pytest.raises(omero.SecurityViolation):
            one.getScriptService().uploadOfficialScript("/test/Mine.py", dedent(SUM))
    privileged = connect(make_user(privileges=["WriteScriptRepo"]))
    assert privileged.getScriptService().uploadOfficialScript("/test/Light.py", dedent(SUM)) > 0


def test_an_official_path_is_taken_once(put_once: Upload, upload: Upload) -> None:
    put_once("/test/Sum.py", SUM)
    with pytest.raises(omero.ApiUsageException, match="Use editScript"):
        upload("/test/Sum.py", SUM)


@pytest.mark.parametrize("path", ["../outside.py", "/a/../../outside.py"])
def test_a_path_out_of_the_repository_is_refused(upload: Upload, server: OmeroServer, path: str) -> None:
    with pytest.raises(omero.ApiUsageException):
        upload(path, SUM)
    assert not list(server.storage.data.glob("outside.py"))


def test_an_edited_script_has_the_parameters_of_its_new_text(
    root: Gateway, upload: Upload, gateway: Gateway
) -> None:
    script_id = upload("/test/Edited.py", 'import omero.scripts\nomero.scripts.client("before")')
    assert gateway.getScriptService().getParams(script_id).name == "before"
    text = 'import omero.scripts\nomero.scripts.client("after")'
    with pytest.raises(omero.SecurityViolation):
        gateway.getScriptService().editScript(omero.model.OriginalFileI(script_id, False), text)
    root.getScriptService().editScript(omero.model.OriginalFileI(script_id, False), text)

    assert gateway.getScriptService().getScriptText(script_id) == text
    assert gateway.getScriptService().getParams(script_id).name == "after"


def test_a_script_without_parameters_is_refused_with_what_it_said_and_disabled(
    root: Gateway, upload: Upload
) -> None:
    with pytest.raises(omero.ValidationException, match=r"(?s)Can't find params.*no such thing"):
        upload("/test/Broken.py", 'raise SystemExit("no such thing")')
    assert root.getScriptService().getScriptID("/test/Broken.py") == -1


def test_files_that_come_change_and_go_on_disk_are_followed(server: OmeroServer, gateway: Gateway) -> None:
    folder = server.storage.data / "ScriptRepository" / "disk"
    folder.mkdir()
    script = folder / "New.py"
    script.write_text("1")
    (folder / "notes.txt").write_text("not a script")
    (folder / "map.lut").write_bytes(b"\0" * 768)
    service = gateway.getScriptService()

    first = [file.id.val for file in service.getScripts() if file.path.val == "/disk/"]
    assert len(first) == 1
    assert "map.lut" in [file.name.val for file in service.getScriptsByMimetype("text/x-lut")]
    script.write_text("2")
    second = [file.id.val for file in service.getScripts() if file.path.val == "/disk/"]
    assert len(second) == 1
    assert second != first
    script.unlink()
    assert not [file for file in service.getScripts() if file.path.val == "/disk/"]


def test_a_script_whose_bytes_changed_behind_the_servers_back_does_not_run(
    server: OmeroServer, upload: Upload, gateway: Gateway
) -> None:
    script_id = upload("/test/Flipped.py", SUM.replace("Sum", "Flipped"))
    server.faults.flip_byte(script_id)
    with pytest.raises(omero.InternalException, match="Sha1s don't match"):
        _start(gateway, script_id, a=rlong(1))


def test_deleting_an_official_script_needs_the_privilege(
    root: Gateway, server: OmeroServer, upload: Upload, gateway: Gateway
) -> None:
    script_id = upload("/test/Gone.py", 'import omero.scripts\nomero.scripts.client("gone")')
    _results(gateway, script_id)
    with pytest.raises(omero.SecurityViolation):
        gateway.getScriptService().deleteScript(script_id)
    root.getScriptService().deleteScript(script_id)

    assert root.getScriptService().getScriptID("/test/Gone.py") == -1
    assert not (server.storage.data / "ScriptRepository/test/Gone.py").exists()
    with pytest.raises(omero.ApiUsageException, match="No script with id"):
        root.getScriptService().deleteScript(script_id)


def test_a_wait_of_more_than_three_minutes_is_refused(put_once: Upload, gateway: Gateway) -> None:
    job = omero.model.ScriptJobI()
    job.linkOriginalFile(omero.model.OriginalFileI(put_once("/test/Sum.py", SUM), False))
    with pytest.raises(omero.ApiUsageException, match="3 minutes"):
        gateway.c.sf.sharedResources().acquireProcessor(job, 181)


def test_an_interactive_processor_runs_its_job_again_after_the_results(
    put_once: Upload, gateway: Gateway
) -> None:
    job = omero.model.ScriptJobI()
    job.linkOriginalFile(omero.model.OriginalFileI(put_once("/test/Sum.py", SUM), False))
    processor = gateway.c.sf.sharedResources().acquireProcessor(job, 5)
    assert processor.params().name == "Sum"
    process = processor.execute(omero.rtypes.rmap({"a": rlong(1)}))
    with pytest.raises(omero.ApiUsageException, match="currently running"):
        processor.execute(omero.rtypes.rmap({"a": rlong(2)}))
    process.wait()
    assert unwrap(processor.getResults(process))["sum"] == 3
    again = processor.execute(omero.rtypes.rmap({"a": rlong(2)}))
    again.wait()
    assert unwrap(processor.getResults(again))["sum"] == 4
    assert processor.expires() > 0
    processor.stop()
    with pytest.raises(omero.ApiUsageException, match="stopped"):
        processor.execute(omero.rtypes.rmap({"a": rlong(3)}))


def test_the_wait_for_a_processor_may_be_given(put_once: Upload, gateway: Gateway) -> None:
    process = gateway.getScriptService().runScript(put_once("/test/Sum.py", SUM), {"a": rlong(1)}, rint(1))
    assert process.wait() == 0
    process.close(False)
