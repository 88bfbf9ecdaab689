"""``bridge/manifest.json``: what is in a packet, where it came from, and the checksums of its members.

Docs: docs/packet-format.md, The manifest. Fields that a reader does not know are ignored; whatever changes
the meaning of one that it knows gets a new version, and a version that it does not know is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, NotRequired

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 only

from omero_irods_bridge.model.checksums import OmeroHash, Sha256
from omero_irods_bridge.model.errors import BadPacket, UsageError
from omero_irods_bridge.model.files import FileRole
from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_bridge.packet.names import check_names, quoted
from omero_irods_bridge.packet.reading import DEFAULT_LIMITS, MANIFEST, Packet

VERSION: Final = 2
MANIFEST_BYTES: Final = 512 * 1024 * 1024
"""Of the member at most; 100,000 files have about 40 MiB."""


@dataclass(frozen=True, slots=True)
class FilesetPlace:
    """Which fileset an original file belongs to, and the place in its order of files, from 0."""

    id: int
    position: int


@dataclass(frozen=True, slots=True)
class ManifestMember:
    """A member as it was packed; ``id`` is of the OriginalFile, of the Image for PIXELS, else none."""

    path: str
    size: int
    sha256: Sha256
    role: FileRole
    id: int | None = None
    hash: OmeroHash | None = None
    fileset: FilesetPlace | None = None


@dataclass(frozen=True, slots=True)
class SourceServer:
    """The OMERO server that the objects are of; ``uuid`` is its database's."""

    uuid: str
    host: str
    version: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of ``bridge/manifest.json``. ``members`` are all but the manifest, in the order of writing."""

    created: datetime
    software: str
    server: SourceServer
    objects: tuple[ObjectRef, ...]
    packed_by: str
    members: tuple[ManifestMember, ...]
    note: str = ""

    def __post_init__(self) -> None:
        if self.created.tzinfo is None:
            raise ValueError("the time of a manifest needs a zone")


def dump(manifest: Manifest) -> bytes:
    """The manifest as JSON, UTF-8, a member a line; equal manifests give equal bytes."""
    return b"".join(dump_chunks(manifest))


def dump_chunks(manifest: Manifest) -> Iterator[bytes]:
    """The same in pieces."""
    head = {
        "version": VERSION,
        "created": _iso(manifest.created),
        "software": manifest.software,
        "server": {
            "uuid": manifest.server.uuid,
            "host": manifest.server.host,
            "version": manifest.server.version,
        },
        "objects": [str(ref) for ref in manifest.objects],
        "packed_by": manifest.packed_by,
        "note": manifest.note,
    }
    yield _json(head).encode().removesuffix(b"}") + b',"members":[\n'
    for number, member in enumerate(manifest.members):
        yield (b",\n" if number else b"") + _json(_member_json(member)).encode()
    yield b"\n]}\n"


def parse(data: bytes) -> Manifest:
    """The manifest that these bytes are.

    Raises:
        BadPacket: they are not, are of a version that is not known, or contradict themselves.
        BadName: a member's name is unsafe, or two clash.
    """
    if len(data) > MANIFEST_BYTES:
        raise BadPacket(f"{MANIFEST} has {len(data):,} bytes; more than {MANIFEST_BYTES:,} are not read.")
    try:
        _check_version(_VERSION_FORM.validate_json(data)["version"])
        found = _MANIFEST_FORM.validate_json(data)
    except ValidationError as error:
        raise _malformed(error) from None
    members = tuple(map(_member, found["members"]))
    _check_members(members)
    return Manifest(
        created=found["created"].astimezone(UTC),
        software=found["software"],
        server=SourceServer(**found["server"]),
        objects=_objects(found["objects"]),
        packed_by=found["packed_by"],
        members=members,
        note=found.get("note", ""),
    )


def read_manifest(packet: Packet) -> Manifest:
    """The manifest of a packet, all of whose members are there, with the sizes that they had.

    Their bytes are not read.

    Raises:
        NotFound: the packet has none; the stock tool made it.
        BadPacket: it is malformed, or not the manifest of this packet.
        BadName: a member's name is unsafe, or two clash.
    """
    manifest = parse(packet.read(MANIFEST, MANIFEST_BYTES))
    for member in manifest.members:
        there = packet.members.get(member.path)
        if there is None:
            raise BadPacket(f"The packet lacks {quoted(member.path)}, which its manifest names.")
        if there.size != member.size:
            raise BadPacket(
                f"{quoted(member.path)} has {there.size:,} bytes, and {member.size:,} when it was packed."
            )
    return manifest


def unlisted(manifest: Manifest, packet: Packet) -> tuple[str, ...]:
    """Members that the manifest does not name: somebody added them; nothing is known of their content."""
    listed = {member.path for member in manifest.members}
    return tuple(path for path in packet.members if path not in listed and path != MANIFEST)


_Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
_Text = Annotated[str, Field(strict=True, max_length=4096)]


# Dictionaries and not models: 100,000 members take half the memory and time. Unknown keys are ignored.


class _VersionJson(TypedDict):
    version: Annotated[int, Field(strict=True)]


class _HashJson(TypedDict):
    hasher: _Text
    value: _Text


class _FilesetJson(TypedDict):
    id: _Count
    position: _Count


class _MemberJson(TypedDict):
    path: _Text
    size: _Count
    sha256: Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]
    role: FileRole
    id: NotRequired[_Count | None]
    hash: NotRequired[_HashJson | None]
    fileset: NotRequired[_FilesetJson | None]


class _ServerJson(TypedDict):
    uuid: _Text
    host: _Text
    version: _Text


class _ManifestJson(TypedDict):
    created: AwareDatetime
    software: _Text
    server: _ServerJson
    objects: Annotated[list[_Text], Field(max_length=DEFAULT_LIMITS.members)]
    packed_by: _Text
    note: NotRequired[Annotated[str, Field(strict=True, max_length=1024 * 1024)]]
    members: Annotated[list[_MemberJson], Field(max_length=DEFAULT_LIMITS.members)]


_VERSION_FORM: Final = TypeAdapter(_VersionJson)
_MANIFEST_FORM: Final = TypeAdapter(_ManifestJson)


def _member(found: _MemberJson) -> ManifestMember:
    hashed, fileset = found.get("hash"), found.get("fileset")
    return ManifestMember(
        path=found["path"],
        size=found["size"],
        sha256=Sha256(found["sha256"]),
        role=found["role"],
        id=found.get("id"),
        hash=OmeroHash(**hashed) if hashed else None,
        fileset=FilesetPlace(**fileset) if fileset else None,
    )


def _member_json(member: ManifestMember) -> dict[str, object]:
    found: dict[str, object] = {
        "path": member.path,
        "size": member.size,
        "sha256": member.sha256.hex,
        "role": member.role,
    }
    if member.id is not None:
        found["id"] = member.id
    if member.hash is not None:
        found["hash"] = {"hasher": member.hash.hasher, "value": member.hash.value}
    if member.fileset is not None:
        found["fileset"] = {"id": member.fileset.id, "position": member.fileset.position}
    return found


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _check_version(version: int) -> None:
    if version != VERSION:
        raise BadPacket(
            f"The packet is of version {version}; this program reads version {VERSION}.",
            hint="Use a newer omero-irods-bridge." if version > VERSION else "",
        )


def _check_members(members: Iterable[ManifestMember]) -> None:
    check_names((member.path for member in members), portable=False)
    taken: set[FilesetPlace] = set()
    for member in members:
        if member.path == MANIFEST:
            raise BadPacket(f"{MANIFEST} names itself as a member.")
        if member.fileset in taken:
            raise BadPacket(f"{quoted(member.path)} has the place of another file in its fileset.")
        if member.fileset is not None:
            taken.add(member.fileset)


def _objects(texts: Iterable[str]) -> tuple[ObjectRef, ...]:
    try:
        return tuple(ref for text in texts for ref in parse_objects([text]))
    except UsageError as error:
        raise BadPacket(f"{MANIFEST} names objects that there cannot be: {error.message}") from error


def _malformed(error: ValidationError) -> BadPacket:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "its text"
    return BadPacket(f"{MANIFEST} is malformed: {where}: {first['msg']}.")
