"""The OMERO that takes a load, with all that is asked of it."""

from __future__ import annotations

from dataclasses import dataclass

from omero_irods_bridge.ports import (
    ContainerLinks,
    GraphWriter,
    ImageServer,
    Importer,
    LoadBook,
    ObjectModel,
    Ownership,
    Surroundings,
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """One user in one group of an OMERO server, through each of its ports."""

    server: ImageServer
    importer: Importer
    writer: GraphWriter
    book: LoadBook
    surroundings: Surroundings
    links: ContainerLinks
    model: ObjectModel
    ownership: Ownership
