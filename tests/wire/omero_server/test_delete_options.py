"""Child options of Delete2, and SkipHead."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    annotate,
    child_option,
    delete,
    exists,
    image,
    link,
    message,
    new,
    refused,
)

Gateway = Any


def _delete2(**targets: int) -> Any:
    return omero.cmd.Delete2(targetObjects={kind: [id_] for kind, id_ in targets.items()})


# -- child options


def test_excluded_types_stay(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    image_id = image(gateway, dataset=dataset)
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")

    options = [child_option(excludeType=["Image", "TagAnnotation"])]
    deleted = delete(gateway, {"Dataset": [dataset]}, childOptions=options)

    assert deleted.keys() == {"Dataset", "DatasetImageLink", "DatasetAnnotationLink"}
    assert exists(server, "Image", image_id)
    assert exists(server, "Annotation", tag)


def test_included_types_go_though_others_use_them(server: OmeroServer, gateway: Gateway) -> None:
    dataset, other = new(gateway, "Dataset"), new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    link(gateway, ("Dataset", other), ("TagAnnotation", tag))

    deleted = delete(gateway, {"Dataset": [dataset]}, childOptions=[child_option(includeType=["Annotation"])])

    assert deleted["TagAnnotation"] == [tag]
    assert exists(server, "Dataset", other)


def test_the_first_option_that_says_something_counts(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    comment = annotate(gateway, ("Dataset", dataset), "CommentAnnotation")

    options = [child_option(includeType=["TagAnnotation"]), child_option(excludeType=["Annotation"])]
    deleted = delete(gateway, {"Dataset": [dataset]}, childOptions=options)

    assert deleted["TagAnnotation"] == [tag]
    assert exists(server, "Annotation", comment)


def test_options_are_about_the_namespaces_they_name(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    kept = annotate(gateway, ("Dataset", dataset), "MapAnnotation", ns="keep")
    gone = annotate(gateway, ("Dataset", dataset), "MapAnnotation", ns="lose")

    options = [child_option(excludeType=["Annotation"], includeNs=["keep"])]

    assert delete(gateway, {"Dataset": [dataset]}, childOptions=options)["MapAnnotation"] == [gone]
    assert exists(server, "Annotation", kept)


def test_options_leave_companion_files_alone_by_default(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    companion = annotate(
        gateway, ("Dataset", dataset), "FileAnnotation", ns="openmicroscopy.org/omero/import/companionFile"
    )

    options = [child_option(excludeType=["FileAnnotation"])]

    assert delete(gateway, {"Dataset": [dataset]}, childOptions=options)["FileAnnotation"] == [companion]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (child_option(), "child option must include or exclude some type"),
        (
            child_option(includeType=["Image"], includeNs=["a"], excludeNs=["b"]),
            "both include and exclude namespace",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(option: Any, reason: str, gateway: Gateway) -> None:
    request = _delete2(Dataset=new(gateway, "Dataset"))
    request.childOptions = [option]
    assert reason in message(refused(gateway, request))


def test_ignored_types_are_not_looked_at(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    within = image(gateway, dataset=dataset)

    deleted = delete(gateway, {"Dataset": [dataset]}, typesToIgnore=["Image"])

    assert deleted.keys() == {"Dataset", "DatasetImageLink"}
    assert exists(server, "Image", within)


# -- SkipHead


def _below_dataset(gateway: Gateway, dataset: int, **options: Any) -> Any:
    return omero.cmd.SkipHead(
        targetObjects={"Dataset": [dataset]}, startFrom=["Image"], request=omero.cmd.Delete2(), **options
    )


def test_skip_head_deletes_the_images_of_a_dataset_and_leaves_it(
    server: OmeroServer, gateway: Gateway
) -> None:
    dataset, other = new(gateway, "Dataset"), new(gateway, "Dataset")
    alone, shared = image(gateway, dataset=dataset), image(gateway, dataset=dataset)
    link(gateway, ("Dataset", other), ("Image", shared))

    response = content.submit(gateway, _below_dataset(gateway, dataset))

    assert content.simple(response.deletedObjects)["Image"] == [alone]
    assert exists(server, "Dataset", dataset)
    assert exists(server, "Image", shared)


def test_skip_head_as_a_dry_run_deletes_nothing(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    within = image(gateway, dataset=dataset)

    response = content.submit(gateway, _below_dataset(gateway, dataset, dryRun=True))

    assert content.simple(response.deletedObjects)["Image"] == [within]
    assert exists(server, "Image", within)


def test_skip_head_needs_to_know_where_to_start(gateway: Gateway) -> None:
    request = _below_dataset(gateway, new(gateway, "Dataset"))
    request.startFrom = []
    assert "requires the start classes" in message(refused(gateway, request))
