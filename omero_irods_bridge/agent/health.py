"""Whether what the agent needs answers: its database, OMERO, iRODS; and whether its files can be used."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from omero_irods_bridge.model.errors import BridgeError

log = logging.getLogger(__name__)

KEPT_S: Final = 10.0
"""How long an answer is good for whoever asks next."""

NEEDED: Final = frozenset({"database", "OMERO", "iRODS"})
"""Without which no job can be done; while something else is not well jobs go on."""

PATIENCE_S: Final = 10.0
"""How long a server has to answer."""

Look = Callable[[], None]
"""Returns when it answered; raises BridgeError, or what SQLAlchemy raises."""


@dataclass(frozen=True, slots=True)
class Check:
    """How one of them is. ``text`` is for people, empty when it is well; ``seconds`` is how long it took."""

    name: str
    ok: bool
    text: str
    seconds: float


@dataclass(eq=False)
class _Looking:
    """A look that is under way, and what came of it."""

    name: str
    started: float
    over: threading.Event = field(default_factory=threading.Event)
    check: Check | None = None

    def run(self, look: Look) -> None:
        try:
            look()
            text = ""
        except BridgeError as error:
            text = f"{error.message} {error.hint}".strip()
        except SQLAlchemyError as error:
            text = f"The database does not answer ({type(error).__name__})."
        except Exception as error:
            log.exception("looking whether %s answers", self.name)
            text = f"Something went wrong ({type(error).__name__})."
        self.check = Check(self.name, not text, text, round(time.monotonic() - self.started, 3))
        self.over.set()

    def result(self) -> Check:
        """What came of it; "does not answer" while nothing did."""
        waited = time.monotonic() - self.started
        if self.check is None:
            return Check(self.name, ok=False, text="Does not answer.", seconds=round(waited, 3))
        return self.check


class Health:
    """Looks at most every ``KEPT_S`` seconds. Any thread may call it.

    Each server is looked at in a thread of its own, one at a time: one that hangs keeps that thread and
    nobody else waiting.
    """

    def __init__(self, looks: Mapping[str, Look], now: Callable[[], float] = time.monotonic) -> None:
        self._looks, self._now = looks, now
        self._lock = threading.Lock()
        self._known: tuple[Check, ...] = ()
        self._until = 0.0
        self._under_way: dict[str, _Looking] = {}

    def checks(self) -> tuple[Check, ...]:
        """How each is, in their order; waits at most ``PATIENCE_S`` seconds for all together.

        Who comes while somebody waits gets what was known before.
        """
        if not self._lock.acquire(blocking=not self._known):
            return self._known
        try:
            if self._now() >= self._until:
                self._known = self._look()
                self._until = self._now() + KEPT_S
            return self._known
        finally:
            self._lock.release()

    def _look(self) -> tuple[Check, ...]:
        looking = [self._started(name, look) for name, look in self._looks.items()]
        end = time.monotonic() + PATIENCE_S
        for one in looking:
            one.over.wait(max(0.0, end - time.monotonic()))
        return tuple(one.result() for one in looking)

    def _started(self, name: str, look: Look) -> _Looking:
        present = self._under_way.get(name)
        if present is not None and not present.over.is_set():
            return present
        made = self._under_way[name] = _Looking(name, time.monotonic())
        threading.Thread(target=made.run, args=[look], name=f"look at {name}", daemon=True).start()
        return made
