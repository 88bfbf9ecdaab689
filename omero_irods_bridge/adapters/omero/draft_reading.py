"""Objects of omero.model from drafts: decision 8, "Rows to be written"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import omero
import omero.clients
import omero.model

from omero_irods_bridge.adapters.omero.enumerations import SIGN, Enumerations
from omero_irods_bridge.adapters.omero.reflection import (
    ModelClass,
    ModelCollection,
    class_of,
    concrete_classes,
    model_class,
)
from omero_irods_bridge.adapters.omero.row_reading import value_of
from omero_irods_bridge.model.errors import BridgeError, NotFound
from omero_irods_bridge.ports import Draft

_KEY: Final = re.compile(r"([A-Za-z]{1,64}):(_?)([0-9]{1,18})", re.ASCII)
_NOT_FIELDS: Final = frozenset({"@", "@sets", "details", "version"})
_DETAILS: Final = frozenset({"owner", "externalInfo"})

LoadObjects = Callable[[str, Sequence[int]], Sequence[Any]]
"""Objects that are there, by their topmost class and ids."""


@dataclass(slots=True)
class DraftBatch:
    """The objects of a batch. ``lists`` has the ordered children that each draft names, by its key.

    ``top`` are what OMERO is to save, in the order of the drafts: all but the children, which are saved with
    their parents. ``owners`` are the ids of the users that drafts of new objects name, by key of the draft.
    ``references`` are the ids of all that is referred to without being changed, by class.
    """

    objects: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    top: list[str] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    references: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def read_drafts(drafts: Sequence[Draft], enumerations: Enumerations, load: LoadObjects) -> DraftBatch:
    """What the drafts say, as objects of which none is saved; those to be changed as they are now.

    ``@sets`` and ``version`` of a draft say nothing to a server and are passed over.

    Raises:
        NotFound: an object to be changed, or a value of an enumeration, is not there.
        BridgeError: a draft is not of the form; the message names it.
    """
    batch = DraftBatch(_new_and_changed(drafts, load))
    reader = _Reader(batch, enumerations)
    for draft in drafts:
        with _naming(draft):
            reader.fill(draft)
    children = {child for lists in batch.lists.values() for keys in lists.values() for child in keys}
    batch.top = [key for key in batch.objects if key not in children or not is_local(key)]
    _check_children(batch)
    return batch


def is_local(key: str) -> bool:
    """Whether a key names an object of the batch that is to be made."""
    return ":_" in key


def _new_and_changed(drafts: Sequence[Draft], load: LoadObjects) -> dict[str, Any]:
    objects: dict[str, Any] = {}
    there: dict[str, dict[int, str]] = defaultdict(dict)
    for draft in drafts:
        key = str(draft.get("@"))
        with _naming(draft):
            if key in objects:
                raise ValueError("there are two drafts of it")
            model, local, id_ = _parsed(key)
            objects[key] = model.python_class() if local else None
            if not local:
                there[model.root][id_] = key
    for root, keys in there.items():
        objects |= _loaded(root, keys, load)
    for keys in there.values():
        for key in keys.values():
            _join(objects[key], objects)
    return objects


def _join(changed: Any, objects: Mapping[str, Any]) -> None:
    """Let an object that was loaded refer to those of the batch, and to nothing else that is loaded.

    OMERO says of an object of an array that it "no longer exists" when one before it refers to it by another
    reference (UpdateImpl.internalMerge of omero-server compares Long objects), and would save the old values
    of what is loaded beside what is changed.
    """
    for state in (vars(changed), vars(changed.details) if changed.details else {}):
        for name, value in state.items():
            if isinstance(value, omero.model.IObject) and value.id is not None:
                model, id_ = class_of(value), value.id.val
                known = objects.get(f"{model.name}:{id_}")
                state[name] = model.reference(id_) if known is None else known


def _loaded(root: str, keys: Mapping[int, str], load: LoadObjects) -> dict[str, Any]:
    """Objects as they are now; their collections are none of the draft's business unless it names one."""
    found: dict[str, Any] = {}
    for obj in load(root, sorted(keys)):
        obj.unloadCollections()
        found[f"{class_of(obj).name}:{obj.id.val}"] = obj
    missing = sorted(set(keys.values()) - set(found))
    if missing:
        raise NotFound(
            f"{_some(missing)} cannot be changed: not there, or not for you to see.",
            hint="Somebody may have deleted it meanwhile. Run the same command again.",
        )
    return found


def _parsed(key: object) -> tuple[ModelClass, bool, int]:
    match = _KEY.fullmatch(str(key))
    if match is None:
        raise ValueError(f"{key!r} is no reference")
    return model_class(match[1]), bool(match[2]), int(match[3])


class _naming:  # noqa: N801  # reads as a statement: with _naming(draft)
    """Let what is wrong with a draft leave as an error that names it."""

    def __init__(self, draft: Draft) -> None:
        self._key = draft.get("@")

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, KeyError):
            raise BridgeError(f"{self._key} cannot be saved: OMERO's model has no {error}.") from error
        if isinstance(error, (AttributeError, TypeError, ValueError, omero.ClientError)):
            raise BridgeError(f"{self._key} cannot be saved: {error}.") from error


class _Reader:
    """Fills the objects of a batch, one draft after the other."""

    def __init__(self, batch: DraftBatch, enumerations: Enumerations) -> None:
        self._batch = batch
        self._enumerations = enumerations
        self._proxies: dict[str, Any] = {}

    def fill(self, draft: Draft) -> None:
        key = draft["@"]
        made = self._batch.objects[key]
        model = class_of(made)
        for name, value in draft.items():
            if name in _NOT_FIELDS:
                continue
            if name in model.collections:
                self._fill_list(key, made, model.collections[name], value)
            elif name in model.field_names:
                self._set(made, model, name, value)
            else:
                raise KeyError(name)
        self._details(key, made, draft.get("details") or {})

    def _set(self, made: Any, model: ModelClass, name: str, value: Any) -> None:
        vars(made)[f"_{name}"] = None if value is None else value_of(model, name, value, self._refer)

    def _fill_list(self, key: str, made: Any, place: ModelCollection, keys: Sequence[str]) -> None:
        if not place.is_ordered:
            raise ValueError(f"{place.name} is a set: its members refer to their owner")
        elements = [self._refer(one) for one in keys]
        for element in elements:
            if element.isLoaded():
                vars(element)[f"_{place.inverse}"] = made
        vars(made).update({place.attribute: elements, place.loaded_attribute: True})
        self._batch.lists.setdefault(key, {})[place.name] = list(keys)

    def _details(self, key: str, made: Any, told: Mapping[str, Any]) -> None:
        unknown = told.keys() - _DETAILS
        if unknown:
            raise ValueError(f"nobody can set its details {', '.join(sorted(unknown))}")
        for name, value in told.items():
            vars(made.details)[f"_{name}"] = None if value is None else self._refer(value)
        if told.get("owner") and is_local(key):
            self._batch.owners[key] = made.details.owner.id.val

    def _refer(self, text: Any) -> Any:
        """The object of the batch, a value of an enumeration, else an unloaded object."""
        found = self._batch.objects.get(text) if isinstance(text, str) else None
        return found if found is not None else self._proxy(str(text))

    def _proxy(self, text: str) -> Any:
        if text not in self._proxies:
            self._proxies[text] = self._made_proxy(text)
        return self._proxies[text]

    def _made_proxy(self, text: str) -> Any:
        name, sign, _ = text.partition(SIGN)
        if sign and name.isalpha():
            return self._enumerations.reference(text)
        model, local, id_ = _parsed(text)
        if local:
            raise ValueError(f"it refers to {text}, which has no draft in the batch")
        self._batch.references[model.name].add(id_)
        return model.reference(id_)


# -- children that nobody lists


def _check_children(batch: DraftBatch) -> None:
    """OMERO saves an element of a list only through the list (Property.ManyOneField of the OMERO DSL)."""
    for key in batch.top:
        if is_local(key):
            for name in _list_owners(class_of(batch.objects[key]).name):
                if vars(batch.objects[key]).get(f"_{name}") is not None:
                    raise BridgeError(f"{key} cannot be saved: its {name} does not list it in the batch.")


_LIST_OWNERS: dict[str, tuple[str, ...]] = {}


def _list_owners(class_name: str) -> tuple[str, ...]:
    """The fields of a class that point back to the owner of a list."""
    if not _LIST_OWNERS:
        _LIST_OWNERS.update({name: tuple(fields) for name, fields in _found_list_owners()})
    return _LIST_OWNERS.get(class_name, ())


def _found_list_owners() -> Iterator[tuple[str, list[str]]]:
    lists = [place for one in concrete_classes() for place in one.collections.values() if place.is_ordered]
    for model in concrete_classes():
        fields = {
            one.inverse for one in lists if issubclass(model.python_class, getattr(omero.model, one.element))
        }
        yield model.name, sorted(fields)


def _some(keys: Sequence[str]) -> str:
    few = ", ".join(keys[:5])
    return few if len(keys) <= 5 else f"{few} and {len(keys) - 5} more"
