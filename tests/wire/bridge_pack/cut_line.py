"""A line to a server that breaks after some bytes, wherever in a message that is."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["received", "sent"]
"""As the server sees it."""


@dataclass
class Line:
    """``port`` leads to the server; ``carried`` counts bytes of all connections together.

    Once as many as ``cut`` says were carried that way all connections break, and no new one is let through.
    """

    port: int = 0
    cut: tuple[Direction, int] | None = None
    carried: dict[Direction, int] = field(default_factory=lambda: {"received": 0, "sent": 0})
    _ends: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut_after(self, direction: Direction, count: int) -> None:
        self.carried = {"received": 0, "sent": 0}
        self.cut = (direction, count)

    def whole_again(self) -> None:
        self.cut = None

    def join(self, one: socket.socket, other: socket.socket) -> bool:
        """Whether these may be connected."""
        with self._lock:
            self._ends += [one, other]
            return self._left("received") > 0 and self._left("sent") > 0

    def carry(self, source: socket.socket, target: socket.socket, direction: Direction) -> None:
        """Until an end closes, or the line breaks."""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    data = data[: self._left(direction)]
                    self.carried[direction] += len(data)
                target.sendall(data)
                if self._left(direction) == 0:
                    self._break()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _left(self, direction: Direction) -> int:
        if self.cut is None or self.cut[0] != direction:
            return 1 << 62
        return max(0, self.cut[1] - self.carried[direction])

    def _break(self) -> None:
        with self._lock:
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._ends.clear()


@contextmanager
def line_to(host: str, port: int) -> Iterator[Line]:
    """On a free port of this computer."""
    line = Line()

    class Visitor(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, port)) as behind:
                if not line.join(self.request, behind):
                    return
                back = threading.Thread(target=line.carry, args=(behind, self.request, "sent"), daemon=True)
                back.start()
                line.carry(self.request, behind, "received")
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Visitor) as server:
        line.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield line
        server.shutdown()
