"""Objects of omero.model from JSON rows, the other way of ``rows``."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import omero
import omero.clients
import omero.model
from omero.model import DetailsI, NamedValue, PermissionsI

from omero_irods_bridge.adapters.omero.reflection import ModelClass, class_of, model_class, unit_class
from omero_irods_bridge.adapters.omero.rows import DETAILS
from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.ports import Row

_NOT_FIELDS: Final = frozenset({"@", "@sets", "details"})
_KEY: Final = re.compile(r"([A-Za-z]{1,64}):([0-9]{1,18})", re.ASCII)


class RowReader:
    """Takes rows in any order: ``add`` each, then ``finish``. One thread at a time.

    A reference without a row of its own stays an unloaded object, a collection that no row tells of stays
    unloaded. ``unknown`` has (object, field) of what this model has no place for: nothing is dropped in
    silence.
    """

    def __init__(self) -> None:
        self.unknown: list[tuple[str, str]] = []
        self._objects: dict[str, Any] = {}
        self._rows: dict[str, Row] = {}
        self._sets: set[tuple[str, str]] = set()

    def add(self, row: Row) -> Any:
        """The object of a row; its sets are filled by ``finish``.

        Raises:
            BadPacket: the row is not of the form, of no class of the model, or contradicts one before.
        """
        key = row.get("@")
        before = self._rows.get(str(key))
        if before is not None:
            return self._same(str(key), before, row)
        try:
            made = self._fill(self._object(key), row)
        except (AttributeError, KeyError, TypeError, ValueError, omero.ClientError) as error:
            raise BadPacket(f"The row of {key} cannot be read: {error!r}.") from error
        self._rows[str(key)] = row
        return made

    def finish(self) -> dict[str, Any]:
        """All objects that have a row, by their key, with their sets filled."""
        loaded = {key: self._objects[key] for key in self._rows}
        for made in loaded.values():
            self._join_sets(made)
        return loaded

    def _same(self, key: str, before: Row, row: Row) -> Any:
        if before != row:
            differing = sorted(name for name in {*before, *row} if before.get(name) != row.get(name))
            raise BadPacket(f"{key} is told of twice, differently: {', '.join(differing)}.")
        return self._objects[key]

    # -- objects and values

    def _object(self, key: object) -> Any:
        found = self._objects.get(str(key))
        if found is None:
            match = _KEY.fullmatch(str(key))
            if match is None:
                raise ValueError(f"{key!r} is no reference")
            found = self._objects[str(key)] = model_class(match[1]).reference(int(match[2]))
        return found

    def _fill(self, made: Any, row: Row) -> Any:
        model, state = class_of(made), vars(made)
        told: dict[str, Any] = {"_details": self._details(row), "_loaded": True}
        for name, value in row.items():
            if name not in _NOT_FIELDS and self._has_place(model, row, name):
                told.update(self._plain(model, name, value))
        made.unloadCollections()
        state.update(told)
        self._note_sets(made, model, row)
        return made

    def _has_place(self, model: ModelClass, row: Row, name: str) -> bool:
        if name in model.collections or name in model.field_names:
            return True
        self.unknown.append((str(row["@"]), name))
        return False

    def _plain(self, model: ModelClass, name: str, value: Any) -> dict[str, Any]:
        """The attributes of a field or list, and what they hold."""
        if name in model.collections:
            place = model.collections[name]
            elements = [None if one is None else self._object(one) for one in value]
            return {place.attribute: elements, place.loaded_attribute: True}
        if name == "version":
            return {"_version": omero.rtypes.rint(value)}
        return {f"_{name}": value_of(model, name, value, self._object)}

    def _details(self, row: Row) -> Any:
        details = DetailsI()
        for name, value in row.get("details", {}).items():
            if name in DETAILS:
                vars(details)[f"_{name}"] = self._object(value)
            elif name == "permissions":
                vars(details)["_permissions"] = _permissions(value)
            else:
                self.unknown.append((str(row["@"]), f"details.{name}"))
        return details

    # -- sets

    def _note_sets(self, made: Any, model: ModelClass, row: Row) -> None:
        for name in row.get("@sets", ()):
            vars(made)[model.collections[name].loaded_attribute] = True
            self._sets.add((row["@"], name))

    def _join_sets(self, made: Any) -> None:
        """Put an object into the sets of those that it refers to."""
        for attribute, name in class_of(made).fields:
            owner = vars(made).get(attribute)
            if not isinstance(owner, omero.model.IObject):
                continue
            for collection in class_of(owner).collections.values():
                is_home = collection.inverse == name and not collection.is_ordered
                if is_home and isinstance(made, getattr(omero.model, collection.element)):
                    self._join(made, owner, collection.name, collection.attribute)

    def _join(self, made: Any, owner: Any, name: str, attribute: str) -> None:
        key = f"{class_of(owner).name}:{owner.id.val}"
        if (key, name) in self._sets:
            vars(owner)[attribute].append(made)


def value_of(model: ModelClass, name: str, value: Any, refer: Callable[[str], Any]) -> Any:
    """What a field of this name holds for a value of a row; ``refer`` gives the object of a reference.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, omero.ClientError: the value is not of the form.
    """
    if isinstance(value, dict):
        return _bytes_or_unit(value)
    if isinstance(value, list):
        return [one if one is None or isinstance(one, str) else NamedValue(*one) for one in value]
    wrapper = model.wrapper(name)
    if wrapper is None:
        raise TypeError(f"{name} takes bytes or a list")
    return refer(value) if wrapper is omero.proxy_to_instance else wrapper(value)


def _permissions(told: Mapping[str, Any]) -> Any:
    permissions = PermissionsI(told["is"])
    vars(permissions)["_extendedRestrictions"] = list(told.get("extended", ())) or None
    return permissions


def _bytes_or_unit(value: dict[str, Any]) -> Any:
    if "b64" in value:
        return base64.b64decode(value["b64"], validate=True)
    (name,) = value.keys() - {"unit"}
    return unit_class(name)(float(value[name]), value["unit"])
