"""Objects of omero.model as JSON rows (docs/packet-format.md, ``bridge/omero.jsonl``), by reflection.

``{"@": "Image:5", "name": "a.tif", "fileset": "Fileset:3", "pixels": ["Pixels:6"], "@sets": ["rois"]}``

* scalars are plain JSON, numbers that JSON has no word for ``"NaN"``, ``"Infinity"``, ``"-Infinity"``;
* units ``{"Length": 0.65, "unit": "MICROMETER"}``, maps ``[["key", "value"], ...]``, bytes ``{"b64": ...}``;
* a reference is ``"Class:id"``; a list is a list of references, null where OMERO's list has a hole;
* a set is named in ``"@sets"`` when it was loaded: its members are the rows that point back;
* ``"details"`` has references, and ``"permissions": {"is": "rwra--"}`` with ``"extended": [...]`` where OMERO
  restricts more. What the reading user may do is left out: it says nothing of the object.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

import omero
import omero.clients
import omero.model

from omero_irods_bridge.adapters.omero.reflection import ModelClass, class_of, is_unit

Meet: TypeAlias = Callable[[str, ModelClass, Any], None]
"""Told of each reference of an object that becomes a row: field, class, and the object referred to."""

DETAILS: Final = ("owner", "group", "creationEvent", "updateEvent", "externalInfo")
_DETAIL_ATTRIBUTES: Final = tuple((f"_{name}", name) for name in DETAILS)

_Convert: TypeAlias = Callable[[Any], Any]


def ignore(_field: str, _target_class: ModelClass, _target: Any) -> None:
    """Meet references and do nothing."""


def key_of(obj: Any) -> str:
    """``Class:id`` of an object that has an id."""
    return f"{class_of(obj).name}:{id_of(obj)}"


def id_of(obj: Any) -> int:
    """The id of an object that has one; ``obj.id.val`` takes ten times as long."""
    found: int = vars(vars(obj)["_id"])["_val"]
    return found


def to_row(obj: Any, meet: Meet = ignore) -> dict[str, Any]:
    """The row of a loaded, saved object, with the collections that are loaded in it."""
    model, state = class_of(obj), vars(obj)
    row: dict[str, Any] = {"@": key_of(obj)}
    for attribute, name in model.fields:
        value = state.get(attribute)
        if value is None:
            continue
        convert = _converter(value.__class__)
        if convert is key_of:
            meet(name, class_of(value), value)
        row[name] = convert(value)
    if state["_details"] is not None:
        _add_details(row, vars(state["_details"]), meet)
    _add_collections(row, model, state)
    return row


def _add_details(row: dict[str, Any], details: dict[str, Any], meet: Meet) -> None:
    told: dict[str, Any] = {}
    for attribute, name in _DETAIL_ATTRIBUTES:
        value = details[attribute]
        if value is not None:
            meet(f"details.{name}", class_of(value), value)
            told[name] = key_of(value)
    permissions = details["_permissions"]
    if permissions is not None:
        told["permissions"] = _permissions(vars(permissions))
    if told:
        row["details"] = told


def _permissions(state: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"is": _permissions_text(state["_perm1"])}
    if state["_extendedRestrictions"]:
        told["extended"] = list(state["_extendedRestrictions"])
    return told


@cache
def _permissions_text(bits: int) -> str:
    permissions = omero.model.PermissionsI()
    vars(permissions)["_perm1"] = bits
    return str(permissions)


def _add_collections(row: dict[str, Any], model: ModelClass, state: dict[str, Any]) -> None:
    sets = []
    for collection in model.collections.values():
        if not state[collection.loaded_attribute]:
            continue
        if collection.is_ordered:
            row[collection.name] = [one and key_of(one) for one in state[collection.attribute] or []]
        else:
            sets.append(collection.name)
    if sets:
        row["@sets"] = sets


@cache
def _converter(python_class: Any) -> _Convert:
    """How values of this class of a field become JSON."""
    if issubclass(python_class, omero.RType):
        return _scalar
    if issubclass(python_class, omero.model.IObject):
        return key_of
    if is_unit(python_class):
        return _unit_converter(python_class.__name__.removesuffix("I"))
    if issubclass(python_class, bytes | bytearray):
        return lambda value: {"b64": base64.b64encode(value).decode()}
    if issubclass(python_class, list | tuple):
        return lambda value: [_item(one) for one in value]
    raise TypeError(f"rows have no form for a {python_class.__name__}")


def _scalar(value: Any) -> Any:
    plain = vars(value)["_val"]
    return _number(plain) if isinstance(plain, float) else plain


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _unit_converter(name: str) -> _Convert:
    def convert(value: Any) -> dict[str, Any]:
        state = vars(value)
        return {name: _number(state["_value"]), "unit": str(state["_unit"])}

    return convert


def _item(item: Any) -> Any:
    """An element of a list that is no collection: a text, or a named value."""
    return item if item is None or isinstance(item, str) else [item.name, item.value]
