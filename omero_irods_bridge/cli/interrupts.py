"""Ctrl-C and SIGTERM: the first asks the work to stop, the second ends the process.

A signal is heard in a thread of its own, so that it also counts while the main thread waits for a server.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Final

from omero_irods_bridge.cli import output
from omero_irods_bridge.model.errors import ExitStatus, Interrupted
from omero_irods_bridge.model.events import CancelToken

STOPPING: Final = "Stopping when the pieces under way are done. Once more stops at once."
STOPPED: Final = "Stopped at once."
GO_ON: Final = (
    "The same command goes on where it was. What pack left is removed by: omero-irods gc;"
    " what unpack has made, by omero-irods undo (see omero-irods loads)."
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


Tell = Callable[[str], None]


@contextmanager
def cancel_token(tell: Tell = output.note, *, as_json: bool = False) -> Iterator[CancelToken]:
    """A token that is cancelled by the first signal; the main thread has to enter and leave the block.

    ``tell`` gets what happens then, in words; with ``as_json`` the end at once is an error as others are.
    """
    token, (reader, writer) = CancelToken(), socket.socketpair()
    writer.setblocking(False)
    listen = partial(_listen, reader, token, tell, as_json=as_json)
    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    before = {number: signal.signal(number, _heard_by_the_thread) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield token
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        listener.join()
        reader.close()


@contextmanager
def at_a_question() -> Iterator[None]:
    """While a person is asked something, Ctrl-C is KeyboardInterrupt as everywhere."""
    wakeup = signal.set_wakeup_fd(-1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(wakeup)


def _heard_by_the_thread(_number: int, _frame: FrameType | None) -> None:
    """Python writes the number of the signal to the wakeup socket before it calls this."""


def _listen(reader: socket.socket, token: CancelToken, tell: Tell, *, as_json: bool) -> None:
    while heard := reader.recv(1):
        if heard[0] in _SIGNALS:
            _count(token, tell, as_json=as_json)


def _count(token: CancelToken, tell: Tell, *, as_json: bool) -> None:
    if token.is_cancelled:
        output.show_cursor()
        if as_json:
            output.error(Interrupted(STOPPED, hint=GO_ON), as_json=True)
        else:
            tell(f"{STOPPED} {GO_ON}")
        os._exit(ExitStatus.INTERRUPTED)  # threads that wait for a server would keep the process alive
    token.cancel()
    tell(STOPPING)
