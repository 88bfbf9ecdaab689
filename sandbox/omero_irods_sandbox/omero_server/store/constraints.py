"""What the database of OMERO refuses: missing values, long texts, nonsense numbers."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from omero_irods_sandbox.omero_server.errors import api_usage, validation
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject

_STRING_LENGTH: Final = 255
_LIMITED: Final = frozenset(
    {
        # Properties of type "string", not "text", in M:resources/mappings (Y:SemanticTypeProcessor).
        ("Annotation", "ns"),
        ("Experimenter", "email"),
        ("Experimenter", "firstName"),
        ("Experimenter", "institution"),
        ("Experimenter", "lastName"),
        ("Experimenter", "middleName"),
        ("Experimenter", "omeName"),
        ("ExperimenterGroup", "name"),
        ("ExternalInfo", "entityType"),
        ("ExternalInfo", "lsid"),
        ("ExternalInfo", "uuid"),
        ("OriginalFile", "hash"),
        ("OriginalFile", "mimetype"),
        ("OriginalFile", "name"),
    }
)

_POSITIVE: Final = {
    # SQL checks and setters of Pixels and LogicalChannel; omero-semantics.md, section 6.
    "Pixels": (
        "sizeX", "sizeY", "sizeZ", "sizeC", "sizeT", "physicalSizeX", "physicalSizeY", "physicalSizeZ",
    ),
    "LogicalChannel": ("emissionWave", "excitationWave"),
}  # fmt: skip

_DEFAULTS: Final[dict[tuple[str, str], object]] = {
    ("Image", "series"): 0,
}


def defaults(entity: EntityType) -> dict[str, object]:
    """Columns that have a value though the client gave none."""
    return {name: value for (root, name), value in _DEFAULTS.items() if root == entity.root}


def check_values(entity: EntityType, obj: IObject) -> None:
    """Refuse what the model does not allow in the scalars and units of an object.

    Raises:
        ApiUsageException: a size that is not above zero, or half of a number with a unit.
        ValidationException: a text too long.
    """
    for field in entity.of_kind(FieldKind.SCALAR, FieldKind.UNIT):
        value = getattr(obj, field.attribute)
        if value is None:
            continue
        plain = value.getValue()
        if field.kind is FieldKind.UNIT and (plain is None or value.getUnit() is None):
            raise api_usage(f"{entity.name}.{field.name}: a value needs a unit and a unit a value")
        if field.name in _POSITIVE.get(entity.root, ()) and not plain > 0:
            raise api_usage(f"{entity.name}.{field.name} must be greater than 0, not {plain}")
        if (entity.root, field.name) in _LIMITED and len(plain) > _STRING_LENGTH:
            raise validation(
                f"value too long for {entity.name}.{field.name}: over {_STRING_LENGTH} characters"
            )


def check_required(entity: EntityType, columns: dict[str, Any]) -> None:
    """Refuse null where the database says "not null".

    Raises:
        ValidationException: naming the property.
    """
    for field in entity.of_kind(FieldKind.SCALAR, FieldKind.REFERENCE, FieldKind.UNIT, FieldKind.BYTES):
        if not field.is_nullable and columns.get(field.column) is None:
            raise validation(
                f"not-null property references a null or transient value: {entity.java_name}.{field.name}"
            )


def check_unreferenced(database_value: Any, entity: EntityType, id: int) -> None:
    """Refuse to delete what something else cannot be without.

    ``database_value`` is :meth:`Database.value`.

    Raises:
        ValidationException: naming what refers to it.
    """
    for reference in MODEL.references_to(entity.name):
        table, column = reference.entity.root, reference.field.column
        if database_value(f'select 1 from "{table}" where "{column}" = ? limit 1', id):
            raise validation(
                f"{entity.name}:{id} is still referenced by {reference.entity.name}.{reference.field.name}"
            )


def broken(error: sqlite3.IntegrityError) -> Exception:
    """The client's view of a unique constraint that does not hold."""
    return validation(f"could not insert or update: a unique constraint is violated: {error}")
