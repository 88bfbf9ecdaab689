"""AVUs through python-irodsclient, one at a time, on every kind of object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from irods import keywords as kw
from irods.access import iRODSAccess
from irods.exception import (
    CAT_INSUFFICIENT_PRIVILEGE_LEVEL,
    CAT_INVALID_ARGUMENT,
    CAT_NO_ACCESS_PERMISSION,
    CAT_SUCCESS_BUT_WITH_NO_INFO,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
)
from irods.meta import iRODSMetaCollection
from irods.models import Collection, DataObject, Resource, User
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.running import running_zone
from omero_irods_sandbox.irods_zone.zone import Zone, ZoneConfig
from tests.wire.irods_zone.avus import MOD_AVU, avus, modify, triples
from tests.wire.irods_zone.conftest import connect
from tests.wire.irods_zone.data_objects import failure
from tests.wire.irods_zone.wire_client import WireClient

# -- one at a time


def test_an_avu_is_added(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "value", "unit")
    assert triples(carrier) == [("attribute", "value", "unit")]


def test_a_unit_is_not_needed(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "value")
    assert triples(carrier) == [("attribute", "value", "")]


def test_an_attribute_can_have_several_values(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "one")
    carrier.add("attribute", "two")
    assert triples(carrier) == [("attribute", "one", ""), ("attribute", "two", "")]


def test_the_same_avu_cannot_be_added_twice(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "value")
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        carrier.add("attribute", "value")


def test_setting_leaves_one_value(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "one")
    carrier.add("attribute", "two")
    carrier.set("attribute", "three")
    assert triples(carrier) == [("attribute", "three", "")]


def test_setting_adds_what_is_not_there(carrier: iRODSMetaCollection) -> None:
    carrier.set("attribute", "value")
    assert triples(carrier) == [("attribute", "value", "")]


def test_an_avu_is_removed(carrier: iRODSMetaCollection) -> None:
    carrier.add("attribute", "value")
    carrier.remove("attribute", "value")
    assert triples(carrier) == []


def test_an_avu_that_is_not_there_cannot_be_removed(carrier: iRODSMetaCollection) -> None:
    with pytest.raises(CAT_SUCCESS_BUT_WITH_NO_INFO):
        carrier.remove("attribute", "value")


def test_setting_leaves_other_attributes(session: iRODSSession, path: str) -> None:
    metadata = session.data_objects.get(path).metadata
    metadata.add("other", "value")
    metadata.set("attribute", "value")
    assert ("other", "value", "") in triples(metadata)


def test_setting_does_not_change_an_avu_of_another_object(
    session: iRODSSession, path: str, home: str
) -> None:
    session.collections.get(home).metadata.add("attribute", "shared")
    metadata = session.data_objects.get(path).metadata
    metadata.add("attribute", "shared")
    metadata.set("attribute", "own")
    assert triples(session.collections.get(home).metadata) == [("attribute", "shared", "")]


def test_setting_an_avu_of_ones_own_keeps_its_id(session: iRODSSession, path: str) -> None:
    metadata = session.data_objects.get(path).metadata
    metadata.add("kept", "one")
    before = metadata.get_one("kept").avu_id
    metadata.set("kept", "two")
    assert session.data_objects.get(path).metadata.get_one("kept").avu_id == before


def test_names_with_wildcards_are_plain_names(session: iRODSSession, path: str) -> None:
    metadata = session.data_objects.get(path).metadata
    metadata.add("100%", "a_b")
    metadata.add("100x", "axb")
    metadata.remove("100%", "a_b")
    assert triples(metadata) == [("100x", "axb", "")]


def test_many_can_be_removed_by_a_pattern(session: iRODSSession, path: str) -> None:
    metadata = session.data_objects.get(path).metadata
    for name, unit in (("a1", ""), ("a2", "unit"), ("b1", "")):
        metadata.add(name, "value", unit)
    modify(session, "rmw", "-d", path, "a%", "%")
    assert triples(metadata) == [("b1", "value", "")]


def test_a_pattern_that_matches_nothing_is_an_error(session: iRODSSession, path: str) -> None:
    with pytest.raises(CAT_SUCCESS_BUT_WITH_NO_INFO):
        modify(session, "rmw", "-d", path, "a%", "%")


def test_all_avus_are_copied_to_another_kind_of_object(session: iRODSSession, path: str, home: str) -> None:
    source = session.data_objects.get(path).metadata
    source.add("attribute", "one", "unit")
    source.add("attribute", "two")
    session.metadata.copy(DataObject, Collection, path, home)
    assert triples(session.collections.get(home).metadata) == triples(source)


def test_copying_leaves_what_is_there(session: iRODSSession, path: str, home: str) -> None:
    target = session.collections.get(home).metadata
    for metadata in (target, session.data_objects.get(path).metadata):
        metadata.add("both", "value")
    target.add("own", "value")
    session.metadata.copy(DataObject, Collection, path, home)
    assert triples(target) == [("both", "value", ""), ("own", "value", "")]


def test_avus_of_a_user_and_a_resource_can_be_copied(session: iRODSSession) -> None:
    user, resource = session.users.get(session.username).metadata, session.resources.get("demoResc").metadata
    user.add("attribute", "value")
    session.metadata.copy(User, Resource, session.username, "demoResc")
    assert triples(resource) == [("attribute", "value", "")]
    user.remove_all()
    resource.remove_all()


@pytest.mark.parametrize("verb", ["add", "set", "rm"])
@pytest.mark.parametrize("missing", ["arg3", "arg4"])
def test_an_avu_needs_an_attribute_and_a_value(wire: WireClient, path: str, verb: str, missing: str) -> None:
    arguments = {"arg0": verb, "arg1": "-d", "arg2": path, "arg3": "attribute", "arg4": "value"}
    del arguments[missing]
    fields = "".join(f"<{name}>{text}</{name}>" for name, text in arguments.items())
    reply = wire.call(MOD_AVU, f"<ModAVUMetadataInp_PI>{fields}</ModAVUMetadataInp_PI>".encode())
    assert reply.int_info == code_of("CAT_INVALID_ARGUMENT")


@pytest.mark.parametrize(("verb", "kind"), [("grow", "-d"), ("add", "-x"), ("add", "")])
def test_verb_and_kind_must_be_known(session: iRODSSession, path: str, verb: str, kind: str) -> None:
    with pytest.raises(CAT_INVALID_ARGUMENT):
        modify(session, verb, kind, path, "attribute", "value")


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        ("-d", "/tempZone/home/rods/nothing", "CAT_UNKNOWN_FILE"),
        ("-d", "/tempZone/nowhere/nothing", "CAT_UNKNOWN_COLLECTION"),
        ("-C", "/tempZone/nowhere", "CAT_UNKNOWN_COLLECTION"),
        ("-R", "noResc", "CAT_INVALID_RESOURCE"),
        ("-u", "nobody", "CAT_INVALID_USER"),
    ],
)
def test_what_does_not_exist_gets_no_avu(session: iRODSSession, kind: str, name: str, error: str) -> None:
    assert failure(modify, session, "add", kind, name, "attribute", "value") == code_of(error)


# -- who may


@pytest.mark.parametrize(
    ("level", "verb"),
    [("create_metadata", "add"), ("delete_metadata", "set"), ("delete_metadata", "rm")],
)
def test_the_level_that_an_operation_needs_is_enough(
    session: iRODSSession, user: iRODSSession, path: str, level: str, verb: str
) -> None:
    session.data_objects.get(path).metadata.add("attribute", "old")
    session.acls.set(iRODSAccess(level, path, user.username))
    modify(user, verb, "-d", path, "attribute", "old" if verb == "rm" else "new")
    assert len(avus(session, path)) == {"add": 2, "set": 1, "rm": 0}[verb]


@pytest.mark.parametrize(
    ("level", "verb"),
    [("read", "add"), ("modify_metadata", "set"), ("modify_metadata", "rm"), ("modify_metadata", "rmw")],
)
def test_less_than_the_level_that_an_operation_needs_is_refused(
    session: iRODSSession, user: iRODSSession, path: str, level: str, verb: str
) -> None:
    session.data_objects.get(path).metadata.add("attribute", "old")
    session.acls.set(iRODSAccess(level, path, user.username))
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        modify(user, verb, "-d", path, "attribute", "old")
    assert avus(session, path) == [("attribute", "old", "")]


def test_copying_needs_the_right_to_read_the_source(
    session: iRODSSession, user: iRODSSession, path: str
) -> None:
    own = f"/{user.zone}/home/{user.username}"
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        user.metadata.copy(DataObject, Collection, path, own)


def test_the_right_to_read_the_avus_of_the_source_is_enough_to_copy_them(
    session: iRODSSession, user: iRODSSession, path: str
) -> None:
    session.data_objects.get(path).metadata.add("attribute", "value")
    session.acls.set(iRODSAccess("read_metadata", path, user.username))
    own = f"/{user.zone}/home/{user.username}"
    user.metadata.copy(DataObject, Collection, path, own)
    assert triples(user.collections.get(own).metadata) == [("attribute", "value", "")]


@pytest.mark.parametrize(("kind", "name"), [("-R", "demoResc"), ("-u", "public")])
def test_only_a_rodsadmin_annotates_resources_and_users(user: iRODSSession, kind: str, name: str) -> None:
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        modify(user, "add", kind, name, "attribute", "value")


def test_a_rodsadmin_has_no_right_to_the_objects_of_others(
    session: iRODSSession, user: iRODSSession, zone: Zone
) -> None:
    with pytest.raises(CAT_NO_ACCESS_PERMISSION):
        modify(session, "add", "-C", f"/{zone.name}/home/{user.username}", "attribute", "value")


def test_a_rodsadmin_who_asks_for_it_annotates_everything(
    session: iRODSSession, user: iRODSSession, zone: Zone
) -> None:
    own = f"/{zone.name}/home/{user.username}"
    modify(session, "add", "-C", own, "attribute", "value", **{kw.ADMIN_KW: ""})
    assert triples(user.collections.get(own).metadata) == [("attribute", "value", "")]


def test_who_is_no_rodsadmin_cannot_ask_for_it(user: iRODSSession, path: str) -> None:
    with pytest.raises(CAT_INSUFFICIENT_PRIVILEGE_LEVEL):
        modify(user, "add", "-d", path, "attribute", "value", **{kw.ADMIN_KW: ""})


# -- rules hear of it


_RULES: Final = """
import json

def _record(name, rule_args):
    with open({file!r}, "a") as file:
        file.write(json.dumps([name, *(str(argument) for argument in rule_args[3:8])]) + "\\n")

def pep_database_add_avu_metadata_post(rule_args, callback, rei):
    _record("add", rule_args)

def pep_database_set_avu_metadata_post(rule_args, callback, rei):
    _record("set", rule_args)

def pep_database_del_avu_metadata_post(rule_args, callback, rei):
    _record("del", rule_args)
"""


def test_the_database_hooks_hear_of_every_single_change(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    rules = tmp_path / "core.py"
    rules.write_text(_RULES.format(file=str(heard)))
    with running_zone(ZoneConfig(root=tmp_path / "zone", rules=rules)) as zone, connect(zone) as session:
        home = f"/{zone.name}/home/{zone.config.admin}"
        metadata = session.collections.get(home).metadata
        metadata.add("attribute", "one", "unit")
        metadata.set("attribute", "two")
        metadata.remove("attribute", "two")
    assert [json.loads(line) for line in heard.read_text().splitlines()] == [
        ["add", "-C", home, "attribute", "one", "unit"],
        ["set", "-C", home, "attribute", "two", ""],
        ["del", "-C", home, "attribute", "two", ""],
    ]
