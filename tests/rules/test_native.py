"""The native rule file, as far as it can be checked without a real server; rules/README.md has the rest."""

from __future__ import annotations

import ast
import importlib
import re
import typing
from pathlib import Path
from typing import Final

import pytest

from omero_irods_sandbox.irods_zone import api
from omero_irods_sandbox.irods_zone.api.registry import OPERATIONS
from omero_irods_sandbox.irods_zone.policy import query_text
from omero_irods_sandbox.irods_zone.policy.microservice import MICROSERVICES
from tests.rules.conftest import RULES
from tests.rules.native_language import NotTheLanguage, Rule, parse

api.register_all()
for _name in ("programs", "queries", "microservices"):
    importlib.import_module(f"omero_irods_sandbox.irods_zone.policy.{_name}")

FILES: Final = [RULES / "native" / "omero_bridge.re", RULES / "native" / "omero_bridge_settings.re"]
PYTHON: Final = RULES / "python" / "omero_bridge.py"

MORE_MICROSERVICES: Final = {"msiSplitPath": 3, "msiGetValByKey": 3}
"""Of ``reAction.hpp``; the embedded zone has none of them, because Python rules do not need them."""
FUNCTIONS: Final = {"errorcode": 1, "int": 1, "strlen": 1, "substr": 3}
NOT_IN_THE_ZONE: Final = {"data_obj_rsync": 2, "data_obj_open_and_stat": 2, "data_obj_create_and_stat": 2}
"""Operations with the number of their arguments: ``rsDataObjRsync.hpp``, ``rsDataObjOpenAndStat.hpp``, ..."""


@pytest.fixture(scope="module")
def rules() -> dict[str, Rule]:
    return {rule.name: rule for path in FILES for rule in parse(path.read_text(encoding="utf-8"))}


def hooks(path: Path) -> set[str]:
    return set(re.findall(r"^(?:def )?(pep_\w+)(?=\(| =)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_no_rule_is_there_twice() -> None:
    named = [rule.name for path in FILES for rule in parse(path.read_text(encoding="utf-8"))]
    assert sorted(named) == sorted(set(named))


def test_both_languages_have_the_same_hooks(rules: dict[str, Rule]) -> None:
    assert {name for name in rules if name.startswith("pep_")} == hooks(PYTHON)


def test_what_python_hands_to_core_are_its_hooks_and_delayed_rules() -> None:
    tree = ast.parse(PYTHON.read_text(encoding="utf-8"))
    listed = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and "__all__" in ast.dump(node)
    )
    assert set(ast.literal_eval(listed)) == hooks(PYTHON) | {"omero_bridge_wake", "omero_bridge_mark_below"}


@pytest.mark.parametrize("name", sorted(hooks(PYTHON)))
def test_each_hook_is_one_of_the_server_s_and_takes_its_arguments(rules: dict[str, Rule], name: str) -> None:
    if name == "pep_resource_modified_post":
        assert len(rules[name].parameters) == 3
        return
    operation = name.removeprefix("pep_api_").rpartition("_")[0]
    assert len(rules[name].parameters) == 2 + arguments_of(operation)


def arguments_of(operation: str) -> int:
    """How many a hook gets after instance and context."""
    if operation in NOT_IN_THE_ZONE:
        return NOT_IN_THE_ZONE[operation]
    (known,) = [one for one in OPERATIONS.values() if one.name == operation]
    assert known.policy_arguments is not None
    return len(typing.get_args(typing.get_type_hints(known.policy_arguments)["return"]))


def test_each_call_is_of_something_known_with_its_number_of_arguments(rules: dict[str, Rule]) -> None:
    known = {name: one.arity for name, one in MICROSERVICES.items()} | MORE_MICROSERVICES | FUNCTIONS
    known |= {name: len(rule.parameters) for name, rule in rules.items()}
    wrong = [
        f"line {word.line}: {word.text} with {count}"
        for rule in rules.values()
        for word, count in rule.calls()
        if known.get(word.text) != count
    ]
    assert wrong == []


def test_each_rule_is_used(rules: dict[str, Rule]) -> None:
    used = {word.text for rule in rules.values() for word in rule.body}
    assert {name for name in rules if name not in used} == {name for name in rules if name.startswith("pep_")}


def test_each_query_names_columns_of_the_catalog(rules: dict[str, Rule]) -> None:
    columns = [column for rule in rules.values() for query in rule.queries() for column in query]
    assert len(columns) > 20
    assert [query_text.column_number(column) for column in columns]


def test_each_variable_is_a_parameter_or_is_set_before(rules: dict[str, Rule]) -> None:
    for rule in rules.values():
        assert rule.variables() <= set(rule.parameters) | set_in(rule), rule.name


def set_in(rule: Rule) -> set[str]:
    """Variables that get a value: by ``=``, by ``foreach``, or as an output of a microservice."""
    found = set()
    for index, word in enumerate(rule.body):
        following = rule.body[index + 1].text if index + 1 < len(rule.body) else ""
        before = [one.text for one in rule.body[max(0, index - 8) : index]]
        is_output = bool({"msiSplitPath", "msiGetValByKey", "msiExecCmd", "msiGetIcatTime"} & set(before))
        if word.kind == "variable" and (following in {"=", "in"} or following == "in" or is_output):
            found.add(word.text)
    for index, word in enumerate(rule.body):
        if word.text == "msiExecCmd":
            found |= {one.text for one in rule.body[index : index + 16] if one.kind == "variable"}
    return found


def test_no_path_reaches_the_command_line(rules: dict[str, Rule]) -> None:
    calls = [
        [one.text for one in rule.body[index + 2 : index + 13 : 2]]
        for rule in rules.values()
        for index, word in enumerate(rule.body)
        if word.text == "msiExecCmd"
    ]
    assert calls == [['"omero_bridge_wake"', '"wake"', '"null"', '"null"', '"null"', "*out"]]


@pytest.mark.parametrize(
    "text",
    [
        "a() { b(; }",
        "a() { b(); ",
        "a() { b()); }",
        'a() { writeLine("serverLog", "no end); }',
        "a(*b *c) { *b; *c; *b; }",
        "() { a(); }",
        "a()",
        "a() { *b = 1 *c = 2; }",
        "a() { *b = 1; *c = 2; d() }",
        "a() { ?; }",
    ],
)
def test_the_checker_sees_what_is_wrong(text: str) -> None:
    with pytest.raises(NotTheLanguage):
        parse(text)
