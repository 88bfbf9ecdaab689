"""Open a packet where it is, in iRODS or on a disk, without extracting anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from omero_irods_bridge.model.errors import BadPacket, NotFound, UsageError
from omero_irods_bridge.model.snapshot import DEFAULT_PREFIX, Snapshot, from_avus
from omero_irods_bridge.model.stored import Collection, DataObject, parent_of
from omero_irods_bridge.operations.incoming import INCOMING
from omero_irods_bridge.operations.object_sources import ObjectSources
from omero_irods_bridge.operations.zones import in_another_zone
from omero_irods_bridge.packet.opening import open_packet as open_archive
from omero_irods_bridge.packet.reading import MANIFEST, TRANSFER_XML, Packet, folder_packet
from omero_irods_bridge.packet.zip_reading import zip_packet
from omero_irods_bridge.ports import ObjectStore

LOCAL: Final = "file:"
IRODS: Final = "irods:"


OpenLocal = Callable[[Path], AbstractContextManager[Packet]]


@contextmanager
def open_packet(
    store: ObjectStore | None, text: str, *, open_local: OpenLocal, streams: int = 1
) -> Iterator[Packet]:
    """Open the packet that a person named.

    ``file:`` and ``irods:`` before a path say where it is. Without either it is in iRODS when it begins with
    the name of the store's zone, ``/tempZone/``, and on this machine otherwise: a zip, a tar or a folder,
    which ``open_local`` opens (adapters/local.py).

    Raises:
        UsageError: it is in iRODS, and there is no ``store``.
        BridgeError: see :func:`open_snapshot`.
    """
    zone = None if store is None else store.zone
    if not is_in_irods(text, zone):
        path = _local(text.removeprefix(LOCAL))
        with ExitStack() as opened:
            yield _checked(str(path), _named(str(path), lambda: opened.enter_context(open_local(path))))
        return
    if store is None:
        raise UsageError(f"{text} is in iRODS, and no iRODS is set up.", hint="Run iinit, then try again.")
    with open_snapshot(store, text.removeprefix(IRODS), streams=streams) as packet:
        yield packet


def _local(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise NotFound(f"Nobody here has the home that {text} begins with.", hint="Write it out.") from error


def is_in_irods(text: str, zone: str | None) -> bool:
    """Whether a person means a path in iRODS; ``zone`` is none where there is no iRODS."""
    if text.startswith((LOCAL, IRODS)):
        return text.startswith(IRODS)
    return zone is not None and (text == f"/{zone}" or text.startswith(f"/{zone}/"))


@contextmanager
def open_snapshot(
    store: ObjectStore, path: str, *, streams: int = 1, replica: int | None = None
) -> Iterator[Packet]:
    """Open the packet at ``path`` in iRODS: a zip or tar, or a collection that is an expanded one.

    AVUs are not asked for: what somebody put there by hand opens too. ``streams`` connections read a zip, and
    as many members of an expanded packet are open at once. ``replica`` is for a zip or tar alone.

    Raises:
        NotFound: nothing is there, or this user may not see it.
        BadPacket: it is no packet, or one that is not sealed yet, or damaged or hostile.
        BadName: a name in it is unsafe, or two clash.
    """
    if INCOMING in path.split("/"):
        raise BadPacket(
            f"{path} is not sealed: it is being packed, or a run broke off.",
            hint=f"Wait for the run, or remove what it left: omero-irods gc {parent_of(path)}",
        )
    found = found_at(store, path)
    if isinstance(found, Collection):
        with ObjectSources(store, limit=streams) as sources:
            yield _expanded(store, found, sources)
    else:
        with store.open_source(path, streams=streams, replica=replica) as source:
            yield _checked(path, _named(path, lambda: open_archive(source)))


@contextmanager
def open_zip(
    store: ObjectStore, path: str, *, streams: int = 1, replica: int | None = None
) -> Iterator[Packet]:
    """Open what is known to be a zip, also when its first bytes do not say so any more.

    Raises:
        BadPacket: its directory cannot be read.
        BridgeError: see :func:`open_snapshot`.
    """
    with store.open_source(path, streams=streams, replica=replica) as source:
        yield _named(path, lambda: zip_packet(source))


def found_at(store: ObjectStore, path: str) -> DataObject | Collection:
    """What is at ``path``.

    Raises:
        NotFound: nothing, or this user may not see it.
        UsageError: it is in another zone.
    """
    found = store.find(path)
    if found is None:
        raise in_another_zone(store, path) or NotFound(
            f"There is no {path} in iRODS, or {store.user} may not see it.",
            hint="See what there is: omero-irods list",
        )
    return found


def sealed_snapshot(store: ObjectStore, path: str, *, prefix: str = DEFAULT_PREFIX) -> Snapshot:
    """The snapshot at ``path`` as its AVUs describe it.

    Raises:
        NotFound: nothing is there, or this user may not see it.
        BadPacket: it has no AVUs of a snapshot.
    """
    found_at(store, path)
    description = from_avus(store.avus(path), prefix)
    if description is None:
        raise BadPacket(
            f"{path} is not a sealed snapshot: its AVUs ({prefix}...) do not describe one.",
            hint="A packet that came by other means can be unpacked, but not verified or found.",
        )
    return Snapshot(path, description)


def _named(path: str, opened: Callable[[], Packet]) -> Packet:
    """What is wrong with a packet, with its path."""
    try:
        return opened()
    except BadPacket as error:
        raise BadPacket(f"{path} cannot be read. {error.message}", hint=error.hint) from error


def _expanded(store: ObjectStore, collection: Collection, sources: ObjectSources) -> Packet:
    objects = store.children(collection.path, recursive=True)
    start = len(collection.path) + 1
    members = {one.path[start:]: sources.of(one) for one in objects if isinstance(one, DataObject)}
    return _checked(collection.path, folder_packet(members))


def _checked(path: str, packet: Packet) -> Packet:
    if TRANSFER_XML not in packet.members and MANIFEST not in packet.members:
        raise BadPacket(
            f"{path} is no packet: it has neither {TRANSFER_XML} nor {MANIFEST}.",
            hint="Name a packet that omero-irods or `omero transfer` made.",
        )
    return packet
