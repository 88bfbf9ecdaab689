"""OMERO.figure files that show images: JSON in a file annotation of a namespace of its own."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

from omero_irods_bridge.adapters.omero.queries import Queries
from omero_irods_bridge.adapters.omero.raw_files import RawFiles
from omero_irods_bridge.model.errors import AccessDenied, NotFound
from omero_irods_bridge.model.events import CancelToken, Notice, Report

NAMESPACE: Final = "omero.web.figure.json"
LARGEST: Final = 64 << 20
"""In bytes; figures hold no pixels."""


def figures_showing(
    images: Collection[int], queries: Queries, files: RawFiles, report: Report, cancel: CancelToken
) -> Iterator[int]:
    """Ids of the file annotations of figures with a panel of one of the images; every figure is read."""
    for annotation, file in queries.files_of_annotations(NAMESPACE):
        cancel.check()
        try:
            data = files.read_all(file, LARGEST)
            shown = images_of(data)
        except (AccessDenied, NotFound, ValueError) as error:
            report(Notice(f"The figure FileAnnotation:{annotation} is left out, it cannot be read: {error}"))
            continue
        if not shown.isdisjoint(images):
            yield annotation


def images_of(data: bytes) -> set[int]:
    """Ids of the images that the panels of a figure show.

    Raises:
        ValueError: it is no figure.
    """
    figure: Any = json.loads(data)
    panels = figure.get("panels", []) if isinstance(figure, dict) else None
    if not isinstance(panels, list):
        raise ValueError("it has no panels")
    ids = (panel.get("imageId") for panel in panels if isinstance(panel, dict))
    return {int(one) for one in ids if isinstance(one, int) or (isinstance(one, str) and one.isdecimal())}
