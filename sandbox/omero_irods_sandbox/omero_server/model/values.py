"""Values between the wire and the columns: rtypes, numbers with units, lists of strings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import omero
import omero.clients
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime, unwrap

from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind
from omero_irods_sandbox.omero_server.model.types import IObject, Parameters, RType

WRAPPERS: Final[Mapping[str, Callable[[Any], RType]]] = {
    "RString": rstring,
    "RInt": rint,
    "RLong": rlong,
    "RDouble": rdouble,
    "RFloat": rfloat,
    "RBool": lambda value: rbool(bool(value)),
    "RTime": rtime,
}


def wrap(rtype: str, value: object) -> RType:
    """The rtype called ``rtype`` of a column's value; null stays None."""
    return None if value is None else WRAPPERS[rtype](value)


def to_columns(field: Field, value: Any) -> dict[str, object]:
    """What is written for the value of a scalar, unit, bytes or strings field: column -> value."""
    if field.kind is FieldKind.UNIT:
        return {
            field.name: None if value is None else value.getValue(),
            f"{field.name}_unit": None if value is None else unit_name(value),
        }
    if value is None:
        return {field.name: None}
    if field.kind is FieldKind.STRINGS:
        return {field.name: json.dumps(list(value))}
    if field.kind is FieldKind.BYTES:
        return {field.name: bytes(value)}
    plain = value.getValue()
    return {field.name: int(plain) if isinstance(plain, bool) else plain}


def from_bytes(value: bytes) -> bytes:
    """Ice sends a byte sequence as bytes, and clients on Python 3 expect bytes."""
    return value


def from_strings(value: str) -> list[str]:
    """A JSON column as the list it was."""
    return [str(item) for item in json.loads(value)]


def unit_value(kind: str, value: float, unit: str) -> Any:
    """A number with a unit, e.g. ``unit_value("Length", 2.5, "MICROMETER")``."""
    enumeration = getattr(omero.model.enums, f"Units{kind}")
    return getattr(omero.model, f"{kind}I")(value, getattr(enumeration, unit))


def length(value: float, unit: str = "MICROMETER") -> Any:
    """An omero.model.LengthI."""
    return unit_value("Length", value, unit)


def time_value(value: float, unit: str = "SECOND") -> Any:
    """An omero.model.TimeI: a duration, not a moment."""
    return unit_value("Time", value, unit)


def unit_name(obj: IObject) -> str | None:
    """The name of the unit as the enumeration spells it, None when there is no unit."""
    unit = obj.getUnit()
    return None if unit is None else str(unit)


def parameters_of(params: Parameters) -> dict[str, Any]:
    """The named values of an omero.sys.Parameters as plain Python."""
    if params is None or not params.map:
        return {}
    return {name: unwrap(value) for name, value in params.map.items()}


def page_of(params: Parameters) -> tuple[int | None, int | None]:
    """Limit and offset of an omero.sys.Parameters."""
    found = None if params is None else params.theFilter
    if found is None:
        return None, None
    return unwrap(found.limit), unwrap(found.offset)
