"""The rule engine of one agent: finds the rules of its rule file and calls them as PREP does.

Source: ``exec_rule``, ``exec_rule_text`` and ``exec_rule_expression`` of PREP's ``main.cpp``;
``irods_re_plugin.hpp`` (``control``: rules come before microservices).

PREP's ``python_mutex`` is one per agent process. An agent is a thread here and has a module
of its own, so it needs none; a mutex across agents would also deadlock with the lock of the
catalog, which an operation may hold while one of its hooks runs.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from omero_irods_sandbox.irods_zone.errors import ZoneError, code_of
from omero_irods_sandbox.irods_zone.policy.callback import Callback
from omero_irods_sandbox.irods_zone.policy.context import PluginContext, RuleExecInfo
from omero_irods_sandbox.irods_zone.policy.rule_file import RuleFile
from omero_irods_sandbox.irods_zone.policy.values import DataObjInfo, DataObjInp

if TYPE_CHECKING:
    from omero_irods_sandbox.irods_zone.session import Session

log = logging.getLogger(__name__)

RULE_ENGINE_CONTINUE: Final = 5_000_000
RULE_ENGINE_SKIP_OPERATION: Final = 5_001_000
PYTHON_INSTANCE: Final = "irods_rule_engine_plugin-python-instance"

_UNKNOWN_ERROR: Final = -1
_EXTERNAL_TEXT: Final = "@external\n"
_EXTERNAL_RULE: Final = "@external rule { "
_ERROR_CODE: Final = re.compile(r"\[iRods__Error__Code:(-?\d+)\]")
_QUIET_PHASES: Final = frozenset({"except", "finally"})


class RuleEngine:
    """The rules as one connection has them: fresh module globals, and its own error messages.

    A negative result of a rule, and an exception from it, become a ZoneError
    with the code that the rule named and the text that ``msiExit`` gave.
    """

    def __init__(self, rule_file: RuleFile) -> None:
        self.file = rule_file
        self._module: ModuleType | None = None
        self._depth = 0
        self._messages: list[str] = []
        self._terminal: dict[str, str] | None = None
        self.results: dict[int, Any] = {}
        """What query microservices keep between their calls, by handle."""

    @property
    def is_loaded(self) -> bool:
        """Whether the zone has rules at all."""
        return self.file.is_given

    @property
    def module(self) -> ModuleType:
        """The rule file's module of this connection; its code runs at the first use."""
        if self._module is None:
            self._module = self.file.fresh_module()
        return self._module

    def has(self, name: str) -> bool:
        """Whether the rule file defines ``name`` (or imports it, as PREP sees it)."""
        return self.is_loaded and callable(getattr(self.module, name, None))

    # -- hooks

    def api(self, operation: str, phase: str, session: Session, *arguments: object) -> int:
        """``pep_api_<operation>_<phase>``, 0 when there is none.

        All four phases fire, as they do beside the rule language's engine: its
        pattern admits ``except`` and ``finally``, PREP's own does not.

        Raises:
            ZoneError: the rule failed, in the phases ``pre`` and ``post``; in the others that is only
                logged, as ``apiHandler.hpp`` does.
        """
        name = f"pep_api_{operation}_{phase}"
        if not self.has(name):
            return 0
        try:
            return self.run(name, ["api_instance", PluginContext(session), *arguments], session)
        except ZoneError:
            if phase in _QUIET_PHASES:
                return 0
            raise

    def database(self, operation: str, phase: str, session: Session, *arguments: object) -> int:
        """``pep_database_<operation>_<phase>``, 0 when there is none. Raises ZoneError when it failed."""
        name = f"pep_database_{operation}_{phase}"
        if not self.has(name):
            return 0
        return self.run(name, ["sqlite", PluginContext(session), "", *arguments], session)

    def resource(
        self,
        operation: str,
        phase: str,
        session: Session,
        instance: str,
        variables: Mapping[str, str],
        *arguments: object,
    ) -> int:
        """``pep_resource_<operation>_<phase>``, 0 when there is none.

        ``instance`` is the resource's name, ``variables`` what
        :func:`.context.replica_variables` makes. Raises ZoneError when the rule failed.
        """
        name = f"pep_resource_{operation}_{phase}"
        if not self.has(name):
            return 0
        return self.run(name, [instance, PluginContext(session, variables), "", *arguments], session)

    def static(
        self, name: str, session: Session, *, doi: DataObjInfo | None = None, doinp: DataObjInp | None = None
    ) -> int:
        """A static hook, e.g. ``acPostProcForPut``, 0 when there is none. Raises ZoneError when it failed."""
        if not self.has(name):
            return 0
        return self.run(name, [], session, doi=doi, doinp=doinp)

    # -- running

    def run(
        self,
        name: str,
        arguments: list[Any],
        session: Session,
        *,
        doi: DataObjInfo | None = None,
        doinp: DataObjInp | None = None,
    ) -> int:
        """Call the rule ``name``; what it changes in ``arguments`` the caller finds there.

        Raises:
            ZoneError: with the code in the exception's text, -1 when it has none.
        """
        rei = RuleExecInfo.of(session, doi=doi, doinp=doinp)
        function = getattr(self.module, name)
        return self._guarded(lambda: function(arguments, Callback(self, session), rei), _UNKNOWN_ERROR)

    def run_text(self, text: str, session: Session) -> int:
        """Run ``text`` as the body of a function, as a delayed rule is run.

        It sees ``rule_args``, ``callback``, ``rei``, ``irods_types`` and
        ``irods_errors``, but not the names of the rule file: those it reaches
        as ``callback.<name>(...)``.

        Raises:
            ZoneError: RULE_ENGINE_ERROR when it raises, or its own negative result.
        """
        body = f"def expressionFcn(rule_args, callback, rei):\n{text}".replace("\n", "\n ")
        return self._run_function_of(body, "expressionFcn", session, {})

    def run_external(
        self, text: str, session: Session, variables: Mapping[str, str]
    ) -> tuple[int, dict[str, str]]:
        """Run what a client sent as a rule: (result, what it wrote to ``stdout`` and ``stderr``).

        ``text`` begins with ``@external``: then its function ``main`` is
        called, or with ``@external rule { NAME``: then the rule NAME.

        Raises:
            ZoneError: RULE_ENGINE_ERROR when it raises or is neither, or its own negative result.
        """
        self._terminal = {"stdout": "", "stderr": ""}
        try:
            return self._run_external(text, session, variables), self._terminal
        finally:
            self._terminal = None

    def _run_external(self, text: str, session: Session, variables: Mapping[str, str]) -> int:
        if text.startswith(_EXTERNAL_TEXT):
            return self._run_function_of(text.partition("\n")[2], "main", session, variables)
        if not text.startswith(_EXTERNAL_RULE):
            raise ZoneError("RULE_ENGINE_ERROR", "Improperly formatted rule text")
        name = text[len(_EXTERNAL_RULE) :].partition(" ")[0]

        def call() -> object:
            self.module.__dict__["global_vars"] = dict(variables)
            return getattr(self.module, name)([], Callback(self, session), RuleExecInfo.of(session))

        return self._guarded(call, code_of("RULE_ENGINE_ERROR"), fixed=True)

    def _run_function_of(self, text: str, name: str, session: Session, variables: Mapping[str, str]) -> int:
        def call() -> object:
            namespace = self.file.main_namespace(dict(variables))
            exec(text, namespace)  # noqa: S102 - that is what the plugin does with it
            return namespace[name]([], Callback(self, session), RuleExecInfo.of(session))

        return self._guarded(call, code_of("RULE_ENGINE_ERROR"), fixed=True)

    def _guarded(self, function: Callable[[], object], code: int, *, fixed: bool = False) -> int:
        """The result of ``function`` as PREP reads it: what is no number is 0."""
        if self._depth == 0:
            self._messages.clear()
        self._depth += 1
        try:
            result = function()
        except (Exception, SystemExit) as error:
            text = traceback.format_exc()
            log.warning("caught python exception: %s", text)
            named = None if fixed else _ERROR_CODE.search(text)
            raise ZoneError(int(named.group(1)) if named else code, self.message) from error
        finally:
            self._depth -= 1
        status = result if isinstance(result, int) else 0
        if status < 0:
            raise ZoneError(status, self.message)
        return status

    # -- what reaches the client

    @property
    def message(self) -> str:
        """What the client is shown: the first message since the outermost rule began."""
        return self._messages[0] if self._messages else ""

    def add_message(self, text: str) -> None:
        """``addRErrorMsg``: a line for the client."""
        self._messages.append(text)

    def write(self, stream: str, text: str) -> None:
        """To ``stdout`` or ``stderr`` of the client that runs this rule; nowhere when none does."""
        if self._terminal is not None:
            self._terminal[stream] += text


__all__ = [
    "PYTHON_INSTANCE",
    "RULE_ENGINE_CONTINUE",
    "RULE_ENGINE_SKIP_OPERATION",
    "RuleEngine",
    "RuleFile",
]
