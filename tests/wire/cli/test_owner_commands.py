"""``unpack --as-owner`` as an administrator runs it: which group he is in, and who is who by a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omero_irods_bridge.model.errors import AccessDenied, ExitStatus
from omero_irods_bridge.model.objects import ObjectRef
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.cli.conftest import Finished, Person
from tests.wire.omero_server.conftest import Group, MakeUser, User


@dataclass(frozen=True)
class Root:
    """The administrator of OMERO, whose own group is ``system``."""

    person: Person

    def run(self, *arguments: object) -> Finished:
        return self.person.run(*arguments, "--user", "root")

    def __call__(self, *arguments: object) -> Finished:
        return self.person(*arguments, "--user", "root")


@pytest.fixture
def administrator(person: Person, server: OmeroServer) -> Root:
    return Root(person.with_variables(OMERO_PASSWORD=server.root_password))


@pytest.fixture
def group_of_user(gateway: Any) -> str:
    return str(gateway.getGroupFromContext().getName())


def where(server: OmeroServer, key: str) -> tuple[int, int]:
    """Owner and group of an object, by id."""
    name, _, number = key.partition(":")
    with server.store.work(server.internal_caller()) as work:
        columns = (
            f'select "{column}" from "{name}" where id = {number}' for column in ("d_owner", "d_group")
        )
        owner, group = (int(work.database.value(text)) for text in columns)
        return owner, group


def test_an_administrator_loads_into_the_group_of_the_packet_whatever_his_own_is(
    administrator: Root,
    snapshot: str,
    dataset: ObjectRef,
    server: OmeroServer,
    user: User,
    group_of_user: str,
) -> None:
    planned = administrator("unpack", snapshot, "--as-owner", "--dry-run")
    assert f"in group {group_of_user}\n" in planned.out
    assert f"{user.name} is {user.name} here: " in planned.out
    loaded = administrator("unpack", snapshot, "--as-owner", "--json").json["loaded"]
    assert where(server, loaded["objects"][str(dataset)]) == (user.id, user.group_id)
    administrator("undo", loaded["load"], "--group", group_of_user)


def test_an_undo_that_omero_would_refuse_says_so_when_it_is_planned(
    administrator: Root, person: Person, snapshot: str, make_user: MakeUser, group_of_user: str
) -> None:
    load = administrator("unpack", snapshot, "--as-owner", "--json").json["loaded"]["load"]
    other = make_user(privileges=["Sudo"])
    theirs = person.with_variables(OMERO_PASSWORD=other.password)
    where = ("--user", other.name, "--group", group_of_user)
    planned = theirs.run("undo", load, "--dry-run", *where)
    assert planned.status == AccessDenied.exit_status
    assert "Cannot be removed: OMERO does not let you delete Fileset:" in planned.err
    administrator("undo", load, "--group", group_of_user)


def test_a_file_says_who_and_which_group_is_meant_here(
    administrator: Root,
    snapshot: str,
    dataset: ObjectRef,
    server: OmeroServer,
    user: User,
    group_of_user: str,
    make_group: Callable[..., Group],
    make_user: MakeUser,
    tmp_path: Path,
) -> None:
    lab = make_group("rwra--")
    carol = make_user(lab)
    names = tmp_path / "people.toml"
    names.write_text(f'[users]\n"{user.name}" = "{carol.name}"\n[groups]\n"{group_of_user}" = "{lab.name}"\n')
    asked = "unpack", snapshot, "--as-owner", "--owners", names
    plan = administrator(*asked, "--dry-run", "--json").json["plan"]
    assert (plan["group"], plan["problems"]) == (lab.name, [])
    assert [(one["there"], one["here"], one["id"]) for one in plan["owners"]] == [
        (user.name, carol.name, carol.id)
    ]
    loaded = administrator(*asked, "--json").json["loaded"]
    assert where(server, loaded["objects"][str(dataset)]) == (carol.id, lab.id)
    assert not [text for text in loaded["not_kept"] if text.startswith("owner of")]


def test_a_group_that_is_named_counts_more_than_that_of_the_packet(
    administrator: Root, snapshot: str, user: User, make_group: Callable[..., Group]
) -> None:
    lab = make_group("rwra--")
    refused = administrator.run("unpack", snapshot, "--as-owner", "--group", lab.name, "--dry-run")
    assert refused.status == ExitStatus.ACCESS_DENIED
    assert (
        f"Not in the group {lab.name}, and so unable to see what would be theirs: {user.name}." in refused.out
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[users\n", "line 1"),
        ("users = 1\n", "users"),
        ("[people]\na = 'b'\n", "people"),
        ("[users]\nana = 7\n", "users.ana"),
        ('[users]\nana = ""\n', "users.ana"),
    ],
)
def test_a_file_that_does_not_say_who_is_who_is_refused_with_line_or_key(
    text: str, said: str, person: Person, tmp_path: Path
) -> None:
    names = tmp_path / "people.toml"
    names.write_text(text)
    refused = person.run("unpack", "/tempZone/x.zip", "--as-owner", "--owners", names)
    assert refused.status == ExitStatus.USAGE
    assert said in refused.err
    assert str(names) in refused.err


def test_a_file_of_owners_has_to_be_there_and_goes_with_keeping_owners(
    person: Person, tmp_path: Path
) -> None:
    missing = person.run("unpack", "/tempZone/x.zip", "--as-owner", "--owners", tmp_path / "none.toml")
    assert missing.status == ExitStatus.NOT_FOUND
    names = tmp_path / "people.toml"
    names.write_text('[users]\n"a" = "b"\n')
    refused = person.run("unpack", "/tempZone/x.zip", "--owners", names)
    assert refused.status == ExitStatus.USAGE
    assert "--as-owner" in refused.err
