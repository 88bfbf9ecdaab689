"""The tables of the agent, beside those that DBOS keeps in the same database."""

from __future__ import annotations

from typing import Final

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
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("run_after", sa.Double),
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
    sa.Index("bridge_jobs_ended", "state", "finished_at"),
    sqlite_autoincrement=True,  # the number of a job that was forgotten is not given again
)
"""``attempt`` fences: who writes of a job must name the present one. ``runs`` counts how often that one was
begun."""

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
)
"""Kinds of jobs of which none begins at present."""
