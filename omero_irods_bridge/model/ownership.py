"""Who was who where a packet comes from, and is who here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from omero_irods_bridge.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class OwnerMap:
    """Names of users and groups there, and what they are called here; others have equal names.

    One map may be of a whole site: names that a packet does not have do not matter to it.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table, names in (("users", self.users), ("groups", self.groups)):
            for there, here in names.items():
                if not (there and type(here) is str and here):
                    raise UsageError(
                        f"owners: {table}.{there} has to be a name in OMERO, in quotes.",
                        hint='For example, below [users]: "alice there" = "alice here"',
                    )

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)

    def user(self, there: str) -> str:
        """What a user of the packet is called here."""
        return self.users.get(there, there)

    def group(self, there: str) -> str:
        """What a group of the packet is called here."""
        return self.groups.get(there, there)

    def renamed(self, users: Collection[str]) -> list[tuple[str, str]]:
        """Those of these users of a packet whose names differ, sorted: what a load differs by."""
        return sorted((name, self.user(name)) for name in users if self.user(name) != name)


@dataclass(frozen=True, slots=True)
class PacketOwner:
    """Somebody to whom so many ``objects`` of a packet belong; ``here`` is empty where nobody is known."""

    there: str
    here: str
    id: int | None
    objects: int
