"""Query, update, admin and config services as clients call them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import Ice
import omero
import omero.sys
import pytest
from omero.rtypes import rbool, rint, rlong, rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server.conftest import Client, Connect, Gateway, Group, MakeUser, User


def dataset(name: str, **details: Any) -> Any:
    made = omero.model.DatasetI()
    made.name = rstring(name)
    return made


@pytest.fixture
def query(client: Client) -> Any:
    return client.getSession().getQueryService()


@pytest.fixture
def update(client: Client) -> Any:
    return client.getSession().getUpdateService()


def test_get_finds_by_any_name_of_the_class_or_fails(query: Any, update: Any) -> None:
    saved = update.saveAndReturnObject(dataset("d"))
    for name in ("Dataset", "DatasetI", "ome.model.containers.Dataset"):
        assert query.get(name, saved.id.val).name.val == "d"
    assert query.find("Dataset", saved.id.val + 1000) is None
    with pytest.raises(omero.ValidationException, match="is not available"):
        query.get("Dataset", saved.id.val + 1000)


def test_find_by_text_and_by_example(query: Any, update: Any) -> None:
    for name in ("Alpha", "alphabet"):
        update.saveObject(dataset(name))
    assert query.findByString("Dataset", "name", "Alpha").name.val == "Alpha"
    assert len(query.findAllByString("Dataset", "name", "ALPHA%", False, None)) == 2
    assert len(query.findAllByString("Dataset", "name", "Alpha%", True, None)) == 1
    assert query.findByExample(dataset("alphabet")).name.val == "alphabet"


def test_find_by_query_wants_one_object(query: Any, update: Any) -> None:
    update.saveArray([dataset("one"), dataset("two")])
    params = omero.sys.ParametersI().addString("name", "one")
    assert query.findByQuery("select d from Dataset d where d.name = :name", params).name.val == "one"
    with pytest.raises(omero.ApiUsageException, match="unique"):
        query.findByQuery("select d from Dataset d", None)


def test_pages_of_a_query(query: Any, update: Any) -> None:
    update.saveArray([dataset(name) for name in "abcd"])
    page = omero.sys.ParametersI().page(1, 2)
    found = query.findAllByQuery("select d from Dataset d order by d.name", page)
    assert [one.name.val for one in found] == ["b", "c"]


def test_projections_of_values_objects_and_maps(query: Any, update: Any) -> None:
    saved = update.saveAndReturnObject(dataset("d"))
    ((name, obj),) = query.projection("select d.name, d from Dataset d", None)
    assert (name.val, obj.val.id.val) == ("d", saved.id.val)
    ((found,),) = query.projection(
        "select new map(d.id as id, d as dataset_details_permissions) from Dataset d", None
    )
    assert unwrap(found)["id"] == saved.id.val
    assert unwrap(found)["dataset_details_permissions"]["canEdit"] is True


def test_a_message_of_more_than_64_mib_breaks_the_connection(update: Any) -> None:
    """Ice.MessageSizeMax in etc/templates/grid/templates.xml of openmicroscopy."""
    note = omero.model.XmlAnnotationI()
    note.textValue = rstring("x" * (65 << 20))
    with pytest.raises(Ice.ConnectionLostException):
        update.saveObject(note)
    update.saveObject(dataset("d"))


def test_what_an_object_before_it_refers_to_is_taken_for_gone(query: Any, update: Any) -> None:
    """UpdateImpl.internalMerge compares ids by reference; one object in both places is all right."""
    link = omero.model.ProjectDatasetLinkI()
    link.parent = omero.model.ProjectI()
    link.parent.name = rstring("p")
    link.child = dataset("d")
    saved = update.saveAndReturnObject(link)
    link, child = query.get("ProjectDatasetLink", saved.id.val), query.get("Dataset", saved.child.id.val)
    child.name = rstring("changed")
    with pytest.raises(omero.ValidationException, match="no longer exists in database"):
        update.saveAndReturnArray([link, child])
    update.saveAndReturnArray([child, link])
    child, link = query.get("Dataset", saved.child.id.val), query.get("ProjectDatasetLink", saved.id.val)
    child.name = rstring("changed again")
    link.child = child
    assert [one.id.val for one in update.saveAndReturnArray([link, child])] == [saved.id.val, child.id.val]
    assert query.get("Dataset", child.id.val).name.val == "changed again"


def test_the_pairs_of_what_is_fetched_cannot_be_joined(query: Any) -> None:
    """A NullPointerException in QueryLoader of Hibernate 3.6.10, fetched or not."""
    link = "select l from ImageAnnotationLink l join fetch l.child a"
    for join in ("join a.mapValue v", "left outer join fetch a.mapValue"):
        with pytest.raises(omero.ApiUsageException, match="its owner is fetched"):
            query.findAllByQuery(f"{link} {join}", None)


def test_a_row_that_is_null_and_nothing_else_comes_empty(query: Any, update: Any) -> None:
    """QueryImpl.projection leaves the row null, and a null sequence is an empty one on the wire."""
    update.saveObject(dataset("d"))
    assert query.projection("select d.description from Dataset d", None) == [[]]
    ((name, nothing),) = query.projection("select d.name, d.description from Dataset d", None)
    assert (name.val, nothing) == ("d", None)


def test_values_are_for_projections(query: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="projection"):
        query.findAllByQuery("select g.name from ExperimenterGroup g", None)


def test_arrays_are_one_transaction_in_order(query: Any, update: Any) -> None:
    saved = update.saveAndReturnArray([dataset("one"), dataset("two")])
    assert [one.name.val for one in saved] == ["one", "two"]
    with pytest.raises(omero.ValidationException):
        update.saveArray([dataset("three"), omero.model.DatasetI()])
    assert len(query.findAll("Dataset", None)) == 2


def test_ids_are_for_new_objects(update: Any) -> None:
    ids = update.saveAndReturnIds([dataset("one"), dataset("two")])
    assert len(set(ids)) == 2
    with pytest.raises(omero.ApiUsageException, match="new objects"):
        update.saveAndReturnIds([omero.model.DatasetI(ids[0], False)])


def test_what_comes_back_is_loaded_as_far_as_what_was_sent(update: Any) -> None:
    made = dataset("d")
    image = omero.model.ImageI()
    image.name = rstring("i")
    made.linkImage(image)
    saved = update.saveAndReturnObject(made)
    assert [one.name.val for one in saved.linkedImageList()] == ["i"]
    assert saved.details.owner.id is not None
    bare = update.saveAndReturnObject(omero.model.DatasetI(saved.id.val, False))
    assert bare.id.val == saved.id.val


def test_deleting_takes_what_belongs_to_the_object(update: Any, query: Any) -> None:
    made = dataset("d")
    made.linkImage(image := omero.model.ImageI())
    image.name = rstring("i")
    saved = update.saveAndReturnObject(made)
    update.deleteObject(saved)
    assert query.findAll("Dataset", None) == []
    assert query.findAll("DatasetImageLink", None) == []


def test_what_is_not_there_cannot_be_deleted(update: Any) -> None:
    with pytest.raises(omero.ValidationException, match="not available"):
        update.deleteObject(omero.model.DatasetI(10**9, False))


def test_what_belongs_to_another_cannot_be_deleted(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwra--")
    owner, member = connect(make_user(group)), connect(make_user(group))
    saved = owner.getUpdateService().saveAndReturnObject(dataset("d"))
    with pytest.raises(omero.SecurityViolation, match=f"Dataset:{saved.id.val}"):
        member.getUpdateService().deleteObject(saved)
    assert owner.getObject("Dataset", saved.id.val) is not None


def test_nothing_cannot_be_saved(update: Any) -> None:
    with pytest.raises(omero.ApiUsageException, match="null"):
        update.saveObject(None)


# -- users and groups


def test_users_and_groups_are_found_with_each_other(
    client: Client, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwr---")
    member, leader = make_user(group), make_user(owner_of=[group])
    admin = client.getSession().getAdminService()
    found = admin.lookupExperimenter(member.name)
    assert [one.parent.id.val for one in found.copyGroupExperimenterMap()] == [group.id, 1]
    members = {
        one.child.omeName.val: one.owner.val for one in admin.getGroup(group.id).copyGroupExperimenterMap()
    }
    assert members == {member.name: False, leader.name: True}
    assert {one.id.val for one in admin.containedExperimenters(group.id)} == {member.id, leader.id}
    assert [one.id.val for one in admin.containedGroups(member.id)] == [1, group.id]
    assert admin.getDefaultGroup(member.id).id.val == group.id
    with pytest.raises(omero.ApiUsageException, match="No such group"):
        admin.lookupGroup("nowhere")


def test_members_have_no_say_in_users_and_groups(
    client: Client, user: User, make_group: Callable[..., Group]
) -> None:
    admin = client.getSession().getAdminService()
    group = omero.model.ExperimenterGroupI()
    group.name = rstring("my own")
    me, other = (
        omero.model.ExperimenterI(user.id, False),
        omero.model.ExperimenterGroupI(make_group().id, False),
    )
    calls: list[Callable[[], Any]] = [
        lambda: admin.createGroup(group),
        lambda: admin.addGroups(me, [other]),
        lambda: admin.setGroupOwner(other, me),
        lambda: admin.changeUserPassword("root", rstring("mine")),
        lambda: admin.setAdminPrivileges(me, []),
        lambda: admin.deleteExperimenter(me),
    ]
    for call in calls:
        with pytest.raises(omero.SecurityViolation):
            call()


def test_owners_choose_the_members_of_their_group(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group()
    leader, other = make_user(owner_of=[group]), make_user()
    admin = connect(leader).getAdminService()
    other_user, group_ref = (
        omero.model.ExperimenterI(other.id, False),
        omero.model.ExperimenterGroupI(group.id, False),
    )
    admin.addGroups(other_user, [group_ref])
    assert group.id in admin.getMemberOfGroupIds(other_user)
    admin.removeGroups(other_user, [group_ref])
    assert group.id not in admin.getMemberOfGroupIds(other_user)


def test_the_default_group_is_the_first(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    first, second = make_group(), make_group()
    user = make_user(first, second)
    admin = connect(user).getAdminService()
    admin.setDefaultGroup(
        omero.model.ExperimenterI(user.id, False), omero.model.ExperimenterGroupI(second.id, False)
    )
    assert connect(user).getEventContext().groupId == second.id


def test_users_change_their_own_names_and_password(server: OmeroServer, client: Client, user: User) -> None:
    admin = client.getSession().getAdminService()
    me = admin.getExperimenter(user.id)
    me.email, me.omeName = rstring("me@example.org"), rstring("root2")
    admin.updateSelf(me)
    found = admin.getExperimenter(user.id)
    assert (found.email.val, found.omeName.val) == ("me@example.org", user.name)
    with pytest.raises(omero.SecurityViolation, match="Old password"):
        admin.changePasswordWithOldPassword(rstring("wrong"), rstring("new"))
    admin.changePasswordWithOldPassword(rstring(user.password), rstring("new"))
    again = omero.client(server.host, server.ssl_port)
    again.createSession(user.name, "new")
    again.closeSession()


def test_a_new_name_must_be_free(root: Gateway, user: User) -> None:
    twin = omero.model.ExperimenterI()
    twin.omeName, twin.firstName, twin.lastName = rstring(user.name), rstring("T"), rstring("Win")
    groups = [omero.model.ExperimenterGroupI(1, False)]
    with pytest.raises(omero.ValidationException, match="unique"):
        root.getAdminService().createExperimenterWithPassword(twin, rstring("x"), groups[0], groups)


def test_who_owns_something_stays(root: Gateway, connect: Connect, user: User) -> None:
    connect(user).getUpdateService().saveObject(dataset("mine"))
    with pytest.raises(omero.ValidationException, match="still belong"):
        root.getAdminService().deleteExperimenter(omero.model.ExperimenterI(user.id, False))


def test_permissions_of_a_group_are_changed_by_its_owner(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rw----")
    member, leader = connect(make_user(group)), connect(make_user(owner_of=[group]))
    request = omero.cmd.Chmod2(targetObjects={"ExperimenterGroup": [group.id]}, permissions="rwra--")
    refused = _response(member.c, request)
    assert isinstance(refused, omero.cmd.GraphException)
    assert isinstance(_response(leader.c, request), omero.cmd.Chmod2Response)
    assert str(member.getObject("ExperimenterGroup", group.id).getDetails().permissions) == "rwra--"


def _response(client: Client, request: Any) -> Any:
    callback = client.submit(request, loops=50, ms=100, failonerror=False)
    try:
        return callback.getResponse()
    finally:
        callback.close(True)


def test_several_requests_are_one(client: Client, user: User) -> None:
    inner = omero.cmd.Chmod2(targetObjects={"ExperimenterGroup": [user.group_id]}, permissions="rwr---")
    response = _response(client, omero.cmd.DoAll([inner]))
    assert isinstance(response, omero.cmd.GraphException)


def test_a_request_nobody_knows_is_answered_so(client: Client) -> None:
    assert isinstance(_response(client, omero.cmd.Request()), omero.cmd.Unknown)


class _Listener(omero.cmd.CmdCallback):  # type: ignore[misc]  # omero has no types
    """Waits to be told, and never asks."""

    def __init__(self) -> None:
        self.told = threading.Event()

    def step(self, complete: int, total: int, current: Any = None) -> None:
        pass

    def finished(self, response: Any, status: Any, current: Any = None) -> None:
        self.told.set()


def test_a_callback_is_told_however_late_it_comes(client: Client) -> None:
    handle = client.getSession().submit(omero.cmd.CurrentSessionsRequest())
    while handle.getResponse() is None:
        time.sleep(0.01)
    listener = _Listener()
    name = Ice.Identity("late listener", client.getCategory())
    proxy = omero.cmd.CmdCallbackPrx.uncheckedCast(client.getAdapter().add(listener, name))
    handle.addCallback(proxy)
    assert listener.told.wait(10)
    assert handle.getStatus().currentStep == handle.getStatus().steps
    handle.close()


# -- settings


def test_the_server_says_who_it_is(server: OmeroServer, client: Client) -> None:
    config = client.getSession().getConfigService()
    assert config.getDatabaseUuid() == server.uuid
    assert config.getVersion().startswith("5.6.")
    assert config.getConfigValue("omero.router.insecure").endswith(f"-p {server.tcp_port} -h @omero.host@")
    assert abs(config.getServerTime().val - server.clock.now_ms()) < 60_000
    assert config.getConfigValue("no.such.setting") == ""


def test_settings_are_changed_by_administrators(client: Client, root: Gateway) -> None:
    mine, roots = client.getSession().getConfigService(), root.c.sf.getConfigService()
    with pytest.raises(omero.SecurityViolation):
        mine.setConfigValue("omero.client.a", "1")
    roots.setConfigValue("omero.client.a", "1")
    assert mine.getClientConfigValues()["omero.client.a"] == "1"
    assert mine.getConfigValues(r"omero\.client\.a")["omero.client.a"] == "1"
    roots.setConfigValue("omero.client.a", "")
    assert "omero.client.a" not in mine.getClientConfigValues()


def test_typed_values_arrive_as_they_were_sent(update: Any, query: Any) -> None:
    annotation = omero.model.LongAnnotationI()
    annotation.longValue = rlong(2**40)
    flag = omero.model.BooleanAnnotationI()
    flag.boolValue = rbool(True)
    assert update.saveAndReturnObject(annotation).longValue.val == 2**40
    assert update.saveAndReturnObject(flag).boolValue.val is True
    params = omero.sys.ParametersI()
    params.map = {"value": rint(1)}
    assert query.findAllByQuery("select b from BooleanAnnotation b where b.boolValue = :value", params)
