"""As much of the native rule language as can be checked without its engine: words, nesting, calls.

Not checked: types, precedence, what a variable holds, the grammar of queries beyond their columns. Source of
the words: ``parser.cpp`` and ``functions.cpp`` of the native rule engine; reference/irods-rules.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_WORD: Final = re.compile(
    r"""
      (?P<blank>\s+|\#[^\n]*)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>\d+)
    | (?P<variable>\*[A-Za-z_]\w*)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>\+\+|==|!=|<=|>=|&&|\|\||[-=<>!+*/%.,;(){}])
    """,
    re.VERBOSE,
)
_PAIRS: Final = {")": "(", "}": "{"}
_CONTROL: Final = {"if", "while", "foreach", "delay"}


class NotTheLanguage(Exception):
    """The text is none of the native rule language; says where."""


@dataclass(frozen=True)
class Word:
    """A piece of the text, without blanks and comments."""

    kind: str
    text: str
    line: int


@dataclass
class Rule:
    """A rule or function: parameters, and all words of its body."""

    name: str
    parameters: list[str]
    body: list[Word] = field(default_factory=list)

    def calls(self) -> Iterator[tuple[Word, int]]:
        """Each call with the number of its arguments; control structures are none."""
        for index, word in enumerate(self.body[:-1]):
            if word.kind == "name" and self.body[index + 1].text == "(" and word.text not in _CONTROL:
                yield word, _arguments(self.body, index + 1)

    def queries(self) -> Iterator[list[str]]:
        """The columns that each ``SELECT ... WHERE ...`` names."""
        for index, word in enumerate(self.body):
            if word.text == "SELECT":
                rest = self.body[index:]
                end = next(n for n, one in enumerate(rest) if one.text == ")")
                names = [one.text for one in rest[:end] if one.kind == "name"]
                yield [name for name in names if name not in {"SELECT", "WHERE", "AND", "like"}]

    def variables(self) -> set[str]:
        """Those named in the body, also inside of texts."""
        named = {word.text for word in self.body if word.kind == "variable"}
        for word in self.body:
            if word.kind == "text":
                named |= set(re.findall(r"(?<!\\)\*[A-Za-z_]\w*", word.text))
        return named


def words(text: str) -> list[Word]:
    """Raises NotTheLanguage for what is no word, such as a text without its end."""
    found, position = [], 0
    while position < len(text):
        match = _WORD.match(text, position)
        line = text.count("\n", 0, position) + 1
        if match is None:
            raise NotTheLanguage(f"line {line}: {text[position : position + 20]!r}")
        if match.lastgroup != "blank":
            found.append(Word(str(match.lastgroup), match[0], line))
        position = match.end()
    return found


def parse(text: str) -> list[Rule]:
    """The rules of a file. Raises NotTheLanguage."""
    rest, rules = words(text), []
    _check_nesting(rest)
    while rest:
        rule, rest = _rule(rest)
        rules.append(rule)
    return rules


def _check_nesting(found: list[Word]) -> None:
    stack: list[Word] = []
    for word in found:
        if word.text in {"(", "{"}:
            stack.append(word)
        elif word.text in _PAIRS and (not stack or stack.pop().text != _PAIRS[word.text]):
            raise NotTheLanguage(f"line {word.line}: {word.text} closes nothing")
    if stack:
        raise NotTheLanguage(f"line {stack[-1].line}: {stack[-1].text} is not closed")


def _rule(rest: list[Word]) -> tuple[Rule, list[Word]]:
    head = rest[0]
    if head.kind != "name":
        raise NotTheLanguage(f"line {head.line}: a rule begins with its name, not with {head.text}")
    opening = next((n for n, word in enumerate(rest) if word.text == "{"), None)
    if opening is None:
        raise NotTheLanguage(f"line {head.line}: {head.text} has no body")
    parameters = [word.text for word in rest[1:opening] if word.kind == "variable"]
    shape = " ".join(word.text for word in rest[1:opening])
    if shape and not re.fullmatch(r"\( (?:\*\w+ (?:, \*\w+ )*)?\)", shape):
        raise NotTheLanguage(f"line {head.line}: {head.text} has parameters that are none: {shape}")
    end = _end(rest, opening)
    rule = Rule(head.text, parameters, rest[opening + 1 : end])
    _check_statements(rule)
    return rule, rest[end + 1 :]


def _end(found: list[Word], opening: int) -> int:
    """Where what opens there is closed."""
    depth = 0
    for index in range(opening, len(found)):
        depth += (found[index].text in {"(", "{"}) - (found[index].text in _PAIRS)
        if depth == 0:
            return index
    raise AssertionError("nesting was checked before")


def _check_statements(rule: Rule) -> None:
    """Each statement ends with a semicolon or a block."""
    depth = 0
    for index, word in enumerate(rule.body):
        depth += (word.text == "(") - (word.text == ")")
        following = rule.body[index + 1] if index + 1 < len(rule.body) else None
        is_last = following is None or following.text == "}"
        if is_last and depth == 0 and word.text not in {";", "}", "{"} and len(rule.body) > 4:
            raise NotTheLanguage(f"line {word.line}: no semicolon after {word.text} in {rule.name}")
        if following and {word.kind, following.kind} <= {"variable", "text", "number"}:
            raise NotTheLanguage(f"line {word.line}: {word.text} {following.text} stand side by side")


def _arguments(body: list[Word], opening: int) -> int:
    end = _end(body, opening)
    if end == opening + 1:
        return 0
    depth, commas = 0, 0
    for word in body[opening:end]:
        depth += (word.text in {"(", "{"}) - (word.text in _PAIRS)
        commas += word.text == "," and depth == 1
    return commas + 1
