"""Where our ``transfer.xml`` is not what stock writes, and why.

Each is something that stock loses or breaks when it packs, and that its own reader takes when it is there.
A test that meets one names it; any other difference fails. ``forget`` takes it out of either file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

Element = etree._Element
Forget = Callable[[Element], None]


@dataclass(frozen=True)
class Difference:
    """Why it is accepted, and how to make it vanish."""

    reason: str
    forget: Forget


def _without_attributes(path: str, *names: str, only: str | None = None) -> Forget:
    """Take attributes off; with ``only`` where they have this value."""

    def forget(root: Element) -> None:
        for one in root.iterfind(path):
            for name in names:
                if name in one.attrib and only in {None, one.get(name)}:
                    del one.attrib[name]

    return forget


def _without_elements(path: str) -> Forget:
    def forget(root: Element) -> None:
        _remove(root.findall(path))

    return forget


def _remove(elements: Iterable[Element]) -> None:
    for one in elements:
        parent = one.getparent()
        assert parent is not None
        parent.remove(one)


def _each(*forgets: Forget) -> Forget:
    def forget(root: Element) -> None:
        for one in forgets:
            one(root)

    return forget


def _without_repetition(root: Element) -> None:
    """Keep the first of what has the same name in the same place."""
    for parent in root.iter("OME", "StructuredAnnotations"):
        seen = set()
        for one in list(parent):
            key = (one.tag, one.get("ID"))
            if key in seen:
                parent.remove(one)
            seen.add(key)


def _without_repeated_keys(root: Element) -> None:
    """Keep the last value of a key at the place of its first."""
    for value in root.iterfind(".//MapAnnotation/Value"):
        first: dict[str | None, Element] = {}
        for pair in list(value):
            if pair.get("K") in first:
                first[pair.get("K")].text = pair.text
                value.remove(pair)
            else:
                first[pair.get("K")] = pair


def _without_figure_references(root: Element) -> None:
    figures = root.findall(".//FileAnnotation[@Namespace='omero.web.figure.json']")
    ids = {one.get("ID") for one in figures}
    objects = (
        one for kind in ("Project", "Dataset", "Image", "Plate", "Screen") for one in root.iterfind(kind)
    )
    _remove([ref for one in objects for ref in one.findall("AnnotationRef") if ref.get("ID") in ids])


_SHAPES: Final = "ROI/Union/*"
_ANNOTATIONS: Final = "StructuredAnnotations/*"

ACCEPTED: Final[Mapping[str, Difference]] = {
    "no text": Difference(
        "stock bug: a shape without a text is packed with an empty one (create_point and its like)",
        _without_attributes(_SHAPES, "Text", only=""),
    ),
    "all planes": Difference(
        "stock bug: a shape of all planes, channels or times is packed as one of the first of each",
        _without_attributes(_SHAPES, "TheZ", "TheT", "TheC", only="0"),
    ),
    "transform": Difference(
        "stock bug: the transform of a shape is never read, so readers see it elsewhere (create_shapes)",
        _without_elements(f"{_SHAPES}/Transform"),
    ),
    "polyline markers": Difference(
        "stock bug: markers are packed of lines, but not of polylines (create_polyline)",
        _without_attributes("ROI/Union/Polyline", "MarkerStart", "MarkerEnd"),
    ),
    "unit of stroke": Difference(
        "stock bug: a stroke of 2 µm is packed as one of 2 pixels (getStrokeWidth().getValue())",
        _without_attributes(_SHAPES, "StrokeWidthUnit"),
    ),
    "spelling of points": Difference(
        "stock bug: points are packed as they are spelt, and its reader takes one spelling alone",
        _without_attributes(_SHAPES, "Points"),
    ),
    "what is said of annotations": Difference(
        "stock bug: namespaces of tags, comments and timestamps and all descriptions are dropped "
        "(add_annotation), though the reader sets descriptions",
        _each(
            _without_elements(f"{_ANNOTATIONS}/Description"),
            *(
                _without_attributes(f"StructuredAnnotations/{kind}Annotation", "Namespace")
                for kind in ("Tag", "Comment", "Timestamp")
            ),
        ),
    ),
    "repeated keys": Difference(
        "stock bug: of pairs with one key the last alone is packed (getMapValueAsMap)",
        _without_repeated_keys,
    ),
    "paths of nobody": Difference(
        "stock bug: the path of a file annotation is packed again for each further object that has it, "
        "and nothing refers to it (add_annotation)",
        _without_elements("StructuredAnnotations/XMLAnnotation[@ID='path of None']"),
    ),
    "repeated objects": Difference(
        "stock bug: what several packed objects share is packed for each (__append_to_ome)",
        _without_repetition,
    ),
    "references to figures": Difference(
        "stock bug: a figure that an object has is referred to, on which unpack without --figure fails "
        "(link_annotations), and its path leads nowhere",
        _without_figure_references,
    ),
    "owner": Difference(
        "stock bug: original_user and original_group are those of who packs (issue 116)",
        _each(*(_without_elements(f".//CLITransferMetadata/original_{one}") for one in ("user", "group"))),
    ),
}
