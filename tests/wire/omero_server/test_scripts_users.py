"""Scripts of users: stored for them, run only by processors of their own (``omero script serve``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import omero
import omero.processor
import pytest
from omero.rtypes import rlong, rstring, unwrap

from .conftest import Connect, Group, MakeUser

Gateway = Any

DOUBLE = """
    import os
    import omero.scripts as scripts
    from omero.rtypes import rlong, rstring

    client = scripts.client(
        "Double",
        scripts.Long("n", optional=False, max=10), scripts.Long("doubled").out(), scripts.Long("who").out(),
    )
    print("doubling")
    client.setOutput("doubled", rlong(2 * client.getInput("n", unwrap=True)))
    client.setOutput("who", rlong(client.sf.getAdminService().getEventContext().userId))
    client.closeSession()
"""

SLEEP = """
    import time
    import omero.scripts as scripts

    client = scripts.client("Sleep")
    time.sleep(600)
"""


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start a processor in a user's program, as ``omero script serve`` does."""
    config = tmp_path / "ice.config"
    config.write_text("")
    monkeypatch.setenv("OMERO_TMPDIR", str(tmp_path))
    started: list[Any] = []

    def start(gateway: Gateway, accepts: list[Any] | None = None) -> Any:
        started.append(omero.processor.usermode_processor(gateway.c, cfg=str(config), accepts_list=accepts))
        return started[-1]

    yield start
    for processor in started:
        processor.cleanup()


def _upload(gateway: Gateway, text: str, path: str = "/home/me/Double.py") -> int:
    return int(gateway.getScriptService().uploadScript(path, dedent(text)))


# -- keeping scripts


def test_an_uploaded_script_is_a_file_of_its_uploader(gateway: Gateway, user: Any) -> None:
    script_id = _upload(gateway, DOUBLE)
    file = gateway.getQueryService().get("OriginalFile", script_id)

    assert (file.path.val, file.name.val, file.mimetype.val) == ("/home/me/", "Double.py", "text/x-python")
    assert (file.details.owner.id.val, file.details.group.id.val) == (user.id, user.group_id)
    assert file.size.val == len(dedent(DOUBLE))
    assert len(file.hash.val) == 40
    assert gateway.getScriptService().getScriptText(script_id) == dedent(DOUBLE)


def test_scripts_are_listed_by_user_and_by_group(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwr---")
    one_user, other_user = make_user(group), make_user(group)
    one, other = connect(one_user), connect(other_user)
    mine, theirs = _upload(one, DOUBLE), _upload(other, DOUBLE)

    def listed(*accepted: Any) -> list[int]:
        return [file.id.val for file in one.getScriptService().getUserScripts(list(accepted))]

    user_ref = omero.model.ExperimenterI(one_user.id, False)
    group_ref = omero.model.ExperimenterGroupI(group.id, False)
    assert listed() == [mine, theirs]
    assert listed(user_ref) == [mine]
    assert listed(group_ref) == [mine, theirs]
    assert listed(user_ref, group_ref) == [mine]
    elsewhere = make_group("rwr---")
    both = connect(make_user(elsewhere, group))
    there = _upload(both, DOUBLE)
    found = both.getScriptService().getUserScripts([], {"omero.group": "-1"})
    assert [file.id.val for file in found] == [there]  # of the session's group, whatever the call's
    with pytest.raises(omero.ValidationException, match="Unsupported accept-type"):
        listed(omero.model.ImageI(1, False))


def test_scripts_of_a_private_group_are_their_owners(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rw----")
    script_id = _upload(connect(make_user(group)), DOUBLE)
    service = connect(make_user(group)).getScriptService()

    assert not service.getScriptText(script_id)
    with pytest.raises(omero.ApiUsageException):
        service.deleteScript(script_id)
    with pytest.raises(omero.ApiUsageException):
        service.editScript(omero.model.OriginalFileI(script_id, False), "")


def test_who_may_read_a_script_may_not_change_it(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwra--")
    script_id = _upload(connect(make_user(group)), DOUBLE)
    service = connect(make_user(group)).getScriptService()

    assert service.getScriptText(script_id)
    with pytest.raises(omero.SecurityViolation):
        service.deleteScript(script_id)
    with pytest.raises(omero.SecurityViolation):
        service.editScript(omero.model.OriginalFileI(script_id, False), "")


def test_an_edited_script_has_the_size_and_checksum_of_its_text(gateway: Gateway) -> None:
    script_id = _upload(gateway, DOUBLE)
    before = gateway.getQueryService().get("OriginalFile", script_id)
    gateway.getScriptService().editScript(before, "shorter")

    after = gateway.getQueryService().get("OriginalFile", script_id)
    assert gateway.getScriptService().getScriptText(script_id) == "shorter"
    assert after.size.val == len("shorter")
    assert after.hash.val != before.hash.val


def test_a_disabled_script_is_none_until_it_is_edited(gateway: Gateway) -> None:
    script_id = _upload(gateway, DOUBLE)
    file = gateway.getQueryService().get("OriginalFile", script_id)
    file.mimetype = rstring("text/plain")
    gateway.getUpdateService().saveObject(file)

    assert not gateway.getScriptService().getScriptText(script_id)
    gateway.getScriptService().editScript(
        gateway.getQueryService().get("OriginalFile", script_id), dedent(DOUBLE)
    )
    assert gateway.getScriptService().getScriptText(script_id)


def test_a_deleted_script_is_gone(gateway: Gateway) -> None:
    script_id = _upload(gateway, DOUBLE)
    gateway.getScriptService().deleteScript(script_id)
    assert gateway.getQueryService().find("OriginalFile", script_id) is None


def test_a_script_is_not_uploaded_into_a_foreign_group_or_into_all(
    gateway: Gateway, make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    service = gateway.getScriptService()
    with pytest.raises(omero.ApiUsageException):
        service.uploadScript("a.py", "", {"omero.group": "-1"})
    light = connect(make_user(privileges=["Sudo"]))
    with pytest.raises(omero.SecurityViolation, match="No permission to upload script"):
        light.getScriptService().uploadScript("a.py", "", {"omero.group": str(make_group().id)})


# -- without a processor


def test_without_a_processor_nobody_runs_a_users_script(gateway: Gateway) -> None:
    script_id = _upload(gateway, DOUBLE)
    service = gateway.getScriptService()

    assert not service.canRunScript(script_id)
    with pytest.raises(omero.NoProcessorAvailable) as refused:
        service.runScript(script_id, {"n": rlong(1)}, None)
    assert refused.value.processorCount == 1
    with pytest.raises(omero.NoProcessorAvailable):
        service.getParams(script_id)
    (status, message), *_ = unwrap(
        gateway.getQueryService().projection(
            "select s.value, j.message from ScriptJob j join j.status s order by j.id desc", None
        )
    )
    assert (status, message) == ("Error", "No processor available! [1 response(s)]")


# -- with a processor of one's own


def test_a_users_processor_runs_his_scripts_as_him(
    gateway: Gateway, connect: Connect, user: Any, serve: Callable[..., Any]
) -> None:
    serve(connect(user))
    script_id = _upload(gateway, DOUBLE)
    service = gateway.getScriptService()

    assert service.canRunScript(script_id)
    assert service.getParams(script_id).name == "Double"
    process = service.runScript(script_id, {"n": rlong(4)}, None)
    assert process.wait() == 0
    results = process.getResults(0)
    assert (unwrap(results["doubled"]), unwrap(results["who"])) == (8, user.id)
    stdout = gateway.getObject("OriginalFile", results["stdout"].val.id.val)
    assert b"".join(stdout.getFileInChunks()) == b"doubling\n"
    process.close(False)


def test_a_users_processor_refuses_inputs_too(
    gateway: Gateway, connect: Connect, user: Any, serve: Callable[..., Any]
) -> None:
    serve(connect(user))
    script_id = _upload(gateway, DOUBLE)
    with pytest.raises(omero.ValidationException, match="above max"):
        gateway.getScriptService().runScript(script_id, {"n": rlong(11)}, None)


def test_a_script_in_a_users_processor_can_be_ended(
    gateway: Gateway, connect: Connect, user: Any, serve: Callable[..., Any]
) -> None:
    serve(connect(user))
    process = gateway.getScriptService().runScript(_upload(gateway, SLEEP), {}, None)
    assert process.poll() is None
    process.kill()
    assert process.wait() != 0
    process.close(False)


def test_another_users_processor_is_not_asked(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect, serve: Callable[..., Any]
) -> None:
    group = make_group("rwrw--")
    other = make_user(group)
    gateway = connect(make_user(group))
    serve(connect(other), [omero.model.ExperimenterGroupI(group.id, False)])
    script_id = _upload(gateway, DOUBLE)

    assert not gateway.getScriptService().canRunScript(script_id)
    with pytest.raises(omero.NoProcessorAvailable):
        gateway.getScriptService().runScript(script_id, {"n": rlong(1)}, None)


def test_a_processor_is_forgotten_when_its_program_leaves_or_takes_it_back(
    gateway: Gateway, connect: Connect, user: Any, serve: Callable[..., Any]
) -> None:
    script_id = _upload(gateway, DOUBLE)
    leaving, staying = connect(user), connect(user)
    serve(leaving)
    processor = serve(staying)
    assert gateway.getScriptService().canRunScript(script_id)
    leaving.c.closeSession()
    staying.c.sf.sharedResources().removeProcessor(omero.grid.ProcessorPrx.uncheckedCast(processor.prx))
    assert not gateway.getScriptService().canRunScript(script_id)


# -- what processors ask


def test_the_script_of_a_job_is_given_to_who_accepts_its_owner(gateway: Gateway, user: Any) -> None:
    script_id = _upload(gateway, DOUBLE)
    service = gateway.getScriptService()
    job = omero.model.ScriptJobI()
    job.linkOriginalFile(omero.model.OriginalFileI(script_id, False))
    handle = gateway.c.sf.createJobHandle()
    job_ref = omero.model.ScriptJobI(handle.submit(job), False)
    handle.close()

    mine, other = omero.model.ExperimenterI(user.id, False), omero.model.ExperimenterI(0, False)
    assert service.validateScript(job_ref, [mine]).id.val == script_id
    assert service.validateScript(job_ref, []) is None  # only the server's scripts are accepted
    with pytest.raises(omero.ValidationException, match="wrong number of files"):
        service.validateScript(job_ref, [other])


def test_a_job_without_script_is_refused(gateway: Gateway) -> None:
    with pytest.raises(omero.ValidationException):
        gateway.c.sf.sharedResources().acquireProcessor(omero.model.ScriptJobI(), 1)
