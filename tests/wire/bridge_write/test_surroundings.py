"""What a load finds: tags of one's own, users, groups, and whether something may be put somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from omero.rtypes import rstring

from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.surroundings import OmeroSurroundings
from omero_irods_bridge.model.loads import LoadTarget, TagText
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_write.conftest import LogIn
from tests.wire.omero_server import content
from tests.wire.omero_server.content import annotation, new

Gateway = Any


def tag(gateway: Gateway, text: str, description: str | None = None, ns: str | None = None) -> int:
    fields = {"textValue": rstring(text)}
    if description is not None:
        fields["description"] = rstring(description)
    return annotation(gateway, "TagAnnotation", ns, **fields)


def test_tags_are_known_again_by_text_description_and_namespace(
    connection: OmeroConnection, gateway: Gateway
) -> None:
    plain, told, in_namespace = (
        tag(gateway, "mitosis"),
        tag(gateway, "mitosis", "about"),
        tag(gateway, "mitosis", ns="openmicroscopy.org/omero/insight/tagset"),
    )
    tag(gateway, "Mitosis")
    assert OmeroSurroundings(connection).find_tags(["mitosis", "other"]) == {
        TagText("mitosis"): f"TagAnnotation:{plain}",
        TagText("mitosis", "about"): f"TagAnnotation:{told}",
        TagText("mitosis", "", "openmicroscopy.org/omero/insight/tagset"): f"TagAnnotation:{in_namespace}",
    }


def test_of_several_equal_tags_the_oldest_is_taken(connection: OmeroConnection, gateway: Gateway) -> None:
    oldest, _ = tag(gateway, "a"), tag(gateway, "a", "")
    assert OmeroSurroundings(connection).find_tags(["a"]) == {TagText("a"): f"TagAnnotation:{oldest}"}


def test_tags_of_others_and_of_other_groups_are_not_ours(
    connect: Any, connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    here, there = make_group("rwra--"), make_group("rwra--")
    user, other = make_user(here, there), make_user(here)
    tag(connect(other), "a")
    tag(connect(user, there), "a")
    assert OmeroSurroundings(connect_as(user, here)).find_tags(["a"]) == {}


def test_many_texts_are_asked_for_in_few_questions(
    server: OmeroServer, connection: OmeroConnection, gateway: Gateway
) -> None:
    wanted = {TagText(f"tag {n}"): f"TagAnnotation:{tag(gateway, f'tag {n}')}" for n in (0, 199, 200, 999)}
    surroundings = OmeroSurroundings(connection)
    surroundings.find_tags(["warm"])
    server.counters.reset()
    assert surroundings.find_tags([f"tag {n}" for n in range(1000)] * 2) == wanted
    assert server.counters.all_calls() == {"IQuery.projection": 5}


def test_nothing_is_asked_for_no_texts(server: OmeroServer, connection: OmeroConnection) -> None:
    surroundings = OmeroSurroundings(connection)
    server.counters.reset()
    assert surroundings.find_tags([]) == {}
    assert server.counters.calls("IQuery.projection") == 0


def test_users_and_groups_are_found_by_name(
    connection: OmeroConnection, make_group: Any, make_user: Any
) -> None:
    group = make_group()
    user = make_user(group)
    surroundings = OmeroSurroundings(connection)
    assert surroundings.find_users([user.name, "nobody", user.name.upper()]) == {user.name: user.id}
    assert surroundings.find_groups([group.name, "nowhere"]) == {group.name: group.id}


@pytest.mark.parametrize("kind", [Kind.PROJECT, Kind.DATASET, Kind.SCREEN, Kind.PLATE])
def test_ones_own_container_is_a_target(connection: OmeroConnection, gateway: Gateway, kind: Kind) -> None:
    id_ = new(gateway, kind, "täxt")
    me = connection.identity
    assert OmeroSurroundings(connection).find_target(ObjectRef(kind, id_)) == LoadTarget(
        f"{kind}:{id_}", "täxt", me.group_id, me.group, me.user, may_link=True
    )


def test_a_target_that_is_not_there_or_not_visible_is_none(
    connection: OmeroConnection, connect: Any, make_user: Any
) -> None:
    surroundings = OmeroSurroundings(connection)
    assert surroundings.find_target(ObjectRef(Kind.PROJECT, 987654)) is None
    hidden = new(connect(make_user()), "Project")
    assert surroundings.find_target(ObjectRef(Kind.PROJECT, hidden)) is None


@pytest.mark.parametrize(
    ("permissions", "may_link"), [("rwr---", False), ("rwra--", False), ("rwrw--", True)]
)
def test_whether_one_may_link_into_what_another_owns_is_up_to_the_group(
    connect: Any, connect_as: LogIn, make_group: Any, make_user: Any, permissions: str, may_link: bool
) -> None:
    group = make_group(permissions)
    owner, other = make_user(group), make_user(group)
    project = new(connect(owner), "Project")
    found = OmeroSurroundings(connect_as(other)).find_target(ObjectRef(Kind.PROJECT, project))
    assert found is not None
    assert (found.may_link, found.owner) == (may_link, owner.name)


def test_a_target_in_another_group_says_which(
    connect: Any, connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    here, there = make_group(), make_group()
    user = make_user(here, there)
    screen = new(connect(user, there), "Screen")
    found = OmeroSurroundings(connect_as(user, here)).find_target(ObjectRef(Kind.SCREEN, screen))
    assert found is not None
    assert (found.group_id, found.group) == (there.id, there.name)


@pytest.mark.parametrize(
    ("privileges", "may"), [(["WriteOwned", "WriteFile"], True), (["WriteOwned"], False)]
)
def test_who_may_write_for_others_is_told(
    connect_as: LogIn, make_user: Any, privileges: list[str], may: bool
) -> None:
    assert OmeroSurroundings(connect_as(make_user(privileges=privileges))).may_write_for_others() is may
    assert OmeroSurroundings(connect_as(make_user())).may_write_for_others() is False


def test_who_may_give_is_told(connect_as: LogIn, make_user: Any) -> None:
    for privileges, may in (["Chown"], True), (["WriteOwned"], False):
        assert OmeroSurroundings(connect_as(make_user(privileges=privileges))).may_give() is may
    assert OmeroSurroundings(connect_as(make_user())).may_give() is False


def test_members_of_the_group_are_told_and_whether_they_see_each_others_data(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    for permissions, is_private in (("rw----", True), ("rwr---", False), ("rwrw--", False)):
        group = make_group(permissions)
        one, other, stranger = make_user(group), make_user(group), make_user()
        surroundings = OmeroSurroundings(connect_as(one, group))
        assert surroundings.is_private() is is_private
        assert surroundings.find_members([one.id, other.id, stranger.id, 10**9]) == {one.id, other.id}
        assert surroundings.find_members([]) == set()


def test_a_well_has_no_name_and_is_no_obstacle(connection: OmeroConnection, gateway: Gateway) -> None:
    _, well, _ = content.plate(gateway, content.image(gateway))
    found = OmeroSurroundings(connection).find_target(ObjectRef(Kind.WELL, well))
    assert found is not None
    assert found.name == ""
