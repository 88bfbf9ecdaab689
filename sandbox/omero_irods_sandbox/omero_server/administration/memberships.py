"""Rows of GroupExperimenterMap: who is in which group, and owns it."""

from __future__ import annotations

from collections.abc import Iterable

from omero_irods_sandbox.omero_server.store.unit_of_work import UnitOfWork


def add(work: UnitOfWork, user_id: int, group_id: int, *, is_owner: bool = False) -> None:
    """Put a user into a group, as the last of his; whoever is in it already stays as he is."""
    database = work.database
    known = 'select 1 from "GroupExperimenterMap" where child_id = ? and parent_id = ?'
    if database.value(known, user_id, group_id):
        return
    last = database.value('select max(child_index) from "GroupExperimenterMap" where child_id = ?', user_id)
    work.insert(
        "GroupExperimenterMap",
        parent_id=group_id,
        child_id=user_id,
        child_index=0 if last is None else last + 1,
        owner=int(is_owner),
    )


def remove(work: UnitOfWork, user_id: int, group_id: int) -> None:
    """Take a user out of a group."""
    work.delete("GroupExperimenterMap", _ids(work, user_id, group_id))


def set_owner(work: UnitOfWork, user_id: int, group_id: int, *, is_owner: bool) -> None:
    """Make a member an owner of the group, or an ordinary member."""
    for id_ in _ids(work, user_id, group_id):
        work.update("GroupExperimenterMap", id_, owner=int(is_owner))


def make_first(work: UnitOfWork, user_id: int, group_id: int) -> None:
    """Let a group be the user's default."""
    rows = work.database.tuples(
        'select id, parent_id from "GroupExperimenterMap" where child_id = ? order by child_index, id',
        (user_id,),
    )
    ordered = sorted(rows, key=lambda row: row[1] != group_id)
    for position, (id_, _) in enumerate(ordered):
        work.update("GroupExperimenterMap", id_, child_index=position)


def _ids(work: UnitOfWork, user_id: int, group_id: int) -> Iterable[int]:
    sql = 'select id from "GroupExperimenterMap" where child_id = ? and parent_id = ?'
    return [row[0] for row in work.database.tuples(sql, (user_id, group_id))]
