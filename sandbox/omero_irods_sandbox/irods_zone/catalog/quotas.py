"""Quotas: limits of groups, and how much of them is used. Nothing enforces them here; clients ask.

Source: ``db_set_quota_op``, ``db_calc_usage_and_quota_op`` and ``setOverQuota`` of ``db_plugin.cpp``.
"""

from __future__ import annotations

from typing import Final

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.catalog.paths import timestamp
from omero_irods_sandbox.irods_zone.catalog.values import User

ALL_RESOURCES: Final = 0


class Quotas:
    """Limits (R_QUOTA_MAIN) and usage as of the last count (R_QUOTA_USAGE)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_limit(self, owner: User, resource_id: int, limit: int) -> None:
        """``limit`` in bytes on one resource or :data:`ALL_RESOURCES`; 0 or less takes the quota away."""
        self._database.execute(
            "delete from R_QUOTA_MAIN where user_id = ? and resc_id = ?", owner.id, resource_id
        )
        if limit > 0:
            self._database.insert(
                "R_QUOTA_MAIN",
                user_id=owner.id,
                resc_id=resource_id,
                quota_limit=limit,
                modify_ts=timestamp(),
            )
        self._compare()

    def calculate_usage(self) -> None:
        """Sum up what each user's replicas take on each resource, and compare it with the limits."""
        self._database.execute("delete from R_QUOTA_USAGE")
        self._database.execute(
            "insert into R_QUOTA_USAGE(user_id, resc_id, quota_usage, modify_ts)"
            " select u.user_id, d.resc_id, sum(d.data_size), ? from R_DATA_MAIN d"
            " join R_USER_MAIN u on u.user_name = d.data_owner_name and u.zone_name = d.data_owner_zone"
            " group by u.user_id, d.resc_id",
            timestamp(),
        )
        self._compare()

    def _compare(self) -> None:
        """``quota_over`` is used minus limit. Users count as groups: each is in one of his own."""
        self._database.execute(
            "update R_QUOTA_MAIN set quota_over = -quota_limit + ("
            " select coalesce(sum(used.quota_usage), 0) from R_QUOTA_USAGE used"
            " join R_USER_GROUP member on member.user_id = used.user_id"
            " where member.group_user_id = R_QUOTA_MAIN.user_id"
            " and R_QUOTA_MAIN.resc_id in (?, used.resc_id))",
            ALL_RESOURCES,
        )
