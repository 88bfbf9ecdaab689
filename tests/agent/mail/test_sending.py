"""Mail goes out through a mail server that does all that mail servers do."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.agent.mail.sending import GIVE_UP_S, sending
from omero_irods_bridge.model.errors import NotFound, Unreachable
from omero_irods_sandbox.irods_zone.tls import server_context
from tests.agent.conftest import until
from tests.agent.mail.conftest import BROKEN, DONE, Office
from tests.agent.mail.mail_host import PASSWORD, USER, MailHost, running


def test_user_and_administrators_get_their_mail(office: Office, host: MailHost) -> None:
    job = office.job(BROKEN)
    assert office.postman(host.port).round() == 2
    (to_user, first), (to_admins, second) = host.taken
    assert (to_user, to_admins) == (["ada@example.org"], ["root@example.org"])
    assert first["Message-ID"] == f"<{office.jobs.get(job).uuid}.1.user@example.org>"
    assert second["Message-ID"] == f"<{office.jobs.get(job).uuid}.1.admins@example.org>"
    assert "There is no a.zip." in first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert f"https://agent.example.org/jobs/{job}" in first.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert office.postman(host.port).round() == 0


def test_without_administrators_only_users_are_told(office: Office, host: MailHost) -> None:
    office.job(BROKEN)
    assert office.postman(host.port, admins=[]).round() == 1
    assert office.states() == ["sent", "needless"]


def test_a_mail_server_that_is_away_at_the_start_loses_nothing(office: Office) -> None:
    host = MailHost()
    with running(host):
        pass
    office.job(DONE)
    postman = office.postman(host.port)
    for _ in range(3):
        with pytest.raises(Unreachable):
            postman.round()
    with running(host):
        assert postman.round() == 1
    assert office.rows()[0].tries == 0


def test_the_thread_sends_when_the_server_is_back_and_never_raises(office: Office) -> None:
    host = MailHost()
    with running(host):
        pass
    office.job(DONE)
    with sending(office.postman(host.port, retry_after_s=[0.05])), running(host):
        until(lambda: host.taken)
    until(lambda: office.states() == ["sent"])


@pytest.mark.parametrize("fault", ["hangs", "drops"])
def test_a_server_that_fails_in_the_middle_is_asked_again(office: Office, host: MailHost, fault: str) -> None:
    office.job(DONE)
    setattr(host, fault, True)
    postman = office.postman(host.port, timeout_s=0.5)
    with pytest.raises(Unreachable):
        postman.round()
    assert office.rows()[0].tries == 1
    setattr(host, fault, False)
    assert postman.round() == 0
    office.hands.at += 60
    assert postman.round() == 1
    assert len(host.taken) == 1


def test_a_mail_whose_receipt_was_lost_comes_twice_with_the_same_id(office: Office, host: MailHost) -> None:
    office.job(DONE)
    host.drops_after_taking = True
    with pytest.raises(Unreachable):
        office.postman(host.port).round()
    host.drops_after_taking = False
    office.hands.at += 60
    office.postman(host.port).round()
    first, second = host.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_server_that_never_greets_does_not_hold_the_thread(office: Office) -> None:
    office.job(DONE)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable):
        office.postman(silent.getsockname()[1], timeout_s=0.2).round()
    assert office.states() == ["waiting"]


def test_one_recipient_that_is_refused_keeps_nobody_else_waiting(office: Office, host: MailHost) -> None:
    host.refused = {"ada@example.org": "550 no such user"}
    office.job(DONE)
    office.job(DONE, user="grace")
    assert office.postman(host.port).round() == 1
    assert office.states() == ["given up", "sent"]
    assert "550 no such user" in office.rows()[0].reason


def test_one_recipient_that_is_to_wait_keeps_nobody_else_waiting(office: Office, host: MailHost) -> None:
    host.refused = {"ada@example.org": "450 come back later"}
    office.job(DONE)
    office.job(DONE, user="grace")
    postman = office.postman(host.port)
    assert postman.round() == 1
    host.refused = {}
    office.hands.at += 60
    assert postman.round() == 1
    assert office.states() == ["sent", "sent"]


def test_a_sender_that_is_refused_is_to_be_mended_and_loses_nothing(office: Office, host: MailHost) -> None:
    host.reply_to_sender = "550 not you"
    office.job(DONE)
    postman = office.postman(host.port)
    with pytest.raises(Unreachable, match="not you"):
        postman.round()
    host.reply_to_sender = ""
    office.hands.at += 60
    assert postman.round() == 1


def test_a_message_that_is_never_taken_is_given_up_in_the_end(office: Office, host: MailHost) -> None:
    host.refused = {"ada@example.org": "450 come back later"}
    office.job(DONE)
    postman = office.postman(host.port)
    postman.round()
    office.hands.at += GIVE_UP_S + 1
    postman.round()
    assert office.states() == ["given up"]


def test_a_user_without_an_address_gets_none_and_omero_that_is_away_is_waited_for(
    office: Office, host: MailHost
) -> None:
    answers: list[Any] = [Unreachable("OMERO does not answer."), "ada@example.org", NotFound("No address.")]

    def find(user: str) -> str:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return str(found)

    postman = office.postman(host.port, find)
    office.job(DONE)
    assert postman.round() == 0
    office.hands.at += 60
    assert postman.round() == 1
    office.job(DONE)
    assert postman.round() == 0
    assert office.states() == ["sent", "given up"]


def test_two_who_send_at_once_send_each_message_once(office: Office, host: MailHost) -> None:
    for number in range(20):
        office.job(DONE, user=f"u{number}")
    threads = [threading.Thread(target=office.postman(host.port).round) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [message["Message-ID"] for message in host.messages]
    assert len(ids) == len(set(ids)) == 20


# -- TLS and login


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of the mail server; trusted by this process."""
    context, file = server_context(tmp_path / "mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


def login(tmp_path: Path, password: str = PASSWORD) -> dict[str, Any]:
    file = tmp_path / "mail-password"
    file.write_text(f"{password}\n")
    file.chmod(0o600)
    return {"user": USER, "password_file": file}


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_it_logs_in_over_tls(office: Office, certificate: ssl.SSLContext, tmp_path: Path, tls: str) -> None:
    office.job(DONE)
    with running(MailHost(), certificate=certificate, starttls=tls == "starttls", auth=True) as host:
        assert office.postman(host.port, tls=tls, **login(tmp_path)).round() == 1
    assert host.logins == [True]


def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    office: Office, certificate: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    office.job(DONE)
    with (
        running(MailHost(), certificate=certificate, auth=True) as host,
        pytest.raises(Unreachable, match="certificate is not trusted"),
    ):
        office.postman(host.port, tls="starttls", **login(tmp_path)).round()
    assert host.logins == []


def test_a_server_without_starttls_gets_nothing_that_was_to_be_secret(office: Office, host: MailHost) -> None:
    office.job(DONE)
    with pytest.raises(Unreachable, match=r"(?i)starttls"):
        office.postman(host.port, tls="starttls").round()
    assert host.taken == []


def test_a_wrong_password_is_told_without_it_and_loses_nothing(
    office: Office, certificate: ssl.SSLContext, tmp_path: Path
) -> None:
    office.job(DONE)
    with running(MailHost(), certificate=certificate, auth=True) as host:
        with pytest.raises(Unreachable) as caught:
            office.postman(host.port, tls="starttls", **login(tmp_path, "not-the-word")).round()
        assert "not-the-word" not in str(caught.value)
        assert re.search(r"does not let the user in", str(caught.value))
        assert office.postman(host.port, tls="starttls", **login(tmp_path)).round() == 1
