"""Annotations of every kind and links of every parent, through the unmodified BlitzGateway."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import omero
import pytest
from omero import gateway as wrappers
from omero.constants.metadata import NSINSIGHTRATING, NSINSIGHTTAGSET
from omero.rtypes import rlong, rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.conftest import Connect, Gateway, Group, MakeUser, User
from tests.wire.omero_server.plates import plated

NS: Final = "tests/annotate"

VALUES: Final = (
    (wrappers.BooleanAnnotationWrapper, True),
    (wrappers.CommentAnnotationWrapper, "a comment\nof two lines"),
    (wrappers.DoubleAnnotationWrapper, 0.1),
    (wrappers.LongAnnotationWrapper, 2**40),
    (wrappers.MapAnnotationWrapper, [("key", "first"), ("key", "second"), ("", "")]),
    (wrappers.TagAnnotationWrapper, "Σ"),
    (wrappers.TermAnnotationWrapper, "GO:0005634"),
    (wrappers.TimestampAnnotationWrapper, datetime(2001, 2, 3, 4, 5, 6)),
    (wrappers.XmlAnnotationWrapper, "<a>1 &amp; 2</a>"),
)
"""Every annotation with a value, with one that is hard on it."""

PARENTS: Final = (
    "Dataset", "Experimenter", "ExperimenterGroup", "Fileset", "Image", "OriginalFile", "Plate",
    "PlateAcquisition", "Project", "Rectangle", "Roi", "Screen", "Well",
)  # fmt: skip


def new(gateway: Gateway, kind: type, value: Any, ns: str | None = NS) -> Any:
    """An annotation that is not yet saved."""
    made = kind(gateway)
    made.setValue(value)
    if ns is not None:
        made.setNs(ns)
    return made


def comment(gateway: Gateway, text: str = "c", ns: str | None = NS) -> Any:
    return new(gateway, wrappers.CommentAnnotationWrapper, text, ns)


@pytest.fixture
def dataset(gateway: Gateway) -> Any:
    return gateway.getObject("Dataset", content.new(gateway, "Dataset"))


def reread(one: Any) -> Any:
    return one._conn.getObject(one.OMERO_CLASS, one.getId())


# -- every kind


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda one: getattr(one, "__name__", ""))
def test_an_annotation_keeps_value_namespace_and_owner(
    gateway: Gateway, user: User, dataset: Any, kind: Any, value: Any
) -> None:
    dataset.linkAnnotation(new(gateway, kind, value))
    [found] = reread(dataset).listAnnotations(ns=NS)
    assert type(found) is kind
    assert found.getValue() == value
    assert (found.getNs(), found.getDetails().getOwner().getId()) == (NS, user.id)
    assert found.link.child.id.val == found.getId()


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda one: getattr(one, "__name__", ""))
def test_an_annotation_of_every_kind_is_made_and_linked_at_once(dataset: Any, kind: Any, value: Any) -> None:
    kind.createAndLink(target=dataset, ns=NS, val=value)
    assert reread(dataset).getAnnotation(NS).getValue() == value


def test_a_tag_set_has_tags(gateway: Gateway) -> None:
    tag_set = new(gateway, wrappers.TagAnnotationWrapper, "set", NSINSIGHTTAGSET)
    tag_set.save()
    link = omero.model.AnnotationAnnotationLinkI()
    link.parent, link.child = content.ref("TagAnnotation", tag_set.getId()), omero.model.TagAnnotationI()
    link.child.textValue = rstring("t")
    tag = content.save(gateway, link).child.id.val
    found = gateway.getObject("TagAnnotation", tag_set.getId())
    assert [one.getId() for one in found.listTagsInTagset()] == [tag]
    [parent] = gateway.getObject("TagAnnotation", tag).listParents()
    assert parent.getId() == tag_set.getId()


# -- files


def test_a_file_goes_up_and_comes_back(gateway: Gateway, dataset: Any, tmp_path: Path) -> None:
    content_sent = bytes(range(256)) * 5000
    (tmp_path / "data.bin").write_bytes(content_sent)
    annotation = gateway.createFileAnnfromLocalFile(
        str(tmp_path / "data.bin"), mimetype="application/octet-stream", ns=NS, desc="what for"
    )
    dataset.linkAnnotation(annotation)
    found = reread(dataset).getAnnotation(NS)
    assert (found.getFileName(), found.getFileSize()) == ("data.bin", len(content_sent))
    assert found.getFile().getHash() == hashlib.sha1(content_sent).hexdigest()
    assert b"".join(found.getFileInChunks(buf=100_000)) == content_sent
    with found.getFile().asFileObj() as file:
        file.seek(1000)
        assert file.read(5) == content_sent[1000:1005]


def test_a_file_from_memory(gateway: Gateway) -> None:
    file = gateway.createOriginalFileFromFileObj(
        BytesIO(b"abc"), "/a/folder", "abc.txt", 3, mimetype="text/plain"
    )
    found = gateway.getObject("OriginalFile", file.getId())
    assert (found.getPath(), found.getName(), b"".join(found.getFileInChunks())) == (
        "/a/folder",
        "abc.txt",
        b"abc",
    )


def test_attached_files_are_listed_with_those_of_the_import_left_out(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a")
    path = str(tmp_path / "a.txt")
    attached = gateway.createFileAnnfromLocalFile(path, ns=NS)
    gateway.createFileAnnfromLocalFile(path, ns=omero.constants.namespaces.NSCOMPANIONFILE)
    [found] = gateway.listFileAnnotations(eid=gateway.getUserId())
    assert (found.getId(), found.getFileName()) == (attached.getId(), "a.txt")


# -- every parent


@pytest.mark.parametrize("kind", PARENTS)
def test_objects_of_every_kind_are_annotated(
    server: OmeroServer, gateway: Gateway, user: User, kind: str
) -> None:
    target = _target(server, gateway, user, kind)
    made = _annotated(gateway, kind, target, "CommentAnnotation", NS)
    _annotated(gateway, kind, target, "LongAnnotation", "other")
    name = "Shape" if kind == "Rectangle" else kind
    [link] = gateway.getAnnotationLinks(name, parent_ids=[target], ns=NS)
    assert (link.parent.id.val, link.child.id.val) == (target, made)
    if not kind.startswith("Experimenter"):  # the gateway wants a group that people do not have
        [found] = gateway.getObject(name, target).listAnnotations(ns=NS)
        assert found.getId() == made


def _annotated(gateway: Gateway, kind: str, target: int, annotation: str, ns: str) -> int:
    link = getattr(omero.model, f"{'Shape' if kind == 'Rectangle' else kind}AnnotationLinkI")()
    link.parent, link.child = content.ref(kind, target), getattr(omero.model, f"{annotation}I")()
    link.child.ns = rstring(ns)
    return int(content.save(gateway, link).child.id.val)


def _target(server: OmeroServer, gateway: Gateway, user: User, kind: str) -> int:
    makers: dict[str, Callable[[], int]] = {
        "Experimenter": lambda: user.id,
        "ExperimenterGroup": lambda: user.group_id,
        "Fileset": lambda: content.fileset(gateway),
        "Image": lambda: content.image(gateway),
        "OriginalFile": lambda: content.original_file(server, user.id, user.group_id),
        "PlateAcquisition": lambda: plated(gateway).run,
        "Roi": lambda: content.roi(gateway, content.image(gateway)),
        "Rectangle": lambda: _shape(gateway),
        "Well": lambda: plated(gateway).wells[0],
    }
    return makers[kind]() if kind in makers else content.new(gateway, kind)


def _shape(gateway: Gateway) -> int:
    roi = content.roi(gateway, content.image(gateway))
    [shape] = gateway.getRoiService().findByRoi(roi, None).rois[0].copyShapes()
    return int(shape.id.val)


# -- many annotations, many objects


def test_one_annotation_on_many_objects(gateway: Gateway) -> None:
    tag = new(gateway, wrappers.TagAnnotationWrapper, "shared")
    tag.save()
    datasets = [gateway.getObject("Dataset", content.new(gateway, "Dataset")) for _ in range(3)]
    for one in datasets[:2]:
        one.linkAnnotation(tag)
    found = gateway.getObjectsByAnnotations("Dataset", [tag.getId()])
    assert sorted(one.getId() for one in found) == [one.getId() for one in datasets[:2]]
    assert len(list(tag.getParentLinks("dataset"))) == 2


def test_objects_are_found_by_key_and_value(gateway: Gateway) -> None:
    by_value = {}
    for value in ("alpha", "beta", "alphabet"):
        one = gateway.getObject("Dataset", content.new(gateway, "Dataset"))
        one.linkAnnotation(new(gateway, wrappers.MapAnnotationWrapper, [("gene", value)]))
        by_value[value] = one.getId()

    def found(**conditions: str) -> list[int]:
        return sorted(one.getId() for one in gateway.getObjectsByMapAnnotations("Dataset", **conditions))

    assert found(key="gene", value="alpha") == [by_value["alpha"]]
    assert found(value="alpha*") == sorted([by_value["alpha"], by_value["alphabet"]])
    assert found(key="*en*", ns=NS) == sorted(by_value.values())
    assert found(key="gene", ns="other") == []


def test_annotations_are_counted_by_kind(gateway: Gateway, dataset: Any) -> None:
    dataset.linkAnnotation(comment(gateway))
    dataset.linkAnnotation(new(gateway, wrappers.TagAnnotationWrapper, "t"))
    dataset.linkAnnotation(new(gateway, wrappers.LongAnnotationWrapper, 3, NSINSIGHTRATING))
    dataset.linkAnnotation(new(gateway, wrappers.LongAnnotationWrapper, 4))
    assert gateway.countAnnotations("Dataset", [dataset.getId()]) == {
        "CommentAnnotation": 1,
        "TagAnnotation": 1,
        "LongAnnotation": 1,
        "FileAnnotation": 0,
        "MapAnnotation": 0,
        "OtherAnnotation": 1,
    }


def test_annotations_that_could_still_be_added(gateway: Gateway, dataset: Any) -> None:
    there = new(gateway, wrappers.TagAnnotationWrapper, "there", None)
    dataset.linkAnnotation(there)
    free = new(gateway, wrappers.TagAnnotationWrapper, "free", None)
    free.save()
    user_id = gateway.getUserId()
    assert [one.getId() for one in dataset.listOrphanedAnnotations(eid=user_id, anntype="Tag")] == [
        free.getId()
    ]
    both = [dataset.getId(), content.new(gateway, "Dataset")]
    found = gateway.listOrphanedAnnotations("Dataset", both, eid=user_id, anntype="Tag")
    assert len(list(found)) == 2


# -- changes


def test_a_changed_annotation_is_changed_everywhere(gateway: Gateway, dataset: Any) -> None:
    made = new(gateway, wrappers.MapAnnotationWrapper, [("a", "1"), ("b", "2")])
    dataset.linkAnnotation(made)
    found = reread(dataset).getAnnotation(NS)
    found.setValue([("b", "3"), ("a", "1"), ("a", "4")])
    found.setNs("new")
    found.save()
    [again] = reread(dataset).listAnnotations()
    assert (again.getValue(), again.getNs()) == ([("b", "3"), ("a", "1"), ("a", "4")], "new")


def test_unlinked_annotations_stay_and_removed_ones_go(gateway: Gateway, dataset: Any) -> None:
    kept, gone = new(gateway, wrappers.TagAnnotationWrapper, "t", "kept"), comment(gateway, ns="gone")
    other = comment(gateway, ns="other")
    for one in (kept, gone, other):
        one.save()
        dataset.linkAnnotation(one)
    dataset.unlinkAnnotations("kept")
    dataset.removeAnnotations("gone")
    assert [one.getId() for one in reread(dataset).listAnnotations()] == [other.getId()]
    assert gateway.getObject("TagAnnotation", kept.getId()) is not None
    assert gateway.getObject("CommentAnnotation", gone.getId()) is None


def test_the_same_annotation_cannot_be_linked_twice_by_one_user(gateway: Gateway, dataset: Any) -> None:
    made = comment(gateway)
    made.save()
    dataset.linkAnnotation(made)
    with pytest.raises(omero.ValidationException):
        dataset.linkAnnotation(made)


def test_another_user_may_link_the_same_annotation(
    connect: Connect, make_user: MakeUser, make_group: Callable[..., Group]
) -> None:
    group = make_group("rwra--")
    first, second = connect(make_user(group)), connect(make_user(group))
    dataset = content.new(first, "Dataset")
    tag = new(first, wrappers.TagAnnotationWrapper, "t")
    tag.save()
    first.getObject("Dataset", dataset).linkAnnotation(tag)
    content.link(second, ("Dataset", dataset), ("TagAnnotation", tag.getId()))
    links = list(second.getAnnotationLinks("Dataset", parent_ids=[dataset]))
    owners = sorted(link.details.owner.id.val for link in links)
    assert owners == sorted([first.getUserId(), second.getUserId()])


def test_an_administrator_annotates_as_the_owner(gateway: Gateway, root: Gateway, dataset: Any) -> None:
    root.SERVICE_OPTS.setOmeroGroup(dataset.details.group.id.val)
    seen = root.getObject("Dataset", dataset.getId())
    seen.linkAnnotation(comment(root), sameOwner=True)
    [found] = reread(dataset).listAnnotations()
    assert found.link.details.owner.id.val == gateway.getUserId()


def test_ratings_and_long_values_are_told_apart_by_their_namespace(gateway: Gateway, dataset: Any) -> None:
    made = content.annotate(
        gateway, ("Dataset", dataset.getId()), "LongAnnotation", ns=NSINSIGHTRATING, longValue=rlong(5)
    )
    assert [one.getId() for one in reread(dataset).listAnnotations(ns=NSINSIGHTRATING)] == [made]
    assert list(reread(dataset).listAnnotations(ns=NS)) == []
