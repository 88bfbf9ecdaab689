"""The tables of the catalog, shaped and named like those of a real ICAT.

Source: ``icatSysTables.sql`` of iRODS 4.3/5 for the names; only columns that a query or
an operation of this zone can reach exist. Times are zero-padded decimal text, as iRODS
stores them and GenQuery compares them.
"""

from __future__ import annotations

from typing import Final

DDL: Final = """
create table if not exists R_ZONE_MAIN(
  zone_id integer primary key, zone_name text unique, zone_type_name text, zone_conn_string text default '',
  r_comment text default '', create_ts text, modify_ts text);

create table if not exists R_USER_MAIN(
    user_id integer primary key, user_name text, user_type_name text, zone_name text, user_info text
  default '',
  r_comment text default '', create_ts text, modify_ts text, unique(user_name, zone_name));
create table if not exists R_USER_PASSWORD(
    user_id integer, rcat_password text, pass_expiry_ts text default '9999-12-31-23.59.00', create_ts
  text, modify_ts text);
create table if not exists R_USER_AUTH(user_id integer, user_auth_name text, create_ts text);
create table if not exists R_USER_GROUP(
  group_user_id integer, user_id integer, create_ts text, modify_ts text, unique(group_user_id, user_id));
create index if not exists idx_user_group_member on R_USER_GROUP(user_id);

create table if not exists R_RESC_MAIN(
  resc_id integer primary key, resc_name text unique, zone_name text, resc_type_name text,
  resc_class_name text default 'cache', resc_net text, resc_def_path text, free_space text default '',
    free_space_ts text default '', resc_info text default '', r_comment text default '', resc_status text
  default '',
  create_ts text, modify_ts text, resc_children text default '', resc_context text default '',
  resc_parent text default '', resc_objcount integer default 0, resc_parent_context text default '',
  modify_ts_millis text default '000');

create table if not exists R_COLL_MAIN(
    coll_id integer primary key, parent_coll_name text, coll_name text unique, coll_owner_name text,
  coll_owner_zone text,
    coll_map_id integer default 0, coll_inheritance text default '', coll_type text default '', coll_info1
  text default '',
    coll_info2 text default '', coll_expiry_ts text default '', r_comment text default '', create_ts text,
  modify_ts text);
create index if not exists idx_coll_parent on R_COLL_MAIN(parent_coll_name);

create table if not exists R_DATA_MAIN(
  data_id integer, coll_id integer, data_name text, data_repl_num integer, data_version text default '',
  data_type_name text, data_size integer, data_path text, data_owner_name text, data_owner_zone text,
  data_is_dirty integer default 0, status_before_lock integer,
  data_status text default '', data_checksum text default '',
  data_expiry_ts text default '00000000000', data_map_id integer default 0, data_mode text default '0',
  r_comment text default '', create_ts text, modify_ts text, access_ts text default '', resc_id integer,
  unique(coll_id, data_name, data_repl_num));
create index if not exists idx_data_id on R_DATA_MAIN(data_id);
create index if not exists idx_data_path on R_DATA_MAIN(data_path);

create table if not exists R_META_MAIN(
  meta_id integer primary key, meta_namespace text, meta_attr_name text, meta_attr_value text,
  meta_attr_unit text default '', r_comment text default '', create_ts text, modify_ts text);
create index if not exists idx_meta_name_value on R_META_MAIN(meta_attr_name, meta_attr_value);
create table if not exists R_OBJT_METAMAP(
  object_id integer, meta_id integer, create_ts text, modify_ts text, unique(object_id, meta_id));
create index if not exists idx_metamap_meta on R_OBJT_METAMAP(meta_id);

create table if not exists R_OBJT_ACCESS(
    object_id integer, user_id integer, access_type_id integer, create_ts text, modify_ts text,
  unique(object_id, user_id));
create table if not exists R_TOKN_MAIN(
    token_namespace text, token_id integer, token_name text, token_value text default '', token_value2
  text default '',
  token_value3 text default '', r_comment text default '', create_ts text, modify_ts text);

create table if not exists R_RULE_EXEC(
  rule_exec_id integer primary key, rule_name text, rei_file_path text default '', user_name text,
  exe_address text default '', exe_time text, exe_frequency text default '', priority text default '5',
  estimated_exe_time text default '', notification_addr text default '', last_exe_time text default '',
    exe_status text default '', exe_context text default '', lock_host text default '', lock_host_pid text
  default '',
  lock_ts text default '');
create table if not exists R_QUOTA_MAIN(
  user_id integer, resc_id integer, quota_limit integer, quota_over integer, modify_ts text);
create table if not exists R_QUOTA_USAGE(user_id integer, resc_id integer, quota_usage integer, modify_ts
  text);
create table if not exists R_SPECIFIC_QUERY(alias text, sqlStr text, create_ts text);

create table if not exists R_TICKET_MAIN(
    ticket_id integer primary key, ticket_string text unique, ticket_type text, user_id integer, object_id
  integer,
    object_type text, uses_limit integer default 0, uses_count integer default 0, write_file_limit integer
  default 10,
    write_file_count integer default 0, write_byte_limit integer default 0, write_byte_count integer
  default 0,
  ticket_expiry_ts text default '', restrictions text default '', create_ts text, modify_ts text);
create table if not exists R_TICKET_ALLOWED_HOSTS(ticket_id integer, host text);
create table if not exists R_TICKET_ALLOWED_USERS(ticket_id integer, user_name text);
create table if not exists R_TICKET_ALLOWED_GROUPS(ticket_id integer, group_name text);

create table if not exists ZONE_SEQUENCE(last_id integer);
"""

STATISTICS: Final = (
    ("R_META_MAIN", "idx_meta_name_value", "1000000 50000 2"),
    ("R_OBJT_METAMAP", "sqlite_autoindex_R_OBJT_METAMAP_1", "2000000 20 1"),
    ("R_OBJT_METAMAP", "idx_metamap_meta", "2000000 2"),
)
"""What ``analyze`` would find in a large catalog: rows, and how many share the first one, two, ... columns.

Without them SQLite takes the name of an AVU for a rare thing, and a search for two AVUs of one object reads
all AVUs of a name once for every object. Fixed numbers, so that a query has one plan in any catalog.
"""

USER_TYPES: Final = {
    200: "rodsuser",
    201: "domainadmin",
    202: "rodsadmin",
    203: "rodscurators",
    204: "rodsgroup",
    205: "storageadmin",
    206: "groupadmin",
}

DATA_TYPES: Final = (
    "generic",
    "text",
    "ascii text",
    "image",
    "tiff image",
    "jpeg image",
    "gif image",
    "tar file",
    "xml",
    "html",
    "binary file",
    "PDF Document",
    "program code",
    "url",
    "mso",
)
