"""What speaks against keeping owners, and the group of a packet, before anything starts (``--as-owner``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, UsageError
from omero_irods_bridge.model.unpacking import UnpackRequest
from omero_irods_bridge.operations.unpacking.owners import (
    Owners,
    group_names,
    groups_of,
    owner_of_fileset,
    user_names,
)
from omero_irods_bridge.operations.unpacking.receiver import Receiver
from omero_irods_bridge.packet.content_of_packet import PacketContent

_SHOWN: Final = 5


def owner_notices(owners: Owners) -> Iterator[str]:
    """What is worth knowing before anything starts."""
    for one in owners.unknown:
        yield (
            f"Nobody here is called {one.there}, who has {one.objects:,} objects of the packet: they become"
            " yours. Name who he is here with --owners."
        )


def owner_problems(
    content: PacketContent, request: UnpackRequest, owners: Owners, receiver: Receiver
) -> Iterator[BridgeError]:
    """Why the owners cannot be kept."""
    yield from _unknown_names(content, request, receiver)
    if not receiver.surroundings.may_write_for_others():
        yield AccessDenied(
            "You may not make objects for others in OMERO.",
            hint="Leave out --as-owner, or let an administrator load the packet.",
        )
    recipients = {owner_of_fileset(one, content.graph, owners) for one in content.filesets} - {owners.me}
    if recipients and not receiver.surroundings.may_give():
        yield AccessDenied(
            "You may not give what you import to others in OMERO: that takes the privilege Chown.",
            hint="Leave out --as-owner, or let an administrator load the packet who has it.",
        )
    yield from _strangers(owners, receiver)
    if owners.is_private:
        yield from _private_problems(request, owners, receiver)


def _strangers(owners: Owners, receiver: Receiver) -> Iterator[BridgeError]:
    members = receiver.surroundings.find_members(sorted(owners.names))
    strangers = sorted(name for id_, name in owners.names.items() if id_ not in members)
    if strangers:
        group = receiver.server.identity.group
        yield AccessDenied(
            f"Not in the group {group}, and so unable to see what would be theirs: {_listed(strangers)}.",
            hint="Add them to the group, name others with --owners, or load into another --group.",
        )


def _private_problems(request: UnpackRequest, owners: Owners, receiver: Receiver) -> Iterator[BridgeError]:
    """OMERO lets nobody refer to what is another's in a private group, administrators neither."""
    group = receiver.server.identity.group
    whose = {owners.me if one.id is None else one.id for one in owners.people}
    if len(whose) > 1:
        names = _listed(one.there for one in owners.people)
        yield UsageError(
            f"The group {group} is private, and the packet has objects of several users: {names}.",
            hint="Load what is each one's by itself (--only), or into a group whose members see each other's"
            " data (--group).",
        )
    if whose - {owners.me} and (request.into is not None or request.merge):
        yield UsageError(
            f"The group {group} is private: what is another's cannot be put into your containers.",
            hint="Leave out --into and --merge, or leave out --as-owner.",
        )


def _unknown_names(
    content: PacketContent, request: UnpackRequest, receiver: Receiver
) -> Iterator[BridgeError]:
    """OMERO is asked for the names that matter to this packet only: the file may be of a whole site."""
    users, groups = set(user_names(content.graph).values()), _groups_told(content)
    for table, names, there, find in (
        ("users", request.owners.users, users, receiver.surroundings.find_users),
        ("groups", request.owners.groups, groups, receiver.surroundings.find_groups),
    ):
        meant = {one: name for one, name in names.items() if one in there}
        here = find(list(meant.values()))
        wrong = [f'{table}."{one}" = "{name}"' for one, name in meant.items() if name not in here]
        if wrong:
            yield UsageError(
                f"OMERO has no {table} of these names in --owners: {_listed(wrong)}.",
                hint="They are the names that people log in with, and of groups as OMERO shows them.",
            )


def _groups_told(content: PacketContent) -> set[str]:
    found = set(group_names(content.graph).values())
    return found or {one.group for one in (content.origin, *content.origins.values()) if one.group}


def group_problems(
    content: PacketContent, request: UnpackRequest, receiver: Receiver
) -> Iterator[BridgeError]:
    """Why the packet cannot be loaded into the group that it is of."""
    if not request.keep_group:
        return
    groups, present = groups_of(content, request), receiver.server.identity.group
    instead = "Name a group: --group NAME, or which one it is here: [groups] in the file of --owners."
    if not groups:
        yield UsageError("The packet does not say which group it is of.", hint=instead)
    elif len(groups) > 1:
        yield UsageError(f"The packet is of several groups: {_listed(groups)}.", hint=instead)
    elif groups[0] != present:
        if receiver.surroundings.find_groups(groups):
            yield AccessDenied(
                f"The packet is of the group {groups[0]}, and you work in {present}.",
                hint=f"Log in to it (omero sessions group '{groups[0]}'), or name yours: --group '{present}'",
            )
        else:
            yield UsageError(f"OMERO has no group {groups[0]}, which the packet is of.", hint=instead)


def _listed(names: Iterable[str]) -> str:
    all_ = list(names)
    return ", ".join(all_[:_SHOWN]) + (f" and {len(all_) - _SHOWN:,} more" if len(all_) > _SHOWN else "")
