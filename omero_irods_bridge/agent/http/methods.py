"""HEAD and OPTIONS of every path, and what a path can do at all."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OTHERS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def allowed(app: FastAPI, scope: Scope) -> list[str]:
    """The methods of the path that ``scope`` asks for; none when there is nothing there."""
    found = [method for method in _OTHERS if _serves(app, {**scope, "method": method})]
    return [*found, *(["HEAD"] if "GET" in found else []), "OPTIONS"] if found else []


def _serves(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(dict(scope))[0] is Match.FULL for route in app.router.routes)


class Methods:
    """Answers HEAD as GET without its body, and OPTIONS with what there is; both change nothing."""

    def __init__(self, app: ASGIApp, routes: FastAPI) -> None:
        self._app, self._routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        method = scope.get("method")
        if method == "OPTIONS" and (found := allowed(self._routes, scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(found)})(scope, receive, send)
        elif method == "HEAD":
            await self._app(_as_get(scope), receive, _without_body(send))
        else:
            await self._app(scope, receive, send)


def _as_get(scope: Scope) -> Scope:
    """A stream of events would not end: HEAD gets the headers of the list instead."""
    headers = [
        (name, value) for name, value in scope["headers"] if name != b"accept" or b"stream" not in value
    ]
    return {**scope, "method": "GET", "headers": headers}


def _without_body(send: Send) -> Send:
    async def sent(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sent
