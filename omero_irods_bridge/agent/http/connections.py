"""Connections that say nothing, or say it too slowly, are ended; uvicorn waits for them for ever."""

from __future__ import annotations

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
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_idle() and self.cycle is not self._last:
            self._deadline.cancel()
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._last: object = self.cycle
        self._deadline = self.loop.call_later(self.head_within_s, self._end_if_none_came)

    def _end_if_none_came(self) -> None:
        if self.cycle is self._last and self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        present: Any = self.cycle  # none before the first request, whatever uvicorn's types say
        return present is None or present.response_complete
