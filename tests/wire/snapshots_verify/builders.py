"""A small snapshot as pack makes it, in both forms, with the place of each of its parts known."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Description, Form, to_avus
from omero_irods_bridge.model.stored import parent_of
from omero_irods_bridge.packet.deflating import deflate
from omero_irods_bridge.packet.graph import Graph, GraphHeader, write_jsonl
from omero_irods_bridge.packet.manifest import (
    FilesetPlace,
    Manifest,
    ManifestMember,
    SourceServer,
    dump,
)
from omero_irods_bridge.packet.reading import GRAPH, MANIFEST, TRANSFER_XML
from omero_irods_bridge.packet.zip_writing import ZipLayout
from omero_irods_bridge.ports import ObjectStore

TWO_IMAGES = "root_0/2026-01/02/03-04-05.678/two images.lif"
ONE_IMAGE = "root_0/2026-01/02/03-04-06.789/one.tif"
PIXELS = "pixel_images/7.tiff"
ATTACHMENT = "file_annotations/9/notes.txt"
EMPTY = "root_0/2026-01/02/03-04-06.789/empty.log"

IMAGES: Mapping[str, tuple[int, ...]] = {
    TWO_IMAGES: (1, 2),
    ONE_IMAGE: (5,),
    EMPTY: (5,),
    PIXELS: (7,),
    ATTACHMENT: (),
    TRANSFER_XML: (),
    GRAPH: (),
}
"""All members besides the manifest, and the images that need each."""

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SERVER = "b1946ac9-2f0f-4c3b-8a1e-3f1f0c9f5a10"

_ROLES = {
    TWO_IMAGES: (FileRole.ORIGINAL, 31, FilesetPlace(3, 0)),
    ONE_IMAGE: (FileRole.ORIGINAL, 41, FilesetPlace(4, 0)),
    EMPTY: (FileRole.ORIGINAL, 42, FilesetPlace(4, 1)),
    PIXELS: (FileRole.PIXELS, 7, None),
    ATTACHMENT: (FileRole.ATTACHMENT, 91, None),
}


@dataclass(frozen=True)
class Built:
    """A packet. ``places`` says where in the zip the data of each member begin, and other parts by name."""

    members: Mapping[str, bytes]
    zip: bytes
    places: Mapping[str, int] = field(default_factory=dict)

    def description(self, form: Form = Form.ZIP) -> Description:
        whole = self.zip if form is Form.ZIP else self.members[MANIFEST]
        size = len(self.zip) if form is Form.ZIP else sum(map(len, self.members.values()))
        return Description(
            server=SERVER,
            host="omero.example.org",
            sources=("Dataset:51",),
            name="a set",
            owner="alice",
            group="lab",
            packed_by="alice",
            images=4,
            files=len(_ROLES),
            size=size,
            sha256=hashlib.sha256(whole).hexdigest(),
            packed_at=MOMENT,
            software="tests",
            image_ids=(1, 2, 5, 7),
        )


def build(scale: int = 1, *, manifest_of: Built | None = None) -> Built:
    """The packet; its data members have some kilobytes times ``scale``, its manifest may be another's."""
    data = {
        TWO_IMAGES: _noise("two", 5_000 * scale),
        ONE_IMAGE: _noise("one", 3_000 * scale),
        EMPTY: b"",
        PIXELS: _noise("pixels", 2_000 * scale),
        ATTACHMENT: b"notes\n" * 20,
    }
    metadata = {TRANSFER_XML: b"<OME/>" + b" " * 2_000, GRAPH: b"".join(write_jsonl(_graph(), _header()))}
    manifest = manifest_of.members[MANIFEST] if manifest_of else dump(_manifest({**data, **metadata}))
    zipped, places = _zip(data, {**metadata, MANIFEST: manifest})
    return Built({**data, **metadata, MANIFEST: manifest}, zipped, places)


def seal(store: ObjectStore, path: str, built: Built, form: Form = Form.ZIP, **changes: object) -> str:
    """Put a packet into iRODS as pack does: checksums and AVUs. ``changes`` are to the description."""
    if form is Form.ZIP:
        put(store, path, built.zip)
    else:
        for name, content in built.members.items():
            put(store, f"{path}/{name}", content)
    description = replace(built.description(form), **changes)  # type: ignore[arg-type]
    store.change_avus(path, add=to_avus(description))
    return path


def put(store: ObjectStore, path: str, content: bytes, *, checksum: bool = True) -> str:
    """A data object with its checksum."""
    store.make_collection(parent_of(path))
    writer = store.open_writer(path)
    writer.write_at(0, 0, content)
    writer.close()
    if checksum:
        store.compute_checksum(path)
    return path


def _noise(seed: str, size: int) -> bytes:
    block = b"".join(hashlib.sha512(f"{seed}{number}".encode()).digest() for number in range(64))
    return (block * (size // len(block) + 1))[:size]


def _graph() -> Graph:
    graph = Graph()
    for image, fileset in ((1, 3), (2, 3), (5, 4), (7, None)):
        row = {"@": f"Image:{image}", "name": f"image {image}"}
        graph.add(row if fileset is None else {**row, "fileset": f"Fileset:{fileset}"})
    return graph


def _header() -> GraphHeader:
    return GraphHeader(SERVER, "5.6.17", "5.23.0", (ObjectRef(Kind.DATASET, 51),))


def _manifest(members: Mapping[str, bytes]) -> Manifest:
    return Manifest(
        created=MOMENT,
        software="tests",
        server=SourceServer(SERVER, "omero.example.org", "5.6.17"),
        objects=(ObjectRef(Kind.DATASET, 51),),
        packed_by="alice",
        members=tuple(_listed(path, content) for path, content in members.items()),
    )


def _listed(path: str, content: bytes) -> ManifestMember:
    role, number, fileset = _ROLES.get(path, (FileRole.METADATA, None, None))
    sha256 = Sha256(hashlib.sha256(content).hexdigest())
    return ManifestMember(path, len(content), sha256, role, number, None, fileset)


def _zip(data: Mapping[str, bytes], metadata: Mapping[str, bytes]) -> tuple[bytes, dict[str, int]]:
    layout, parts, places = ZipLayout(), list[bytes](), dict[str, int]()
    for name, content in data.items():
        places[f"header of {name}"] = layout.position
        parts.append(layout.begin(name, len(content)))
        places[name] = layout.position
        parts.append(content)
        parts.append(layout.end(zlib.crc32(content)))
        places[f"descriptor of {name}"] = layout.position - len(parts[-1])
    for name, content in metadata.items():
        start = layout.position
        header, *chunks = layout.whole(name, deflate([content]))
        places[name] = start + len(header)
        parts += [header, *chunks]
    places["directory"] = layout.position
    parts.append(layout.finish())
    return b"".join(parts), places
