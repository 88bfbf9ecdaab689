"""Who may do what to another's object: what the gateway is told, and what then happens.

The expected answers are those of omero-semantics.md, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import omero
import omero.cmd
import omero.gateway
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User

KINDS: Final = ("rw----", "rwr---", "rwra--", "rwrw--")
"""Private, read-only, read-annotate, read-write; the columns of ALLOWED."""

ALLOWED: Final = {
    "owner": ("read edit link annotate delete chgrp",) * 4,
    "member": ("", "read", "read annotate", "read edit link annotate delete"),
    "group owner": ("read edit delete chown", *("read edit link annotate delete chown",) * 3),
    "administrator": ("read edit delete chgrp chown", *("read edit link annotate delete chgrp chown",) * 3),
    "light administrator": ("read",) * 4,
    "WriteOwned": ("read edit", *("read edit link annotate",) * 3),
    "DeleteOwned": ("read delete",) * 4,
    "Chgrp": ("read chgrp",) * 4,
    "Chown": ("read chown",) * 4,
}
"""A privilege stands for a light administrator who has just that one. No administrator is in the group."""


@dataclass(frozen=True)
class World:
    """An owner's things in a group, and the one who now comes."""

    server: OmeroServer
    group: Group
    other_group: Group
    owner: User
    caller: User
    as_owner: Gateway
    as_caller: Gateway

    @property
    def in_group(self) -> dict[str, str]:
        return {"omero.group": str(self.group.id)}

    def of_owner(self, kind: str) -> int:
        return content.new(self.as_owner, kind)

    def save(self, obj: Any) -> Any:
        return self.as_caller.getUpdateService().saveAndReturnObject(obj, self.in_group)


MakeWorld = Callable[[str, str], World]


@pytest.fixture
def make_world(
    server: OmeroServer, connect: Connect, make_group: Callable[..., Group], make_user: MakeUser
) -> MakeWorld:
    """A group of this kind and a caller who stands to it like that."""

    def user_as(role: str, group: Group, other: Group, owner: User) -> User:
        if role == "owner":
            return owner
        if role == "member":
            return make_user(group, other)
        if role == "group owner":
            return make_user(other, owner_of=[group])
        if role == "administrator":
            return make_user(admin=True)
        return make_user(privileges=[] if role == "light administrator" else [role])

    def make(kind: str, role: str) -> World:
        group, other = make_group(kind), make_group()
        owner = make_user(group, other)
        caller = user_as(role, group, other, owner)
        gateway = connect(caller)
        gateway.SERVICE_OPTS.setOmeroGroup(group.id)
        return World(server, group, other, owner, caller, connect(owner), gateway)

    return make


# -- the ways to touch an object; each says whether it came to be, as the server's rows show it


def _reads(world: World) -> bool:
    found = world.as_caller.getObject("Dataset", world.of_owner("Dataset"))
    return found is not None


def _edits(world: World) -> bool:
    target = world.of_owner("Dataset")
    seen = world.as_owner.getQueryService().get("Dataset", target)
    seen.name = rstring("changed")
    _attempt(lambda: world.save(seen))
    return bool(_row(world, "Dataset", target)["name"] == "changed")


def _links(world: World) -> bool:
    made = omero.model.ProjectDatasetLinkI()
    made.parent = content.ref("Project", world.of_owner("Project"))
    made.child = content.ref("Dataset", world.of_owner("Dataset"))
    return _attempt(lambda: world.save(made))


def _annotates(world: World) -> bool:
    made = omero.model.DatasetAnnotationLinkI()
    made.parent = content.ref("Dataset", world.of_owner("Dataset"))
    made.child = omero.model.CommentAnnotationI()
    made.child.textValue = rstring("seen")
    return _attempt(lambda: world.save(made))


def _deletes(world: World) -> bool:
    target = world.of_owner("Dataset")
    done = _request(world, omero.cmd.Delete2(targetObjects={"Dataset": [target]}))
    assert done is not content.exists(world.server, "Dataset", target)
    return done


def _moves(world: World) -> bool:
    target = world.of_owner("Dataset")
    request = omero.cmd.Chgrp2(targetObjects={"Dataset": [target]}, groupId=world.other_group.id)
    done = _request(world, request)
    assert done is (content.group_of(world.server, "Dataset", target) == world.other_group.id)
    return done


def _gives_away(world: World, make_user: MakeUser) -> bool:
    target, recipient = world.of_owner("Dataset"), make_user(world.group)
    done = _request(world, omero.cmd.Chown2(targetObjects={"Dataset": [target]}, userId=recipient.id))
    assert done is (content.owner_of(world.server, "Dataset", target) == recipient.id)
    return done


def _attempt(act: Callable[[], Any]) -> bool:
    try:
        act()
    except omero.SecurityViolation:
        return False
    return True


def _request(world: World, request: Any) -> bool:
    return not isinstance(content.submit(world.as_caller, request), omero.cmd.ERR)


def _row(world: World, kind: str, id_: int) -> Any:
    return world.server.store.row(kind, id_)


# -- the matrix


def matrix(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test for each caller and each kind of group."""
    cases = [
        pytest.param(role, kind, set(allowed.split()), id=f"{role} in {kind}")
        for role, row in ALLOWED.items()
        for kind, allowed in zip(KINDS, row, strict=True)
    ]
    parametrized: Callable[..., None] = pytest.mark.parametrize(("role", "kind", "allowed"), cases)(test)
    return parametrized


@matrix
def test_the_matrix_is_what_happens(
    make_world: MakeWorld, make_user: MakeUser, role: str, kind: str, allowed: set[str]
) -> None:
    world = make_world(kind, role)
    happened = {
        "read": _reads(world),
        "edit": _edits(world),
        "link": _links(world),
        "annotate": _annotates(world),
        "delete": _deletes(world),
        "chgrp": _moves(world),
        "chown": _gives_away(world, make_user),
    }
    assert {way for way, came_to_be in happened.items() if came_to_be} == allowed


@matrix
def test_the_matrix_is_what_the_gateway_is_told(
    make_world: MakeWorld, role: str, kind: str, allowed: set[str]
) -> None:
    world = make_world(kind, role)
    seen = world.as_caller.getObject("Dataset", world.of_owner("Dataset"))
    if "read" not in allowed:
        assert seen is None
        return
    told = {
        "edit": seen.canEdit(),
        "link": seen.canLink(),
        "annotate": seen.canAnnotate(),
        "delete": seen.canDelete(),
        "chgrp": seen.canChgrp(),
        "chown": seen.canChown(),
    }
    assert {way for way, is_allowed in told.items() if is_allowed} == allowed - {"read"}


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_not_in_the_group_is_refused_the_group(
    make_world: MakeWorld, connect: Connect, make_user: MakeUser, kind: str
) -> None:
    world = make_world(kind, "owner")
    stranger = connect(make_user(world.other_group))
    dataset = world.of_owner("Dataset")
    with pytest.raises(omero.SecurityViolation, match="not a member"):
        stranger.getQueryService().find("Dataset", dataset, world.in_group)
    stranger.SERVICE_OPTS.setOmeroGroup("-1")
    assert stranger.getObject("Dataset", dataset) is None


def test_what_cannot_be_moved_says_so(make_world: MakeWorld) -> None:
    world = make_world("rwrw--", "owner")
    link = content.link(
        world.as_owner, ("Project", world.of_owner("Project")), ("Dataset", world.of_owner("Dataset"))
    )
    permissions = world.as_owner.getQueryService().get("ProjectDatasetLink", link).details.permissions
    assert permissions.canEdit()
    assert not permissions.canChgrp()


# -- around the matrix


@pytest.mark.parametrize(("kind", "goes"), [("rwra--", False), ("rwrw--", True)])
def test_ones_own_image_in_anothers_dataset(make_world: MakeWorld, kind: str, goes: bool) -> None:
    world = make_world(kind, "member")
    link = omero.model.DatasetImageLinkI()
    link.parent = content.ref("Dataset", world.of_owner("Dataset"))
    link.child = content.ref("Image", content.image(world.as_caller))
    assert _attempt(lambda: world.save(link)) is goes


@pytest.mark.parametrize(("kind", "goes"), [("rwr---", False), ("rwra--", True)])
def test_rois_on_anothers_image_are_annotations(make_world: MakeWorld, kind: str, goes: bool) -> None:
    world = make_world(kind, "member")
    image = content.image(world.as_owner)
    assert _attempt(lambda: content.roi(world.as_caller, image)) is goes


def test_a_reader_has_settings_of_his_own(make_world: MakeWorld) -> None:
    world = make_world("rwr---", "member")
    image = world.as_owner.getObject("Image", content.image(world.as_owner))
    settings = omero.model.RenderingDefI()
    settings.pixels = content.ref("Pixels", image.getPixelsId())
    _fill(settings)
    assert world.save(settings).details.owner.id.val == world.caller.id


def _fill(settings: Any) -> None:
    """What a RenderingDef must have."""
    settings.defaultZ, settings.defaultT = omero.rtypes.rint(0), omero.rtypes.rint(0)
    settings.compression = omero.rtypes.rdouble(0.5)
    settings.model, settings.quantization = omero.model.RenderingModelI(), omero.model.QuantumDefI()
    settings.model.value = rstring("greyscale")
    settings.quantization.cdStart, settings.quantization.cdEnd = (omero.rtypes.rint(n) for n in (0, 255))
    settings.quantization.bitResolution = omero.rtypes.rint(255)


@pytest.mark.parametrize("role", ["administrator", "WriteOwned"])
def test_a_private_link_may_be_made_for_the_owner_of_both_ends(make_world: MakeWorld, role: str) -> None:
    world = make_world("rw----", role)
    link = omero.model.ProjectDatasetLinkI()
    link.parent = content.ref("Project", world.of_owner("Project"))
    link.child = content.ref("Dataset", world.of_owner("Dataset"))
    link.details.owner = omero.model.ExperimenterI(world.owner.id, False)
    assert world.save(link).details.owner.id.val == world.owner.id


def test_nothing_is_linked_across_groups(make_world: MakeWorld) -> None:
    world = make_world("rwrw--", "owner")
    elsewhere = content.save(world.as_owner, content.named("Dataset"), world.other_group.id)
    link = omero.model.ProjectDatasetLinkI()
    link.parent = content.ref("Project", world.of_owner("Project"))
    link.child = content.ref("Dataset", elsewhere.id.val)
    with pytest.raises(omero.GroupSecurityViolation, match="MIXED GROUP"):
        world.save(link)


def test_everybody_reads_what_belongs_to_the_group_of_all_users(
    server: OmeroServer, root: Gateway, gateway: Gateway
) -> None:
    script = content.original_file(server, owner=0, group=1)
    file = gateway.getObject("OriginalFile", script)
    file.setName("mine")
    with pytest.raises(omero.SecurityViolation):
        file.save()


# -- all groups at once


def test_in_all_groups_one_sees_what_one_sees_in_each(make_world: MakeWorld) -> None:
    world = make_world("rwr---", "member")
    seen = {world.of_owner("Dataset"), content.new(world.as_caller, "Dataset")}
    other = int(content.save(world.as_caller, content.named("Dataset"), world.other_group.id).id.val)
    content.save(world.as_owner, content.named("Dataset"), world.other_group.id)  # private: not his
    assert {one.getId() for one in world.as_caller.getObjects("Dataset")} == seen
    world.as_caller.SERVICE_OPTS.setOmeroGroup("-1")
    assert {one.getId() for one in world.as_caller.getObjects("Dataset")} == {*seen, other}


def test_nothing_is_saved_in_all_groups(gateway: Gateway) -> None:
    with pytest.raises(omero.ApiUsageException):
        content.save(gateway, content.named("Dataset"), -1)


# -- as somebody else


def test_the_gateway_becomes_another_user_with_his_rights_only(make_world: MakeWorld, root: Gateway) -> None:
    world = make_world("rw----", "member")
    mine, theirs = content.new(world.as_caller, "Dataset"), world.of_owner("Dataset")
    become = root.suConn(world.caller.name, group=world.group.name)
    assert become.getUserId() == world.caller.id
    assert become.getObject("Dataset", theirs) is None
    dataset = become.getObject("Dataset", mine)
    assert (dataset.canEdit(), dataset.canAnnotate(), dataset.canLink()) == (True, True, True)
    become.close()


def test_as_the_owner_one_annotates_in_a_private_group(make_world: MakeWorld, root: Gateway) -> None:
    world = make_world("rw----", "owner")
    become = root.suConn(world.owner.name)
    dataset = become.getObject("Dataset", world.of_owner("Dataset"))
    comment = omero.gateway.CommentAnnotationWrapper(become)
    comment.setValue("by sudo")
    dataset.linkAnnotation(comment)
    [seen] = world.as_owner.getObject("Dataset", dataset.getId()).listAnnotations()
    assert (seen.getValue(), seen.getDetails().getOwner().getId()) == ("by sudo", world.owner.id)
    become.close()


def test_a_light_administrator_with_sudo_becomes_another(
    make_world: MakeWorld, connect: Connect, make_user: MakeUser
) -> None:
    world = make_world("rw----", "owner")
    become = connect(make_user(privileges=["Sudo"])).suConn(world.owner.name)
    dataset = become.getObject("Dataset", world.of_owner("Dataset"))
    assert dataset.canDelete()
    become.deleteObjects("Dataset", [dataset.getId()], wait=True)
    assert not content.exists(world.server, "Dataset", dataset.getId())
    become.close()


def test_who_is_no_administrator_becomes_nobody(make_world: MakeWorld) -> None:
    world = make_world("rwrw--", "member")
    assert world.as_caller.suConn(world.owner.name) is None
