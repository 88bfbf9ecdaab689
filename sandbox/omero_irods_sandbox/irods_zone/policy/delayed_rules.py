"""The queue of delayed rules: rows of R_RULE_EXEC.

Source: ``rsRuleExecSubmit.cpp``, ``irodsDelayServer.cpp``; who submitted a rule, zone and all,
is kept in ``exe_context``, in the shape of ``irods::to_json`` (``irods_re_structs.cpp``).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from omero_irods_sandbox.irods_zone.catalog.catalog import Catalog
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.policy import delay_hints
from omero_irods_sandbox.irods_zone.session import Session

_NO_REI_FILE: Final = "EMPTY_REI_PATH"


@dataclass(frozen=True, slots=True)
class DelayedRule:
    """One row. ``instance`` is the engine that was asked for, "" for any."""

    id: int
    text: str
    user_name: str
    user_zone: str
    address: str
    frequency: str
    instance: str

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Self:
        context = json.loads(row["exe_context"])
        return cls(
            row["rule_exec_id"],
            row["rule_name"],
            context["uoic"]["userName"],
            context["uoic"]["rodsZone"],
            row["exe_address"],
            row["exe_frequency"],
            context["pluginInstanceName"],
        )


def submit(session: Session, hints: str, text: str) -> int:
    """Queue the rule ``text`` of the session's user; its id.

    Raises:
        ZoneError: the hints are wrong; see :func:`.delay_hints.parse`.
    """
    parsed = delay_hints.parse(hints, int(time.time()))
    user, proxy = session.user, session.proxy
    context = {
        "pluginInstanceName": parsed.instance,
        "uoic": {"userName": user.name, "rodsZone": user.zone},
        "uoip": {"userName": proxy.name, "rodsZone": proxy.zone},
    }
    database = session.catalog.database
    with session.catalog.transaction():
        rule_id = database.next_id()
        database.insert(
            "R_RULE_EXEC",
            rule_exec_id=rule_id,
            rule_name=text,
            rei_file_path=_NO_REI_FILE,
            user_name=user.name,
            exe_address=session.address,
            exe_time=timestamp(parsed.run_at),
            exe_frequency=parsed.frequency,
            priority=parsed.priority,
            exe_context=json.dumps(context),
        )
    return rule_id


def due(catalog: Catalog, running: Collection[int], limit: int) -> list[DelayedRule]:
    """The next rules to run: the highest priority first, then the one that waits longest."""
    rows = catalog.database.rows(
        "select * from R_RULE_EXEC where exe_time <= ? order by priority desc, exe_time, rule_exec_id",
        timestamp(),
    )
    return [DelayedRule.from_row(row) for row in rows if row["rule_exec_id"] not in running][:limit]


def find(catalog: Catalog, rule_id: str) -> DelayedRule | None:
    """The rule with this id, whenever it is due."""
    row = catalog.database.row("select * from R_RULE_EXEC where rule_exec_id = ?", rule_id)
    return None if row is None else DelayedRule.from_row(row)


def remove(catalog: Catalog, rule_id: int | str) -> bool:
    """Whether it was there."""
    with catalog.transaction():
        return catalog.database.execute("delete from R_RULE_EXEC where rule_exec_id = ?", rule_id) > 0


def reschedule(catalog: Catalog, rule: DelayedRule, coming: delay_hints.Next) -> None:
    """Keep the row for its next run."""
    with catalog.transaction():
        catalog.database.execute(
            "update R_RULE_EXEC set exe_time = ?, exe_frequency = ?, last_exe_time = ?"
            " where rule_exec_id = ?",
            timestamp(coming.run_at),
            coming.frequency,
            timestamp(),
            rule.id,
        )
