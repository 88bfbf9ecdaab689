"""The tables of the agent, beside those that DBOS keeps in the same database.

A column that comes later may be null or has a ``server_default``: a database of an older release gets it with
``ALTER TABLE ADD COLUMN``, a new table or index by being made.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()

JOBS: Final = sa.Table(
    "bridge_jobs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uuid", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("batch", sa.Text, nullable=False, server_default=""),
    sa.Column("lane", sa.Text, nullable=False, server_default=""),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("run_after", sa.Double),
    sa.Column("woken_from", sa.Double),
    sa.Column("attempt", sa.Integer, nullable=False, default=0),
    sa.Column("attempt_at", sa.Double),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("runs", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.Text, nullable=False, default=""),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("phase", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("requested_by", "request_id"),
    sa.Index("bridge_jobs_next", "state", "priority", "id"),
    sa.Index("bridge_jobs_of_user", "requested_by", "id"),
    sa.Index("bridge_jobs_of_user_and_state", "requested_by", "state", "id"),
    sa.Index("bridge_jobs_of_batch", "batch", "id"),
    sa.Index("bridge_jobs_of_lane", "lane", "id"),
    sa.Index("bridge_jobs_of_state", "state", "id"),
    sa.Index("bridge_jobs_of_kind", "kind", "id"),
    sa.Index("bridge_jobs_ended", "state", "finished_at"),
    sqlite_autoincrement=True,  # the number of a job that was forgotten is not given again
)
"""``attempt`` fences: who writes of a job must name the present one. ``runs`` counts how often that one was
begun. ``woken_from`` is the ``run_after`` of a job that is tried ahead of it."""

EVENTS: Final = sa.Table(
    "bridge_job_events",
    METADATA,
    sa.Column("job", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("job", "number"),
)

PAUSED: Final = sa.Table(
    "bridge_paused",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("paused_at", sa.Double),
    sa.Column("paused_by", sa.Text, nullable=False, server_default=""),
)
"""Kinds of jobs of which none begins at present; an older release did not note since when and by whom."""

WORKERS: Final = sa.Table(
    "bridge_workers",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kinds", sa.Text, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
)
"""Those that have not said that they stop. Who holds a name says its lease alone (engine/lease.py)."""

WAITING, SENT, GIVEN_UP, NEEDLESS = "waiting", "sent", "given up", "needless"
"""States of a row of MAILS."""

MAILS: Final = sa.Table(
    "bridge_mails",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("send_after", sa.Double, nullable=False),
    sa.Column("state", sa.Text, nullable=False, default=WAITING),
    sa.Column("is_held", sa.Boolean, nullable=False, default=False),
    sa.Column("message", sa.Text),
    sa.Column("claim", sa.Text),
    sa.Column("claimed_until", sa.Double),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("ended_at", sa.Double),
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("job", "attempt", "recipient"),
    sa.Index("bridge_mails_next", "state", "recipient", "id"),
)
"""What is to be told by mail: a row for each attempt that ended for good and who is told, an OMERO user or,
"", the administrators. Rows of one ``message`` go out together."""

TOTALS: Final = sa.Table(
    "bridge_totals",
    METADATA,
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.PrimaryKeyConstraint("kind", "what"),
)
"""Counts that only grow, also when the jobs that they are of are forgotten."""

SIGNED_OUT: Final = sa.Table(
    "bridge_signed_out",
    METADATA,
    sa.Column("sign_in", sa.Text, primary_key=True),
    sa.Column("expires", sa.Double, nullable=False),
)
"""Cookies of the page by their ids, of whose users signed out; ``expires`` is when the cookie does."""

SCHEDULES: Final = sa.Table(
    "bridge_schedules",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("last_at", sa.Double),
    sa.Column("next_at", sa.Double, nullable=False),
)
"""When each schedule was handed in last, and when it is next."""


def make_tables(connection: sa.Connection) -> None:
    """Make what is missing: tables, and columns and indexes of those that an older release made."""
    METADATA.create_all(connection)
    found = sa.inspect(connection)
    for table in METADATA.sorted_tables:
        there = {one["name"] for one in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                _add_column(connection, column)
        indexes = {one["name"] for one in found.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)


def _add_column(connection: sa.Connection, column: sa.Column[Any]) -> None:
    made = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(sa.text(f"ALTER TABLE {column.table.name} ADD COLUMN {made}"))
