"""Elements of ``transfer.xml``: made without a namespace, for they are written inside one that has it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from lxml import etree

OME: Final = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA_LOCATION: Final = f"{{{XSI}}}schemaLocation"

_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPELT: Final = {"Infinity": "INF", "-Infinity": "-INF", "NaN": "NaN"}

_PREFIXES: Final = {"xsi": XSI}

Node: TypeAlias = "etree._Element"  # noqa: SLF001 -- what lxml-stubs call it
Value: TypeAlias = str | int | float | bool | None


def node(
    tag: str, attributes: Mapping[str, Value] | None = None, children: Iterable[Node] = (), text: Value = None
) -> Node:
    """An element; attributes without a value are left out."""
    texts = {name: spelt(value) for name, value in (attributes or {}).items() if value is not None}
    made = etree.Element(tag, texts, nsmap=_PREFIXES if SCHEMA_LOCATION in texts else None)
    if text is not None:
        made.text = spelt(text) or None
    made.extend(children)
    return made


def reference(kind: str, number: int, *, prefix: str | None = None) -> Node:
    """``<ImageRef ID="Image:5"/>``."""
    return node(f"{kind}Ref", {"ID": f"{prefix or kind}:{number}"})


def references(kind: str, numbers: Iterable[int]) -> list[Node]:
    """One for each of them."""
    return [reference(kind, number) for number in numbers]


def spelt(value: Value) -> str:
    """As XML Schema spells it. Characters that XML 1.0 cannot have are left out: ``omero.jsonl`` has them."""
    if isinstance(value, str):
        return _NOT_IN_XML.sub("", value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    return str(value).upper()


def number_of(value: object) -> Value:
    """A double of a row (``"NaN"`` is a text there) as a value for :func:`node`; none for no number."""
    if isinstance(value, str):
        return _SPELT.get(value)
    return float(value) if isinstance(value, int | float) else None
