"""A door before a server, which can be closed: the server is away, then, for who comes through it."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Gate:
    """``port`` leads to the server while ``is_open``; who comes when it is closed is hung up on."""

    port: int
    is_open: bool = True
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def gate_before(host: str, port: int) -> Iterator[Gate]:
    """On a free port of this computer."""

    class Visitor(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if not gate.is_open:
                with gate.lock:
                    gate.refused += 1
                return
            with socket.create_connection((host, port)) as behind:
                back = threading.Thread(target=_carry, args=(behind, self.request), daemon=True)
                back.start()
                _carry(self.request, behind)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Visitor) as server:
        gate = Gate(server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield gate
        server.shutdown()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
