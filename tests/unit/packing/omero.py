"""An OMERO of one dataset, as rows and bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from omero_irods_bridge.model.errors import NotFound
from omero_irods_bridge.model.events import CancelToken, Report, silent
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.ports import FileReader, Row, ServerIdentity
from tests.unit.packing.fakes import FakeFiles

DATASET = ObjectRef(Kind.DATASET, 51)
IDENTITY = ServerIdentity("omero.test", "a-uuid", "5.6.17", "ann", 3, "lab", 4)
_DETAILS = {"owner": "Experimenter:3", "group": "ExperimenterGroup:4"}

_WITHHELD = {"is": "rwr---", "extended": ["RESTRICT-BINARY-ACCESS"]}


@dataclass
class FakeOmero:
    """Images 1, 2, ... in ``Dataset:51``, each of a fileset of one file of the bytes given.

    ``exported`` ones have no files: the bytes are what OMERO exports of them.
    """

    contents: Sequence[bytes]
    hasher: str = "SHA1-160"
    files: FakeFiles = field(init=False)
    graph_reads: int = 0
    is_mounted: bool = False
    withheld: bool = False
    exported: bool = False

    def __post_init__(self) -> None:
        self.files = FakeFiles(dict(enumerate(self.contents, 1)))

    @property
    def identity(self) -> ServerIdentity:
        return IDENTITY

    def read_graph(
        self,
        objects: Sequence[ObjectRef],
        add: Callable[[Row], None],
        *,
        figures: bool = False,
        also: Sequence[str] = (),
        report: Report = silent,
        cancel: CancelToken | None = None,
    ) -> None:
        self.graph_reads += 1
        if tuple(objects) != (DATASET,):
            raise NotFound(f"There is no {objects[0]}.")
        for row in self.rows():
            add(row)

    def file_reader(self) -> AbstractContextManager[FileReader]:
        return self.files.reader()

    def rows(self) -> Iterator[Mapping[str, Any]]:
        yield _row("Experimenter:3", omeName="ann")
        yield _row("ExperimenterGroup:4", name="lab")
        yield _row("ChecksumAlgorithm:1", value=self.hasher)
        yield _row("DimensionOrder:1", value="XYZCT")
        yield _row("PixelsType:1", value="uint8")
        yield _row("Dataset:51", name="Mitosis", details=_DETAILS)
        for number, content in enumerate(self.contents, 1):
            yield from self._image(number, content)

    def _image(self, number: int, content: bytes) -> Iterator[Mapping[str, Any]]:
        yield _row(
            f"DatasetImageLink:{number}", parent="Dataset:51", child=f"Image:{number}", details=_DETAILS
        )
        yield _row(
            f"Image:{number}",
            name=f"image {number}",
            fileset=None if self.exported else f"Fileset:{number}",
            pixels=[f"Pixels:{number}"],
            details={**_DETAILS, **({"permissions": _WITHHELD} if self.withheld else {})},
        )
        sizes = {f"size{axis}": 1 for axis in "XYZCT"}
        yield _row(
            f"Pixels:{number}",
            image=f"Image:{number}",
            pixelsType="PixelsType:1",
            dimensionOrder="DimensionOrder:1",
            **sizes,
        )
        if self.exported:
            return
        yield _row(f"Fileset:{number}", usedFiles=[f"FilesetEntry:{number}"])
        yield _row(
            f"FilesetEntry:{number}", fileset=f"Fileset:{number}", originalFile=f"OriginalFile:{number}"
        )
        yield _row(
            f"OriginalFile:{number}",
            path="ann_3/2026-11/28/",
            name=f"image-{number}.tif",
            size=len(content),
            hash=hashlib.sha1(content).hexdigest(),
            hasher="ChecksumAlgorithm:1",
        )


def _row(reference: str, **fields: Any) -> Mapping[str, Any]:
    return {"@": reference, **fields}
