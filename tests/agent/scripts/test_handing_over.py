"""Scripts run by the processor of the embedded OMERO server, and what becomes of them: a job, or words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from omero_irods_bridge.agent.desk import Desk, Requester
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.agent.store.jobs import JobFilter, Jobs
from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.jobs import PackWork, UnpackWork
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Form
from tests.agent.scripts.conftest import Connect, Gateway, Install, MakeUser, User, free_port, run

SAVE, LOAD, LIST = "Save_to_iRODS", "Load_from_iRODS", "List_iRODS_snapshots"


def test_a_click_makes_one_job_of_all_that_is_selected_for_who_clicked(
    install: Install, agent_url: str, gateway: Gateway, user: User, jobs: Jobs
) -> None:
    install(agent_url, SAVE)
    seen = run(gateway, SAVE, "Dataset", (5, 9), Note="for the <b>paper</b>", Form="expanded")
    job = jobs.get(seen.job)
    group = gateway.getGroupFromContext().getName()
    assert job.spec.requested_by == user.name
    assert job.spec.work == PackWork(
        (ObjectRef(Kind.DATASET, 5), ObjectRef(Kind.DATASET, 9)),
        group=group,
        form=Form.EXPANDED,
        note="for the <b>paper</b>",
    )
    assert seen.link == {"type": "URL", "href": f"{agent_url}/jobs/{job.id}", "title": "Follow the job"}
    assert seen.message.startswith(f"Job {job.id} saves Dataset:5,9 to iRODS.")
    assert seen.link["href"] in seen.message
    assert seen.errors == ""


def test_another_user_does_not_see_the_job(
    install: Install,
    agent_url: str,
    gateway: Gateway,
    make_user: MakeUser,
    jobs: Jobs,
) -> None:
    install(agent_url, SAVE)
    job = run(gateway, SAVE, "Image", (1,)).job
    desk = Desk(jobs, Identities.parse('[users]\n"*" = "{name}"'))
    stranger = Requester(make_user().name)
    assert desk.list_jobs(JobFilter(), stranger) == []
    with pytest.raises(NotFound):
        desk.get(job, stranger)


def test_a_snapshot_is_loaded_where_the_person_says(
    install: Install, agent_url: str, gateway: Gateway, jobs: Jobs
) -> None:
    install(agent_url, LOAD)
    seen = run(gateway, LOAD, Snapshot="/tempZone/home/ann/a.zip", Into="Project:7", Again="once more")
    work = jobs.get(seen.job).spec.work
    assert isinstance(work, UnpackWork)
    assert (work.path, str(work.into), work.again) == ("/tempZone/home/ann/a.zip", "Project:7", "once more")
    assert work.group == gateway.getGroupFromContext().getName()


def test_what_the_agent_refuses_is_said_with_its_remedy(
    install: Install, agent_url: str, gateway: Gateway, jobs: Jobs
) -> None:
    install(agent_url, SAVE, LOAD)
    seen = run(gateway, SAVE, "Dataset", (1,), Target="no/absolute/path")
    assert seen.message == (
        "The iRODS agent says: target is an absolute path in iRODS, without . and .. in it."
    )
    assert seen.errors.strip() == seen.message
    assert seen.link == {}
    nothing = run(gateway, LOAD)
    assert "select one object" in nothing.message
    assert jobs.list_jobs(JobFilter()) == []


def test_who_may_not_use_the_agent_is_told_so(
    install: Install, agent_url: str, connect: Connect, server: Any
) -> None:
    install(agent_url, SAVE)
    root = connect(User(0, "root", server.root_password, 0))
    seen = run(root, SAVE, "Dataset", (1,))
    assert seen.message.startswith("The iRODS agent says: root may not use the agent.")


def test_an_agent_that_is_away_is_an_answer_too(install: Install, gateway: Gateway) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    install(url, SAVE)
    seen = run(gateway, SAVE, "Dataset", (1,))
    assert seen.message == (f"The iRODS agent at {url} cannot be reached. Nothing was done. Try again later.")
    assert seen.link == {}


# -- somebody else at the agent's address


class Impostor(ThreadingHTTPServer):
    """Answers every request with ``status``, ``headers`` and ``body``."""

    status = 200
    body = b"{}"
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.keys: list[str] = []
        super().__init__(("127.0.0.1", 0), ImpostorAnswer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class ImpostorAnswer(BaseHTTPRequestHandler):
    server: Impostor

    def answer(self) -> None:
        self.server.keys.append(self.headers["X-OMERO-Session"])
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = answer  # noqa: N815 -- as http.server calls them

    def log_message(self, format: str, *arguments: Any) -> None: ...  # noqa: A002 -- as it is declared


@contextmanager
def serving() -> Iterator[Impostor]:
    with Impostor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    with serving() as server:
        yield server


def test_a_session_key_goes_to_the_agent_alone_and_stays_out_of_what_a_script_says(
    install: Install, gateway: Gateway, impostor: Impostor
) -> None:
    install(impostor.url, SAVE, LIST)
    with serving() as elsewhere:
        impostor.status, impostor.headers = 307, {"Location": elsewhere.url}
        said = [run(gateway, SAVE, "Dataset", (1,))]
        impostor.status = 302
        said.append(run(gateway, LIST))
    assert len(impostor.keys) == 2
    assert elsewhere.keys == []
    for one in said:
        assert f"at {impostor.url} answered with HTTP status 30" in one.message
        assert not any(key in one.out + one.errors + one.message for key in impostor.keys)


ANSWERS = [
    (401, b'{"code": "not-signed-in", "title": "x"}', "The agent does not know your OMERO session"),
    (502, b"<html>Bad gateway</html>", "answered with HTTP status 502"),
    (200, b"<html>Welcome</html>", "it is not the iRODS agent"),
    (200, b"\xff[]", "it is not the iRODS agent"),
    (
        403,
        json.dumps({"code": "x", "title": "No\n<script>\x1b[2J", "hint": "y" * 900}).encode(),
        "The iRODS agent says: No <script> [2J yyy",
    ),
]
"""Status and body, and what the person gets to read."""


def test_any_answer_becomes_one_line_of_words(install: Install, gateway: Gateway, impostor: Impostor) -> None:
    install(impostor.url, SAVE)
    for status, body, said in ANSWERS:
        impostor.status, impostor.body = status, body
        seen = run(gateway, SAVE, "Dataset", (1,))
        assert said in seen.message
        assert seen.message.isprintable()
        assert len(seen.message) < 600


def test_no_link_that_could_act_in_the_page_is_shown(
    install: Install, gateway: Gateway, impostor: Impostor
) -> None:
    install(impostor.url, SAVE)
    for url in ("javascript:alert(1)", "https://a/');alert(1)//", 'https://a/"on=x', "https://a/\\u0027", 7):
        impostor.body = json.dumps({"id": "<img src=x>\n", "url": url}).encode()
        seen = run(gateway, SAVE, "Dataset", (1,))
        assert seen.link == {}
        assert seen.message == "Job <img src=x> saves Dataset:1 to iRODS. You may go on working, or log out."
