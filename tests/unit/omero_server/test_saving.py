"""What saving does (omero-semantics.md, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import omero
import omero.clients
import pytest
from omero.model import NamedValue
from omero.rtypes import rint, rlong, rstring

from omero_irods_sandbox.omero_server.security.caller import Caller
from omero_irods_sandbox.omero_server.store.store import Store
from tests.unit.omero_server.builders import (
    enumeration,
    image_with_pixels,
    link,
    named,
    pixels,
    reference,
    tag,
)

MakeGroup = Callable[[str], int]
MakeCaller = Callable[..., Caller]


@pytest.fixture
def caller(make_caller: MakeCaller, make_group: MakeGroup) -> Caller:
    return make_caller(make_group("rw----"))


def saved(store: Store, caller: Caller, obj: Any) -> Any:
    with store.work(caller) as work:
        return work.save_and_return(obj)


def loaded(store: Store, caller: Caller, query: str, id_: int) -> Any:
    (found,) = store.objects(query, caller, id=id_)
    return found


# -- what a merge takes from the client


def test_an_unloaded_object_is_a_reference(store: Store, caller: Caller) -> None:
    dataset, image = saved(store, caller, named("Dataset")), saved(store, caller, named("Image"))
    saved(store, caller, link("DatasetImageLink", reference(dataset), reference(image)))
    assert store.get("Dataset", dataset.id.val, caller).name.val == "a name"


def test_what_several_objects_share_is_saved_once(store: Store, caller: Caller) -> None:
    shared, images = tag(), [named("Image", "one"), named("Image", "two")]
    for image in images:
        image.linkAnnotation(shared)
    with store.work(caller) as work:
        work.save_ids(images)
    assert len(store.objects("select t from TagAnnotation t", caller)) == 1


def test_a_collection_that_is_not_loaded_is_left_alone(store: Store, caller: Caller) -> None:
    dataset = named("Dataset")
    dataset.linkImage(named("Image"))
    saved(store, caller, dataset)
    renamed = store.get("Dataset", dataset.id.val, caller)
    renamed.name = rstring("renamed")
    saved(store, caller, renamed)
    assert len(store.objects("select l from DatasetImageLink l", caller)) == 1


def test_a_loaded_list_says_what_shall_be_in_it(store: Store, caller: Caller) -> None:
    dataset = named("Dataset")
    for name in ("kept", "dropped"):
        dataset.linkImage(named("Image", name))
    saved(store, caller, dataset)
    query = (
        "select d from Dataset d left outer join fetch d.imageLinks l left outer join fetch l.child"
        " where d.id = :id"
    )
    short = loaded(store, caller, query, dataset.id.val)
    short._imageLinksSeq = [one for one in short._imageLinksSeq if one.child.name.val == "kept"]
    saved(store, caller, short)
    assert [one.child.id.val for one in store.objects("select l from DatasetImageLink l", caller)] == [
        short._imageLinksSeq[0].child.id.val
    ]
    assert len(store.objects("select i from Image i", caller)) == 2, "an image is not part of a dataset"


def test_a_list_keeps_the_order_it_was_saved_in(store: Store, caller: Caller) -> None:
    roi = omero.model.RoiI()
    for text in ("b", "a", "c"):
        point = omero.model.PointI()
        point.textValue = rstring(text)
        roi.addShape(point)
    saved(store, caller, roi)
    query = "select r from Roi r left outer join fetch r.shapes where r.id = :id"
    found = loaded(store, caller, query, roi.id.val)
    assert [one.textValue.val for one in found.copyShapes()] == ["b", "a", "c"]
    found._shapesSeq.reverse()
    saved(store, caller, found)
    assert [one.textValue.val for one in loaded(store, caller, query, roi.id.val).copyShapes()] == [
        "c",
        "a",
        "b",
    ]


def test_a_shape_can_only_be_saved_in_the_list_of_its_roi(store: Store, caller: Caller) -> None:
    roi = saved(store, caller, omero.model.RoiI())
    shape = omero.model.PointI()
    shape.roi = reference(roi)
    with pytest.raises(omero.ValidationException, match=r"Point\.roi"):
        saved(store, caller, shape)


def test_a_shape_that_was_saved_stays_in_its_roi(store: Store, caller: Caller) -> None:
    roi = omero.model.RoiI()
    roi.addShape(omero.model.PointI())
    shape_id = saved(store, caller, roi).copyShapes()[0].id.val
    shape = store.get("Point", shape_id, caller)
    shape.textValue = rstring("moved")
    assert saved(store, caller, shape).roi.id.val == roi.id.val


def test_well_plate_and_image_of_a_roi_may_point_up(store: Store, caller: Caller) -> None:
    plate, image = saved(store, caller, named("Plate")), saved(store, caller, named("Image"))
    well, roi = omero.model.WellI(), omero.model.RoiI()
    well.plate, roi.image = reference(plate), reference(image)
    assert saved(store, caller, well).plate.id.val == plate.id.val
    assert saved(store, caller, roi).image.id.val == image.id.val


def test_pairs_are_kept_by_null_and_cleared_by_an_empty_list(store: Store, caller: Caller) -> None:
    annotation = omero.model.MapAnnotationI()
    annotation.mapValue = [NamedValue("k", "1"), NamedValue("k", "2")]
    annotation = saved(store, caller, annotation)
    annotation.mapValue = None
    annotation.ns = rstring("n")
    annotation = saved(store, caller, annotation)
    assert [(pair.name, pair.value) for pair in annotation.mapValue] == [("k", "1"), ("k", "2")]
    annotation.mapValue = []
    assert saved(store, caller, annotation).mapValue == []


def test_a_pair_needs_a_name_and_a_value(store: Store, caller: Caller) -> None:
    annotation = omero.model.MapAnnotationI()
    annotation.mapValue = [NamedValue("k", None)]
    with pytest.raises(omero.ValidationException, match="mapValue"):
        saved(store, caller, annotation)


def test_nothing_of_a_failed_save_remains(store: Store, caller: Caller) -> None:
    dataset = named("Dataset")
    dataset.linkImage(omero.model.ImageI())  # without a name
    with pytest.raises(omero.ValidationException, match=r"Image\.name"):
        saved(store, caller, dataset)
    assert store.objects("select d from Dataset d", caller) == []


def test_saving_what_was_deleted_is_refused(store: Store, caller: Caller) -> None:
    dataset = saved(store, caller, named("Dataset"))
    with store.work(caller) as work:
        work.delete("Dataset", [dataset.id.val])
    with pytest.raises(omero.ValidationException, match=f"Dataset#{dataset.id.val}"):
        saved(store, caller, dataset)


# -- rules of the database


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_of_pixels_are_above_zero(store: Store, caller: Caller, size: int) -> None:
    with pytest.raises(omero.ApiUsageException, match="greater than 0"):
        saved(store, caller, image_with_pixels(size=size))


def test_pixels_need_an_image(store: Store, caller: Caller) -> None:
    with pytest.raises(omero.ValidationException, match=r"Pixels\.image"):
        saved(store, caller, pixels())


def test_the_series_of_an_image_is_0_unless_given(store: Store, caller: Caller) -> None:
    assert saved(store, caller, named("Image")).series.val == 0


def test_one_owner_links_two_objects_once(store: Store, caller: Caller) -> None:
    image, text = saved(store, caller, named("Image")), saved(store, caller, tag())
    saved(store, caller, link("ImageAnnotationLink", reference(image), reference(text)))
    with pytest.raises(omero.ValidationException, match="unique"):
        saved(store, caller, link("ImageAnnotationLink", reference(image), reference(text)))


def test_another_owner_may_link_the_same_two_objects(
    store: Store, make_caller: MakeCaller, make_group: MakeGroup
) -> None:
    group = make_group("rwrw--")
    first, second = make_caller(group), make_caller(group)
    image, text = saved(store, first, named("Image")), saved(store, first, tag())
    for one in (first, second):
        saved(store, one, link("ImageAnnotationLink", reference(image), reference(text)))
    assert len(store.objects("select l from ImageAnnotationLink l", first)) == 2


def test_a_place_on_a_plate_holds_one_well(store: Store, caller: Caller) -> None:
    plate = saved(store, caller, named("Plate"))

    def well() -> Any:
        made = omero.model.WellI()
        made.plate, made.row, made.column = reference(plate), rint(0), rint(0)
        return made

    saved(store, caller, well())
    with pytest.raises(omero.ValidationException, match="unique"):
        saved(store, caller, well())


def test_an_lsid_has_at_most_255_characters(store: Store, caller: Caller) -> None:
    def dataset(lsid: str) -> Any:
        made, info = named("Dataset"), omero.model.ExternalInfoI()
        info.entityType, info.entityId, info.lsid = rstring("t"), rlong(3), rstring(lsid)
        made.details.externalInfo = info
        return made

    with pytest.raises(omero.ValidationException, match=r"ExternalInfo\.lsid"):
        saved(store, caller, dataset("x" * 256))
    assert saved(store, caller, dataset("x" * 255)).details.externalInfo.lsid.val == "x" * 255


def test_external_info_survives_a_rename(store: Store, caller: Caller) -> None:
    dataset = named("Dataset")
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId = rstring("t"), rlong(3)
    dataset.details.externalInfo = info
    saved(store, caller, dataset)
    again = store.get("Dataset", dataset.id.val, caller)
    again.name = rstring("renamed")
    assert saved(store, caller, again).details.externalInfo is not None


def test_a_known_value_of_an_enumeration_is_found_by_its_text(store: Store, caller: Caller) -> None:
    image = saved(store, caller, image_with_pixels())
    found = image.getPrimaryPixels().pixelsType.id.val
    assert found == store.enumeration("PixelsType", "uint8")


def test_users_cannot_invent_values_of_enumerations(store: Store, caller: Caller, root: Caller) -> None:
    def image() -> Any:
        made = image_with_pixels()
        made.getPrimaryPixels().pixelsType = enumeration("PixelsType", "uint12")
        return made

    with pytest.raises(omero.SecurityViolation, match="PixelsType"):
        saved(store, caller, image())
    saved(store, root, image())
    assert store.enumeration("PixelsType", "uint12")


# -- versions and details


def test_a_change_on_top_of_one_not_seen_is_refused(store: Store, caller: Caller) -> None:
    saved(store, caller, dataset := named("Dataset"))
    stale, fresh = (store.get("Dataset", dataset.id.val, caller) for _ in range(2))
    fresh.name = rstring("first")
    saved(store, caller, fresh)
    stale.name = rstring("second")
    with pytest.raises(omero.OptimisticLockException, match=f"Dataset:{dataset.id.val}"):
        saved(store, caller, stale)


def test_a_stale_object_without_changes_is_no_conflict(store: Store, caller: Caller) -> None:
    saved(store, caller, dataset := named("Dataset"))
    stale, fresh = (store.get("Dataset", dataset.id.val, caller) for _ in range(2))
    fresh.description = rstring("new")
    saved(store, caller, fresh)
    stale.description = rstring("new")
    saved(store, caller, stale)


def test_details_without_events_bypass_the_check(store: Store, caller: Caller) -> None:
    saved(store, caller, dataset := named("Dataset"))
    mine = store.get("Dataset", dataset.id.val, caller)
    other = store.get("Dataset", dataset.id.val, caller)
    other.name = rstring("first")
    saved(store, caller, other)
    mine.details.updateEvent = None
    mine.name = rstring("second")
    assert saved(store, caller, mine).name.val == "second"


def test_only_changes_count_as_such(store: Store, caller: Caller) -> None:
    saved(store, caller, dataset := named("Dataset"))
    before = store.get("Dataset", dataset.id.val, caller)
    after = saved(store, caller, store.get("Dataset", dataset.id.val, caller))
    assert after.details.updateEvent.id.val == before.details.updateEvent.id.val
    assert after.version.val == before.version.val


def test_all_groups_at_once_cannot_be_written_to(store: Store, caller: Caller) -> None:
    with pytest.raises(omero.ApiUsageException, match="-1"):
        saved(store, caller.in_group(-1), named("Dataset"))


def test_users_create_for_themselves(store: Store, caller: Caller, root: Caller) -> None:
    dataset = named("Dataset")
    dataset.details.owner = omero.model.ExperimenterI(0, False)
    with pytest.raises(omero.SecurityViolation, match="may not create for"):
        saved(store, caller, dataset)
    dataset = named("Dataset")
    dataset.details.owner = omero.model.ExperimenterI(caller.user_id, False)
    made = saved(store, root.in_group(caller.group_id), dataset)
    assert made.details.owner.id.val == caller.user_id


def test_a_new_object_goes_into_the_group_of_the_call(
    store: Store, caller: Caller, make_group: MakeGroup
) -> None:
    dataset = named("Dataset")
    dataset.details.group = omero.model.ExperimenterGroupI(make_group("rw----"), False)
    with pytest.raises(omero.GroupSecurityViolation):
        saved(store, caller, dataset)


def test_the_repository_of_a_file_is_not_the_clients_to_set(store: Store, caller: Caller) -> None:
    file = omero.model.OriginalFileI()
    file.name, file.path, file.repo = rstring("f"), rstring("/"), rstring("some-uuid")
    with pytest.raises(omero.SecurityViolation, match="repo"):
        saved(store, caller, file)


def test_saving_writes_down_what_happened(store: Store, caller: Caller) -> None:
    dataset = saved(store, caller, named("Dataset"))
    log = (
        "select g.action, g.entityType, g.event.id from EventLog g"
        " where g.entityId = :id and g.entityType like '%Dataset'"
    )
    rows = store.query(log, {"id": dataset.id.val}, caller).rows
    assert [[value.val for value in row] for row in rows] == [
        ["INSERT", "ome.model.containers.Dataset", dataset.details.creationEvent.id.val]
    ]


# -- links and rights


def test_objects_of_two_groups_cannot_be_linked(store: Store, root: Caller, make_group: MakeGroup) -> None:
    one, other = root.in_group(make_group("rwrw--")), root.in_group(make_group("rwrw--"))
    dataset, image = saved(store, one, named("Dataset")), saved(store, other, named("Image"))
    with pytest.raises(omero.GroupSecurityViolation, match="MIXED GROUP"):
        saved(store, one, link("DatasetImageLink", reference(dataset), reference(image)))


@pytest.mark.parametrize(
    ("permissions", "may_annotate", "may_link"),
    [("rw----", False, False), ("rwr---", False, False), ("rwra--", True, False), ("rwrw--", True, True)],
)
def test_what_members_may_add_to_the_image_of_another(
    store: Store,
    make_caller: MakeCaller,
    make_group: MakeGroup,
    permissions: str,
    may_annotate: bool,
    may_link: bool,
) -> None:
    group = make_group(permissions)
    owner, member = make_caller(group), make_caller(group)
    image = saved(store, owner, named("Image"))
    mine, dataset = saved(store, member, tag()), saved(store, member, named("Dataset"))
    _expect(store, member, link("ImageAnnotationLink", reference(image), reference(mine)), may_annotate)
    _expect(store, member, link("DatasetImageLink", reference(dataset), reference(image)), may_link)


def _expect(store: Store, caller: Caller, obj: Any, allowed: bool) -> None:
    if allowed:
        saved(store, caller, obj)
    else:
        with pytest.raises(omero.SecurityViolation, match="not permitted"):
            saved(store, caller, obj)


def test_nobody_mixes_into_a_private_group_by_rank(
    store: Store, make_caller: MakeCaller, make_group: MakeGroup, root: Caller
) -> None:
    group = make_group("rw----")
    owner, leader = make_caller(group), make_caller(group, owner=True)
    image = saved(store, owner, named("Image"))
    for boss in (leader, root.in_group(group)):
        text = saved(store, boss, tag())
        _expect(store, boss, link("ImageAnnotationLink", reference(image), reference(text)), False)


def test_an_administrator_links_for_the_owner(
    store: Store, make_caller: MakeCaller, make_group: MakeGroup, root: Caller
) -> None:
    group = make_group("rw----")
    owner = make_caller(group)
    image, text = saved(store, owner, named("Image")), saved(store, owner, tag())
    made = link("ImageAnnotationLink", reference(image), reference(text))
    made.details.owner = omero.model.ExperimenterI(owner.user_id, False)
    saved(store, root.in_group(group), made)


def test_what_one_may_not_edit_cannot_be_saved(
    store: Store, make_caller: MakeCaller, make_group: MakeGroup
) -> None:
    group = make_group("rwra--")
    dataset = saved(store, make_caller(group), named("Dataset"))
    member = make_caller(group)
    found = store.get("Dataset", dataset.id.val, member)
    found.name = rstring("mine now")
    with pytest.raises(omero.SecurityViolation, match="Updating Dataset"):
        saved(store, member, found)
