"""What a load will do. Nothing is changed by planning it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, UsageError
from omero_irods_bridge.model.loads import LoadRecord, LoadState
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations.matching.forms import check_rows
from omero_irods_bridge.operations.unpacking.additions import HOLDS
from omero_irods_bridge.operations.unpacking.in_place import Places, in_place_problems
from omero_irods_bridge.operations.unpacking.owner_problems import (
    group_problems,
    owner_notices,
    owner_problems,
)
from omero_irods_bridge.operations.unpacking.owners import Owners, find_owners, user_names, with_owners
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import PacketContent, load_content, select
from omero_irods_bridge.packet.reading import MANIFEST, TRANSFER_XML, Packet
from omero_irods_bridge.ports import ServerIdentity


@dataclass(frozen=True, slots=True)
class UnpackPlan:
    """What will be loaded, and into which OMERO.

    ``load`` is the id of the load: the same packet, selection, target and user always get the same one.
    ``sha256`` is of what the packet says of itself. ``known`` is what OMERO remembers of this load.
    ``places`` are where OMERO sees the members, when it shall use them there. ``owners`` are whose everything
    becomes, where owners are kept.
    """

    request: UnpackRequest
    identity: ServerIdentity
    content: PacketContent
    load: str
    sha256: str
    known: LoadRecord | None
    problems: tuple[BridgeError, ...]
    notices: tuple[str, ...]
    places: Places | None = None
    owners: Owners | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return self.known is not None and self.known.state is LoadState.DONE

    @property
    def bytes_total(self) -> int:
        """How many bytes are to be read from the packet."""
        return self.content.bytes


def read_content(request: UnpackRequest, packet: Packet) -> PacketContent:
    """What of the packet is asked for; all that it says of itself is checked.

    Raises:
        BadPacket: the packet is damaged, hostile, or of an unknown form.
        NotFound: ``request.only`` names what the packet does not have.
    """
    content = load_content(packet, places=not request.only)
    if request.only:
        content = select(content, request.only)
        packet.check_places(file.member for file in content.files())
    return with_owners(content) if request.as_owner else content


def plan(
    request: UnpackRequest,
    packet: Packet,
    receiver: Receiver,
    *,
    places: Places | None = None,
    content: PacketContent | None = None,
) -> UnpackPlan:
    """Read what the packet says of itself, check all of it, and find out what is in the way.

    ``places`` are where OMERO sees the members (placing.py); a request ``in_place`` needs them. ``content``
    is what :func:`read_content` has read of this packet for this request already.

    Raises:
        BadPacket: the packet is damaged, hostile, or of an unknown form.
        NotFound: ``request.only`` names what the packet does not have.
    """
    if content is None:
        content = read_content(request, packet)
    check_rows(content.graph, receiver.model)
    owners = find_owners(content, request, receiver) if request.as_owner else None
    identity = receiver.server.identity
    sha256 = packet_sha256(packet)
    renamed = request.owners.renamed(set(user_names(content.graph).values()))
    load = _load_id(request, sha256, identity, renamed)
    return UnpackPlan(
        request,
        identity,
        content,
        load,
        sha256,
        receiver.book.find(load, is_own=True),
        problems=(
            *content.problems,
            *_target_problems(request.into, content, receiver),
            *group_problems(content, request, receiver),
            *(owner_problems(content, request, owners, receiver) if owners else ()),
            *(in_place_problems(content, places or {}, receiver.importer) if request.in_place else ()),
        ),
        notices=(*(one.text for one in content.notices), *(owner_notices(owners) if owners else ())),
        places=places if request.in_place else None,
        owners=owners,
    )


def _load_id(
    request: UnpackRequest, sha256: str, identity: ServerIdentity, renamed: Sequence[tuple[str, str]]
) -> str:
    """A name for loading just this, just there."""
    told: list[object] = [
        sha256,
        sorted(map(str, request.only)),
        [identity.uuid, identity.user_id, identity.group_id],
        str(request.into or ""),
        [request.merge, request.as_owner, request.again],
    ]
    if renamed:
        told.append(renamed)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def packet_sha256(packet: Packet) -> str:
    """What a packet is known again by: a digest of the manifest, which has those of all else.

    Where the stock tool packed it is of ``transfer.xml``.
    """
    digest = hashlib.sha256()
    for chunk in packet.chunks(MANIFEST if packet.has_manifest else TRANSFER_XML):
        digest.update(chunk)
    return digest.hexdigest()


def _target_problems(
    into: ObjectRef | None, content: PacketContent, receiver: Receiver
) -> Iterator[BridgeError]:
    if into is None:
        return
    found = receiver.surroundings.find_target(into)
    if found is None:
        yield NotFound(f"There is no {into} that you may see.", hint="Check the id, and your group.")
        return
    identity = receiver.server.identity
    if found.group_id != identity.group_id:
        yield UsageError(
            f"{into} is in the group {found.group}, and you work in {identity.group}.",
            hint=f"Log in to the group first: omero sessions group '{found.group}'",
        )
    elif not found.may_link:
        yield AccessDenied(
            f"You may not put anything into {into}, which is {found.owner}'s.",
            hint="Name one of yours, or leave out --into.",
        )
    if not any(root.kind is HOLDS[into.kind] for root in content.roots):
        roots = ", ".join(map(str, content.roots[:5])) + (", ..." if len(content.roots) > 5 else "")
        yield UsageError(
            f"A {into.kind} takes {HOLDS[into.kind]}s, and what stands highest in the packet is {roots}.",
            hint=f"Name a container that takes that, or what to load: --only {HOLDS[into.kind]}:...",
        )
