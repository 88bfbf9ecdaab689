"""Every concrete class keeps every field: saved, read back, compared."""

from __future__ import annotations

from typing import Any

import omero
import omero.clients
import pytest
from omero.model import NamedValue
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import EntityType, Field, FieldKind
from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.store.store import Store

_SCALARS = {
    "RString": lambda: rstring("täxt"),
    "RInt": lambda: rint(3),
    "RLong": lambda: rlong(2**40),
    "RDouble": lambda: rdouble(1.5),
    "RFloat": lambda: rfloat(2.5),
    "RBool": lambda: rbool(True),
    "RTime": lambda: rtime(1_700_000_000_123),
}

CONCRETE = [entity for entity in MODEL.entities if not entity.is_abstract]


def _example(entity: EntityType, path: tuple[str, ...] = ()) -> Any:
    """An object with every value set, and every reference unless that would go in circles."""
    made = entity.make()
    for field in entity.fields.values():
        if field.kind is FieldKind.COLLECTION:
            continue
        setattr(made, field.attribute, _value(field, path))
    return made


def _value(field: Field, path: tuple[str, ...]) -> Any:
    if field.kind is FieldKind.SCALAR:
        return _SCALARS[field.target]()
    if field.kind is FieldKind.UNIT:
        units = getattr(omero.model.enums, f"Units{field.target}")
        return getattr(omero.model, f"{field.target}I")(2.25, units.valueOf(3))
    if field.kind is FieldKind.NAMED_VALUES:
        return [NamedValue("b", "1"), NamedValue("a", "2"), NamedValue("b", "3")]
    if field.kind is FieldKind.BYTES:
        return b"\x00\xff bytes"
    if field.kind is FieldKind.STRINGS:
        return ["one", "zwö"]
    return _reference(field, path)


def _reference(field: Field, path: tuple[str, ...]) -> Any:
    target = MODEL.entity(
        next(n for n in MODEL.entity(field.target).subclasses if not MODEL.entity(n).is_abstract)
    )
    if target.name in ("Experimenter", "ExperimenterGroup"):
        return target.make(1, loaded=False)
    if target.name in path or (len(path) > 2 and field.is_nullable):
        return None
    if target.is_enumeration:
        made = target.make()
        made.value = rstring(f"new {target.name}")
        return made
    return _unique(_example(target, (*path, target.name)), len(path))


def _unique(obj: Any, depth: int) -> Any:
    """Texts that may be there only once."""
    for name in ("uuid", "omeName"):
        if hasattr(obj, f"_{name}"):
            setattr(obj, f"_{name}", rstring(f"{name} {depth} {id(obj)}"))
    return obj


def _save_through_lists(obj: Any) -> Any:
    """What has to be saved: the owner of the list that the object can only be saved in, or itself."""
    entity = MODEL.entity_of(obj)
    for field in entity.of_kind(FieldKind.REFERENCE):
        owner = getattr(obj, field.attribute)
        if owner is not None and not entity.is_link and MODEL.ordered_inverse(entity, field):
            lists = MODEL.entity_of(owner).of_kind(FieldKind.COLLECTION)
            place = next(
                one
                for one in lists
                if one.inverse == field.name and entity.name in MODEL.entity(one.target).subclasses
            )
            getattr(owner, place.attribute).append(obj)
    for field in entity.of_kind(FieldKind.REFERENCE):
        inner = getattr(obj, field.attribute)
        if inner is not None and inner.isLoaded():
            _save_through_lists(inner)
    return obj


def _comparable(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind is FieldKind.SCALAR:
        return type(value).__name__, value.getValue()
    if field.kind is FieldKind.UNIT:
        return value.getValue(), str(value.getUnit())
    if field.kind is FieldKind.NAMED_VALUES:
        return [(pair.name, pair.value) for pair in value]
    if field.kind is FieldKind.REFERENCE:
        return MODEL.entity_of(value).name, value.id.val
    return value


@pytest.mark.parametrize("entity", CONCRETE, ids=lambda entity: entity.name)
def test_every_field_comes_back(entity: EntityType, store: Store, internal: Caller) -> None:
    given = _save_through_lists(_unique(_example(entity, (entity.name,)), 0))
    with store.work(internal) as work:
        work.save(given)
    found = store.get(entity.name, given.id.val, internal)
    assert type(found) is type(given)
    for field in entity.fields.values():
        if field.kind is not FieldKind.COLLECTION:
            before, after = getattr(given, field.attribute), getattr(found, field.attribute)
            assert _comparable(field, before) == _comparable(field, after), field.name


def test_162_classes_are_tried() -> None:
    assert len(CONCRETE) == 162
