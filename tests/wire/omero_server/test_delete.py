"""Delete2: every row of omero-semantics.md, section 5, and its cases."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    delete,
    delete2,
    exists,
    fileset,
    image,
    link,
    message,
    new,
    plate,
    refused,
    roi,
)

Gateway = Any


# -- containers


def test_a_project_takes_datasets_that_no_other_project_holds(server: OmeroServer, gateway: Gateway) -> None:
    project, other = new(gateway, "Project"), new(gateway, "Project")
    alone, shared = new(gateway, "Dataset"), new(gateway, "Dataset")
    within = image(gateway, dataset=alone)
    for dataset in (alone, shared):
        link(gateway, ("Project", project), ("Dataset", dataset))
    link(gateway, ("Project", other), ("Dataset", shared))

    deleted = delete(gateway, {"Project": [project]})

    assert (deleted["Project"], deleted["Dataset"], deleted["Image"]) == ([project], [alone], [within])
    assert len(deleted["ProjectDatasetLink"]) == 2
    assert exists(server, "Dataset", shared)


def test_children_that_the_caller_may_not_delete_stay_when_their_container_goes(
    server: OmeroServer, pair: Any
) -> None:
    mine, others = pair("rwrw--")
    anothers = new(others, "Dataset")
    server_group = content.group_of(server, "Dataset", anothers)
    project = new(mine, "Project")
    link(mine, ("Project", project), ("Dataset", anothers))
    with server.store.work(server.internal_caller()) as work:
        work.update(
            "ExperimenterGroup", server_group, d_permissions=omero.model.PermissionsI("rwra--").getPerm1()
        )

    deleted = delete(mine, {"Project": [project]})

    assert "Dataset" not in deleted
    assert "ProjectDatasetLink" in deleted
    assert exists(server, "Dataset", anothers)


def test_a_screen_takes_its_plate_and_a_folder_its_folders(server: OmeroServer, gateway: Gateway) -> None:
    screen, plate_id = new(gateway, "Screen"), new(gateway, "Plate")
    link(gateway, ("Screen", screen), ("Plate", plate_id))
    assert delete(gateway, {"Screen": [screen]})["Plate"] == [plate_id]

    upper = new(gateway, "Folder")
    lower = new(gateway, "Folder", parentFolder=content.ref("Folder", upper))
    assert delete(gateway, {"Folder": [upper]})["Folder"] == [upper, lower]


def test_a_link_alone_is_deleted_without_its_ends(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    within = image(gateway)
    link_id = link(gateway, ("Dataset", dataset), ("Image", within))

    assert delete(gateway, {"DatasetImageLink": [link_id]}) == {"DatasetImageLink": [link_id]}
    assert exists(server, "Image", within)


# -- images and filesets


def test_an_image_takes_pixels_channels_rois_and_anybodys_settings(server: OmeroServer, pair: Any) -> None:
    mine, others = pair("rwra--")
    image_id = image(mine)
    roi(mine, image_id, shapes=2)
    pixels_id = mine.getObject("Image", image_id).getPrimaryPixels().id
    owned = {"owner_id": others.getUserId(), "group_id": content.group_of(server, "Image", image_id)}
    with server.store.work(server.internal_caller()) as work:
        quantum = work.insert("QuantumDef", **owned, cdStart=0, cdEnd=255)
        settings = work.insert("RenderingDef", **owned, pixels_id=pixels_id, quantization_id=quantum)
        work.insert("ChannelBinding", **owned, renderingDef_id=settings, renderingDef_index=0)
        thumbnail = work.insert("Thumbnail", **owned, pixels_id=pixels_id)

    deleted = delete(mine, {"Image": [image_id]})

    assert deleted["Pixels"] == [pixels_id]
    assert (deleted["RenderingDef"], deleted["QuantumDef"], deleted["Thumbnail"]) == (
        [settings],
        [quantum],
        [thumbnail],
    )
    assert {"Channel", "LogicalChannel", "Roi", "ChannelBinding"} <= deleted.keys()
    assert len(deleted["Rectangle"]) == 2


def test_another_users_roi_cannot_be_unlinked_by_who_may_not_change_it(
    server: OmeroServer, pair: Any
) -> None:
    mine, others = pair("rwra--")
    image_id = image(mine)
    roi_id = roi(others, image_id)

    error = refused(mine, delete2(Image=image_id))

    assert (error.name, message(error)) == (
        "graph-fail",
        f"not permitted to update ome.model.roi.Roi[{roi_id}]",
    )
    assert exists(server, "Image", image_id)


def test_part_of_a_fileset_cannot_be_deleted(server: OmeroServer, gateway: Gateway) -> None:
    files = fileset(gateway)
    first, second = image(gateway, fileset=files), image(gateway, fileset=files)

    error = refused(gateway, delete2(Image=first))

    assert isinstance(error, omero.cmd.GraphException)
    assert error.category == "::omero::cmd::Delete2"
    assert (
        message(error)
        == f"within Fileset[{files}] may not delete Image[{first}] while Image[{second}] remains"
    )
    assert delete(gateway, {"Image": [first, second]})["Fileset"] == [files]
    assert not exists(server, "Fileset", files)


def test_a_dataset_with_part_of_a_fileset_goes_and_its_images_stay(
    server: OmeroServer, gateway: Gateway
) -> None:
    files = fileset(gateway)
    dataset = new(gateway, "Dataset")
    inside, outside = image(gateway, fileset=files, dataset=dataset), image(gateway, fileset=files)

    deleted = delete(gateway, {"Dataset": [dataset]})

    assert deleted.keys() == {"Dataset", "DatasetImageLink"}
    assert exists(server, "Image", inside)
    assert exists(server, "Image", outside)


def test_a_dataset_with_all_of_a_fileset_takes_it_along(gateway: Gateway) -> None:
    files = fileset(gateway)
    dataset = new(gateway, "Dataset")
    images = [image(gateway, fileset=files, dataset=dataset) for _ in range(2)]

    deleted = delete(gateway, {"Dataset": [dataset]})

    assert (deleted["Image"], deleted["Fileset"]) == (images, [files])


def test_one_image_that_stays_keeps_its_whole_fileset(server: OmeroServer, gateway: Gateway) -> None:
    files = fileset(gateway)
    dataset, other = new(gateway, "Dataset"), new(gateway, "Dataset")
    images = [image(gateway, fileset=files, dataset=dataset) for _ in range(2)]
    link(gateway, ("Dataset", other), ("Image", images[0]))

    assert delete(gateway, {"Dataset": [dataset]}).keys() == {"Dataset", "DatasetImageLink"}
    assert all(exists(server, "Image", one) for one in images)


def test_a_fileset_takes_images_entries_jobs_and_files(server: OmeroServer, gateway: Gateway) -> None:
    user, group = gateway.getUserId(), gateway.getEventContext().groupId
    files = fileset(gateway)
    image(gateway, fileset=files)
    file_id, log_id = (
        content.original_file(server, user, group, name=name) for name in ("a.tif", "import.log")
    )
    with server.store.work(server.internal_caller()) as work:
        owned = {"owner_id": user, "group_id": group}
        work.insert("FilesetEntry", **owned, fileset_id=files, originalFile_id=file_id, clientPath="a.tif")
        job = work.insert("UploadJob", **owned, username="x")
        work.insert("FilesetJobLink", **owned, parent_id=files, child_id=job)
        work.insert("JobOriginalFileLink", **owned, parent_id=job, child_id=log_id)
    path = server.storage.path_by_id(file_id)

    deleted = delete(gateway, {"Fileset": [files]})

    assert deleted["OriginalFile"] == sorted([file_id, log_id])
    assert {"Image", "FilesetEntry", "UploadJob", "FilesetJobLink", "JobOriginalFileLink"} <= deleted.keys()
    assert not path.exists()


def test_channels_that_share_a_logical_channel_keep_it(server: OmeroServer, gateway: Gateway) -> None:
    first, second = image(gateway), image(gateway)
    logical = [_logical_channel(server, one) for one in (first, second)]
    with server.store.work(server.internal_caller()) as work:
        channel = _channel(server, second)
        work.update("Channel", channel, logicalChannel_id=logical[0])

    assert "LogicalChannel" not in delete(gateway, {"Image": [first]})
    assert delete(gateway, {"Image": [second]})["LogicalChannel"] == [logical[0]]


def _channel(server: OmeroServer, image_id: int) -> int:
    sql = 'select c.id from "Channel" c join "Pixels" p on c.pixels_id = p.id where p.image_id = ?'
    return int(server.store.database.value(sql, image_id))


def _logical_channel(server: OmeroServer, image_id: int) -> int:
    row = server.store.row("Channel", _channel(server, image_id))
    assert row is not None
    return int(row["logicalChannel_id"])


def test_images_that_share_an_instrument_keep_it_until_the_last_goes(
    server: OmeroServer, gateway: Gateway
) -> None:
    instrument = int(content.save(gateway, omero.model.InstrumentI()).id.val)
    first, second = image(gateway), image(gateway)
    with server.store.work(server.internal_caller()) as work:
        for one in (first, second):
            work.update("Image", one, instrument_id=instrument)

    assert "Instrument" not in delete(gateway, {"Image": [first]})
    assert delete(gateway, {"Image": [second]})["Instrument"] == [instrument]


def test_pixels_are_no_target(gateway: Gateway) -> None:
    assert refused(gateway, delete2(Pixels=1)).name == "bad-target"
    assert refused(gateway, delete2(Nonsense=1)).name == "bad-target"


# -- ROIs


def test_a_roi_takes_its_shapes_and_a_shape_goes_alone(server: OmeroServer, gateway: Gateway) -> None:
    roi_id = roi(gateway, image(gateway), shapes=2)
    shapes = [shape.id.val for shape in gateway.getRoiService().findByRoi(roi_id, None).rois[0].copyShapes()]

    assert delete(gateway, {"Shape": [shapes[0]]}) == {"Rectangle": [shapes[0]]}
    assert delete(gateway, {"Roi": [roi_id]}) == {"Roi": [roi_id], "Rectangle": [shapes[1]]}


# -- screens


def test_an_image_in_a_well_is_kept_by_its_field(server: OmeroServer, gateway: Gateway) -> None:
    image_id = image(gateway)
    _plate, _well, sample = plate(gateway, image_id)

    error = refused(gateway, delete2(Image=image_id))

    assert message(error) == f"may not delete Image[{image_id}] while WellSample[{sample}] remains"


def test_a_plate_takes_wells_fields_and_then_their_images(gateway: Gateway) -> None:
    image_id = image(gateway)
    plate_id, well, sample = plate(gateway, image_id)

    deleted = delete(gateway, {"Plate": [plate_id]})

    assert (deleted["Well"], deleted["WellSample"], deleted["Image"]) == ([well], [sample], [image_id])


def test_a_run_takes_its_fields(server: OmeroServer, gateway: Gateway) -> None:
    image_id = image(gateway)
    plate_id, well, sample = plate(gateway, image_id)
    run = omero.model.PlateAcquisitionI()
    run.plate = content.ref("Plate", plate_id)
    run_id = content.save(gateway, run).id.val
    with server.store.work(server.internal_caller()) as work:
        work.update("WellSample", sample, plateAcquisition_id=run_id)

    deleted = delete(gateway, {"PlateAcquisition": [run_id]})

    assert (deleted["WellSample"], deleted["Image"]) == ([sample], [image_id])
    assert exists(server, "Well", well)


def test_an_image_of_a_plate_that_is_in_a_dataset_stays(server: OmeroServer, gateway: Gateway) -> None:
    image_id = image(gateway, dataset=new(gateway, "Dataset"))
    plate_id, _well, _sample = plate(gateway, image_id)

    assert "Image" not in delete(gateway, {"Plate": [plate_id]})


# -- permissions and errors


def test_another_users_object_cannot_be_deleted(pair: Any) -> None:
    mine, others = pair("rwra--")
    dataset = new(others, "Dataset")

    error = refused(mine, delete2(Dataset=dataset))

    assert message(error) == f"not permitted to delete ome.model.containers.Dataset[{dataset}]"


def test_in_a_read_write_group_members_delete_each_others_objects(pair: Any) -> None:
    mine, others = pair("rwrw--")
    dataset = new(others, "Dataset")
    assert delete(mine, {"Dataset": [dataset]}) == {"Dataset": [dataset]}


def test_deleting_twice_fails_the_second_time(gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    delete(gateway, {"Dataset": [dataset]})

    error = refused(gateway, delete2(Dataset=dataset))

    assert (error.name, error.message) == (
        "graph-fail",
        "cannot read all the specified objects of class ome.model.containers.Dataset",
    )


def test_one_unreadable_target_spares_all(server: OmeroServer, pair: Any) -> None:
    mine, others = pair("rw----")
    own, hidden = new(mine, "Dataset"), new(others, "Dataset")

    refused(mine, omero.cmd.Delete2(targetObjects={"Dataset": [own, hidden]}))

    assert exists(server, "Dataset", own)


def test_objects_of_all_groups_are_deleted_whatever_the_group_of_the_call(
    make_group: Any, make_user: Any, connect: Any
) -> None:
    first, second = make_group(), make_group()
    gateway = connect(make_user(first, second))
    dataset = content.save(gateway, content.named("Dataset"), group=second.id).id.val

    assert delete(gateway, {"Dataset": [dataset]}) == {"Dataset": [dataset]}


def test_a_light_administrator_with_delete_owned_deletes_others_images_with_files(
    server: OmeroServer, make_group: Any, make_user: Any, connect: Any
) -> None:
    group = make_group("rw----")
    owner = connect(make_user(group))
    files = fileset(owner)
    image_id = image(owner, fileset=files)
    owned = {"owner_id": owner.getUserId(), "group_id": group.id}
    file_id = content.original_file(server, owner.getUserId(), group.id)
    with server.store.work(server.internal_caller()) as work:
        work.insert("FilesetEntry", **owned, fileset_id=files, originalFile_id=file_id)
    deleting = connect(make_user(privileges=["DeleteOwned"]))
    other = connect(make_user(privileges=["WriteOwned"]))

    refused(other, delete2(Image=image_id))
    assert delete(deleting, {"Image": [image_id]})["OriginalFile"] == [file_id]


def test_deleting_anothers_file_directly_needs_its_own_privilege(
    server: OmeroServer, make_group: Any, make_user: Any, connect: Any
) -> None:
    group = make_group("rw----")
    owner = make_user(group)
    file_id = content.original_file(server, owner.id, group.id)

    refused(connect(make_user(privileges=["DeleteOwned"])), delete2(OriginalFile=file_id))
    delete(connect(make_user(privileges=["DeleteFile"])), {"OriginalFile": [file_id]})


def test_a_dry_run_tells_the_same_and_deletes_nothing(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    image(gateway, dataset=dataset)

    told = delete(gateway, {"Dataset": [dataset]}, dryRun=True)

    assert exists(server, "Dataset", dataset)
    assert delete(gateway, {"Dataset": [dataset]}) == told


def test_a_dry_run_tells_why_it_would_fail(gateway: Gateway) -> None:
    image_id = image(gateway)
    plate(gateway, image_id)
    request = delete2(Image=image_id)
    request.dryRun = True

    assert "may not delete" in message(refused(gateway, request))


def test_delete_object_of_the_update_service_follows_the_same_rules(
    server: OmeroServer, gateway: Gateway
) -> None:
    dataset = new(gateway, "Dataset")
    within = image(gateway, dataset=dataset)
    gateway.getUpdateService().deleteObject(content.ref("Dataset", dataset))
    assert not exists(server, "Image", within)

    kept = image(gateway)
    plate(gateway, kept)
    with pytest.raises(omero.ValidationException, match="may not delete Image"):
        gateway.getUpdateService().deleteObject(content.ref("Image", kept))


def test_the_gateway_deletes_and_waits(server: OmeroServer, gateway: Gateway) -> None:
    dataset = new(gateway, "Dataset")
    gateway.deleteObjects("Dataset", [dataset], deleteAnns=True, deleteChildren=True, wait=True)
    assert not exists(server, "Dataset", dataset)
