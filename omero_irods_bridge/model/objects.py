"""Which OMERO objects are meant: kinds, references, and lists of them as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from omero_irods_bridge.model.errors import UsageError

LARGEST_RANGE: Final = 1_000_000
"""Ids that one range, and all together, may name; more are a slip of the keyboard."""

_ITEM: Final = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", re.ASCII)


class Kind(StrEnum):
    """The kinds of objects that can be packed, from the outside in."""

    PROJECT = "Project"
    DATASET = "Dataset"
    SCREEN = "Screen"
    PLATE = "Plate"
    WELL = "Well"
    IMAGE = "Image"


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object of one OMERO server; reads as the ``omero`` command writes it: ``Dataset:51``."""

    kind: Kind
    id: int

    def __post_init__(self) -> None:
        if self.id < 0:
            raise UsageError(f"{self} cannot be an OMERO object: ids are not negative.")

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def parse_objects(texts: Iterable[str]) -> tuple[ObjectRef, ...]:
    """The objects that ``Image:1,3,7-9`` and its like name, each once, in the order of their first mention.

    Raises:
        UsageError: a text is not a kind, a colon, and ids or ranges of ids; or nothing is named, or too much.
    """
    refs = (ref for text in texts for ref in _parse(text))
    found = dict.fromkeys(islice(refs, LARGEST_RANGE))
    if next(refs, None) is not None:
        raise UsageError(f"More than {LARGEST_RANGE:,} objects are named.", hint="Name fewer at once.")
    if not found:
        raise UsageError("No object is named.", hint="Name some, for example: Dataset:51 Image:1,3,7-9")
    return tuple(found)


def _parse(text: str) -> Iterator[ObjectRef]:
    name, colon, ids = text.partition(":")
    kind = _kind(name.strip())
    if not colon or kind is None:
        raise UsageError(
            f"{text!r} does not name an OMERO object.",
            hint=f"Write a kind and ids, for example Image:1,3,7-9. Kinds: {', '.join(Kind)}.",
        )
    for item in ids.split(","):
        yield from (ObjectRef(kind, number) for number in _numbers(item.strip(), text))


def _kind(name: str) -> Kind | None:
    return next((kind for kind in Kind if kind.lower() == name.lower()), None)


def _numbers(item: str, text: str) -> range:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise UsageError(f"{item!r} in {text!r} is not an id or a range of ids such as 7-9.")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 0 <= last - first < LARGEST_RANGE:
        raise UsageError(f"The range {item} in {text!r} is empty or has more than {LARGEST_RANGE:,} ids.")
    return range(first, last + 1)
