"""Chapter one: microscope images go into iRODS, are described, found again, and checked."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from irods.column import Criterion
from irods.models import Collection, DataObject, DataObjectMeta
from irods.session import iRODSSession

from omero_irods_sandbox.demo.images import MicroscopeImage, microscope_images
from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.irods_zone.running import ZoneProcess


def play(zone: ZoneProcess, narrator: Narrator) -> None:
    """Raises StepFailed when a step did not do what it says."""
    with iRODSSession(
        host=zone.host, port=zone.port, user=zone.admin, password=zone.password, zone=zone.zone
    ) as session:
        collection = f"/{zone.zone}/home/{zone.admin}/microscopy"
        images = microscope_images()
        _put(session, collection, images, narrator)
        _find(session, collection, images, narrator)
        _compare(session, collection, images, narrator)


def _put(session: iRODSSession, collection: str, images: list[MicroscopeImage], narrator: Narrator) -> None:
    narrator.step(
        "Put real microscope images into it",
        "Each image becomes a data object; what is known of it becomes AVUs: attribute, value, unit.",
    )
    narrator.command(
        f'session.data_objects.put("cell.png", "{collection}/cell.png")\n'
        'data_object.metadata.add("modality", "phase contrast")',
        ">>>",
    )
    session.collections.create(collection)
    for image in images:
        path = f"{collection}/{image.name}"
        session.data_objects.put(str(image.path), path)
        metadata = session.data_objects.get(path).metadata
        metadata.add("modality", image.modality)
        metadata.add("subject", image.subject)
        metadata.add("size", str(image.path.stat().st_size), "B")
    stored = session.collections.get(collection).data_objects
    rows = [(str(data_object.name), f"{data_object.size:,} B") for data_object in stored]
    narrator.table(("data object", "size"), rows)
    narrator.check(len(stored) == len(images), f"{len(images)} data objects in {collection}")


def _find(session: iRODSSession, collection: str, images: list[MicroscopeImage], narrator: Narrator) -> None:
    narrator.step("Find them by what they show", "A query over AVUs answers without opening a file.")
    narrator.command(
        "query = session.query(DataObject.name, DataObjectMeta.value)\n"
        'query.filter(DataObjectMeta.name == "modality", DataObjectMeta.value == "fundus photography").all()',
        ">>>",
    )
    query = (
        session.query(DataObject.name, DataObjectMeta.value)
        .filter(Collection.name == collection)
        .filter(Criterion("=", DataObjectMeta.name, "modality"))
        .filter(Criterion("=", DataObjectMeta.value, "fundus photography"))
    )
    found = sorted((str(row[DataObject.name]), str(row[DataObjectMeta.value])) for row in query)
    expected = sorted((i.name, i.modality) for i in images if i.modality == "fundus photography")
    narrator.table(("data object", "modality"), found)
    narrator.check(
        found == expected, f"the query finds the {len(expected)} fundus photographs and nothing else"
    )


def _compare(
    session: iRODSSession, collection: str, images: list[MicroscopeImage], narrator: Narrator
) -> None:
    narrator.step(
        "Check the bytes",
        "The zone computes a SHA-256 of what it stored; we compute one of what was sent. They must agree.",
    )
    narrator.command(f'session.data_objects.chksum("{collection}/cell.png")', ">>>")
    for image in images:
        stored = session.data_objects.chksum(f"{collection}/{image.name}")
        narrator.check(stored == _irods_checksum(image.path), f"{image.name}: {stored}")


def _irods_checksum(path: Path) -> str:
    """SHA-256 as iRODS spells it."""
    return "sha2:" + base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
