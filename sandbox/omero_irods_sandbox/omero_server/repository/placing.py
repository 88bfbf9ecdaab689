"""Imported objects put where the user wants them, with the annotations he wants on them.

Source: TargetProcessor and PixelsProcessor of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.types import IObject

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.repository.import_settings import Wishes


class UnusableTarget(ValueError):
    """Nothing can be imported into an object of this class."""


def place(images: Sequence[IObject], plates: Sequence[IObject], wishes: Wishes) -> None:
    """Link images to a Dataset or plates to a Screen, and every image to every annotation.

    Raises:
        UnusableTarget: the target is something else.
    """
    for child in _children_of(wishes.target, images, plates):
        link_to(MODEL.entity_of(wishes.target).make(wishes.target.id.val, loaded=False), child)
    for image in images:
        for annotation in wishes.annotations:
            _annotate(image, annotation)


def _children_of(target: IObject, images: Sequence[IObject], plates: Sequence[IObject]) -> Sequence[IObject]:
    if target is None:
        return []
    name = MODEL.entity_of(target).name
    if name not in ("Dataset", "Screen"):
        raise UnusableTarget(f"Unable to handle target: {name}:{target.id.val} is no Dataset and no Screen")
    return images if name == "Dataset" else plates


def link_to(container: IObject, child: IObject) -> None:
    """Let ``child``, which is new, be saved with a link to ``container``."""
    parent, below = MODEL.entity_of(container).name, MODEL.entity_of(child).name
    link = MODEL.entity(f"{parent}{below}Link").make()
    link.parent, link.child = container, child
    getattr(child, f"add{parent}{below}Link")(link)


def _annotate(image: IObject, annotation: IObject) -> None:
    link = MODEL.entity("ImageAnnotationLink").make()
    link.parent, link.child = image, annotation
    image.addImageAnnotationLink(link)
