"""The model as the server asks it: by name, by object, by reference."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from omero_irods_sandbox.omero_server.model.assembly import assemble
from omero_irods_sandbox.omero_server.model.cache import declarations
from omero_irods_sandbox.omero_server.model.declarations import Declarations
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind, Reference
from omero_irods_sandbox.omero_server.model.types import IObject

_EXTRA_COLUMNS: Final = {
    # Set by the server alone, in SQL; no property of omero-py's classes (MetadataStoreI.setPixelsFile).
    "Pixels": ("path", "name", "repo"),
}


class UnknownEntity(LookupError):
    """No class of the model has this name."""


class Model:
    """All entities. Made once a process: see :data:`MODEL`."""

    def __init__(self, declared: Declarations) -> None:
        self._entities = assemble(declared)
        self.void_operations = declared.void_operations

    @property
    def entities(self) -> Iterable[EntityType]:
        return self._entities.values()

    def entity(self, name: str) -> EntityType:
        """By ``Image``, ``ImageI``, ``omero.model.Image`` or ``ome.model.core.Image``.

        Raises:
            UnknownEntity: no class has the name.
        """
        short = name.rpartition(".")[2]
        found = self._entities.get(short) or self._entities.get(short.removesuffix("I"))
        if found is None:
            raise UnknownEntity(f"{name} is not mapped")
        return found

    def entity_of(self, obj: IObject) -> EntityType:
        """The class of an omero.model object."""
        return self.entity(type(obj).__name__)

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether the class ``name`` is ``ancestor`` or below it."""
        return name in self._entities[ancestor].subclasses

    @cache  # noqa: B019  # one Model lives as long as the process
    def references_to(self, name: str) -> tuple[Reference, ...]:
        """Every field of a concrete class that may refer to a ``name``, as such or as a superclass of it."""
        return tuple(
            Reference(entity, field)
            for entity in self.entities
            if not entity.is_abstract
            for field in entity.of_kind(FieldKind.REFERENCE)
            if field.target in self._entities and self.is_a(name, field.target)
        )

    def field(self, entity: EntityType, name: str) -> Field | None:
        """A field of ``entity``, else of a subclass: HQL's implicit polymorphism."""
        for candidate in entity.subclasses:
            if name in (fields := self._entities[candidate].fields):
                return fields[name]
        return None

    def ordered_inverse(self, entity: EntityType, field: Field) -> bool:
        """Whether ``field`` is the back reference of a list: its column belongs to the list's owner."""
        return (entity.root, field.name) in self._ordered_inverses()

    @cache  # noqa: B019
    def _ordered_inverses(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            (self._entities[collection.target].root, collection.inverse)
            for entity in self.entities
            for collection in entity.of_kind(FieldKind.COLLECTION)
            if collection.is_ordered
        )

    def index_columns(self, root: str) -> list[str]:
        """The columns of table ``root`` that hold positions in lists, e.g. ``roi_index``."""
        return sorted(f"{field}_index" for table, field in self._ordered_inverses() if table == root)

    def extra_columns(self, root: str) -> tuple[str, ...]:
        """Columns that no class of omero-py shows."""
        return _EXTRA_COLUMNS.get(root, ())

    def link(self, parent: str, child: str) -> EntityType | None:
        """The class that joins the two, e.g. DatasetImageLink."""
        return self._entities.get(f"{parent}{child}Link")

    def annotation_link(self, parent: str) -> EntityType | None:
        """The class that joins ``parent``, or its root class, to annotations."""
        entity = self.entity(parent)
        return self.link(entity.name, "Annotation") or self.link(entity.root, "Annotation")


MODEL: Final = Model(declarations())
