"""Finding a processor for a job.

Source: ProcessorCallbackI of omero-blitz, omero.processor.ProcessorI of omero-py.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import omero
import omero.grid

from omero_irods_sandbox.omero_server.errors import no_processor
from omero_irods_sandbox.omero_server.model.types import IObject, Proxy
from omero_irods_sandbox.omero_server.scripts.official import OfficialScripts
from omero_irods_sandbox.omero_server.scripts.processors import Processor, ServerProcessor, UserProcessor
from omero_irods_sandbox.omero_server.sessions.session import proxy_for

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call
    from omero_irods_sandbox.omero_server.server import OmeroServer

log = logging.getLogger(__name__)

_LABEL: Final = "ProcessorCallback"


class _Answer:
    """omero.grid.ProcessorCallback: how one processor says whether it takes a job."""

    def __init__(self, processor: UserProcessor, answers: queue.Queue[UserProcessor | None]) -> None:
        self.identity: Any = None
        self._processor = processor
        self._answers = answers

    def isProxyAccepted(self, accepted: bool, session_uuid: str, proxy: Proxy, call: Call) -> None:
        self._answers.put(self._processor if accepted else None)

    def isAccepted(self, accepted: bool, session_uuid: str, proxy: str, call: Call) -> None:
        self._answers.put(self._processor if accepted else None)

    def responseRunning(self, job_ids: Sequence[int], call: Call) -> None:
        """Nobody asked."""


class Processors:
    """The server's processor, which takes the server's scripts only, and those of users."""

    def __init__(self, server: OmeroServer, official: OfficialScripts) -> None:
        self._own = ServerProcessor(server)
        self._official = official
        self._lock = threading.Lock()
        self._users: dict[str, UserProcessor] = {}

    def add(self, proxy: Proxy, call: Call) -> None:
        """Ask this one from now on."""
        processor = UserProcessor(proxy, call)
        with self._lock:
            self._users[proxy.ice_getIdentity().name] = processor

    def remove(self, proxy: Proxy) -> None:
        """Ask it no more; nothing happens when it was not asked."""
        with self._lock:
            self._users.pop(proxy.ice_getIdentity().name, None)

    def _serving(self, user_id: int) -> list[UserProcessor]:
        """The processors of users that may run this user's scripts; those that have gone are forgotten."""
        with self._lock:
            self._users = {name: one for name, one in self._users.items() if one.is_alive}
            return [one for one in self._users.values() if one.serves(user_id)]

    def take(self, call: Call, job: IObject, script: IObject, seconds: float) -> Processor:
        """The processor for a job.

        Raises:
            NoProcessorAvailable: none takes it within ``seconds``.
        """
        if self._official.is_official(script.id.val):
            return self._own
        found, count = self._ask_users(call, job, seconds)
        if found is None:
            error: Any = no_processor(f"No processor available! [{count} response(s)]")
            error.processorCount = count
            raise error
        return found

    def is_any_for(self, call: Call, seconds: float) -> bool:
        """Whether a user's processor takes scripts of the caller or of his group."""
        return self._ask_users(call, None, seconds)[0] is not None

    def _ask_users(self, call: Call, job: IObject, seconds: float) -> tuple[UserProcessor | None, int]:
        """The first that accepts, and how many answered; the server's own counts as one that did not."""
        answers: queue.Queue[UserProcessor | None] = queue.Queue()
        asked = [self._ask(call, job, one, answers) for one in self._serving(call.caller.user_id)]
        try:
            return _first(answers, len(asked), time.monotonic() + seconds)
        finally:
            for proxy in asked:
                call.session.withdraw(proxy.ice_getIdentity())

    def _ask(
        self, call: Call, job: IObject, one: UserProcessor, answers: queue.Queue[UserProcessor | None]
    ) -> Proxy:
        callback = proxy_for(call, omero.grid.ProcessorCallback, _Answer(one, answers), _LABEL)
        user = omero.model.ExperimenterI(call.caller.user_id, False)
        group = omero.model.ExperimenterGroupI(call.caller.writing_group, False)
        try:
            one.proxy.begin_willAccept(user, group, job, callback)
        except Exception as error:  # noqa: BLE001  # the program has gone
            log.info("a user's processor cannot be asked: %s", error)
            answers.put(None)
        return callback


def _first(
    answers: queue.Queue[UserProcessor | None], expected: int, until_s: float
) -> tuple[UserProcessor | None, int]:
    count = 1
    for _ in range(expected):
        try:
            answer = answers.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            break
        count += 1
        if answer is not None:
            return answer, count
    return None, count
