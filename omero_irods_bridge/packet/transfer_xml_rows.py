"""What the elements of ``transfer.xml`` say, as values of rows; what nobody reads of them is noted.

An element that contradicts the OME schema is refused by its name: nothing is guessed, nothing is half read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NoReturn

from lxml import etree

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.events import Notice
from omero_irods_bridge.packet.names import quoted
from omero_irods_bridge.packet.transfer_xml_nodes import Node
from omero_irods_bridge.packet.xml import local_name

FIRST_MADE_UP: Final = 9 * 10**17
"""Ids from here to 10**18 are for objects whose ids in the file are no numbers; no OMERO comes that far."""

UNREAD_NAMESPACE: Final = "omero-irods-bridge/unread"
"""Of XML annotations that keep annotations and shapes of kinds that OMERO does not have."""

_ID: Final = re.compile(r"([A-Za-z]{1,64}):(-?[0-9]{1,40})", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DOUBLE: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_NOT_FINITE: Final[Mapping[str, str]] = {"INF": "Infinity", "-INF": "-Infinity", "NaN": "NaN"}
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
_RAW_CHARACTERS: Final = 4096
_KEPT_CHARACTERS: Final = 1 << 20
_RAW_ELEMENTS: Final = 100
_PLACES: Final = 200
_RAW_OF_A_PLACE: Final = 20
_TOLD_CHARACTERS: Final = 200
_TOLD: Final = 3


def named(element: Node) -> str:
    """An element in a message."""
    return f"{local_name(element)[:100]} {quoted(element.get('ID', 'without ID'))}"


def refuse(element: Node, problem: str) -> NoReturn:
    """Raises BadPacket: ``problem`` goes on after the element's name."""
    raise BadPacket(f"transfer.xml: {named(element)} {problem}.")


def children(element: Node, *names: str) -> Iterator[Node]:
    """The children with one of these local names, in their order."""
    return (child for child in element.iterchildren() if local_name(child) in names)


def child(element: Node, name: str) -> Node | None:
    """The only child of a local name; none for none."""
    found = list(children(element, name))
    if len(found) > 1:
        refuse(element, f"has {len(found)} times a {name}")
    return found[0] if found else None


def text_of(element: Node, name: str) -> str | None:
    """The text of the only child of a local name; none where there is no such child."""
    found = child(element, name)
    return None if found is None else found.text or ""


def any_id(element: Node, *prefixes: str) -> int:
    """The number of an ``ID`` such as ``Image:5``, whatever its size and sign.

    ``prefixes`` are what may stand before the colon; ``lsid`` always may, for ome-types writes it.
    """
    text = element.get("ID", "")
    match = _ID.fullmatch(text)
    if match is None or match[1] not in {*prefixes, "lsid"}:
        refuse(element, f"does not have an ID such as {prefixes[0]}:5")
    return int(match[2])


def object_id(element: Node, *prefixes: str) -> int:
    """The same of an object that OMERO has.

    Raises:
        BadPacket: OMERO has no such ids.
    """
    found = any_id(element, *prefixes)
    if not 0 <= found < FIRST_MADE_UP:
        refuse(element, "has an ID that OMERO cannot have")
    return found


def whole(element: Node, name: str, bits: int = 32, *, least: int | None = None) -> int | None:
    """An attribute that is a signed number of so many bits; none where it is not there."""
    text = element.get(name)
    return None if text is None else whole_of(element, name, text, bits, least=least)


def whole_of(element: Node, what: str, text: str, bits: int, *, least: int | None = None) -> int:
    """A text as a signed number of so many bits, ``least`` at least."""
    if _WHOLE.fullmatch(text.strip()):
        limit = 1 << bits - 1
        if max(-limit, -limit if least is None else least) <= (found := int(text)) < limit:
            return found
    refuse(element, f"has the {what} {quoted(text)}, which is no number that can be there")


def double(element: Node, name: str) -> float | str | None:
    """An attribute that is a double, as rows have it; none where it is not there."""
    text = element.get(name)
    return None if text is None else double_of(element, name, text)


def double_of(element: Node, what: str, text: str) -> float | str:
    """A text as a double; those that JSON has no word for are texts."""
    text = text.strip()
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    if not _DOUBLE.fullmatch(text) or not math.isfinite(found := float(text)):
        refuse(element, f"has the {what} {quoted(text)}, which is no number that can be there")
    return found


def boolean_of(element: Node, what: str, text: str) -> bool:
    """A text as a boolean."""
    if text.strip() not in _BOOLEANS:
        refuse(element, f"has the {what} {quoted(text)}, which is neither true nor false")
    return _BOOLEANS[text.strip()]


# -- what is not read


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in ``transfer.xml`` that has no place in rows.

    ``raw`` has the XML of the first ones, cut off where that is long. Those of ``is_kept`` are XML
    annotations of the namespace :data:`UNREAD_NAMESPACE` instead.
    """

    place: str
    count: int
    raw: tuple[str, ...]
    is_kept: bool = False

    @property
    def notice(self) -> Notice:
        more = f" and {self.count - _TOLD:,} more" if self.count > _TOLD else ""
        examples = "; ".join(" ".join(one[:_TOLD_CHARACTERS].split()) for one in self.raw[:_TOLD])
        fate = "is kept as an XML annotation" if self.is_kept else "cannot be carried"
        return Notice(f"transfer.xml has {self.place}, which {fate}: {examples}{more}")


@dataclass(slots=True)
class UnreadParts:
    """Collects what is not read; 200 places are told apart."""

    _raw: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)

    def add(self, place: str, raw: str) -> None:
        """Note something, for example ``an attribute Color of Well``."""
        if place not in self._counts and len(self._counts) >= _PLACES:
            place = "other things"
        self._counts[place] = self._counts.get(place, 0) + 1
        kept = self._raw.setdefault(place, [])
        if len(kept) < _RAW_OF_A_PLACE:
            kept.append(raw[:_RAW_CHARACTERS])

    def add_element(self, place: str, element: Node) -> None:
        """Note an element with all that is in it; of a large one only its name."""
        self.add(place, xml_of(element) or named(element))

    def add_kept(self, place: str, xml: str) -> None:
        """Note one whose XML an annotation keeps."""
        self._kept.add(place)
        self.add(place, xml)

    def add_rest(self, element: Node, attributes: Collection[str], inner: Collection[str]) -> None:
        """Note attributes and children that are not among these; hints of XML Schema do not count."""
        name = local_name(element)[:100]
        for attribute, value in element.attrib.items():
            if str(attribute) not in attributes and not str(attribute).startswith("{"):
                self.add(
                    f"an attribute {str(attribute)[:100]} of {name}",
                    f"{str(value)[:_RAW_CHARACTERS]} ({named(element)})",
                )
        for one in element.iterchildren():
            if local_name(one) not in inner:
                self.add_element(f"a {local_name(one)[:100]} in {name}", one)

    def all(self) -> tuple[Unread, ...]:
        """In the order of their first mention."""
        return tuple(
            Unread(place, count, tuple(self._raw[place]), place in self._kept)
            for place, count in self._counts.items()
        )


def xml_of(element: Node) -> str | None:
    """An element with all that is in it; none of a large one."""
    if next(islice(element.iter(), _RAW_ELEMENTS, None), None) is not None:
        return None
    found = str(etree.tostring(element, encoding="unicode", with_tail=False)).strip()
    return found if len(found) <= _KEPT_CHARACTERS else None


def kept(number: int, xml: str) -> dict[str, str]:
    """The row of an annotation that keeps what OMERO has no class for."""
    return {"@": f"XmlAnnotation:{number}", "ns": UNREAD_NAMESPACE, "textValue": xml}
