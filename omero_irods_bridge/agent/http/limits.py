"""How much a client may send, and how long it may take over it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omero_irods_bridge.agent.http.problems import problem
from omero_irods_bridge.model.jobs import LARGEST_SPEC

LARGEST_BODY: Final = 4 * LARGEST_SPEC
"""Bytes: UTF-8 has up to four a character."""

LARGEST_HEAD: Final = 16 * 1024
"""Bytes of a request before its body."""

BODY_WITHIN_S: Final = 30.0
HEAD_WITHIN_S: Final = 15.0


class Limits:
    """Refuses a head that is too large, and a body that is too large or too slow: its rest is not read."""

    def __init__(self, app: ASGIApp, within_s: float = BODY_WITHIN_S) -> None:
        self._app, self._within_s = app, within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _size(scope) > LARGEST_HEAD:
            answer = problem(431, "http", f"At most {LARGEST_HEAD:,} bytes before the body.")
            await answer(scope, receive, send)
        else:
            await self._app(scope, _Body(receive, self._within_s).receive, send)


def _size(scope: Scope) -> int:
    """Of the head. h11 sees to it only while it waits for the rest of one."""
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return len(scope.get("raw_path", b"")) + len(scope["query_string"]) + headers


class _Body:
    """The body of one request. Errors arise where it is read, so that they are told as all others are."""

    def __init__(self, receive: Receive, within_s: float) -> None:
        self._receive, self._left = receive, LARGEST_BODY
        self._until = anyio.current_time() + within_s
        self._is_over = False

    async def receive(self) -> Message:
        if self._is_over:  # what comes now is the end of the connection, whenever that is
            return await self._receive()
        message = await self._in_time()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {LARGEST_BODY:,} bytes.")
        self._is_over = not message.get("more_body", False)
        return message

    async def _in_time(self) -> Message:
        try:
            with anyio.fail_after(max(0.0, self._until - anyio.current_time())):
                return await self._receive()
        except TimeoutError as error:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The body took too long.") from error
