"""ITimeline, ITypes, and what is left of IShare and ILdap."""

from __future__ import annotations

from typing import Any

import omero
import pytest
from omero.rtypes import rint, rstring, rtime

from tests.wire.omero_server.content import annotate, image, new

Gateway = Any


def _acquired(gateway: Gateway, image_id: int, at_ms: int) -> int:
    loaded = gateway.getQueryService().get("Image", image_id)
    loaded.acquisitionDate = rtime(at_ms)
    gateway.getUpdateService().saveObject(loaded)
    return image_id


def test_the_latest_images_come_first(gateway: Gateway) -> None:
    older, newer = (_acquired(gateway, image(gateway), at) for at in (1000, 2000))
    assert [one.getId() for one in gateway.timelineListImages()] == [newer, older]
    assert [one.getId() for one in gateway.timelineListImages(limit=1)] == [newer]
    assert [one.getId() for one in gateway.timelineListImages(tfrom=500, tto=1500)] == [older]


def test_everybodys_images_come_when_asked_for(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwr---")
    mine, others = (connect(make_user(group)) for _ in range(2))
    theirs = _acquired(others, image(others), 1000)
    assert list(mine.timelineListImages()) == []
    assert [one.getId() for one in mine.timelineListImages(only_owned=False)] == [theirs]


def test_objects_of_a_period_are_counted_and_merged(gateway: Gateway) -> None:
    project, dataset = new(gateway, "Project"), new(gateway, "Dataset")
    service = gateway.getTimelineService()

    counted = service.countByPeriod(["Project", "Dataset", "Well"], rtime(0), None, None)
    limited = omero.sys.ParametersI()
    limited.theFilter = omero.sys.Filter(limit=rint(1))
    merged = service.getByPeriod(["Project", "Dataset"], rtime(0), None, limited, True)

    assert counted == {"Project": 1, "Dataset": 1, "Well": -1}
    assert [one.id.val for one in merged["Dataset"]] == [dataset]
    assert merged["Project"] == []
    assert service.countByPeriod(["Project"], rtime(4_000_000_000_000), None, None) == {"Project": 0}
    assert project


def test_the_latest_annotation_links_by_type_and_namespace(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation", ns="a.b")
    annotate(gateway, ("Dataset", dataset), "CommentAnnotation")
    service = gateway.getTimelineService()

    assert len(service.getMostRecentAnnotationLinks([], [], [], None)) == 2
    (by_type,) = service.getMostRecentAnnotationLinks(["Dataset"], ["TagAnnotation"], [], None)
    (by_ns,) = service.getMostRecentAnnotationLinks(["Dataset"], [], ["a.%"], None)
    assert by_type.child.id.val == by_ns.child.id.val == tag


def test_changes_of_containers_and_acquisitions_are_events(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    image_id = _acquired(gateway, image(gateway), 5000)
    logs = gateway.getTimelineService().getEventLogsByPeriod(rtime(0), None, None)
    assert {(one.entityType.val.rpartition(".")[2], one.entityId.val) for one in logs} == {
        ("Dataset", dataset),
        ("Image", image_id),
    }


# -- types


def test_enumerations_are_listed_and_looked_up(gateway: Gateway) -> None:
    values = {one.getValue() for one in gateway.getEnumerationEntries("PixelsType")}
    assert {"uint8", "float"} <= values
    assert gateway.getEnumeration("DimensionOrder", "XYZCT").getValue() == "XYZCT"
    with pytest.raises(omero.ApiUsageException, match="does not exist"):
        gateway.getTypesService().getEnumeration("PixelsType", "nonsense")
    with pytest.raises(omero.ApiUsageException):
        gateway.getTypesService().allEnumerations("Image")


def test_all_enumerations_have_their_entries(gateway: Gateway) -> None:
    service = gateway.getTypesService()
    assert set(service.getEnumerationTypes()) == service.getEnumerationsWithEntries().keys()
    assert {"Image", "Dataset", "Well"} <= set(service.getAnnotationTypes())
    assert any(one.value.val == "uint8" for one in service.getOriginalEnumerations())


def test_administrators_make_and_delete_values(root: Gateway, gateway: Gateway) -> None:
    value = omero.model.ImmersionI()
    value.value = rstring("Honey")
    with pytest.raises(omero.SecurityViolation):
        gateway.getTypesService().createEnumeration(value)
    made = root.getTypesService().createEnumeration(value)
    with pytest.raises(omero.SecurityViolation):
        gateway.getTypesService().deleteEnumeration(made)
    root.getTypesService().deleteEnumeration(made)
    with pytest.raises(omero.ApiUsageException):
        root.getTypesService().getEnumeration("Immersion", "Honey")


def test_a_value_in_use_is_not_deleted(root: Gateway, gateway: Gateway) -> None:
    image(gateway)
    used = root.getTypesService().getEnumeration("PixelsType", "uint8")
    with pytest.raises(omero.ValidationException, match="referenced"):
        root.getTypesService().deleteEnumeration(used)


# -- shares, LDAP


def test_there_are_no_shares_and_no_ldap(gateway: Gateway) -> None:
    shares = gateway.getShareService()
    assert shares.getOwnShares(False) == shares.getMemberShares(True) == []
    assert shares.getShare(1) is None
    with pytest.raises(omero.ValidationException):
        shares.activate(1)
    with pytest.raises(omero.InternalException, match="not implemented"):
        shares.createShare("d", None, [], [], [], True)
    assert gateway.c.sf.getLdapService().getSetting() is False
