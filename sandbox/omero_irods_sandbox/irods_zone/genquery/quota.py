"""The quota query, an option of GenQuery1 that ignores the columns asked for.

Source: ``general_query.cpp``, generateSpecialQuery of iRODS 5.0.2. Its three
subqueries (quotas of groups on resources, of groups in total, of users) are one
here: every user is a member of a group of his own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import CAT_INVALID_ARGUMENT, QueryError
from omero_irods_sandbox.irods_zone.genquery.fragment import Fragment, bound, joined
from omero_irods_sandbox.irods_zone.genquery.operands import UNSTORABLE
from omero_irods_sandbox.irods_zone.genquery.statement import Statement

USER_NAME: Final = 202
RESOURCE_NAME: Final = 302
# quota user, resource name, limit, over, quota resource (0: the total)
COLUMNS: Final = (2000, RESOURCE_NAME, 2002, 2003, 2001)

_QUOTAS: Final = (
    "select distinct Q.user_id, R.resc_name, Q.quota_limit, Q.quota_over, Q.resc_id"
    " from R_QUOTA_MAIN Q, R_RESC_MAIN R, R_USER_GROUP G, R_USER_MAIN U"
    " where (Q.resc_id = R.resc_id or Q.resc_id = 0)"
    " and Q.user_id = G.group_user_id and G.user_id = U.user_id"
    " and U.user_name = ? and U.zone_name = "
)
_LOCAL_ZONE: Final = "(select zone_name from R_ZONE_MAIN where zone_type_name = 'local')"
_WORST_FIRST: Final = " order by Q.quota_over desc"


def quota_statement(values: Sequence[tuple[int, str]]) -> Statement:
    """The quotas that apply to a user, the worst first.

    ``values``: column numbers with bare values, no operators: USER_NAME with
    ``name`` or ``name#zone``, and RESOURCE_NAME to keep to one resource.

    Raises:
        QueryError: CAT_INVALID_ARGUMENT; no user is named.
    """
    given = dict(values)
    if USER_NAME not in given:
        raise QueryError(CAT_INVALID_ARGUMENT, "a quota query must name the user")
    _check_characters(given)
    name, _, zone = given[USER_NAME].partition("#")
    pieces = [Fragment(_QUOTAS, (name,)), bound(zone) if zone else Fragment(_LOCAL_ZONE)]
    if RESOURCE_NAME in given:
        pieces.append(Fragment(" and R.resc_name = ?", (given[RESOURCE_NAME],)))
    pieces.append(Fragment(_WORST_FIRST))
    return Statement.of(joined("", pieces), columns=COLUMNS)


def _check_characters(given: dict[int, str]) -> None:
    for value in given.values():
        if UNSTORABLE.search(value):
            raise QueryError(CAT_INVALID_ARGUMENT, f"no name holds a character of {value[:60]!r}")
