"""Users and groups: who is in which, with which rank, and as what callers they act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from omero_irods_sandbox.omero_server.security.caller import Caller, GroupRights, group_rights
from omero_irods_sandbox.omero_server.security.privileges import (
    ALL_PRIVILEGES,
    CONFIG_PREFIX,
    NO_PRIVILEGES,
    Privilege,
)
from omero_irods_sandbox.omero_server.security.roles import SYSTEM_GROUP, USER_GROUP
from omero_irods_sandbox.omero_server.store.store import Store


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's groups, in order, and what he may as an administrator."""

    member_of: tuple[int, ...]
    leader_of: frozenset[int]
    privileges: frozenset[Privilege]

    @property
    def is_admin(self) -> bool:
        return SYSTEM_GROUP in self.member_of


@dataclass(slots=True)
class _Known:
    """What was read from the database at ``version``."""

    version: int
    groups: Mapping[int, GroupRights]
    members: dict[int, Membership] = field(default_factory=dict)


class Directory:
    """Reads users and groups from the store; remembers them until one of them is written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = _Known(-1, {})

    def groups(self) -> Mapping[int, GroupRights]:
        """The permissions of every group."""
        return self._current().groups

    def membership(self, user_id: int) -> Membership:
        known = self._current()
        found = known.members.get(user_id)
        if found is None:
            found = known.members[user_id] = self._read_membership(user_id)
        return found

    def _current(self) -> _Known:
        version = self._store.identities_version
        if self._known.version != version:
            rows = self._store.database.tuples('select id, d_permissions from "ExperimenterGroup"')
            self._known = _Known(version, {id_: group_rights(bits) for id_, bits in rows})
        return self._known

    def _read_membership(self, user_id: int) -> Membership:
        rows = self._store.database.tuples(
            'select parent_id, owner from "GroupExperimenterMap" where child_id = ? order by child_index, id',
            (user_id,),
        )
        member_of = tuple(row[0] for row in rows)
        return Membership(
            member_of,
            frozenset(row[0] for row in rows if row[1]),
            self.privileges(user_id) if SYSTEM_GROUP in member_of else NO_PRIVILEGES,
        )

    def privileges(self, user_id: int) -> frozenset[Privilege]:
        """What the user may do if he is an administrator: all that his configuration does not take away."""
        rows = self._store.database.tuples(
            "select name from named_value where root = 'Experimenter' and owner_id = ? and field = 'config'"
            " and lower(value) = 'false'",
            (user_id,),
        )
        lacking = {row[0].removeprefix(CONFIG_PREFIX) for row in rows if row[0].startswith(CONFIG_PREFIX)}
        return frozenset(privilege for privilege in ALL_PRIVILEGES if privilege.value not in lacking)

    def default_group(self, user_id: int) -> int:
        """The group a login goes to: the first that is not the group of all users."""
        groups = self.membership(user_id).member_of
        return next((group for group in groups if group != USER_GROUP), groups[0] if groups else USER_GROUP)

    def is_active(self, user_id: int) -> bool:
        """Whether the user may log in: whoever is not in the group of all users may not."""
        return USER_GROUP in self.membership(user_id).member_of

    # -- names

    def user_id(self, name: str) -> int | None:
        found = self._store.database.value('select id from "Experimenter" where omeName = ?', name)
        return None if found is None else int(found)

    def user_name(self, user_id: int) -> str:
        return str(self._store.database.value('select omeName from "Experimenter" where id = ?', user_id))

    def group_id(self, name: str) -> int | None:
        found = self._store.database.value('select id from "ExperimenterGroup" where name = ?', name)
        return None if found is None else int(found)

    def group_name(self, group_id: int) -> str:
        return str(self._store.database.value('select name from "ExperimenterGroup" where id = ?', group_id))

    # -- callers

    def caller(
        self,
        user_id: int,
        group_id: int,
        *,
        session_id: int,
        sudoer_id: int | None = None,
        event_type: str = "User",
    ) -> Caller:
        """The user as one who calls in ``group_id``, the group of his session.

        A sudoer cannot do through another what he may not do himself (LightAdminPrivileges).
        """
        membership = self.membership(user_id)
        privileges = membership.privileges
        if sudoer_id is not None and membership.is_admin:
            sudoer = self.membership(sudoer_id)
            privileges &= sudoer.privileges
        return Caller(
            user_id=user_id,
            group_id=group_id,
            session_group_id=group_id,
            is_admin=membership.is_admin,
            privileges=privileges,
            member_of=membership.member_of,
            leader_of=membership.leader_of,
            groups=self.groups(),
            session_id=session_id,
            event_type=event_type,
        )
