"""What omero-py's generated slice modules declare: classes with their members, sequences, operations.

IcePy keeps this to itself at run time, so it is read from the text of the
``*_ice.py`` modules: the calls of IcePy.defineClass, IcePy.defineSequence and
IcePy.Operation.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import omero.clients  # noqa: F401  # loads omero_Constants_ice

_CALL: Final = re.compile(r"^ *[\w.]+ = IcePy\.(defineClass|defineSequence|Operation)\(")
_ROUTER_MODULES: Final = ("Glacier2_Router_ice.py", "Glacier2_Session_ice.py", "Ice_Router_ice.py")

# Positions of arguments in the generated calls (IcePy's Types.cpp and Operation.cpp).
_CLASS_BASE, _CLASS_MEMBERS = 6, 8
_OPERATION_RESULT, _SEQUENCE_ELEMENT = 8, 2


@dataclass(frozen=True, slots=True)
class DeclaredClass:
    """A slice class; ``members`` are (name, type) of its own, a type being e.g. ``omero.model.Image``."""

    name: str
    base: str | None
    members: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Declarations:
    """``classes`` and ``sequences`` by full name; ``void_operations`` by name of the declaring interface."""

    classes: dict[str, DeclaredClass]
    sequences: dict[str, str]
    void_operations: dict[str, frozenset[str]]


def source_folder() -> Path:
    """Where omero-py's generated modules are installed."""
    return Path(str(sys.modules["omero_Constants_ice"].__file__)).parent


def read_declarations(folder: Path) -> Declarations:
    """Read every generated module in ``folder``."""
    classes: dict[str, DeclaredClass] = {}
    sequences: dict[str, str] = {}
    void: dict[str, set[str]] = {}
    for module in [*sorted(folder.glob("omero_*_ice.py")), *(folder / name for name in _ROUTER_MODULES)]:
        for target, function, arguments in _calls(module.read_text(encoding="utf-8")):
            if function == "defineClass":
                declared = _declared_class(arguments)
                classes[declared.name] = declared
            elif function == "defineSequence":
                sequences[_plain(target)] = _plain(_dotted(arguments[_SEQUENCE_ELEMENT]))
            elif not module.name.startswith("omero_model_"):  # nobody calls a value's methods over the wire
                interface, operation = target.split("._op_")
                returns_nothing = _is_none(arguments[_OPERATION_RESULT])
                void.setdefault(interface, set()).update({operation} if returns_nothing else ())
    return Declarations(classes, sequences, {name: frozenset(found) for name, found in void.items()})


def _calls(text: str) -> Iterator[tuple[str, str, list[ast.expr]]]:
    lines = iter(text.splitlines())
    for line in lines:
        match = _CALL.match(line)
        if match is None:
            continue
        statement = line
        while statement.count("(") > statement.count(")"):
            statement += next(lines)
        assignment = ast.parse(statement.strip()).body[0]
        assert isinstance(assignment, ast.Assign)
        assert isinstance(assignment.value, ast.Call)
        yield _dotted(assignment.targets[0]), match.group(1), assignment.value.args


def _declared_class(arguments: list[ast.expr]) -> DeclaredClass:
    name, members = arguments[0], arguments[_CLASS_MEMBERS]
    assert isinstance(name, ast.Constant)
    assert isinstance(members, ast.Tuple)
    base = None if _is_none(arguments[_CLASS_BASE]) else _plain(_dotted(arguments[_CLASS_BASE]))
    return DeclaredClass(
        str(name.value).removeprefix("::").replace("::", "."),
        base,
        tuple(_member(element) for element in members.elts),
    )


def _member(element: ast.expr) -> tuple[str, str]:
    assert isinstance(element, ast.Tuple)
    name = element.elts[0]
    assert isinstance(name, ast.Constant)
    return str(name.value), _plain(_dotted(element.elts[2]))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def _plain(name: str) -> str:
    """``_M_omero.model._t_Image`` is omero.model.Image."""
    return name.removeprefix("_M_").replace("._t_", ".")
