"""Packed structures in XML, as the client and the server of iRODS write them.

It is not quite XML: control characters travel raw, blanks inside a string are data, and
only the five named entities exist; an ``&`` that starts none of them stands for itself
here, while the real server stops decoding there (reference/irods-wire.md, Pitfalls 1).
A general XML parser refuses such messages, so there is one of our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(rb"<(/?)([A-Za-z_][A-Za-z0-9_.-]*)[ \t\r\n]*(/?)>|([^<]+)|(<)")
_ENTITY: Final = re.compile(rb"&(lt|gt|quot|apos|amp);")
_MEANING: Final = {b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'", b"amp": b"&"}
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_MAX_DEPTH: Final = 32
_INT64: Final = range(-(2**63), 2**63)


class PackingError(Exception):
    """A message that is no packed structure, or whose values are out of range."""


@dataclass(slots=True)
class Element:
    """One element: either ``children`` or ``text``."""

    tag: str
    text: str | None = None
    children: list[Element] = field(default_factory=list)

    def find(self, tag: str) -> Element | None:
        """The first child called ``tag``."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list[Element]:
        return [child for child in self.children if child.tag == tag]

    def has(self, tag: str) -> bool:
        return self.find(tag) is not None

    def string(self, tag: str) -> str:
        """The text of the child ``tag``; "" when it is not there."""
        child = self.find(tag)
        return "" if child is None else child.text or ""

    def integer(self, tag: str, default: int = 0) -> int:
        """The number in the child ``tag``.

        Raises:
            PackingError: it is no decimal number of 64 bits.
        """
        text = self.string(tag)
        if not text:
            return default
        return to_integer(text, tag)

    def strings(self, tag: str) -> list[str]:
        return [child.text or "" for child in self.all(tag)]

    def integers(self, tag: str) -> list[int]:
        return [to_integer(child.text or "", tag) for child in self.all(tag)]

    def key_values(self) -> dict[str, str]:
        """The KeyValPair_PI among the children, empty when there is none.

        Raises:
            PackingError: it has not as many keys as values.
        """
        pairs = self.find("KeyValPair_PI")
        if pairs is None:
            return {}
        keys, values = pairs.strings("keyWord"), pairs.strings("svalue")
        if len(keys) != len(values):
            raise PackingError(f"KeyValPair_PI with {len(keys)} keys and {len(values)} values")
        return dict(zip(keys, values, strict=True))

    def walk(self) -> Iterator[Element]:
        yield self
        for child in self.children:
            yield from child.walk()


def to_integer(text: str, what: str) -> int:
    """Raises PackingError when ``text`` is no decimal number of 64 bits."""
    digits = text.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,20}", digits) or int(digits) not in _INT64:
        raise PackingError(f"{what} is not a number: {text[:40]!r}")
    return int(digits)


def parse(data: bytes) -> Element:
    """The structure in ``data``.

    Raises:
        PackingError: tags do not match, nest too deep, or there is not exactly one root.
    """
    root = Element("")
    open_elements = [root]
    text: bytes | None = None
    for match in _TOKEN.finditer(data):
        closing, name, empty, characters, stray = match.groups()
        if characters is not None:
            text = characters
            continue
        if stray is not None:
            raise PackingError("a < that starts no tag")
        tag = name.decode("ascii")
        if closing:
            _close(open_elements, tag, text)
        else:
            _open(open_elements, tag, is_empty=bool(empty))
        text = None
    if len(open_elements) != 1 or len(root.children) != 1:
        raise PackingError("not one whole element")
    return root.children[0]


def _open(open_elements: list[Element], tag: str, *, is_empty: bool) -> None:
    element = Element(tag)
    open_elements[-1].children.append(element)
    if is_empty:
        return
    if len(open_elements) > _MAX_DEPTH:
        raise PackingError("nested too deep")
    open_elements.append(element)


def _close(open_elements: list[Element], tag: str, text: bytes | None) -> None:
    if len(open_elements) == 1 or open_elements[-1].tag != tag:
        raise PackingError(f"unexpected </{tag}>")
    element = open_elements.pop()
    if text is not None and not element.children:
        element.text = unescaped(text).decode("utf-8", "surrogateescape")


def unescaped(data: bytes) -> bytes:
    """Replace the five entities; any other ``&`` stays."""
    return _ENTITY.sub(lambda match: _MEANING[match.group(1)], data) if b"&" in data else data


def escaped(text: str) -> str:
    """Entities as peers of version 4.2.9 and newer expect them (``strToXmlStr``)."""
    return text.translate(_ESCAPES)


def encoded(text: str) -> bytes:
    """UTF-8, with bytes that were none on the way in (surrogates) as they came."""
    return text.encode("utf-8", "surrogateescape")
