"""Objects of omero.model with every value set, each value another one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

import omero
from omero.model import NamedValue
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind

Gateway = Any

_numbers = count(1)

_SCALARS: Final[dict[str, Callable[[int, str], Any]]] = {
    "RString": lambda number, name: rstring(f"{name} {number} — täxt ☃"),
    "RInt": lambda number, _name: rint(number),
    "RLong": lambda number, _name: rlong(2**40 + number),
    "RDouble": lambda number, _name: rdouble(number + 0.123456789012345),
    "RFloat": lambda number, _name: rfloat(number + 0.25),
    "RBool": lambda _number, _name: rbool(True),
    "RTime": lambda number, _name: rtime(1_600_000_000_000 + number),
}


class Filler:
    """Fills what nobody has set: numbers, texts, units, maps, and values of enumerations, not references."""

    def __init__(self, gateway: Gateway) -> None:
        self._types = gateway.c.sf.getTypesService()
        self._values: dict[str, Any] = {}

    def __call__(self, obj: Any, **given: Any) -> Any:
        """``obj`` itself, with ``given`` set first; what is set already stays."""
        for name, value in given.items():
            setattr(obj, f"_{name}", value)
        for field in MODEL.entity_of(obj).fields.values():
            if not getattr(obj, field.attribute, None):
                self._fill(obj, field)
        return obj

    def make(self, kind: str, **given: Any) -> Any:
        """A new object of this class, filled."""
        return self(getattr(omero.model, f"{kind}I")(), **given)

    def _fill(self, obj: Any, field: Field) -> None:
        value = self._value(field, next(_numbers))
        if value is not None:
            setattr(obj, field.attribute, value)

    def _value(self, field: Field, number: int) -> Any:
        if field.kind is FieldKind.SCALAR:
            return _SCALARS[field.target](number, field.name)
        if field.kind is FieldKind.UNIT:
            units = getattr(omero.model.enums, f"Units{field.target}")
            return getattr(omero.model, f"{field.target}I")(number + 0.5, units.valueOf(number % 3 + 1))
        if field.kind is FieldKind.NAMED_VALUES:
            return [NamedValue("b", "1"), NamedValue("a", "2"), NamedValue("b", f"{number}")]
        if field.kind is FieldKind.BYTES:
            return bytes([0, 255, number % 256])
        if field.kind is FieldKind.STRINGS:
            return ["one", "zwö"]
        return self._enumeration(field, number)

    def _enumeration(self, field: Field, number: int) -> Any:
        """One of the values that the server knows; other references stay as they are."""
        if field.kind is not FieldKind.REFERENCE or not MODEL.entity(field.target).is_enumeration:
            return None
        values = self._values.get(field.target)
        if values is None:
            values = self._values[field.target] = self._types.allEnumerations(field.target)
        chosen = values[number % len(values)]
        return type(chosen)(chosen.id.val, False)
