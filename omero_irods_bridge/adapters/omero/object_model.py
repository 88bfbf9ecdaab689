"""The shapes of the classes of omero.model, by reflection; no server is needed."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import omero
import omero.clients
import omero.model

from omero_irods_bridge.adapters.omero.reflection import ModelClass, concrete_classes, model_class
from omero_irods_bridge.model.shapes import ClassShape, CollectionShape


class OmeroModel:
    """The model that the installed omero-py knows (``ports.ObjectModel``)."""

    def shape(self, class_name: str) -> ClassShape | None:
        return _shape(class_name)


@cache
def _shape(class_name: str) -> ClassShape | None:
    try:
        model = model_class(class_name)
    except KeyError:
        return None
    fields = model.field_names - {"version"}
    return ClassShape(
        name=model.name,
        root=model.root,
        is_enumeration=_is_enumeration(model),
        fields=fields,
        references=frozenset(one for one in fields if model.wrapper(one) is omero.proxy_to_instance),
        required=frozenset(one for one in fields if not _is_nullable(model, one)),
        collections={
            name: CollectionShape(one.element, one.inverse, one.is_ordered)
            for name, one in model.collections.items()
        },
        owners=dict(_owners()[model.name]),
    )


def _is_enumeration(model: ModelClass) -> bool:
    """Only they have a field of this name (M:resources/mappings of omero-model, type enum)."""
    return "value" in model.field_names


def _is_nullable(model: ModelClass, field: str) -> bool:
    return bool(getattr(vars(model.python_class)["_field_info"], field).nullable)


@cache
def _owners() -> dict[str, dict[str, bool]]:
    """By class, the fields that point back to the owner of a collection."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    models = list(concrete_classes())
    for collection in (one for model in models for one in model.collections.values()):
        above = getattr(omero.model, collection.element)
        for model in models:
            if issubclass(model.python_class, above):
                found[model.name][collection.inverse] = collection.is_ordered
    return found
