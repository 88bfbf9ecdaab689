"""What can be asked for: every column of both query languages and the table it lives in.

Sources: ``rodsGenQuery.h`` (numbers), ``general_query_setup.cpp`` (tables and
columns of GenQuery1), ``genquery2_table_column_mappings.hpp`` of iRODS 5.0.2
(names of GenQuery2; a column without a name cannot be asked for there).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from omero_irods_sandbox.irods_zone.genquery.errors import CAT_UNKNOWN_TABLE, QueryError
from omero_irods_sandbox.irods_zone.genquery.operands import Kind

_INTEGERS_NOT_CALLED_ID: Final = frozenset(
    {
        "data_is_dirty",
        "data_repl_num",
        "data_size",
        "quota_limit",
        "quota_over",
        "quota_usage",
        "uses_count",
        "uses_limit",
        "write_byte_count",
        "write_byte_limit",
        "write_file_count",
        "write_file_limit",
    }
)

# No column of a table: SQL function hier() computes it from resc_id.
HIERARCHY: Final = "hier"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    ``number`` is its GenQuery1 id, None when only GenQuery2 has it; ``table`` an
    alias of :data:`TABLES`; ``name`` the column of that table; ``genquery2`` its
    name there, empty when GenQuery2 does not have it.
    """

    number: int | None
    table: str
    name: str
    genquery2: str = ""

    @property
    def sql(self) -> str:
        """The SQL expression for it."""
        if self.name == HIERARCHY:
            return f"hier({self.table}.resc_id)"
        return f"{self.table}.{self.name}"

    @property
    def kind(self) -> Kind:
        """Its type in the ICAT: ids, sizes and counters are integers, all else (times too) is text."""
        is_integer = self.name.endswith("_id") or self.name in _INTEGERS_NOT_CALLED_ID
        return Kind.INTEGER if is_integer else Kind.TEXT


_Row = tuple[int, str] | tuple[int, str, str]


def _columns(table: str, *rows: _Row) -> tuple[Column, ...]:
    return tuple(Column(row[0], table, row[1], row[2] if len(row) == 3 else "") for row in rows)


_ZONES: Final = _columns(
    "R_ZONE_MAIN",
    (101, "zone_id", "ZONE_ID"),
    (102, "zone_name", "ZONE_NAME"),
    (103, "zone_type_name", "ZONE_TYPE"),
    (104, "zone_conn_string", "ZONE_CONNECTION"),
    (105, "r_comment", "ZONE_COMMENT"),
    (106, "create_ts", "ZONE_CREATE_TIME"),
    (107, "modify_ts", "ZONE_MODIFY_TIME"),
)

_USERS: Final = (
    *_columns(
        "R_USER_MAIN",
        (201, "user_id", "USER_ID"),
        (202, "user_name", "USER_NAME"),
        (203, "user_type_name", "USER_TYPE"),
        (204, "zone_name", "USER_ZONE"),
        (205, "r_comment", "USER_DN_INVALID"),  # the DN of iRODS 2.1: the server answers with the comment
        (206, "user_info", "USER_INFO"),
        (207, "r_comment", "USER_COMMENT"),
        (208, "create_ts", "USER_CREATE_TIME"),
        (209, "modify_ts", "USER_MODIFY_TIME"),
    ),
    *_columns("R_USER_AUTH", (1600, "user_id", "USER_AUTH_ID"), (1601, "user_auth_name", "USER_DN")),
    *_columns("R_USER_GROUP", (900, "group_user_id", "GROUP_ID")),
    Column(None, "R_USER_GROUP", "user_id", "GROUP_MEMBER_ID"),
    *_columns("r_group_main", (901, "user_name")),
)

_RESOURCES: Final = _columns(
    "R_RESC_MAIN",
    (301, "resc_id", "RESC_ID"),
    (302, "resc_name", "RESC_NAME"),
    (303, "zone_name", "RESC_ZONE_NAME"),
    (304, "resc_type_name", "RESC_TYPE_NAME"),
    (305, "resc_class_name", "RESC_CLASS_NAME"),
    (306, "resc_net", "RESC_HOSTNAME"),
    (307, "resc_def_path", "RESC_VAULT_PATH"),
    (308, "free_space", "RESC_FREE_SPACE"),
    (309, "resc_info", "RESC_INFO"),
    (310, "r_comment", "RESC_COMMENT"),
    (311, "create_ts", "RESC_CREATE_TIME"),
    (312, "modify_ts", "RESC_MODIFY_TIME"),
    (313, "resc_status", "RESC_STATUS"),
    (314, "free_space_ts", "RESC_FREE_SPACE_TIME"),
    (315, "resc_children", "RESC_CHILDREN"),
    (316, "resc_context", "RESC_CONTEXT"),
    (317, "resc_parent", "RESC_PARENT_ID"),
    (318, "resc_parent_context", "RESC_PARENT_CONTEXT"),
    (319, "modify_ts_millis", "RESC_MODIFY_TIME_MILLIS"),
)

_DATA_OBJECTS: Final = (
    *_columns(
        "R_DATA_MAIN",
        (401, "data_id", "DATA_ID"),
        (402, "coll_id", "DATA_COLL_ID"),
        (403, "data_name", "DATA_NAME"),
        (404, "data_repl_num", "DATA_REPL_NUM"),
        (405, "data_version", "DATA_VERSION"),
        (406, "data_type_name", "DATA_TYPE_NAME"),
        (407, "data_size", "DATA_SIZE"),
        (410, "data_path", "DATA_PATH"),
        (411, "data_owner_name"),
        (412, "data_owner_zone"),
        (413, "data_is_dirty", "DATA_REPL_STATUS"),
        (414, "data_status", "DATA_STATUS"),
        (415, "data_checksum", "DATA_CHECKSUM"),
        (416, "data_expiry_ts", "DATA_EXPIRY"),
        (417, "data_map_id", "DATA_MAP_ID"),
        (418, "r_comment", "DATA_COMMENTS"),
        (419, "create_ts", "DATA_CREATE_TIME"),
        (420, "modify_ts", "DATA_MODIFY_TIME"),
        (421, "data_mode", "DATA_MODE"),
        (422, HIERARCHY),
        (423, "resc_id", "DATA_RESC_ID"),
        (424, "access_ts", "DATA_ACCESS_TIME"),
    ),
    # 408 was the resource group of iRODS 3: clients that still ask get the resource (rsGenQuery.cpp).
    *_columns("R_RESC_MAIN", (408, "resc_name"), (409, "resc_name")),
    # GenQuery2 takes the hierarchy from the resource, so it joins other tables than number 422 does.
    Column(None, "R_RESC_MAIN", HIERARCHY, "DATA_RESC_HIER"),
)

_COLLECTIONS: Final = _columns(
    "R_COLL_MAIN",
    (500, "coll_id", "COLL_ID"),
    (501, "coll_name", "COLL_NAME"),
    (502, "parent_coll_name", "COLL_PARENT_NAME"),
    (503, "coll_owner_name"),
    (504, "coll_owner_zone"),
    (505, "coll_map_id", "COLL_MAP_ID"),
    (506, "coll_inheritance", "COLL_INHERITANCE"),
    (507, "r_comment", "COLL_COMMENTS"),
    (508, "create_ts", "COLL_CREATE_TIME"),
    (509, "modify_ts", "COLL_MODIFY_TIME"),
    (510, "coll_type", "COLL_TYPE"),
    (511, "coll_info1", "COLL_INFO1"),
    (512, "coll_info2", "COLL_INFO2"),
)


def _avus(first: int, namespace: int, entity: str) -> tuple[Column, ...]:
    name = entity.upper()
    return _columns(
        f"r_{entity}_meta_main",
        (first, "meta_attr_name", f"META_{name}_ATTR_NAME"),
        (first + 1, "meta_attr_value", f"META_{name}_ATTR_VALUE"),
        (first + 2, "meta_attr_unit", f"META_{name}_ATTR_UNITS"),
        (first + 3, "meta_id", f"META_{name}_ATTR_ID"),
        (first + 4, "create_ts", f"META_{name}_CREATE_TIME"),
        (first + 5, "modify_ts", f"META_{name}_MODIFY_TIME"),
        (namespace, "meta_namespace"),
    )


_AVUS: Final = (
    *_avus(600, 621, "data"),
    *_avus(610, 620, "coll"),
    *_avus(630, 622, "resc"),
    *_avus(640, 623, "user"),
)


def _access(first: int, first_user: int, entity: str, genquery2: str) -> tuple[Column, ...]:
    """Permissions; ``genquery2`` is the prefix of the names there, empty when it has none for the entity."""

    def named(name: str) -> str:
        return f"{genquery2}_ACCESS_{name}" if genquery2 else ""

    return (
        Column(first, f"r_{entity}_access", "access_type_id", named("PERM_ID")),
        Column(first + 1, f"r_{entity}_tokn_accs", "token_name", named("PERM_NAME")),
        Column(first + 2, f"r_{entity}_tokn_accs", "token_namespace"),
        Column(first + 3, f"r_{entity}_access", "user_id", named("USER_ID")),
        Column(first + 4, f"r_{entity}_access", "object_id"),
        Column(first_user, f"r_{entity}_user_main", "user_name", named("USER_NAME")),
        Column(first_user + 1, f"r_{entity}_user_main", "zone_name", named("USER_ZONE")),
    )


_ACCESS: Final = (
    *_access(700, 1310, "data", "DATA"),
    *_access(710, 1300, "coll", "COLL"),
    *_access(720, 1320, "resc", ""),
)

_DELAYED_RULES: Final = _columns(
    "R_RULE_EXEC",
    (1000, "rule_exec_id", "DELAY_RULE_ID"),
    (1001, "rule_name", "DELAY_RULE_NAME"),
    (1002, "rei_file_path", "DELAY_RULE_REI_FILE_PATH"),
    (1003, "user_name", "DELAY_RULE_USER_NAME"),
    (1004, "exe_address", "DELAY_RULE_EXE_ADDRESS"),
    (1005, "exe_time", "DELAY_RULE_EXE_TIME"),
    (1006, "exe_frequency", "DELAY_RULE_EXE_FREQUENCY"),
    (1007, "priority", "DELAY_RULE_PRIORITY"),
    (1008, "estimated_exe_time", "DELAY_RULE_ESTIMATED_EXE_TIME"),
    (1009, "notification_addr", "DELAY_RULE_NOTIFICATION_ADDR"),
    (1010, "last_exe_time", "DELAY_RULE_LAST_EXE_TIME"),
    (1011, "exe_status", "DELAY_RULE_STATUS"),
    (1012, "exe_context"),
    (1013, "lock_host", "DELAY_RULE_LOCK_HOST"),
    (1014, "lock_host_pid", "DELAY_RULE_LOCK_HOST_PID"),
    (1015, "lock_ts", "DELAY_RULE_LOCK_TIME"),
)

_TOKENS: Final = _columns(
    "R_TOKN_MAIN",
    (1100, "token_namespace"),
    (1101, "token_id"),
    (1102, "token_name"),
    (1103, "token_value"),
    (1104, "token_value2"),
    (1105, "token_value3"),
    (1106, "r_comment"),
    (1107, "create_ts"),
    (1108, "modify_ts"),
)

_QUOTAS: Final = (
    *_columns(
        "R_QUOTA_MAIN",
        (2000, "user_id"),
        (2001, "resc_id"),
        (2002, "quota_limit"),
        (2003, "quota_over"),
        (2004, "modify_ts"),
    ),
    *_columns(
        "R_QUOTA_USAGE", (2010, "user_id"), (2011, "resc_id"), (2012, "quota_usage"), (2013, "modify_ts")
    ),
    *_columns("r_quota_resc_main", (2020, "resc_name")),
    *_columns("r_quota_user_main", (2021, "user_name"), (2022, "zone_name")),
    *_columns("r_quota_user_group", (2023, "user_type_name")),
)

_TICKETS: Final = (
    *_columns(
        "R_TICKET_MAIN",
        (2200, "ticket_id"),
        (2201, "ticket_string"),
        (2202, "ticket_type"),
        (2203, "user_id"),
        (2204, "object_id"),
        (2205, "object_type"),
        (2206, "uses_limit"),
        (2207, "uses_count"),
        (2208, "ticket_expiry_ts"),
        (2209, "create_ts"),
        (2210, "modify_ts"),
        (2211, "write_file_count"),
        (2212, "write_file_limit"),
        (2213, "write_byte_count"),
        (2214, "write_byte_limit"),
    ),
    *_columns("R_TICKET_ALLOWED_HOSTS", (2220, "ticket_id"), (2221, "host")),
    *_columns("R_TICKET_ALLOWED_USERS", (2222, "ticket_id"), (2223, "user_name")),
    *_columns("R_TICKET_ALLOWED_GROUPS", (2224, "ticket_id"), (2225, "group_name")),
    *_columns("R_DATA_MAIN", (2226, "data_name")),
    *_columns("r_ticket_data_coll_main", (2227, "coll_name")),
    *_columns("r_ticket_coll_main", (2228, "coll_name")),
    *_columns("r_ticket_user_main", (2229, "user_name"), (2230, "zone_name")),
)

COLUMNS: Final = (
    *_ZONES,
    *_USERS,
    *_RESOURCES,
    *_DATA_OBJECTS,
    *_COLLECTIONS,
    *_AVUS,
    *_ACCESS,
    *_DELAYED_RULES,
    *_TOKENS,
    *_QUOTAS,
    *_TICKETS,
)
BY_NUMBER: Final = {column.number: column for column in COLUMNS if column.number is not None}
BY_NAME: Final = {column.genquery2: column for column in COLUMNS if column.genquery2}

# Numbers that a real server knows and this zone does not have a table for.
ABSENT: Final[tuple[tuple[range, str], ...]] = (
    (range(624, 628), "AVUs of rules, microservices and resource groups"),
    (range(650, 690), "AVUs of rules, microservices and resource groups"),
    (range(730, 760), "permissions on AVUs, rules and microservices"),
    (range(1200, 1300), "the audit trail"),
    (range(1400, 1510), "the server load"),
    (range(1700, 2000), "the rule base, variable and function maps of iRODS 3"),
    (range(2100, 2160), "the microservice base of iRODS 3"),
)

_ENTITIES: Final = ("data", "coll", "resc", "user")

# Alias -> table. Tables that are their own alias come first.
TABLES: Final[dict[str, str]] = {
    **{
        table: table
        for table in (
            "R_COLL_MAIN",
            "R_DATA_MAIN",
            "R_QUOTA_MAIN",
            "R_QUOTA_USAGE",
            "R_RESC_MAIN",
            "R_RULE_EXEC",
            "R_TICKET_ALLOWED_GROUPS",
            "R_TICKET_ALLOWED_HOSTS",
            "R_TICKET_ALLOWED_USERS",
            "R_TICKET_MAIN",
            "R_TOKN_MAIN",
            "R_USER_AUTH",
            "R_USER_GROUP",
            "R_USER_MAIN",
            "R_ZONE_MAIN",
        )
    },
    **{f"r_{entity}_metamap": "R_OBJT_METAMAP" for entity in _ENTITIES},
    **{f"r_{entity}_meta_main": "R_META_MAIN" for entity in _ENTITIES},
    **{f"r_{entity}_access": "R_OBJT_ACCESS" for entity in _ENTITIES if entity != "user"},
    **{f"r_{entity}_tokn_accs": "R_TOKN_MAIN" for entity in _ENTITIES if entity != "user"},
    **{f"r_{entity}_user_group": "R_USER_GROUP" for entity in _ENTITIES if entity != "user"},
    **{f"r_{entity}_user_main": "R_USER_MAIN" for entity in _ENTITIES if entity != "user"},
    "r_group_main": "R_USER_MAIN",
    "r_quota_resc_main": "R_RESC_MAIN",
    "r_quota_user_group": "R_USER_MAIN",
    "r_quota_user_main": "R_USER_MAIN",
    "r_ticket_coll_main": "R_COLL_MAIN",
    "r_ticket_data_coll_main": "R_COLL_MAIN",
    "r_ticket_user_main": "R_USER_MAIN",
}


def column_numbered(number: int) -> Column:
    """The column with GenQuery1 id ``number``.

    Raises:
        QueryError: CAT_UNKNOWN_TABLE; there is none.
    """
    if number in BY_NUMBER:
        return BY_NUMBER[number]
    why = next((f": {what} are not part of this zone" for numbers, what in ABSENT if number in numbers), "")
    raise QueryError(CAT_UNKNOWN_TABLE, f"no column has the number {number}{why}")


def from_clause(aliases: Sequence[str]) -> list[str]:
    """The tables of a FROM clause, named by their aliases."""
    return [alias if TABLES[alias] == alias else f"{TABLES[alias]} {alias}" for alias in aliases]
