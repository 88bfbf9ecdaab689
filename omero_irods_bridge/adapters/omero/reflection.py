"""What the classes of omero.model are made of, found out by looking at them: no class or field is named here.

omero-py has no door to this. A class keeps each field in an attribute ``_name``; a collection is
``_nameSeq`` with ``_nameLoaded`` and ``_nameCountPerOwner``, and ``addElement`` of the class appends an
element and tells it of its owner through the setter of the field that points back (combined.vm of the OMERO
DSL). Only a list, whose order is kept, has ``getPrimaryElement``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import omero
import omero.clients
import omero.model
from omero_model_UnitBase import UnitBase  # type: ignore[import-untyped]

_NOT_FIELDS: Final = frozenset({"_id", "_details", "_loaded"})
_COLLECTION_PARTS: Final = ("Seq", "Loaded", "CountPerOwner")


@dataclass(frozen=True, slots=True)
class ModelCollection:
    """``element`` is a class, maybe an abstract one, whose field ``inverse`` points back to the owner."""

    name: str
    element: str
    inverse: str
    is_ordered: bool

    @property
    def attribute(self) -> str:
        return f"_{self.name}Seq"

    @property
    def loaded_attribute(self) -> str:
        return f"_{self.name}Loaded"


@dataclass(frozen=True, slots=True, eq=False)
class ModelClass:
    """A concrete class. ``root`` is the topmost class below IObject: ids are unique among its subclasses.

    ``fields`` are (attribute, name) of all that is no collection, ``version`` included.
    """

    name: str
    root: str
    python_class: Any
    fields: tuple[tuple[str, str], ...]
    field_names: frozenset[str]
    collections: Mapping[str, ModelCollection]

    def reference(self, id_: int | None) -> Any:
        """An unloaded object."""
        return self.python_class(id_, False)

    def wrapper(self, field: str) -> Callable[[Any], Any] | None:
        """What makes the value of this field of a plain one; none for bytes and lists of texts."""
        return getattr(vars(self.python_class)["_field_info"], field).wrapper  # type: ignore[no-any-return]


@cache
def model_class(name: str) -> ModelClass:
    """A concrete class of the model by its short name, e.g. ``Image``.

    Raises:
        KeyError: the model of this omero-py has no such class.
    """
    found = getattr(omero.model, f"{name}I", None)
    if not inspect.isclass(found) or not issubclass(found, omero.model.IObject):
        raise KeyError(name)
    return _reflected(found)


def class_of(obj: Any) -> ModelClass:
    """The class of a loaded or unloaded object."""
    return _class_of(obj.__class__)


@cache
def _class_of(python_class: Any) -> ModelClass:
    return model_class(python_class.__name__.removesuffix("I"))


def concrete_classes() -> Iterator[ModelClass]:
    """All of them, by name."""
    for name, found in sorted(vars(omero.model).items()):
        if name.endswith("I") and inspect.isclass(found) and issubclass(found, omero.model.IObject):
            yield model_class(name.removesuffix("I"))


def is_concrete(class_name: str) -> bool:
    """Whether there are objects of just this class."""
    return hasattr(omero.model, f"{class_name}I")


def unit_class(name: str) -> Any:
    """The class of numbers with a unit of this kind, e.g. ``Length``.

    Raises:
        KeyError: there is none.
    """
    found = getattr(omero.model, f"{name}I", None)
    if not inspect.isclass(found) or not issubclass(found, UnitBase):
        raise KeyError(name)
    return found


def is_unit(python_class: type) -> bool:
    """Whether its objects are numbers with a unit."""
    return issubclass(python_class, UnitBase)


def root_of(class_name: str) -> str:
    """The topmost class below IObject that a class, maybe an abstract one, belongs to."""
    return _root(getattr(omero.model, class_name))


def _root(python_class: type) -> str:
    above = (one for one in python_class.__mro__ if omero.model.IObject in one.__bases__)
    return next(above).__name__


def _reflected(python_class: Any) -> ModelClass:
    name = python_class.__name__.removesuffix("I")
    attributes = list(vars(_empty(python_class)))
    names = [one[1:-3] for one in attributes if one.endswith("Seq") and f"{one[:-3]}Loaded" in attributes]
    parts = {f"_{collection}{part}" for collection in names for part in _COLLECTION_PARTS}
    fields = tuple((one, one[1:]) for one in attributes if one not in parts | _NOT_FIELDS)
    collections = {one.name: one for one in _collections(python_class)}
    missing = set(names) - set(collections)
    assert not missing, f"omero.model.{name} has collections that nothing is added to: {missing}"
    field_names = frozenset(name for _, name in fields)
    return ModelClass(name, _root(python_class), python_class, fields, field_names, collections)


def _empty(python_class: Any) -> Any:
    """A new object; a deprecated class would otherwise warn users of what they did not do."""
    warned = getattr(python_class, "deprecations_warned", None)
    if warned is not None:
        warned.add(python_class.__name__.removesuffix("I"))
    return python_class()


def _collections(python_class: Any) -> Iterator[ModelCollection]:
    for method in dir(python_class):
        if not method.startswith("add") or method.startswith("addAll") or method.endswith("ToBoth"):
            continue
        owner, probe = _empty(python_class), _Probe()
        getattr(owner, method)(probe)
        name = next(attribute[1:-3] for attribute, value in vars(owner).items() if value == [probe])
        word = method.removeprefix("add")
        is_ordered = hasattr(python_class, f"getPrimary{word}")
        yield ModelCollection(name, _element(word, python_class), probe.told, is_ordered)


def _element(word: str, owner: type) -> str:
    """A class; a collection of the owner's own class is named after what its elements are to it."""
    return word if hasattr(omero.model, word) else owner.__name__.removesuffix("I")


class _Probe:
    """Stands for an element that is added to a collection; remembers which of its fields points back."""

    def __init__(self) -> None:
        self.told = ""

    def __getattr__(self, name: str) -> Callable[[object], None]:
        if not name.startswith("set"):
            raise AttributeError(name)

        def remember(_owner: object) -> None:
            self.told = name[3].lower() + name[4:]

        return remember
