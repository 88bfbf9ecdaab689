"""Entities put together from what omero-py declares and from what its classes do when tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import omero
import omero.clients

from omero_irods_sandbox.omero_server.model.declarations import Declarations, DeclaredClass
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind

_PREFIX: Final = "omero.model."
_ROOT_CLASS: Final = "IObject"
_NOT_FIELDS: Final = ("id", "details", "loaded", "version")
_NOT_FIELD_SUFFIXES: Final = ("Loaded", "CountPerOwner")
_SEQUENCE_KINDS: Final = {
    "omero.api.NamedValueList": FieldKind.NAMED_VALUES,
    "Ice.ByteSeq": FieldKind.BYTES,
    "omero.api.StringArray": FieldKind.STRINGS,
}
_UNIT_MEMBERS: Final = ["_value", "_unit"]


def assemble(declared: Declarations) -> dict[str, EntityType]:
    """Every class below IObject, by its short name."""
    entities = {name: _entity(name, declared) for name in _model_classes(declared)}
    inverses = {name: _inverses(entity) for name, entity in entities.items() if not entity.is_abstract}
    return {name: _with_inverses(entity, inverses) for name, entity in entities.items()}


def _model_classes(declared: Declarations) -> list[str]:
    names = (name.removeprefix(_PREFIX) for name in declared.classes if name.startswith(_PREFIX))
    return [name for name in names if len(_ancestry(name, declared)) > 1]


def _ancestry(name: str, declared: Declarations) -> list[str]:
    """``name`` first, IObject last; only ``name`` when it is no IObject, and for IObject itself."""
    chain = [name]
    while chain[-1] != _ROOT_CLASS:
        above = declared.classes.get(_PREFIX + chain[-1])
        if above is None or above.base is None:
            return [name]
        chain.append(above.base.removeprefix(_PREFIX))
    return chain


def _entity(name: str, declared: Declarations) -> EntityType:
    ancestry = _ancestry(name, declared)
    concrete = [below for below in _descendants(name, declared) if hasattr(omero.model, f"{below}I")]
    python_class = _quiet(getattr(omero.model, f"{concrete[0]}I"), concrete[0])
    fields = [
        _field(member, declared) for class_ in reversed(ancestry) for member in _members(class_, declared)
    ]
    package = str(python_class.DETAILS).rpartition(".")[0]
    return EntityType(
        name=name,
        base=ancestry[1] if ancestry[1] != _ROOT_CLASS else None,
        root=ancestry[-2],
        is_abstract=name not in concrete,
        is_global=bool(python_class(1, False).isGlobal()),
        fields={field.name: _as_implemented(field, python_class) for field in fields},
        subclasses=tuple(_descendants(name, declared)),
        java_name=f"{package}.{name}",
    )


def _quiet(python_class: Any, name: str) -> Any:
    """Deprecated classes warn of themselves when one is made; a server has to make them all the same."""
    if hasattr(python_class, "deprecations_warned"):
        python_class.deprecations_warned.add(name)
    return python_class


def _descendants(name: str, declared: Declarations) -> list[str]:
    found = [name]
    for below, class_ in declared.classes.items():
        if class_.base == _PREFIX + name:
            found += _descendants(below.removeprefix(_PREFIX), declared)
    return found


def _members(name: str, declared: Declarations) -> Iterator[tuple[str, str]]:
    for member, of in declared.classes[_PREFIX + name].members:
        plain = member.removeprefix("_")
        if plain not in _NOT_FIELDS and not plain.endswith(_NOT_FIELD_SUFFIXES):
            yield plain, of


def _field(member: tuple[str, str], declared: Declarations) -> Field:
    name, of = member
    if of in declared.sequences and name.endswith("Seq"):
        element = declared.sequences[of].removeprefix(_PREFIX)
        return Field(name.removesuffix("Seq"), FieldKind.COLLECTION, element)
    return Field(name, _kind(of, declared), of.rpartition(".")[2])


def _kind(of: str, declared: Declarations) -> FieldKind:
    if of in _SEQUENCE_KINDS:
        return _SEQUENCE_KINDS[of]
    if of.startswith("omero.R"):
        return FieldKind.SCALAR
    return FieldKind.UNIT if _is_unit(declared.classes[of]) else FieldKind.REFERENCE


def _is_unit(class_: DeclaredClass) -> bool:
    return [name for name, _ in class_.members] == _UNIT_MEMBERS


def _as_implemented(field: Field, python_class: Any) -> Field:
    """With what only omero-py's implementation tells: nullability, and whether a collection is a list."""
    info = getattr(python_class._field_info, field.name, None)  # omero-py has no other door
    is_ordered = field.kind is FieldKind.COLLECTION and _has_first_element(field, python_class)
    return replace(field, is_nullable=info is None or bool(info.nullable), is_ordered=is_ordered)


def _has_first_element(field: Field, python_class: Any) -> bool:
    """Lists have ``getPrimaryPixels``, sets have not (combined.vm of the OMERO DSL)."""
    return hasattr(python_class, f"getPrimary{field.target}")


class _Probe:
    """Stands for an element that is added to a collection; remembers who was told about the owner."""

    def __init__(self) -> None:
        self.told = ""

    def __getattr__(self, name: str) -> Callable[[object], None]:
        if not name.startswith("set"):
            raise AttributeError(name)

        def remember(_owner: object) -> None:
            self.told = name[3].lower() + name[4:]

        return remember


def _inverses(entity: EntityType) -> dict[str, str]:
    """Collection -> field of the element: which setter ``addX`` calls on the element."""
    found: dict[str, str] = {}
    collections = entity.of_kind(FieldKind.COLLECTION)
    for method in dir(entity.python_class):
        if not method.startswith("add") or method.startswith("addAll") or method.endswith("ToBoth"):
            continue
        owner, probe = entity.make(), _Probe()
        getattr(owner, method)(probe)
        filled = next(field for field in collections if getattr(owner, field.attribute))
        found[filled.name] = probe.told
    return found


def _with_inverses(entity: EntityType, inverses: dict[str, dict[str, str]]) -> EntityType:
    known = next(inverses[name] for name in entity.subclasses if name in inverses)
    return replace(
        entity,
        fields={
            name: replace(field, inverse=known.get(name, "")) if field.kind is FieldKind.COLLECTION else field
            for name, field in entity.fields.items()
        },
    )
