"""DiskUsage2."""

from __future__ import annotations

from typing import Any

import omero.cmd

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import annotate, fileset, image, new, refused

Gateway = Any


def _usage(
    gateway: Gateway, targets: dict[str, list[int]] | None = None, classes: list[str] | None = None
) -> Any:
    return content.submit(gateway, omero.cmd.DiskUsage2(targetObjects=targets, targetClasses=classes))


def _single(by_owner: Any) -> Any:
    (found,) = by_owner.values()
    return found


def _with_fileset(server: OmeroServer, gateway: Gateway, sizes: tuple[int, ...]) -> tuple[int, int]:
    """An image whose fileset has files of these sizes: ids of dataset and image."""
    dataset, files = new(gateway, "Dataset"), fileset(gateway)
    image_id = image(gateway, dataset=dataset, fileset=files)
    user, group = gateway.getUserId(), gateway.getEventContext().groupId
    for number, size in enumerate(sizes):
        file_id = content.original_file(server, user, group, content=b"x" * size, name=f"{number}.tif")
        with server.store.work(server.internal_caller()) as work:
            work.insert(
                "FilesetEntry", owner_id=user, group_id=group, fileset_id=files, originalFile_id=file_id
            )
    return dataset, image_id


def test_files_below_a_dataset_are_counted_by_what_refers_to_them(
    server: OmeroServer, gateway: Gateway
) -> None:
    dataset, image_id = _with_fileset(server, gateway, (10, 20))
    attached = content.original_file(
        server, gateway.getUserId(), gateway.getEventContext().groupId, content=b"x" * 5
    )
    annotate(gateway, ("Image", image_id), "FileAnnotation", file=content.ref("OriginalFile", attached))

    usage = _usage(gateway, {"Dataset": [dataset]})

    assert _single(usage.totalFileCount) == 3
    assert _single(usage.totalBytesUsed) == 35
    assert _single(usage.fileCountByReferer) == {"FilesetEntry": 2, "FileAnnotation": 1}
    assert _single(usage.bytesUsedByReferer) == {"FilesetEntry": 30, "FileAnnotation": 5}


def test_usage_is_told_by_owner_and_group(server: OmeroServer, gateway: Gateway) -> None:
    dataset, _image = _with_fileset(server, gateway, (10,))
    (who,) = _usage(gateway, {"Dataset": [dataset]}).totalBytesUsed
    assert (who.first, who.second) == (gateway.getUserId(), gateway.getEventContext().groupId)


def test_a_file_in_two_places_counts_once_in_the_total(server: OmeroServer, gateway: Gateway) -> None:
    user, group = gateway.getUserId(), gateway.getEventContext().groupId
    dataset, image_id = _with_fileset(server, gateway, (10,))
    used = server.store.database.value(
        'select e.originalFile_id from "FilesetEntry" e'
        ' join "Image" i on i.fileset_id = e.fileset_id where i.id = ?',
        image_id,
    )
    annotate(gateway, ("Dataset", dataset), "FileAnnotation", file=content.ref("OriginalFile", used))

    usage = _usage(gateway, {"Dataset": [dataset]})

    assert (_single(usage.totalFileCount), user > 0, group > 0) == (1, True, True)
    assert _single(usage.fileCountByReferer) == {"FilesetEntry": 1, "FileAnnotation": 1}


def test_pixels_that_were_written_count_too(server: OmeroServer, gateway: Gateway) -> None:
    image_id = image(gateway)
    path = server.storage.pixels_path(gateway.getObject("Image", image_id).getPrimaryPixels().id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1234")

    assert _single(_usage(gateway, {"Image": [image_id]}).bytesUsedByReferer) == {"Pixels": 4}


def test_all_that_a_user_has_is_counted(server: OmeroServer, gateway: Gateway) -> None:
    _with_fileset(server, gateway, (10, 20))
    content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId, content=b"x")

    usage = _usage(gateway, {"Experimenter": [gateway.getUserId()]})

    assert _single(usage.totalBytesUsed) == 31
    assert _single(usage.fileCountByReferer) == {"FilesetEntry": 2, "OriginalFile": 1}


def test_all_objects_of_a_class_that_the_caller_can_read_are_counted(
    server: OmeroServer, gateway: Gateway
) -> None:
    _with_fileset(server, gateway, (10,))
    _with_fileset(server, gateway, (20,))
    assert _single(_usage(gateway, classes=["Image"]).totalBytesUsed) == 30


def test_nothing_takes_nothing(gateway: Gateway) -> None:
    assert _usage(gateway, {"Dataset": [new(gateway, "Dataset")]}).totalBytesUsed == {}


def test_unknown_classes_are_refused(gateway: Gateway) -> None:
    assert refused(gateway, omero.cmd.DiskUsage2(targetClasses=["Session"])).name == "bad-target"
