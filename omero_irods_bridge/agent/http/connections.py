"""Connections that say nothing, or say it too slowly, are ended; uvicorn waits for them for ever."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from omero_irods_bridge.agent.http.limits import HEAD_WITHIN_S


class Connection(H11Protocol):
    """A connection on which each request is there, up to its body, within ``head_within_s`` seconds.

    The first counts from when the connection was made, others from their first byte: between two requests
    uvicorn's own, shorter time holds.
    """

    head_within_s = HEAD_WITHIN_S

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is None and self._is_idle():
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(self.head_within_s, self._end_if_still, self.cycle)

    def _end_if_still(self, cycle: object) -> None:
        """End it when no request has come since."""
        self._deadline = None
        if self.cycle is cycle and self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        present: Any = self.cycle  # none before the first request, whatever uvicorn's types say
        return present is None or present.response_complete
