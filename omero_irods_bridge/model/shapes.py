"""What a class of the OMERO model is made of, as far as rows have to be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CollectionShape:
    """``element`` is a class, maybe an abstract one, whose field ``inverse`` points back to the owner."""

    element: str
    inverse: str
    is_ordered: bool


@dataclass(frozen=True, slots=True)
class ClassShape:
    """A concrete class.

    ``root`` is the topmost class that it belongs to: no two objects below one root have the same id.
    ``fields`` are all but ``version`` and collections. A text in one of ``references`` is a reference, a
    mapping there a number with a unit. ``required`` ones may not be null. ``owners`` are the references that
    point back to the owner of a collection, and whether that is an ordered one, a list.
    """

    name: str
    root: str
    is_enumeration: bool
    fields: frozenset[str]
    references: frozenset[str]
    required: frozenset[str]
    collections: Mapping[str, CollectionShape] = field(default_factory=dict)
    owners: Mapping[str, bool] = field(default_factory=dict)

    @property
    def is_link(self) -> bool:
        """Whether its objects are nothing but a connection of two others."""
        return self.references == {"parent", "child"}

    def is_list(self, name: str) -> bool:
        """Whether this is an ordered collection."""
        return name in self.collections and self.collections[name].is_ordered
