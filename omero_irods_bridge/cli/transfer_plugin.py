"""``omero transfer pack --plugin irods OBJECTS PATH``: the stock tool hands over to pack (row S3).

omero-cli-transfer calls the entry point ``irods`` of the group ``omero_cli_transfer.pack.plugin`` after it
has written ``transfer.xml``, and all files too unless it was told ``--binaries none``. Nothing of that is
used but the list of objects: files are streamed from OMERO as ``omero-irods pack`` does it, over the user's
session.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from omero_irods_bridge.model.events import Event, Notice, Step
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.packing import PackRequest
from omero_irods_bridge.packet.reading import TRANSFER_XML
from omero_irods_bridge.packet.xml import iterate_elements

log = logging.getLogger(__name__)

_CHUNK_BYTES: Final = 1 << 20


def pack_to_irods(
    ome_object: Any,
    destination_path: Path,
    tmp_path: Path,
    image_filenames_mapping: Mapping[str, str],  # noqa: ARG001 -- the stock tool passes it
    conn: Any,
) -> None:
    """Pack all objects that the stock tool was asked for into a snapshot at ``destination_path``.

    An absolute path is one in iRODS, another one is below the user's home collection; it means what ``--to``
    of ``omero-irods pack`` means. ``tmp_path`` is where the stock tool has put its files; they stay there,
    and a message says so. ``conn`` is its BlitzGateway.

    Raises:
        BridgeError: what prevented the snapshot; nothing has the final name then.
    """
    from omero_irods_bridge.operations import pack
    from omero_irods_bridge.operations.targets import choose
    from omero_irods_bridge.settings import load
    from omero_irods_bridge.wiring import SystemClock, open_object_store, open_session

    log.setLevel(logging.INFO)  # as the stock tool does with its own; the omero command shows only warnings
    objects = tuple(_objects(ome_object, tmp_path / TRANSFER_XML))
    settings = load().settings
    client = conn.c
    with (
        open_object_store(settings) as store,
        open_session(
            settings, client.getProperty("omero.host"), client.getSessionId(), _port(client)
        ) as server,
    ):
        target = choose(_target(destination_path, store.home), settings.snapshots.target, store)
        plan = pack.plan(PackRequest(objects, target), server, store, clock=SystemClock(), report=_tell)
        if plan.problems:
            raise plan.problems[0]
        snapshot = pack.apply(
            plan,
            server,
            store,
            options=settings.transfer.options(),
            prefix=settings.snapshots.prefix,
            report=_tell,
        )
    log.info("Packed into %s. What is in %s is not needed any more.", snapshot.path, tmp_path)


def _objects(ome_object: Any, transfer_xml: Path) -> Iterator[ObjectRef]:
    """All that were named: of one kind, of which the stock tool lists just them; it passes the last."""
    kind = Kind(ome_object.OMERO_CLASS)
    with transfer_xml.open("rb") as file:
        for element in iterate_elements(iter(partial(file.read, _CHUNK_BYTES), b""), {kind}):
            yield ObjectRef(kind, int(str(element.get("ID")).rpartition(":")[2]))


def _target(path: Path, home: str) -> str:
    text = path.as_posix()
    return text if path.is_absolute() else f"{home}/{text}"


def _port(client: Any) -> int:
    return int(client.getProperty("omero.port") or 4064)


def _tell(event: Event) -> None:
    if isinstance(event, (Step, Notice)):
        log.info("%s", event.text)
