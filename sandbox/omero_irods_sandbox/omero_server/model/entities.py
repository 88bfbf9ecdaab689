"""Entities and their fields, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import omero
import omero.clients

from omero_irods_sandbox.omero_server.model.types import IObject


class FieldKind(Enum):
    """How a field is kept and sent."""

    SCALAR = auto()
    """An RType: RString, RInt, RLong, RDouble, RFloat, RBool, RTime."""
    REFERENCE = auto()
    COLLECTION = auto()
    UNIT = auto()
    """A number with a unit, e.g. Length."""
    NAMED_VALUES = auto()
    """A list of omero.model.NamedValue: mapValue, config, versionInfo."""
    BYTES = auto()
    STRINGS = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """``target`` is what the kind needs: an RType, or the class of what it refers to, holds or counts in."""

    name: str
    kind: FieldKind
    target: str
    inverse: str = ""
    """Collections: the field of an element that points back."""
    is_ordered: bool = False
    """Collections: a list, whose order is kept, not a set."""
    is_nullable: bool = True

    @property
    def attribute(self) -> str:
        """The attribute of an omero.model object that holds it, e.g. ``_name``, ``_pixelsSeq``."""
        return f"_{self.name}Seq" if self.kind is FieldKind.COLLECTION else f"_{self.name}"

    @property
    def loaded_attribute(self) -> str:
        """Collections: the attribute that says whether it was loaded."""
        return f"_{self.name}Loaded"

    @property
    def column(self) -> str:
        """The column that holds it; of a collection there is none."""
        return f"{self.name}_id" if self.kind is FieldKind.REFERENCE else self.name


@dataclass(frozen=True, slots=True)
class EntityType:
    """A class of the model: ``fields`` with the inherited ones, ``subclasses`` with itself.

    ``root`` is the topmost class below IObject: one table holds all of its
    subclasses. ``is_global`` types (users, groups, enumerations, events) belong
    to nobody: their details carry no owner and no group.
    """

    name: str
    base: str | None
    root: str
    is_abstract: bool
    is_global: bool
    fields: Mapping[str, Field]
    subclasses: tuple[str, ...]
    java_name: str

    def make(self, id: int | None = None, *, loaded: bool = True) -> IObject:  # the model's word
        """A new object of this class; unloaded ones are references."""
        return self.python_class(id, loaded)

    @property
    def python_class(self) -> Any:
        """Its implementation in omero-py, e.g. omero.model.ImageI."""
        return getattr(omero.model, f"{self.name}I")

    @property
    def is_link(self) -> bool:
        """Whether it joins a parent and a child."""
        return self.fields.get("parent") is not None and self.fields.get("child") is not None

    @property
    def is_enumeration(self) -> bool:
        """Whether its rows are the values of an enumeration, e.g. PixelsType."""
        value = self.fields.get("value")
        return self.is_global and value is not None and value.kind is FieldKind.SCALAR

    def of_kind(self, *kinds: FieldKind) -> list[Field]:
        return [field for field in self.fields.values() if field.kind in kinds]


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of ``entity`` that may point to what was asked for."""

    entity: EntityType
    field: Field
