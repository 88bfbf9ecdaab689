"""Unpack jobs: the use case, as the user who asked; exactly once, however often the attempt is begun.

A load has an id that tells packet, selection, target and user, and OMERO remembers it: what runs again finds
the load that it had begun, or had ended (docs/decisions/0013-loads-are-remembered-in-omero.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import Any, Final, Protocol

from omero_irods_bridge.model.events import CancelToken, Notice, Report
from omero_irods_bridge.model.jobs import UnpackWork
from omero_irods_bridge.model.unpacking import Loaded, UnpackRequest
from omero_irods_bridge.operations import unpack
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.operations.placing import places_in
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import PacketContent
from omero_irods_bridge.packet.reading import Packet
from omero_irods_bridge.ports import Clock, ObjectStore
from omero_irods_bridge.settings import Settings

MOST_OBJECTS: Final = 1_000
"""That a result names one by one; ``omero-irods loads`` names all."""


class OpensReceiver(Protocol):
    """Opens OMERO for a load, as this user in this group, "" for his default one."""

    def __call__(self, user: str, group: str = "") -> AbstractContextManager[Receiver]: ...


class Loader:
    """Does the work of unpack jobs. Any thread may call it."""

    def __init__(self, settings: Settings, open_receiver: OpensReceiver, clock: Clock) -> None:
        self._settings, self._open_receiver, self._clock = settings, open_receiver, clock

    def __call__(
        self, user: str, work: UnpackWork, store: ObjectStore, report: Report, cancel: CancelToken
    ) -> dict[str, Any]:
        """Carry out ``work``, and say what came of it. Safe to repeat after any interruption.

        Raises:
            BridgeError: what failed.
        """
        group = work.group or self._group_of_target(user, work)
        with (
            open_snapshot(store, work.path, streams=self._settings.transfer.streams) as packet,
            self._in_group(user, group, packet, work.request()) as (receiver, content),
        ):
            places = self._places(work, store)
            plan = unpack.plan(work.request(), packet, receiver, places=places, content=content)
            for text in plan.notices:
                report(Notice(text))
            loaded = unpack.apply(plan, packet, receiver, clock=self._clock, report=report, cancel=cancel)
            return _load_fields(loaded, dict(receiver.book.read_id_map(loaded.load)))

    @contextmanager
    def _in_group(
        self, user: str, group: str, packet: Packet, request: UnpackRequest
    ) -> Iterator[tuple[Receiver, PacketContent]]:
        """OMERO in ``group``; where owners are kept and none is named, in that of the packet."""
        content = unpack.read_content(request, packet)
        with self._open_receiver(user, group or unpack.group_of(content, request) or "") as receiver:
            yield receiver, content

    def _group_of_target(self, user: str, work: UnpackWork) -> str:
        """Of what the packet is loaded into; "" where nothing is named or there, which planning tells of."""
        if work.into is None:
            return ""
        with self._open_receiver(user) as receiver:
            found = receiver.surroundings.find_target(work.into)
        return "" if found is None else found.group

    def _places(self, work: UnpackWork, store: ObjectStore) -> dict[str, PurePosixPath] | None:
        return places_in(store, work.path, self._settings.paths) if work.in_place else None


def _load_fields(loaded: Loaded, here: dict[str, str]) -> dict[str, Any]:
    """What a job tells of its load; ``here`` is what all objects of the packet have become."""
    images = sorted(int(key.partition(":")[2]) for key in here.values() if key.startswith("Image:"))
    return {
        "load": loaded.load,
        "objects": dict(list(loaded.objects.items())[:MOST_OBJECTS]),
        "images": len(images),
        "image_ids": images[:MOST_OBJECTS],
        "not_kept": dict(list(loaded.not_kept.items())[:MOST_OBJECTS]),
        "was_complete": loaded.was_complete,
    }
