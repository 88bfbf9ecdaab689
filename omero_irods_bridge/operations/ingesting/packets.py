"""Row I12: a packet that came by other means is recognised, checked, and described like one of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.errors import BadPacket, StalePlan
from omero_irods_bridge.model.ingest import Described, version_of
from omero_irods_bridge.model.snapshot import Description, listed, to_avus
from omero_irods_bridge.model.stored import Avu, DataObject, name_of
from omero_irods_bridge.operations.ingesting import attributes
from omero_irods_bridge.operations.ingesting.expanding import Expansion, expand
from omero_irods_bridge.operations.ingesting.importing import Work
from omero_irods_bridge.operations.opening import open_snapshot
from omero_irods_bridge.packet.content_of_packet import PacketContent, load_content

_UNKNOWN: Final = "unknown"
_NOTE: Final = "arrived by other means; described by ingest"
_DESCRIBED: Final = (
    *(
        "packet",
        "state",
        "server",
        "host",
        "source",
        "name",
        "image",
        "owner",
        "group",
        "packed_by",
        "images",
    ),
    *("files", "bytes", "sha256", "packed_at", "verified_at", "software", "note", "job", "expanded"),
    "ingest_version",
)
"""AVUs that go when other content is described; a verification was of the old one."""


def describe_packet(found: DataObject, work: Work, *, is_expanded: bool = False) -> Described:
    """Read what the packet says of itself, and give it the AVUs of a snapshot in one call.

    With ``is_expanded`` one of ours becomes a collection beside it before (expanding.py).

    Raises:
        BadPacket: it is an archive that is no packet, or one that is damaged or hostile.
        BridgeError: it cannot be read.
    """
    with work.hands.irods(found.owner) as reader, open_snapshot(reader, found.path) as packet:
        content = load_content(packet)
        problems = content.problems
        if problems:
            raise BadPacket(f"{found.path}: {problems[0].message}", hint=problems[0].hint)
        sha256 = _sha256(found) or reader.compute_checksum(found.path)
        description = _description(found, content, sha256)
        target = ""
        if is_expanded and packet.has_manifest:
            target = expand(Expansion(found, packet, description, reader), work)
    now = work.store.find(found.path)
    if not isinstance(now, DataObject) or now.size != found.size or _sha256(now) not in {None, sha256}:
        raise StalePlan(f"{found.path} has changed just now.", hint="The next scan takes it.")
    before = work.store.avus(found.path)
    avus = [*to_avus(description, work.options.prefix), *_ours(now, target, work)]
    stale = [one for one in before if _is_of_description(one, work) and one not in avus]
    work.store.change_avus(
        found.path,
        add=[one for one in avus if one not in before],
        remove=[*attributes.under_way(before, work.options), *stale],
    )
    return Described(found.path, description.images, target)


def _ours(found: DataObject, target: str, work: Work) -> list[Avu]:
    """Which content was described, so that another one is described anew, and where it was expanded to."""
    name = work.options.name
    version = Avu(name("ingest_version"), version_of(found), str(found.id))
    return [version, Avu(name("expanded"), target)] if target else [version]


def _is_of_description(avu: Avu, work: Work) -> bool:
    return avu.attribute in {work.options.name(one) for one in _DESCRIBED}


def _sha256(found: DataObject) -> Sha256 | None:
    return found.good.sha256 if found.good is not None else None


def _description(found: DataObject, content: PacketContent, sha256: Sha256) -> Description:
    images = sorted(content.graph.ids("Image"))
    origin, manifest = content.origin, content.manifest
    names = [str((content.graph.one(str(root)) or {}).get("name") or "") for root in content.roots]
    software = " ".join(part for part in (origin.software, origin.version) if part)
    return Description(
        server=origin.database_uuid or _UNKNOWN,
        host=origin.host or _UNKNOWN,
        sources=listed(tuple(map(str, content.roots))),
        name=next(filter(None, names), name_of(found.path)),
        owner=origin.user or "",
        group=origin.group or "",
        packed_by=(manifest.packed_by if manifest is not None else origin.user) or _UNKNOWN,
        images=len(images),
        files=sum(1 for _ in content.files()),
        size=found.size,
        sha256=sha256.hex,
        packed_at=manifest.created if manifest is not None else _moment(origin.packed_at, found),
        software=software or _UNKNOWN,
        note=(manifest.note if manifest is not None else "") or _NOTE,
        image_ids=listed(images),
    )


def _moment(said: datetime | None, found: DataObject) -> datetime:
    """The stock tool says no zone; what it does not say at all is when the file came."""
    if said is not None:
        return said.replace(tzinfo=UTC)
    return datetime.fromtimestamp(found.replicas[0].modified or 0.0, UTC)
