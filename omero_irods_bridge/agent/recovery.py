"""Sees when the servers answer again for which jobs wait, so that no outage costs more than it lasted."""

from __future__ import annotations

import logging
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.agent.health import Health
from omero_irods_bridge.agent.store.attempts import Attempt
from omero_irods_bridge.agent.store.sleepers import Sleepers

log = logging.getLogger(__name__)

LOOK_S: Final = 15.0
"""How often the servers are asked while jobs wait for one; otherwise they are not."""


class Recovery:
    """Several workers may look beside each other."""

    def __init__(self, sleepers: Sleepers, servers: Health) -> None:
        """``servers`` are all that jobs need. When one is still away, jobs wait for their time as before."""
        self._sleepers, self._servers = sleepers, servers
        self._asking: threading.Thread | None = None

    def look(self) -> None:
        """Quick: the servers are asked in a thread, which wakes the jobs that waited before it asked."""
        if self._asking is not None and self._asking.is_alive():
            return
        found = self._sleepers.all()
        if found:
            self._asking = threading.Thread(target=self._ask, args=[found], name="recovery", daemon=True)
            self._asking.start()

    def _ask(self, waiting: list[Attempt]) -> None:
        if not all(one.ok for one in self._servers.checks()):
            return
        try:
            for job in self._sleepers.wake(waiting):
                log.info("job %s: the servers answer again, it is tried at once", job)
        except SQLAlchemyError as error:
            log.warning("the database fails: %s", type(error).__name__)
