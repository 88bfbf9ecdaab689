"""The agent: a service that works for people who have walked away, and the script that hands over to it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final

import omero.gateway
from omero.rtypes import rlist, rlong, rstring, unwrap

from omero_irods_sandbox.demo.agent_account import (
    MAIL_DOMAIN,
    PRIVILEGE,
    make_light_administrator,
    write_settings,
)
from omero_irods_sandbox.demo.mailbox import Mailbox, open_mailbox
from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.omero_chapter import gateway_of
from omero_irods_sandbox.demo.stage import Stage
from omero_irods_sandbox.demo.zone_chapter import add_account, session_of

_SCRIPT: Final = "/omero/iRODS/Save_to_iRODS.py"
_START_TIMEOUT_S: Final = 60.0
_MAIL_TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person sees of a script in OMERO."""

    message: str
    link: str

    @property
    def job(self) -> str:
        """Its number."""
        return self.link.rpartition("/")[2]


def play(stage: Stage, narrator: Narrator) -> None:
    """An agent runs afterwards, and its scripts are in OMERO; there are two more snapshots."""
    mailbox = stage.doors.enter_context(open_mailbox(_free_port()))
    _accounts(stage, narrator)
    _settings(stage, mailbox, narrator)
    _start(stage, narrator)
    _install_scripts(stage, narrator)
    _doctor(stage, narrator)
    answer = _click(stage, narrator)
    path = _watch(stage, answer, narrator)
    _look_at_page(stage, answer, path, narrator)
    _in_whose_name(stage, path, narrator)
    _mail(stage, mailbox, path, narrator)
    _hand_over(stage, narrator)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as channel:
        return int(channel.getsockname()[1])


# -- the administrator


def _accounts(stage: Stage, narrator: Narrator) -> None:
    service = stage.service
    narrator.step(
        "An administrator makes two accounts for the agent",
        "In OMERO one that may act for others and nothing else, in iRODS one that is used to proxy. Whatever "
        "the agent does it does as the user whose job it is.",
    )
    narrator.command(
        f"admin.createExperimenterWithPassword({service.name}, password, system, [system, user])\n"
        f'admin.setAdminPrivileges({service.name}, ["{PRIVILEGE}"])',
        ">>>",
    )
    with gateway_of(stage.omero, "root", stage.omero.root_password) as root:
        privileges = make_light_administrator(root, service.name, service.password)
    narrator.command(f"iadmin mkuser {service.name} rodsadmin")
    kind = add_account(stage, stage.service, "rodsadmin")
    narrator.check(privileges == [PRIVILEGE], f"{service.name} has one privilege in OMERO: {PRIVILEGE}")
    narrator.check(kind == "rodsadmin", f"{service.name} is a {kind} in iRODS")


def _settings(stage: Stage, mailbox: Mailbox, narrator: Narrator) -> None:
    narrator.step(
        "Who is who, and where",
        "The administrator writes two files. No password is in either.",
    )
    write_settings(stage, f"127.0.0.1:{_free_port()}", mailbox.port)
    shown = stage.service.types("cat users.toml config.toml", narrator)
    narrator.check(stage.service.password not in shown.out, "the password is in a file of mode 600")


def _start(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Start the agent",
        "Jobs are kept in a database: they survive a crash, wait for servers that are away, and are tried "
        "again.",
    )
    line = "omero-irods agent run"
    narrator.command(f"{line} &")
    log = stage.service.home / "agent.log"
    process = stage.doors.enter_context(stage.service.running(line, log))
    listen = re.search(r'^listen = "(.+)"$', stage.service.settings.read_text(), re.MULTILINE)
    assert listen is not None
    stage.agent_url = f"http://{listen[1]}"
    narrator.check(
        _is_ready(stage.agent_url, process), f"it answers at {stage.agent_url}, and reaches both servers"
    )


def _is_ready(url: str, process: subprocess.Popen[str]) -> bool:
    """Whether database, OMERO and iRODS answered in time, and the agent has not ended."""
    end = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < end:
        try:
            with _open(f"{url}/readyz") as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            time.sleep(_LOOK_S)
    return False


def _install_scripts(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Give OMERO the scripts",
        "Users of OMERO.web and OMERO.insight find them in their menus. They need nothing on the server.",
    )
    line = f"omero-irods scripts install --agent {stage.agent_url} --user root"
    finished = stage.service.types(line, narrator, OMERO_PASSWORD=stage.omero.root_password)
    narrator.check(finished.out.count(": installed") == 3, "three scripts, for every user")


def _doctor(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Is all as it should be?",
        "The doctor looks at servers, rights, users, paths, clocks and scripts, and says what to do.",
    )
    finished = stage.service.types("omero-irods doctor", narrator)
    narrator.check("PROBLEM" not in finished.out, "nothing is wrong")


# -- a user


def _click(stage: Stage, narrator: Narrator) -> Answer:
    narrator.step(
        "Alice runs the script Save to iRODS",
        "With a click in OMERO.web: she selects the dataset, and nothing has to be filled in. The click does "
        "this, and the answer is there at once.",
    )
    inputs = f'{{"Data_Type": "Dataset", "IDs": [{stage.dataset}]}}'
    narrator.command(f'script = scripts.getScriptID("{_SCRIPT}")\nscripts.runScript(script, {inputs})', ">>>")
    with gateway_of(stage.omero, stage.person.name, stage.person.password) as gateway:
        answer = _run_script(stage, gateway)
    narrator.output(answer.message)
    narrator.check(answer.job.isdecimal(), f"she has the number {answer.job} at once, and may log out")
    return answer


def _run_script(stage: Stage, gateway: omero.gateway.BlitzGateway) -> Answer:
    service = gateway.getScriptService()
    inputs = {"Data_Type": rstring("Dataset"), "IDs": rlist([rlong(stage.dataset)])}
    process = service.runScript(service.getScriptID(_SCRIPT), inputs, None)
    try:
        process.wait()
        results = process.getResults(0)
    finally:
        process.close(False)
    link = unwrap(results.get("URL")) or {}
    return Answer(unwrap(results.get("Message")) or "", link.get("href", ""))


def _watch(stage: Stage, answer: Answer, narrator: Narrator) -> str:
    """The path of the snapshot that the job makes."""
    person = stage.person
    narrator.step(
        "What has become of it?",
        "Whoever wants to know asks the agent, from any computer, as who he is in OMERO.",
    )
    address = f'\n[agent]\nurl = "{stage.agent_url}"\n'
    person.settings.write_text(person.settings.read_text() + address)
    watched = person.types(f"omero-irods jobs watch {answer.job}", narrator, notes_first=True)
    found = re.search(r"^ +path +(\S+)$", watched.out, re.MULTILINE)
    narrator.expect(found is not None, "the job says where the snapshot is")
    assert found is not None
    narrator.check(
        f"Job {answer.job}: done" in watched.out, "the job is done, and says where the snapshot is"
    )
    return found[1]


def _look_at_page(stage: Stage, answer: Answer, path: str, narrator: Narrator) -> None:
    narrator.step(
        "The page",
        f"In a browser: {answer.link}, where she signs in with her password of OMERO. "
        "It has jobs, snapshots, queues and health; each page has a twin in JSON.",
    )
    twin = answer.link.replace("/jobs/", "/api/v1/jobs/")
    narrator.command(f'curl -s -H "X-OMERO-Session: $(omero sessions key)" {twin}')
    key = stage.person.run("omero sessions key").out.strip()
    with _open(twin, {"X-OMERO-Session": key}) as told:
        job: dict[str, Any] = json.load(told)
    narrator.output(json.dumps({name: job[name] for name in ("id", "kind", "state", "requested_by")}))
    with _open(answer.link, {"X-OMERO-Session": key}) as shown:
        page = shown.read().decode()
    narrator.check(job["state"] == "done" and 'data-state="done"' in page, "the page says done")
    narrator.check(path in page, "and leads to the snapshot")


def _open(url: str, headers: dict[str, str] | None = None) -> Any:
    """An answer of the agent; no proxy is between us and this computer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 -- it is the agent's http
    return opener.open(request, timeout=30)


def _in_whose_name(stage: Stage, path: str, narrator: Narrator) -> None:
    narrator.step(
        "In whose name?",
        "The agent did it, with accounts of its own. What it made is hers nevertheless.",
    )
    narrator.command(
        f'snapshot = session.data_objects.get("{path}")\n'
        'snapshot.owner_name, snapshot.metadata.get_one("omero::packed_by").value',
        ">>>",
    )
    with session_of(stage) as session:
        snapshot = session.data_objects.get(path)
        told = snapshot.owner_name, snapshot.metadata.get_one("omero::packed_by").value
    narrator.output(repr(told))
    narrator.check(set(told) == {stage.person.name}, f"owned and packed by {stage.person.name}")


def _mail(stage: Stage, mailbox: Mailbox, path: str, narrator: Narrator) -> None:
    address = f"{stage.person.name}@{MAIL_DOMAIN}"
    narrator.step(
        "She has mail",
        "When the last job of a batch has ended the agent writes what was done, or what failed and why.",
    )
    mail = mailbox.wait_for(address, _MAIL_TIMEOUT_S)
    narrator.expect(mail is not None, f"a mail to {address}")
    assert mail is not None
    body = mail.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    narrator.output(f"To: {address}\nSubject: {mail['Subject']}\n{text}")
    narrator.check(path in text, "it says where the snapshot is")


def _hand_over(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "The same from the command line",
        "With --agent a command hands over and ends at once; with --wait it shows how the job goes on.",
    )
    line = f"omero-irods pack Dataset:{stage.dataset} --note 'for the paper' --agent --wait"
    finished = stage.person.types(line, narrator, notes_first=True)
    listed = stage.person.types("omero-irods jobs list", narrator)
    narrator.check("done" in finished.out and listed.out.count(" done ") == 2, "both jobs are done")
