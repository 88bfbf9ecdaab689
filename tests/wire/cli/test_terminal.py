"""What happens at a terminal: the bar, the question for a password, Ctrl-C."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable

import pytest

from omero_irods_bridge.adapters.irods.store import IrodsStore
from omero_irods_bridge.cli import interrupts
from omero_irods_bridge.model.errors import ExitStatus
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_sandbox.irods_zone.zone import Zone
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.cli.conftest import TIMEOUT_S, Person
from tests.wire.omero_server.conftest import User

LINES, COLUMNS = 24, 80
CTRL_C = b"\x03"


class Terminal:
    """A command at a terminal of its own; a thread reads what it shows."""

    def __init__(self, person: Person, *arguments: object) -> None:
        self._master, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        there = person.with_variables(TERM="xterm-256color")
        become_foreground = {
            "start_new_session": True,
            "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        }
        self.process = there.start(*arguments, stdin=end, stdout=end, stderr=end, **become_foreground)
        os.close(end)
        self.shown = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                return
            self.shown += decoder.decode(data)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.shown, lambda: f"{text!r} in {self.shown!r}")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def finish(self) -> int:
        status = self.process.wait(TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        os.close(self._master)
        assert "Traceback" not in self.shown, self.shown
        return status


def wait_until(done: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + TIMEOUT_S
    while not done():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


def test_a_terminal_shows_how_far_it_is_and_has_its_cursor_afterwards(
    person: Person, dataset: ObjectRef, place: str, server: OmeroServer
) -> None:
    server.faults.delay_calls("RawFileStore.read", 0.5)
    one_reader = person.with_variables(OMERO_IRODS_TRANSFER__READERS="1")
    terminal = Terminal(one_reader, "pack", dataset, "--to", place)
    assert terminal.finish() == ExitStatus.DONE
    assert re.search(r"Copying.* kB of 187\.4 kB  [0-9.]+ [kM]?B/s  0:0\d left", terminal.shown)
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
    assert "Packed, compared with what was sent, and sealed:" in terminal.shown.rpartition("\x1b[?25h")[2]


def test_a_password_is_asked_for_and_not_shown(
    person: Person, user: User, dataset: ObjectRef, place: str
) -> None:
    terminal = Terminal(Person(person.folder), "pack", dataset, "--to", place, "--dry-run")
    terminal.wait_for(f"Password of {user.name} at ")
    terminal.type(user.password.encode() + b"\n")
    assert terminal.finish() == ExitStatus.DONE
    assert "Would be packed" in terminal.shown
    assert user.password not in terminal.shown


def test_an_empty_password_is_told_without_asking_omero(person: Person) -> None:
    terminal = Terminal(Person(person.folder), "loads")
    terminal.wait_for("Password of ")
    terminal.type(b"\n")
    assert terminal.finish() == ExitStatus.ACCESS_DENIED
    assert "No password was given." in terminal.shown


def test_ctrl_c_at_a_question_of_init_is_an_interruption(person: Person) -> None:
    terminal = Terminal(person, "init", "--dry-run")
    terminal.wait_for("OMERO server")
    terminal.type(CTRL_C)
    assert terminal.finish() == ExitStatus.INTERRUPTED
    assert "Given up; nothing was done." in terminal.shown


def test_ctrl_c_at_the_question_gives_up(person: Person) -> None:
    terminal = Terminal(Person(person.folder), "pack", "Dataset:1")
    terminal.wait_for("Password of ")
    terminal.type(CTRL_C)
    assert terminal.finish() == ExitStatus.INTERRUPTED


@pytest.fixture
def slow(server: OmeroServer) -> None:
    """OMERO takes its time with each piece of a file."""
    server.faults.delay_calls("RawFileStore.read", 2)


@pytest.mark.usefixtures("slow")
def test_ctrl_c_stops_leaves_no_snapshot_and_the_next_run_ends_well(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore, server: OmeroServer
) -> None:
    target = f"{place}/noise.zip"
    terminal = Terminal(person, "pack", dataset, "--to", target)
    terminal.wait_for("Copying")
    terminal.type(CTRL_C)
    assert terminal.finish() == ExitStatus.INTERRUPTED
    assert "Stopping when the pieces under way are done" in " ".join(terminal.shown.split())
    assert "Run the same command again to go on." in terminal.shown
    assert store.find(target) is None
    server.faults.clear()
    person("pack", dataset, "--to", target)
    assert person("verify", target, "--data").out.startswith(f"{target}: good")


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_command_that_nobody_watches(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore, number: int
) -> None:
    process = person.start("pack", dataset, "--to", f"{place}/noise.zip", "--json")
    assert process.stderr is not None
    while "Copying" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == ExitStatus.INTERRUPTED
    assert '"code": "interrupted"' in out
    assert interrupts.STOPPING in err
    assert store.find(f"{place}/noise.zip") is None


def test_a_second_signal_does_not_wait_for_a_server(
    person: Person, dataset: ObjectRef, place: str, store: IrodsStore, zone: Zone
) -> None:
    asked = zone.counters.calls(702)
    zone.faults.delay_calls(702, 600)  # GEN_QUERY_AN: the first thing that a command asks
    process = person.start("list")
    wait_until(lambda: zone.counters.calls(702) > asked, lambda: "a query")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    assert process.wait(TIMEOUT_S) == ExitStatus.INTERRUPTED
