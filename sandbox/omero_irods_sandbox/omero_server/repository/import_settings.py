"""What a client asks of an import: omero.grid.ImportSettings as plain values.

Source: ManagedImportRequestI.init and .detectKnownAnnotations of omero-blitz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from omero.rtypes import unwrap

from omero_irods_sandbox.omero_server.model.types import IObject

if TYPE_CHECKING:
    from omero_irods_sandbox.omero_server.dispatch.call import Call

NS_AUTOCLOSE: Final = "openmicroscopy.org/omero/import/autoClose"


@dataclass(frozen=True, slots=True)
class Wishes:
    """``pixel_sizes`` are micrometres in X, Y and Z, for images that tell nothing of their own."""

    target: IObject
    name: str | None
    description: str | None
    pixel_sizes: tuple[float, float, float] | None
    annotations: Sequence[IObject]
    with_thumbnails: bool
    with_statistics: bool

    @classmethod
    def read(cls, settings: Any) -> Wishes:
        """Thumbnails are made unless they are not wanted; so are statistics."""
        sizes: Sequence[float] = settings.userSpecifiedPixels or ()
        return cls(
            target=settings.userSpecifiedTarget,
            name=(unwrap(settings.userSpecifiedName) or "").strip() or None,
            description=unwrap(settings.userSpecifiedDescription),
            pixel_sizes=(sizes[0], sizes[1], sizes[2]) if len(sizes) >= 3 else None,
            annotations=[one for one in settings.userSpecifiedAnnotationList or [] if one is not None],
            with_thumbnails=unwrap(settings.doThumbnails) is not False,
            with_statistics=not unwrap(settings.noStatsInfo),
        )


def is_closed_by_server(settings: Any, call: Call) -> bool:
    """Whether the server closes handle and process at the end: an annotation says so."""
    return any(
        _namespace(annotation, call) == NS_AUTOCLOSE
        for annotation in settings.userSpecifiedAnnotationList or []
        if annotation is not None
    )


def _namespace(annotation: IObject, call: Call) -> str | None:
    if annotation.isLoaded():
        namespace: str | None = unwrap(annotation.ns)
        return namespace
    row = None if annotation.id is None else call.store.row("Annotation", annotation.id.val)
    return None if row is None else row["ns"]
