"""What the imports of a load are told of each fileset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from omero_irods_bridge.model.events import CancelToken, silent
from omero_irods_bridge.model.imports import Imported, ImportOptions, MarkedFileset
from omero_irods_bridge.operations.unpacking.importing import import_filesets
from omero_irods_bridge.operations.unpacking.planning import UnpackPlan
from omero_irods_bridge.packet.content_of_packet import load_content
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import Importer, ImportFile, Row
from tests.unit.packet_graph.rows import fileset, image
from tests.unit.packet_reading.packets import ours

FILESETS = range(10, 15)


class Counted(Graph):
    def __init__(self) -> None:
        super().__init__()
        self.links_read = 0

    def rows(self, name: str) -> Iterator[Row]:
        self.links_read += name == "FilesetJobLink"
        return super().rows(name)


class Imports:
    """An importer that makes one image of everything, and remembers what it was told."""

    at_once = 1

    def __init__(self) -> None:
        self.readers: dict[str, str | None] = {}

    def find_marked(self, _load: str) -> list[MarkedFileset]:
        return []

    def import_fileset(self, files: Sequence[ImportFile], options: ImportOptions, *_more: Any) -> Imported:
        assert options.mark is not None
        self.readers[options.mark.source] = options.reader
        return Imported(1, (1,), (), (1,) * len(files), ("",) * len(files))


def test_each_import_hears_of_its_reader_and_the_graph_is_read_once_for_all() -> None:
    graph = Counted()
    for number in FILESETS:
        reader = {
            "@": f"MetadataImportJob:{number}",
            "versionInfo": [["bioformats.reader", f"reader {number}"]],
        }
        job = {"@": f"FilesetJobLink:{number}", "parent": f"Fileset:{number}", "child": reader["@"]}
        for row in (*image(number, number), *fileset(number, f"u/x/{number}.lif"), reader, job):
            graph.add(row)
    packet, importer = ours(graph, "Image:10"), Imports()
    content = replace(load_content(packet), graph=graph)
    plan = SimpleNamespace(content=content, load="l", places=None, request=SimpleNamespace(packet="p"))
    graph.links_read = 0
    import_filesets(cast("UnpackPlan", plan), packet, cast("Importer", importer), silent, CancelToken())
    assert importer.readers == {f"Fileset:{number}": f"reader {number}" for number in FILESETS}
    assert graph.links_read == 1
