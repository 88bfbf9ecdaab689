"""What the use cases need of the world. Adapters fulfil these; everything above speaks of nothing else.

Every method raises only ``BridgeError`` (model/errors.py): adapters translate at the border. Unless a
docstring says otherwise, objects may be used by several threads, the readers and writers that they hand out
by one at a time.
"""

from __future__ import annotations

from omero_irods_bridge.ports.bytes import ByteSource, Clock
from omero_irods_bridge.ports.imports import FilePlace, Importer, ImportFile, IngestBook, LoadBook, MadeLink
from omero_irods_bridge.ports.irods import AvuCondition, ObjectStore, ObjectWriter, TreeStore
from omero_irods_bridge.ports.omero import (
    ContainerLinks,
    Draft,
    FileReader,
    GraphWriter,
    ImageServer,
    ObjectModel,
    Ownership,
    Row,
    ScriptRepository,
    ServerIdentity,
    Surroundings,
)

__all__ = [
    "AvuCondition",
    "ByteSource",
    "Clock",
    "ContainerLinks",
    "Draft",
    "FilePlace",
    "FileReader",
    "GraphWriter",
    "ImageServer",
    "ImportFile",
    "Importer",
    "IngestBook",
    "LoadBook",
    "MadeLink",
    "ObjectModel",
    "ObjectStore",
    "ObjectWriter",
    "Ownership",
    "Row",
    "ScriptRepository",
    "ServerIdentity",
    "Surroundings",
    "TreeStore",
]
