"""How scripts ask the agent, without OMERO: servers that are slow, break off, or are not trusted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from omero_irods_bridge.omero_scripts import agent_call
from omero_irods_bridge.omero_scripts.agent_call import Agent, Refused, link, plain
from omero_irods_sandbox.irods_zone.tls import server_context
from tests.agent.scripts.conftest import free_port

KEY = "0123-a-key-that-nobody-has"


def said(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a person gets to read of a job that is handed in there."""
    monkeypatch.setattr(agent_call, "AGENT", url)
    with pytest.raises(Refused) as refused:
        Agent(KEY).submit("pack", {"objects": ["Dataset:1"]})
    assert KEY not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value)


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """Takes one connection, and says nothing for ``None``; else says just this and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as channel:
        done = threading.Event()

        def serve() -> None:
            connection, _ = channel.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    done.wait(30)
                else:
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):  # to hang up on what was not read resets the connection
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{channel.getsockname()[1]}"
        done.set()
        thread.join()


def test_a_session_of_nobody_is_told_to_log_in(agent_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Log in to OMERO again" in said(agent_url, monkeypatch)


def test_a_proxy_of_the_environment_is_not_asked(agent_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert "Log in to OMERO again" in said(agent_url, monkeypatch)


@pytest.mark.parametrize("answer", [None, b"", b"nonsense\r\n\r\n"], ids=str)
def test_whoever_gets_no_answer_is_told_that_the_job_may_be_there(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_call, "TIMEOUT_S", 0.5)
    with listening(answer) as url:
        assert "it may have taken the job" in said(url, monkeypatch)


def test_an_answer_that_breaks_off_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = b'HTTP/1.1 202 Accepted\r\nContent-Length: 900\r\n\r\n{"id": 1'
    with listening(cut) as url:
        assert "or the answer broke off" in said(url, monkeypatch)


def test_a_server_that_is_not_trusted_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, _ = server_context(tmp_path)
    heard: list[bytes] = []

    def serve(channel: socket.socket) -> None:
        connection, _ = channel.accept()
        with connection, pytest.raises(OSError, match=r"ALERT|alert|EOF"):
            heard.append(context.wrap_socket(connection, server_side=True).recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as channel:
        thread = threading.Thread(target=serve, args=[channel])
        thread.start()
        told = said(f"https://127.0.0.1:{channel.getsockname()[1]}", monkeypatch)
        thread.join()
    assert "is not trusted here" in told
    assert heard == []


def test_texts_of_others_are_one_line_of_what_can_be_seen() -> None:
    assert plain("a\n\tb\x1b[2J\u202ec\x00") == "a b [2J c"
    assert plain(None) == "None"
    assert len(plain("x" * 10_000)) == agent_call.LONGEST_TEXT


def test_only_addresses_of_pages_are_links() -> None:
    assert link("https://a.example.org:8/x/jobs/42?y=1#z")
    for text in (
        "",
        "ftp://a",
        "https://a/'",
        'https://a/"',
        "https://a/\\",
        "https://a/<b>",
        "https://a/ b",
        None,
    ):
        assert link(text) == ""
