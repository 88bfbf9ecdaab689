"""Whose everything in a packet is, and who that is here (``--as-owner``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from omero_irods_bridge.model.ownership import PacketOwner
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations.matching.rules import NOT_CARRIED, PEOPLE
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import ContentFileset, PacketContent
from omero_irods_bridge.packet.graph import Graph
from omero_irods_bridge.ports import ObjectModel, Row

NOBODY: Final = ""
"""The key of the owner of what a packet names no owner of."""


@dataclass(frozen=True, slots=True)
class Owners:
    """``ids`` are of all users of the packet who are known here, by key; the rest becomes ``me``'s.

    ``people`` are those to whom something in the packet belongs, by name. ``is_private`` is the group here.
    """

    me: int
    ids: Mapping[str, int]
    people: tuple[PacketOwner, ...]
    is_private: bool

    def of(self, row: Row | None) -> int:
        """Whose an object of the packet becomes."""
        return self.ids.get(owner_of(row), self.me)

    @property
    def names(self) -> Mapping[int, str]:
        """Of those here who get something; not of who loads."""
        return {one.id: one.here for one in self.people if one.id is not None and one.id != self.me}

    @property
    def unknown(self) -> tuple[PacketOwner, ...]:
        """Whose users nobody here is known to be."""
        return tuple(one for one in self.people if one.id is None)


def find_owners(content: PacketContent, request: UnpackRequest, receiver: Receiver) -> Owners:
    """Look for the users of a packet in OMERO; reads what it says of each object once."""
    names = user_names(content.graph)
    here = {key: request.owners.user(name) for key, name in names.items()}
    found = receiver.surroundings.find_users(sorted(set(here.values())))
    ids = {key: found[name] for key, name in here.items() if name in found}
    people = tuple(
        PacketOwner(names.get(key, "?"), here.get(key, "") if key in ids else "", ids.get(key), count)
        for key, count in sorted(_counts(content, receiver.model).items())
        if key != NOBODY
    )
    return Owners(receiver.server.identity.user_id, ids, people, receiver.surroundings.is_private())


def owner_of_fileset(fileset: ContentFileset, graph: Graph, owners: Owners) -> int:
    """Whose a fileset becomes; where the packet tells of no fileset, whose its first image is."""
    row = graph.one(fileset.source) if fileset.source.startswith("Fileset:") else None
    if row is None and fileset.images:
        row = graph.one(f"Image:{fileset.images[min(fileset.images)]}")
    return owners.of(row)


def user_names(graph: Graph) -> dict[str, str]:
    """Names of users by key."""
    return {row["@"]: row["omeName"] for row in graph.rows("Experimenter") if row.get("omeName")}


def group_names(graph: Graph) -> dict[str, str]:
    """Names of groups by key."""
    return {row["@"]: row["name"] for row in graph.rows("ExperimenterGroup") if row.get("name")}


def groups_of(content: PacketContent, request: UnpackRequest) -> tuple[str, ...]:
    """What the groups that the packet's objects were in are called here."""
    names = group_names(content.graph)
    rows = (content.graph.one(str(root)) or {} for root in content.roots)
    found = {str((row.get("details") or {}).get("group")) for row in rows}
    known = {names[key] for key in found if key in names}
    if not names and content.origin.group:
        known = {content.origin.group}
    return tuple(sorted(set(map(request.owners.group, known))))


def owner_of(row: Row | None) -> str:
    """The key of whose an object is; NOBODY's where the packet does not say."""
    owner = ((row or {}).get("details") or {}).get("owner")
    return NOBODY if owner is None else str(owner)


def _counts(content: PacketContent, model: ObjectModel) -> Counter[str]:
    """How many objects that a load carries each user has, by key."""
    files = {one.original_file for one in content.attachments}
    files |= {row["originalFile"] for row in content.graph.rows("FilesetEntry") if row.get("originalFile")}
    found: Counter[str] = Counter()
    for name in content.graph.classes():
        shape = model.shape(name)
        if shape is not None and shape.root not in NOT_CARRIED and shape.root not in PEOPLE:
            rows = content.graph.rows(name)
            found.update(owner_of(row) for row in rows if name != "OriginalFile" or row["@"] in files)
    return found


# -- packets of the stock tool


def with_owners(content: PacketContent) -> PacketContent:
    """The same, where the packet says only of images and plates who had them: all of it as his objects."""
    graph = content.graph
    users = {one.user for one in (content.origin, *content.origins.values()) if one.user}
    if not users or graph.count("Experimenter"):
        return content
    keys = {name: f"Experimenter:{number}" for number, name in enumerate(sorted(users), 1)}
    changed = graph.changed(dict(_owned_rows(content, keys)))
    for name, key in keys.items():
        changed.add({"@": key, "omeName": name})
    return replace(content, graph=changed)


def _owned_rows(content: PacketContent, keys: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    for name in content.graph.classes():
        for row in content.graph.rows(name):
            user = content.origins.get(row["@"], content.origin).user or content.origin.user
            if user:
                yield row["@"], {**row, "details": {**(row.get("details") or {}), "owner": keys[user]}}
