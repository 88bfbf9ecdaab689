"""``transfer.xml`` in a form that is equal for files that say the same in the same structure.

Left out are only the ids and texts that each packing makes anew: ids of bookkeeping annotations (they are
called by what they tell and of what), the time of packing, the name and version of the software; and the
order among elements of one kind, which stock takes from the database as it comes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import ome_types
from lxml import etree

from tests.interop.accepted_differences import ACCEPTED

Element = etree._Element

SCHEMA: Final = etree.XMLSchema(file=str(Path(ome_types.__file__).parent / "ome-2016-06.xsd"))
_MADE_ANEW: Final = ("packing_timestamp", "software", "version")
_ORDERED: Final = ("M",)


def assert_same(stock: bytes, ours: bytes, accepted: Sequence[str] = ()) -> None:
    """Ours is valid, and both say the same but for the ``accepted`` differences, each of which is there.

    These are names in :data:`ACCEPTED`.
    """
    SCHEMA.assertValid(etree.fromstring(ours))
    differences = _differences(stock, ours, accepted)
    assert not differences, "\n".join(differences)
    for name in accepted:
        others = [one for one in accepted if one != name]
        assert _differences(stock, ours, others), f"there is no difference {name!r}"


def _differences(stock: bytes, ours: bytes, accepted: Sequence[str]) -> list[str]:
    first, second = (_lines_but_for(accepted, one) for one in (stock, ours))
    return list(difflib.unified_diff(first, second, "stock", "ours", n=1, lineterm=""))


def _lines_but_for(accepted: Sequence[str], data: bytes) -> list[str]:
    tree = _tree(data)
    for name in accepted:
        ACCEPTED[name].forget(tree)
    return list(_lines(tree))


def _tree(data: bytes) -> Element:
    root = etree.fromstring(data, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
    for one in root.iter():
        one.tag = etree.QName(one).localname
        if one.text is not None and len(one):
            one.text = None
        if one.tag in _MADE_ANEW:
            one.text = "made anew"
    _name_bookkeeping(root)
    return root


def _name_bookkeeping(root: Element) -> None:
    """``Annotation:1902722914201848101`` becomes ``path of Image:5``; one of nobody, ``path of None``."""
    references = [(one, one.getparent()) for one in root.iter("AnnotationRef")]
    users = {one.get("ID"): str(user.get("ID")) for one, user in references if user is not None}
    names = {}
    for one in root.iter("XMLAnnotation"):
        what = "origin" if one.find(".//CLITransferMetadata") is not None else "path"
        names[one.get("ID")] = f"{what} of {users.get(one.get('ID'))}"
    for one in (*root.iter("XMLAnnotation"), *root.iter("AnnotationRef")):
        one.set("ID", names.get(one.get("ID"), one.get("ID") or ""))


def _lines(element: Element, depth: int = 0) -> Iterator[str]:
    attributes = " ".join(f"{name!s}={value!r}" for name, value in sorted(element.attrib.items()))
    yield " ".join(("  " * depth, str(element.tag), attributes, str(element.text or "")))
    for one in _in_order(element):
        yield from _lines(one, depth + 1)


def _in_order(elements: Iterable[Element]) -> list[Element]:
    """Kinds in the order of the file, those of one kind by their ids; shapes are of one kind here."""
    places: dict[str, int] = {}
    listed = list(elements)
    for one in listed:
        places.setdefault(_kind(one), len(places))
    return sorted(
        listed, key=lambda one: (places[_kind(one)], "" if one.tag in _ORDERED else one.get("ID") or "")
    )


def _kind(element: Element) -> str:
    parent = element.getparent()
    return "Shape" if parent is not None and parent.tag == "Union" else str(element.tag)
