"""The port Surroundings over omero-py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import omero
import omero.clients
import omero.sys
from omero.rtypes import rlist, rstring, unwrap

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.errors import omero_errors
from omero_irods_bridge.adapters.omero.graph_writing import WRITE_FILE, WRITE_OWNED, privileges_of
from omero_irods_bridge.adapters.omero.ownership import CHOWN
from omero_irods_bridge.model.loads import LoadTarget, TagText
from omero_irods_bridge.model.objects import ObjectRef

_TEXTS_AT_ONCE: Final = 200
_TAGS: Final = (
    "select t.id, t.textValue, t.description, t.ns from TagAnnotation t"
    " where t.textValue in (:texts) and t.details.owner.id = :owner order by t.id"
)
_USERS: Final = "select e.omeName, e.id from Experimenter e where e.omeName in (:texts)"
_MEMBERS: Final = (
    "select distinct m.child.id from GroupExperimenterMap m"
    " where m.parent.id = :group and m.child.id in (:ids)"
)
_GROUPS: Final = "select g.name, g.id from ExperimenterGroup g where g.name in (:texts)"


class OmeroSurroundings:
    """``Surroundings`` on a connection, which the caller closes."""

    def __init__(self, connection: OmeroConnection) -> None:
        self._connection = connection
        with omero_errors("preparing to look around"):
            self._query = connection.session.getQueryService()
        self._context = connection.client.getContext(group=connection.identity.group_id)

    def find_tags(self, texts: Sequence[str], *, owner: int | None = None) -> Mapping[TagText, str]:
        found: dict[TagText, str] = {}
        whose = self._connection.identity.user_id if owner is None else owner
        for id_, text, description, namespace in self._rows(_TAGS, texts, "looking for tags", owner=whose):
            found.setdefault(TagText(text, description or "", namespace or ""), f"TagAnnotation:{id_}")
        return found

    def find_users(self, names: Sequence[str]) -> Mapping[str, int]:
        return {row[0]: row[1] for row in self._rows(_USERS, names, "looking for users")}

    def find_groups(self, names: Sequence[str]) -> Mapping[str, int]:
        return {row[0]: row[1] for row in self._rows(_GROUPS, names, "looking for groups")}

    def find_members(self, users: Sequence[int]) -> frozenset[int]:
        parameters = omero.sys.ParametersI().addLong("group", self._connection.identity.group_id)
        parameters.addIds(list(users))
        with omero_errors("looking who is in your group"):
            rows = self._query.projection(_MEMBERS, parameters, self._context) if users else ()
        return frozenset(row[0].val for row in rows)

    def is_private(self) -> bool:
        with omero_errors("looking at your group"):
            group = self._query.get("ExperimenterGroup", self._connection.identity.group_id, self._context)
        return not group.details.permissions.isGroupRead()

    def find_target(self, target: ObjectRef) -> LoadTarget | None:
        text = f"select o from {target.kind} o join fetch o.details.owner join fetch o.details.group"  # noqa: S608  # a kind
        parameters = omero.sys.ParametersI().addId(target.id)
        with omero_errors(f"looking at {target}"):
            found = self._query.findByQuery(
                f"{text} where o.id = :id", parameters, self._connection.all_groups()
            )
        return None if found is None else _target(str(target), found)

    def may_write_for_others(self) -> bool:
        return {WRITE_FILE, WRITE_OWNED} <= privileges_of(self._connection)

    def may_give(self) -> bool:
        return CHOWN in privileges_of(self._connection)

    def _rows(self, text: str, texts: Sequence[str], what: str, **numbers: int) -> Iterator[list[Any]]:
        with omero_errors(what):
            for some in _parts(texts):
                parameters = omero.sys.ParametersI().add("texts", rlist([rstring(one) for one in some]))
                for name, number in numbers.items():
                    parameters.addLong(name, number)
                for row in self._query.projection(text, parameters, self._context):
                    yield [unwrap(one) for one in row]


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(dict.fromkeys(texts))
    while some := list(islice(remaining, _TEXTS_AT_ONCE)):
        yield some


def _target(key: str, found: Any) -> LoadTarget:
    details = found.details
    name = getattr(found, "name", None)
    return LoadTarget(
        key=key,
        name="" if name is None else name.val,
        group_id=details.group.id.val,
        group=details.group.name.val,
        owner=details.owner.omeName.val,
        may_link=details.permissions.canLink(),
    )
