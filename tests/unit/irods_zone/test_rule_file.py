"""Rule files: loaded once for every agent, apart from each other and from the host process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omero_irods_sandbox.irods_zone.policy.rule_file import RuleFile, RuleFileError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "core.py", folder: str = "rules") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write_file


def test_each_agent_has_globals_of_its_own(write: Write) -> None:
    rules = RuleFile(write("seen = []\ndef note(x): seen.append(x); return len(seen)\n"), None)
    first, second = rules.fresh_module(), rules.fresh_module()
    assert (first.note(1), first.note(2), second.note(3)) == (1, 2, 1)


def test_the_modules_of_the_plugin_can_be_imported_and_are_not_left_behind(write: Write) -> None:
    text = "import irods_types, irods_errors, session_vars\nfrom genquery import *\n"
    text += "from genquery import Parser\n"
    module = RuleFile(
        write(text + "kinds = [Query, row_iterator, paged_iterator, AS_LIST, Parser]\n"), None
    ).fresh_module()
    assert module.irods_errors.SYS_NOT_ALLOWED == -169_000
    assert module.irods_errors.RULE_ENGINE_SKIP_OPERATION == 5_001_000
    assert module.irods_types.KeyValPair({"a": "b"})["a"] == "b"
    assert not {"irods_types", "irods_errors", "genquery", "session_vars", "core"} & set(sys.modules)


def test_the_plugin_puts_types_and_errors_into_the_rules_namespace(write: Write) -> None:
    module = RuleFile(
        write("def rule(): return irods_errors.RULE_ENGINE_CONTINUE, irods_types.BytesBuf\n"), None
    )
    assert module.fresh_module().rule()[0] == 5_000_000


def test_two_rule_files_with_helpers_of_the_same_name_do_not_mix(write: Write) -> None:
    text = "import names\ndef who(): return names.NAME\n"
    files = []
    for folder in ("one", "two"):
        write(f"NAME = {folder!r}\n", "names.py", folder)
        files.append(RuleFile(write(text, folder=folder), None))
    assert [file.fresh_module().who() for file in files] == ["one", "two"]
    assert "names" not in sys.modules


def test_a_helper_is_loaded_once_for_an_agent_and_again_for_the_next(write: Write) -> None:
    write("counter = []\n", "state.py")
    write("import state\nstate.counter.append('helper')\n", "helper.py")
    rules = RuleFile(
        write("import state, helper\nstate.counter.append('core')\ndef seen(): return state.counter\n"), None
    )
    assert rules.fresh_module().seen() == rules.fresh_module().seen() == ["helper", "core"]


def test_data_classes_work_in_a_rule_file(write: Write) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text += "@dataclass\nclass A:\n    x: int\n"
    assert RuleFile(write(text), None).fresh_module().A(1).x == 1


def test_nothing_stays_in_sys_modules_when_a_rule_file_is_given_up(write: Write) -> None:
    gc.collect()  # what tests before this one have given up
    before = set(sys.modules)
    rules = RuleFile(write("x = 1\n"), None)
    assert set(sys.modules) != before
    del rules
    gc.collect()
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1\ndef broken(:\n", 2, "SyntaxError"),
        ("x = 1\n\nimport no_such_module_anywhere\n", 3, "no_such_module_anywhere"),
        ("def f():\n    return 1 / 0\n\nf()\n", 2, "ZeroDivisionError"),
        ("import sys\nsys.exit('no settings')\n", 2, "no settings"),
    ],
)
def test_what_can_not_be_loaded_is_named_with_file_line_and_reason(
    write: Write, text: str, line: int, reason: str
) -> None:
    path = write(text)
    with pytest.raises(RuleFileError) as refused:
        RuleFile(path, None)
    assert f"{path}, line {line}: " in str(refused.value)
    assert reason in str(refused.value)


def test_an_error_in_a_helper_names_the_helper(write: Write) -> None:
    helper = write("x = undefined_name\n", "helper.py")
    with pytest.raises(RuleFileError, match="undefined_name") as refused:
        RuleFile(write("import helper\n"), None)
    assert f"{helper}, line 1: " in str(refused.value)


def test_a_rule_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"nowhere\.py"):
        RuleFile(tmp_path / "nowhere.py", None)
