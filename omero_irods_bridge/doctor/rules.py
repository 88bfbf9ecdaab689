"""The rules of an iRODS server on this computer: are they there, in force, and not in anybody's way?"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.doctor.diagnosis import Diagnoses, ok, problem, skipped, warning
from omero_irods_bridge.operations.rule_files import (
    ETC,
    PROGRAM,
    PROGRAMS,
    Language,
    RuleFile,
    digest,
    files_of,
    shipped,
    version_of,
)

PYTHON_PLUGIN: Final = "irods_rule_engine_plugin-python"
NATIVE_PLUGIN: Final = "irods_rule_engine_plugin-irods_rule_language"
_DEFAULT_HOOKS: Final = r"pep_\w+_(pre|post)"
_SETTING: Final = re.compile(r'^(omeroBridge_[A-Z_]+)\s*\{\s*("[^"*\\]*"|true|false)\s*\}$')


def rules(language: Language, target: Path, programs: Path, server_config: Path) -> Diagnoses:
    """All that can be seen without asking the server."""
    for file in files_of(language, target, programs):
        yield from _file(file)
    yield from _program(programs)
    if language is Language.PYTHON:
        yield from _python_settings(target)
        yield from _core(target)
    else:
        yield from _native_settings(target)
    yield from _server(language, target, server_config)


def rules_of_this_computer(etc: Path = ETC, programs: Path = PROGRAMS) -> Diagnoses:
    """Those of the iRODS server here; of other computers nothing can be seen."""
    config = etc / "server_config.json"
    if not config.exists():
        yield skipped("rules", "there is no iRODS server here; on one: omero-irods rules check")
    elif (etc / "omero_bridge.py").exists():
        yield from rules(Language.PYTHON, etc, programs, config)
    elif (etc / "omero_bridge.re").exists():
        yield from rules(Language.NATIVE, etc, programs, config)
    else:
        yield warning(
            "rules",
            "the iRODS server here has none: nothing tells of arrivals, nothing protects what is linked",
            "omero-irods rules install",
        )


# -- files


def _file(file: RuleFile) -> Diagnoses:
    name = file.target.name
    if not file.is_installed:
        yield problem(name, f"{file.target} is not there", "omero-irods rules install")
    elif file.is_settings or file.is_as_shipped:
        yield ok(name, "the site's own" if file.is_settings else "as it should be")
    else:
        there, wanted = version_of(file.target), version_of(file.source)
        text = f"version {there} instead of {wanted}" if there != wanted else "somebody has changed it"
        yield problem(
            name, f"{file.target}: {text}", "See what differs; then: omero-irods rules install --replace"
        )


def _program(programs: Path) -> Diagnoses:
    check = f"{PROGRAM}.conf"
    program, conf = programs / PROGRAM, programs / check
    if program.exists() and not os.access(program, os.X_OK):
        yield problem(PROGRAM, f"{program} cannot be executed", f"chmod 755 {program}")
    try:
        lines = conf.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        yield warning(
            check,
            f"{conf}: {error.strerror}; nobody is told of arrivals, the agent finds them by its scan",
            "Write it: file=/run/omero-irods/wake, or url=... and token_file=...",
        )
        return
    ways = [line for line in lines if re.match(r"(file|url)=.", line)]
    if ways:
        yield ok(check, ", ".join(ways))
    else:
        yield warning(check, f"{conf} says no way to tell the agent", "Write a line file=... or url=...")


# -- settings


def _python_settings(target: Path) -> Diagnoses:
    check = "settings"
    path = target / "omero_bridge_settings.json"
    if not path.exists():
        return
    settings, wrong = read_settings(path)
    for text in wrong:
        yield problem(check, f"{path}: {text}", "Correct it; until then the default counts.")
    if not wrong:
        yield from _service_users(path, settings["service_users"])


def read_settings(path: Path) -> tuple[dict[str, Any], list[str]]:
    """As the rules themselves read it: (settings, what is wrong)."""
    spec = importlib.util.spec_from_file_location("_rules", shipped() / "python" / "omero_bridge_settings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings, wrong = module.read_settings(path.read_text(encoding="utf-8", errors="replace"))
    return settings, wrong


def _native_settings(target: Path) -> Diagnoses:
    check = "settings"
    path = target / "omero_bridge_settings.re"
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    matches = [_SETTING.match(line) for line in said]
    for line in (line for line, match in zip(said, matches, strict=True) if match is None):
        yield problem(check, f"{path}: {line}", 'Write omeroBridge_NAME { "text" }, or { true }, { false }.')
    found = {match[1]: match[2].strip('"') for match in matches if match}
    for name in ("PREFIX", "SERVICE_USERS", "TELL", "PROTECT"):
        if f"omeroBridge_{name}" not in found:
            yield problem(check, f"{path} does not say omeroBridge_{name}", "Take it from the file we ship.")
    yield from _service_users(path, found.get("omeroBridge_SERVICE_USERS", "").strip(";"))


def _service_users(path: Path, accounts: object) -> Diagnoses:
    if accounts:
        yield ok("settings", f"{path} names the agent's account: {accounts}")
    else:
        yield warning(
            "settings",
            f"{path} names no account of the agent: it cannot release what it has linked",
            'Set service_users to its name#zone, such as "bridge#tempZone".',
        )


# -- core.py


def _core(target: Path) -> Diagnoses:
    check, path = "core.py", target / "core.py"
    if not (target / "genquery.py").exists():
        yield problem(
            "genquery.py", f"{target}/genquery.py is not there", "It comes with the Python plugin's package."
        )
    if digest(path) == digest(shipped() / "python" / "omero_bridge.py"):
        yield ok(check, "is the rules themselves")
        return
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield problem(check, f"{path} is not there", "Make it, with the line: from omero_bridge import *")
        return
    except (SyntaxError, ValueError) as error:
        yield problem(
            check, f"{path} is no Python: {error}", "Correct it; no rule of the plugin runs until then."
        )
        return
    if not _imports_all(tree):
        yield problem(
            check, f"{path} does not import the rules", "Its first line: from omero_bridge import *"
        )
    else:
        yield ok(check, "imports the rules")
    yield from _own_hooks(path, tree)


def _imports_all(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "omero_bridge" and node.names[0].name == "*"
        for node in tree.body
    )


def _own_hooks(path: Path, tree: ast.Module) -> Diagnoses:
    """Hooks of the site's that take the place of ours."""
    ours = set(hooks())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in ours:
            calls = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
            if node.name not in calls:
                call = f"return omero_bridge.{node.name}(rule_args, callback, rei)"
                text = f"{path}, line {node.lineno}: {node.name} takes the place of ours"
                yield problem("core.py", text, f"Add at its end: {call}")


def hooks() -> list[str]:
    """The hooks that our rules have, the same in both languages."""
    text = (shipped() / "native" / "omero_bridge.re").read_text(encoding="utf-8")
    return re.findall(r"^(pep_\w+)\(", text, re.MULTILINE)


# -- server_config.json


def _server(language: Language, target: Path, path: Path) -> Diagnoses:
    check = "server_config"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        engines = config["plugin_configuration"]["rule_engines"]
        names = [str(one["plugin_name"]) for one in engines]
    except OSError as error:
        yield warning(
            check, f"{path}: {error.strerror}", "Run this on the iRODS server, or use --server-config."
        )
        return
    except (ValueError, KeyError, TypeError) as error:
        yield problem(check, f"{path} has no list of rule engines: {error!r}", "Correct it.")
        return
    plugin = PYTHON_PLUGIN if language is Language.PYTHON else NATIVE_PLUGIN
    if plugin not in names:
        yield problem(
            check, f"{path} has no rule engine {plugin}", "omero-irods rules install says what to add."
        )
        return
    engine = engines[names.index(plugin)]
    yield from _regexes(check, engine)
    yield from (
        _python_engine(check, names, engine, target)
        if language is Language.PYTHON
        else _rule_bases(check, engine, target)
    )


def _regexes(check: str, engine: dict[str, Any]) -> Diagnoses:
    given = engine.get("plugin_specific_configuration", {}).get(
        "regexes_for_supported_peps", [_DEFAULT_HOOKS]
    )
    missing = [hook for hook in hooks() if not _admitted(hook, given)]
    if missing:
        text = f"regexes_for_supported_peps lets these hooks not through: {', '.join(missing)}"
        yield problem(check, text, f'Add "{_DEFAULT_HOOKS}".')
    else:
        yield ok(check, f"{engine.get('plugin_name')} hears all {len(hooks())} hooks")


def _admitted(hook: str, patterns: Iterable[object]) -> bool:
    for pattern in patterns:
        try:
            if re.fullmatch(str(pattern), hook):
                return True
        except re.error:
            continue
    return False


def _python_engine(check: str, names: list[str], engine: dict[str, Any], target: Path) -> Diagnoses:
    if NATIVE_PLUGIN in names and names.index(NATIVE_PLUGIN) < names.index(PYTHON_PLUGIN):
        yield warning(
            check,
            "the rule language comes before Python: where it has a hook of the same name, ours does not run",
            f"Put {PYTHON_PLUGIN} first; ours let the others run.",
        )
    else:
        yield ok(check, "Python comes first")
    settings = target / "omero_bridge_settings.json"
    wanted = read_settings(settings)[0]["instance"] if settings.exists() else ""
    if wanted and wanted != engine.get("instance_name"):
        text = f"the plugin's instance is {engine.get('instance_name')}, our delayed rules go to {wanted}"
        yield problem(check, text, f'In {settings}: "instance": "{engine.get("instance_name")}"')


def _rule_bases(check: str, engine: dict[str, Any], target: Path) -> Diagnoses:
    bases = [str(one) for one in engine.get("plugin_specific_configuration", {}).get("re_rulebase_set", [])]
    missing = [name for name in ("omero_bridge_settings", "omero_bridge") if name not in bases]
    if missing:
        yield problem(check, f"re_rulebase_set lacks {', '.join(missing)}", "Add them, before all others.")
        return
    yield ok(check, f"re_rulebase_set is {', '.join(bases)}")
    ours = set(hooks())
    for base in bases:
        if not base.startswith("omero_bridge"):
            for hook in sorted(ours & set(_defined(target / f"{base}.re"))):
                remedy = (
                    "Of rules with one name the first runs: call what ours calls from it (rules/README.md)."
                )
                yield warning(check, f"{base}.re has {hook} too", remedy)


def _defined(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from re.findall(r"^\s*(pep_\w+)\s*\(", text, re.MULTILINE)
