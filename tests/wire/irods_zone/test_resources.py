"""Resources and their trees through python-irodsclient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import pytest
from irods.exception import (
    CAT_INVALID_ARGUMENT,
    CAT_INVALID_RESOURCE,
    CAT_INVALID_RESOURCE_TYPE,
    CAT_INVALID_RESOURCE_VAULT_PATH,
    CAT_RESOURCE_NOT_EMPTY,
    CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME,
    HIERARCHY_ERROR,
)
from irods.session import iRODSSession

from omero_irods_sandbox.irods_zone.errors import code_of
from omero_irods_sandbox.irods_zone.zone import Zone
from tests.wire.irods_zone.admin_requests import admin
from tests.wire.irods_zone.data_objects import failure, storage, tree, write

_GET_RESOURCE_INFO: Final = 10220
_numbers = count(1)


# -- resources


@contextmanager
def resource(session: iRODSSession, kind: str, *options: str) -> Iterator[str]:
    resource_name = f"resc{next(_numbers)}"
    session.resources.create(resource_name, kind, *options)
    yield resource_name
    session.resources.remove(resource_name)


def test_a_resource_has_host_vault_and_context(zone: Zone, session: iRODSSession) -> None:
    vault = str(zone.config.root / "new-vault")
    with resource(session, "unixfilesystem", zone.host, vault, "a=1") as made:
        found = session.resources.get(made)
        assert (found.location, found.vault_path, found.context) == (zone.host, vault, "a=1")


def test_a_resource_exists_once(session: iRODSSession) -> None:
    with pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        session.resources.create("demoResc", "passthru")


@pytest.mark.parametrize("bad", ["two words", "a;b", "", "a/b"])
def test_a_resource_name_can_stand_in_a_hierarchy(session: iRODSSession, bad: str) -> None:
    assert failure(admin, session, "add", "resource", bad, "passthru", ":") == code_of(
        "CAT_INVALID_RESOURCE_NAME"
    )


def test_a_resource_type_must_be_known(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_RESOURCE_TYPE):
        session.resources.create("floppyResc", "floppy")


@pytest.mark.parametrize("vault", ["", "relative/path", "/", "//"])
def test_storage_needs_a_folder(session: iRODSSession, vault: str) -> None:
    with pytest.raises(CAT_INVALID_RESOURCE_VAULT_PATH):
        admin(session, "add", "resource", "badVault", "unixfilesystem", f"localhost:{vault}")


@pytest.mark.parametrize(
    ("option", "attribute", "value"),
    [
        ("comment", "comment", "text"),
        ("context", "context", "b=2"),
        ("status", "status", "down"),
        ("host", "location", "elsewhere"),
        ("free_space", "free_space", "1000"),
    ],
)
def test_a_resource_can_be_changed(session: iRODSSession, option: str, attribute: str, value: str) -> None:
    with resource(session, "passthru") as made:
        session.resources.modify(made, option, value)
        assert str(getattr(session.resources.get(made), attribute)) == value


def test_what_a_resource_does_not_have_cannot_be_changed(session: iRODSSession) -> None:
    with resource(session, "passthru") as made, pytest.raises(CAT_INVALID_ARGUMENT):
        session.resources.modify(made, "colour", "red")


def test_a_resource_that_does_not_exist_can_be_neither_changed_nor_removed(session: iRODSSession) -> None:
    with pytest.raises(CAT_INVALID_RESOURCE):
        admin(session, "modify", "resource", "noResc", "comment", "text")
    with pytest.raises(CAT_INVALID_RESOURCE):
        admin(session, "rm", "resource", "noResc")


def test_a_resource_does_not_take_the_name_of_another(session: iRODSSession) -> None:
    with resource(session, "passthru") as made, pytest.raises(CATALOG_ALREADY_HAS_ITEM_BY_THAT_NAME):
        admin(session, "modify", "resource", made, "name", "demoResc")


def test_the_bundle_resource_stays_as_it_is(session: iRODSSession) -> None:
    code = failure(admin, session, "rm", "resource", "bundleResc")
    assert code == code_of("CAT_PSEUDO_RESC_MODIFY_DISALLOWED")


def test_a_resource_that_holds_data_stays(zone: Zone, session: iRODSSession, home: str) -> None:
    with storage(session, zone, "fullResc") as made:
        write(session, f"{home}/object", b"data", destRescName=made)
        with pytest.raises(CAT_RESOURCE_NOT_EMPTY):
            session.resources.remove(made)
        session.data_objects.unlink(f"{home}/object", force=True)


def test_a_dry_run_removes_nothing(session: iRODSSession) -> None:
    with resource(session, "passthru") as made:
        session.resources.remove(made, test=True)
        assert session.resources.get(made).name == made


def test_a_part_of_a_tree_cannot_be_removed(zone: Zone, session: iRODSSession) -> None:
    with tree(session, zone, "replication", "rootResc", "leafResc") as root:
        for part in (root, "leafResc"):
            assert failure(session.resources.remove, part) == code_of("CHILD_EXISTS")


def test_a_tree_has_a_hierarchy(zone: Zone, session: iRODSSession, home: str) -> None:
    with resource(session, "passthru") as top, tree(session, zone, "passthru", "midResc", "endResc"):
        session.resources.add_child(top, "midResc", "weight=1")
        write(session, f"{home}/object", b"data", destRescName=top)
        replica = session.data_objects.get(f"{home}/object").replicas[0]
        assert replica.resc_hier == f"{top};midResc;endResc"
        session.data_objects.unlink(f"{home}/object", force=True)
        session.resources.remove_child(top, "midResc")


def test_a_tree_has_no_loops(zone: Zone, session: iRODSSession) -> None:
    with tree(session, zone, "passthru", "topResc", "bottomResc"):
        for parent, child in (("topResc", "topResc"), ("bottomResc", "topResc")):
            with pytest.raises(HIERARCHY_ERROR):
                session.resources.add_child(parent, child)


def test_a_resource_has_one_parent(zone: Zone, session: iRODSSession) -> None:
    with resource(session, "passthru") as other, tree(session, zone, "passthru", "topResc", "childResc"):
        assert failure(session.resources.add_child, other, "childResc") == code_of("CHILD_HAS_PARENT")


def test_parent_and_child_must_exist(session: iRODSSession) -> None:
    assert failure(session.resources.add_child, "demoResc", "noResc") == code_of("CHILD_NOT_FOUND")
    with resource(session, "passthru") as made, pytest.raises(CAT_INVALID_RESOURCE):
        session.resources.add_child("noResc", made)


def test_a_child_leaves_its_own_parent_only(zone: Zone, session: iRODSSession) -> None:
    with resource(session, "passthru") as other, tree(session, zone, "passthru", "topResc", "childResc"):
        assert failure(session.resources.remove_child, other, "childResc") == code_of("CAT_INVALID_CHILD")
