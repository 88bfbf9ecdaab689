"""Delete2 and annotations: the rows of omero-semantics.md, section 5, about them."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    annotate,
    annotation,
    delete,
    delete2,
    exists,
    fileset,
    link,
    message,
    new,
    refused,
)

Gateway = Any


@pytest.mark.parametrize(
    "kind", ["CommentAnnotation", "LongAnnotation", "TermAnnotation", "TimestampAnnotation"]
)
def test_basic_annotations_go_with_what_they_are_on_whoever_made_them(kind: str, pair: Any) -> None:
    mine, others = pair("rwra--")
    dataset = new(mine, "Dataset")
    made = annotate(others, ("Dataset", dataset), kind)

    assert delete(mine, {"Dataset": [dataset]})[kind] == [made]


@pytest.mark.parametrize(
    "kind", ["TagAnnotation", "FileAnnotation", "MapAnnotation", "XmlAnnotation", "ListAnnotation"]
)
def test_other_annotations_of_other_users_stay(kind: str, server: OmeroServer, pair: Any) -> None:
    mine, others = pair("rwra--")
    dataset = new(mine, "Dataset")
    made = annotate(others, ("Dataset", dataset), kind)

    deleted = delete(mine, {"Dataset": [dataset]})

    assert deleted.keys() == {"Dataset", "DatasetAnnotationLink"}
    assert exists(server, "Annotation", made)


def test_a_tag_of_another_owner_than_its_object_stays_even_if_the_caller_may_delete_it(
    server: OmeroServer, pair: Any
) -> None:
    mine, others = pair("rwrw--")
    dataset = new(others, "Dataset")
    tag = annotate(mine, ("Dataset", dataset), "TagAnnotation")
    values = annotate(mine, ("Dataset", dataset), "MapAnnotation")

    deleted = delete(mine, {"Dataset": [dataset]})

    assert deleted["MapAnnotation"] == [values]
    assert exists(server, "Annotation", tag)


@pytest.mark.parametrize("kind", ["TagAnnotation", "CommentAnnotation", "MapAnnotation"])
def test_an_annotation_of_two_objects_goes_with_the_last(kind: str, gateway: Gateway) -> None:
    first, second = new(gateway, "Dataset"), new(gateway, "Dataset")
    made = annotate(gateway, ("Dataset", first), kind)
    link(gateway, ("Dataset", second), (kind, made))

    assert kind not in delete(gateway, {"Dataset": [first]})
    assert delete(gateway, {"Dataset": [second]})[kind] == [made]


def test_a_tag_set_takes_its_tags_that_nothing_else_uses(server: OmeroServer, gateway: Gateway) -> None:
    tag_set = annotation(
        gateway, "TagAnnotation", ns="openmicroscopy.org/omero/insight/tagset", textValue=rstring("s")
    )
    unused = annotate(gateway, ("TagAnnotation", tag_set), "TagAnnotation")
    used = annotate(gateway, ("TagAnnotation", tag_set), "TagAnnotation")
    link(gateway, ("Dataset", new(gateway, "Dataset")), ("TagAnnotation", used))

    assert delete(gateway, {"TagAnnotation": [tag_set]})["TagAnnotation"] == [tag_set, unused]
    assert exists(server, "Annotation", used)


def test_a_tag_on_data_that_its_owner_may_not_delete_is_kept(server: OmeroServer, pair: Any) -> None:
    mine, others = pair("rwra--")
    dataset = new(others, "Dataset")
    tag = annotate(mine, ("Dataset", dataset), "TagAnnotation")

    error = refused(mine, delete2(Annotation=tag))

    assert message(error) == f"may not delete TagAnnotation[{tag}] while Dataset[{dataset}] remains"


def test_a_comment_on_anothers_data_can_be_deleted_with_its_link(pair: Any) -> None:
    mine, others = pair("rwra--")
    comment = annotate(mine, ("Dataset", new(others, "Dataset")), "CommentAnnotation")

    assert delete(mine, {"Annotation": [comment]}).keys() == {"CommentAnnotation", "DatasetAnnotationLink"}


def test_unlinking_a_comment_deletes_it_and_unlinking_a_tag_does_not(
    server: OmeroServer, gateway: Gateway
) -> None:
    dataset = new(gateway, "Dataset")
    comment, tag = annotation(gateway, "CommentAnnotation"), annotation(gateway, "TagAnnotation")
    to_comment = link(gateway, ("Dataset", dataset), ("CommentAnnotation", comment))
    to_tag = link(gateway, ("Dataset", dataset), ("TagAnnotation", tag))

    deleted = delete(gateway, {"DatasetAnnotationLink": [to_comment, to_tag]})

    assert deleted == {"DatasetAnnotationLink": [to_comment, to_tag], "CommentAnnotation": [comment]}
    assert exists(server, "Annotation", tag)


def test_a_file_takes_the_annotations_that_show_it_and_its_bytes(
    server: OmeroServer, gateway: Gateway
) -> None:
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    path = server.storage.path_by_id(file_id)
    shown = annotate(
        gateway,
        ("Dataset", new(gateway, "Dataset")),
        "FileAnnotation",
        file=content.ref("OriginalFile", file_id),
    )
    assert path.exists()

    assert delete(gateway, {"OriginalFile": [file_id]})["FileAnnotation"] == [shown]
    assert not path.exists()


def test_a_file_annotation_takes_its_file_unless_another_shows_it_too(
    server: OmeroServer, gateway: Gateway
) -> None:
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    first, second = (
        annotation(gateway, "FileAnnotation", file=content.ref("OriginalFile", file_id)) for _ in range(2)
    )

    assert "OriginalFile" not in delete(gateway, {"Annotation": [first]})
    assert delete(gateway, {"Annotation": [second]})["OriginalFile"] == [file_id]


def test_a_file_of_a_fileset_cannot_be_deleted(server: OmeroServer, gateway: Gateway) -> None:
    user, group = gateway.getUserId(), gateway.getEventContext().groupId
    file_id, files = content.original_file(server, user, group), fileset(gateway)
    with server.store.work(server.internal_caller()) as work:
        entry = work.insert(
            "FilesetEntry", owner_id=user, group_id=group, fileset_id=files, originalFile_id=file_id
        )

    error = refused(gateway, delete2(OriginalFile=file_id))

    assert message(error) == f"may not delete OriginalFile[{file_id}] while FilesetEntry[{entry}] remains"


def test_external_info_goes_with_its_object(server: OmeroServer, gateway: Gateway) -> None:
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId = rstring("x"), omero.rtypes.rlong(1)
    made = content.named("Dataset")
    made.details.externalInfo = info
    dataset = content.save(gateway, made)

    assert "ExternalInfo" in delete(gateway, {"Dataset": [dataset.id.val]})


def test_what_hung_on_a_kept_annotation_by_a_link_that_is_named_goes(
    gateway: Gateway, server: OmeroServer
) -> None:
    image = content.image(gateway)
    term = annotate(gateway, ("Image", image), "TermAnnotation")
    below = annotation(gateway, "DoubleAnnotation")
    named = link(gateway, ("TermAnnotation", term), ("DoubleAnnotation", below))
    stays = content.child_option(excludeType=["TermAnnotation"])
    delete(gateway, {"Image": [image], "AnnotationAnnotationLink": [named]}, childOptions=[stays])
    assert exists(server, "TermAnnotation", term)
    assert not exists(server, "DoubleAnnotation", below)
