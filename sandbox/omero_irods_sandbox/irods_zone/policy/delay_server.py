"""The delay server: runs rules that were put off, each as the user who submitted it.

Source: ``irodsDelayServer.cpp``; reference/irods-rules.md, Launching external work. The row stays
until its rule has ended, so a rule that a crash cut short runs again after the restart.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError
from omero_irods_sandbox.irods_zone.policy import delay_hints, delayed_rules
from omero_irods_sandbox.irods_zone.policy.delay_hints import After
from omero_irods_sandbox.irods_zone.policy.delayed_rules import DelayedRule
from omero_irods_sandbox.irods_zone.policy.engine import PYTHON_INSTANCE
from omero_irods_sandbox.irods_zone.session import Claim, Session

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.zone import Zone

log = logging.getLogger(__name__)

EXECUTORS: Final = 4
"""``number_of_concurrent_delay_rule_executors``, the default of a real server."""
_STOP_TIMEOUT_S: Final = 10.0
_NO_SOCKET: Final = -1


class DelayServer:
    """Looks for due rules every ``interval_s`` seconds and runs up to :data:`EXECUTORS` at once.

    :meth:`stop` waits a while for those that run. In a zone without rules the
    queue stays as it is.
    """

    def __init__(self, zone: Zone, interval_s: float) -> None:
        self._zone = zone
        self._interval_s = interval_s
        self._stopping = False
        self._changed = threading.Condition()
        self._running: dict[int, threading.Thread] = {}
        self._thread = threading.Thread(target=self._serve, name="irods-delay-server", daemon=True)

    def start(self) -> None:
        if self._zone.rules.is_given:
            self._thread.start()

    def stop(self) -> None:
        """Start no rule any more. Rules that do not end within 10 seconds are left to themselves."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            running = list(self._running.values())
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)
        for thread in running:
            thread.join(_STOP_TIMEOUT_S)

    def _serve(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                try:
                    self._start_due()
                except Exception:
                    log.exception("The delay server can't read its queue; it will try again.")
                self._changed.wait(self._interval_s)

    def _start_due(self) -> None:
        free = EXECUTORS - len(self._running)
        if free == 0:
            return
        for rule in delayed_rules.due(self._zone.catalog, self._running.keys(), free):
            thread = threading.Thread(
                target=self._execute, args=(rule,), name=f"irods-delayed-rule-{rule.id}", daemon=True
            )
            self._running[rule.id] = thread
            thread.start()

    def _execute(self, rule: DelayedRule) -> None:
        try:
            self._settle(rule, succeeded=self._run(rule))
        except Exception:
            log.exception("Delayed rule %d could not be brought to its end.", rule.id)
        finally:
            with self._changed:
                was_full = len(self._running) == EXECUTORS
                del self._running[rule.id]
                if was_full:  # others may have been waiting for an executor, not for their time
                    self._changed.notify_all()

    def _run(self, rule: DelayedRule) -> bool:
        """Whether the rule counts as a success."""
        try:
            session = self._session_of(rule)
            try:
                session.rules.run_text(rule.text, session)
            finally:
                session.files.abandon_all(session)
        except ZoneError as error:
            log.warning(
                "Delayed rule %d failed with %d: %s. %s", rule.id, error.code, rule.text, error.message
            )
            # Only an engine that was asked for by name hands its error on (rule_engine_context_manager).
            return not rule.instance
        return True

    def _session_of(self, rule: DelayedRule) -> Session:
        """Raises ZoneError: the user is gone, or the engine asked for is not this one."""
        if rule.instance not in ("", PYTHON_INSTANCE):
            raise ZoneError("SYS_INVALID_INPUT_PARAM", f"This zone has no rule engine {rule.instance}.")
        user = self._zone.catalog.users.get(rule.user_name, rule.user_zone)
        claim = Claim(user.name, user.zone, user.name, user.zone, option="")
        session = self._zone.new_session(claim, rule.address, _NO_SOCKET)
        session.log_in(user, user)
        return session

    def _settle(self, rule: DelayedRule, *, succeeded: bool) -> None:
        """Drop the row, or keep it for the next run when EF asks for one."""
        catalog = self._zone.catalog
        if not rule.frequency:
            delayed_rules.remove(catalog, rule.id)
            return
        coming = delay_hints.next_run(rule.frequency, int(time.time()))
        if coming.after is After.END or (coming.after is After.REPEAT_UNLESS_DONE and succeeded):
            delayed_rules.remove(catalog, rule.id)
        else:
            delayed_rules.reschedule(catalog, rule, coming)
