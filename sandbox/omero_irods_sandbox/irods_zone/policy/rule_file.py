"""Loading a rule file: compiled once, run once more for every agent.

On a real server each agent process imports ``core.py`` for itself, so module globals last as
long as a connection (reference/irods-rules.md, What PREP passes). Here all agents live in one
process, maybe beside those of another zone: a rule file and what it imports from its own folder
are therefore loaded by an importer of their own and never shared through ``sys.modules``.
"""

from __future__ import annotations

import builtins
import itertools
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from omero_irods_sandbox.errors import StartError
from omero_irods_sandbox.irods_zone.policy.plugin_modules import plugin_module

_numbers = itertools.count(1)


class RuleFileError(StartError):
    """A rule file that can't be loaded; the message names file, line and reason."""


class RuleFile:
    """A rule file as a zone is started with it; ``rules`` None means a zone without rules.

    ``exec_bin`` is the folder that ``msiExecCmd`` runs programs from.

    Raises:
        RuleFileError: it does not compile, or running it raises.
    """

    def __init__(self, rules: Path | None, exec_bin: Path | None) -> None:
        self.path = rules
        self.exec_bin = exec_bin
        self._folder: Final = f"irods_rules_{next(_numbers)}"
        self._codes: dict[Path, CodeType] = {}
        self._lock = threading.Lock()
        if rules is not None:
            weakref.finalize(self, _forget, self._folder)
            self._try(rules)

    @property
    def is_given(self) -> bool:
        return self.path is not None

    def fresh_module(self) -> ModuleType:
        """A new module with the file's names, and with modules of its own that it imports from beside it."""
        assert self.path is not None
        return _Importer(self, is_visible=False).load("core", self.path)

    def main_namespace(self, variables: dict[str, str]) -> dict[str, Any]:
        """Globals for a rule text: what ``__main__`` holds for the plugin, and no name of the rule file."""
        importer = _Importer(self, is_visible=False)
        namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": importer.builtins()}
        namespace.update(
            irods_types=importer.provided("irods_types"),
            irods_errors=importer.provided("irods_errors"),
            irods_rule_vars=variables,
            global_vars=variables,
        )
        return namespace

    def beside(self, name: str) -> Path | None:
        """The file of the module ``name`` in the rule file's folder."""
        if self.path is None or name in sys.stdlib_module_names:
            return None
        path = self.path.parent / f"{name}.py"
        return path if path.is_file() else None

    def full_name(self, name: str) -> str:
        """How a module of this rule file is called, unlike those of any other."""
        return f"{self._folder}.{name}"

    def code(self, path: Path) -> CodeType:
        """The compiled file. Raises OSError, SyntaxError, ValueError."""
        with self._lock:
            if path not in self._codes:
                self._codes[path] = compile(path.read_bytes(), str(path), "exec")
            return self._codes[path]

    def _try(self, path: Path) -> None:
        try:
            _Importer(self, is_visible=True).load("core", path)
        except (Exception, SystemExit) as error:
            raise RuleFileError(_reason(path, error)) from error


class _Importer:
    """What ``import`` means to one copy of the rule file.

    Data classes, type hints and pickles look their module up in ``sys.modules``:
    the copy that is visible there, one for all agents, is enough for that.
    """

    def __init__(self, rule_file: RuleFile, *, is_visible: bool) -> None:
        # Weak, so that what is in sys.modules does not keep the rule file alive.
        self._file: RuleFile = weakref.proxy(rule_file)
        self._is_visible = is_visible
        self._loaded: dict[str, ModuleType] = {}

    def load(self, name: str, path: Path) -> ModuleType:
        module = ModuleType(self._file.full_name(name))
        module.__file__ = str(path)
        module.__dict__["__builtins__"] = self.builtins()
        self._loaded[name] = module
        if self._is_visible:
            sys.modules[module.__name__] = module
        try:
            exec(self._file.code(path), module.__dict__)  # noqa: S102 - importing a rule file is running it
        except BaseException:
            del self._loaded[name]
            raise
        if name == "core":
            # The plugin puts both into the rules' namespace before it calls one.
            module.__dict__.update({each: self.provided(each) for each in ("irods_types", "irods_errors")})
        return module

    def provided(self, name: str) -> ModuleType | None:
        """A module that the plugin brings along."""
        if name not in self._loaded:
            module = plugin_module(name)
            if module is None:
                return None
            self._loaded[name] = module
        return self._loaded[name]

    def builtins(self) -> dict[str, Any]:
        return {**vars(builtins), "__import__": self._import}

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names of __import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and (module := self._own(name)) is not None:
            return module
        return _host_import(name, globals, locals, fromlist, level)

    def _own(self, name: str) -> ModuleType | None:
        if name in self._loaded:
            return self._loaded[name]
        path = self._file.beside(name)
        return self.load(name, path) if path is not None else self.provided(name)


_host_import: Final[Callable[..., ModuleType]] = builtins.__import__


def _reason(path: Path, error: BaseException) -> str:
    place = f"{path}"
    if isinstance(error, SyntaxError):
        place = f"{error.filename or path}, line {error.lineno}"
        what = f"{type(error).__name__}: {error.msg}"
    else:
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__) if _is_in(frame.filename, path)
        ]
        place = f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else place
        what = f"{type(error).__name__}: {error}"
    return f"The rule file can't be loaded: {place}: {what}. Correct it and start the zone again."


def _forget(folder: str) -> None:
    for name in [name for name in sys.modules if name.startswith(f"{folder}.")]:
        del sys.modules[name]


def _is_in(file: str, rules: Path) -> bool:
    return Path(file).parent == rules.parent
