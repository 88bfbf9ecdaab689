"""Chgrp2: every row of omero-semantics.md, section 5, and its cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import omero
import omero.cmd
import pytest
from omero.rtypes import rstring

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    annotate,
    exists,
    fileset,
    group_of,
    image,
    link,
    message,
    new,
    plate,
    refused,
    roi,
)

Gateway = Any


@dataclass
class Place:
    """Two members of two groups; ``mine`` and ``others`` work in ``source``."""

    source: int
    target: int
    mine: Gateway
    others: Gateway


@pytest.fixture
def place(make_group: Any, make_user: Any, connect: Any) -> Any:
    def make(source: str = "rwra--", target: str = "rwra--") -> Place:
        groups = make_group(source), make_group(target)
        mine, others = (connect(make_user(*groups), groups[0]) for _ in range(2))
        return Place(groups[0].id, groups[1].id, mine, others)

    return make


def _chgrp2(group: int, **targets: int) -> Any:
    return omero.cmd.Chgrp2(targetObjects={kind: [id_] for kind, id_ in targets.items()}, groupId=group)


def _move(gateway: Gateway, request: Any) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Move; what moved and what was deleted, by simple class name."""
    response = content.submit(gateway, request)
    assert isinstance(response, omero.cmd.Chgrp2Response), content.failure(response)
    return content.simple(response.includedObjects), content.simple(response.deletedObjects)


# -- containers


def test_a_project_takes_what_only_it_holds_and_links_to_the_rest_are_cut(
    server: OmeroServer, place: Any
) -> None:
    here = place()
    project, other = new(here.mine, "Project"), new(here.mine, "Project")
    alone, shared = new(here.mine, "Dataset"), new(here.mine, "Dataset")
    within = image(here.mine, dataset=alone)
    kept = link(here.mine, ("Project", project), ("Dataset", alone))
    cut = link(here.mine, ("Project", project), ("Dataset", shared))
    link(here.mine, ("Project", other), ("Dataset", shared))

    moved, deleted = _move(here.mine, _chgrp2(here.target, Project=project))

    assert (moved["Dataset"], moved["Image"], moved["ProjectDatasetLink"]) == ([alone], [within], [kept])
    assert deleted == {"ProjectDatasetLink": [cut]}
    assert group_of(server, "Image", within) == here.target
    assert group_of(server, "ProjectDatasetLink", kept) == here.target
    assert group_of(server, "Dataset", shared) == here.source


def test_a_screen_takes_its_plate_with_everything_in_it(server: OmeroServer, place: Any) -> None:
    here = place()
    image_id = image(here.mine)
    plate_id, well, sample = plate(here.mine, image_id)
    screen = new(here.mine, "Screen")
    link(here.mine, ("Screen", screen), ("Plate", plate_id))

    moved, deleted = _move(here.mine, _chgrp2(here.target, Screen=screen))

    assert (moved["Plate"], moved["Well"], moved["WellSample"], moved["Image"]) == (
        [plate_id],
        [well],
        [sample],
        [image_id],
    )
    assert deleted == {}


def test_to_a_private_group_contents_of_other_owners_stay(server: OmeroServer, place: Any) -> None:
    here = place("rwrw--", "rw----")
    project, anothers = new(here.mine, "Project"), new(here.others, "Dataset")
    link(here.mine, ("Project", project), ("Dataset", anothers))

    moved, deleted = _move(here.mine, _chgrp2(here.target, Project=project))

    assert moved == {"Project": [project]}
    assert "ProjectDatasetLink" in deleted
    assert group_of(server, "Dataset", anothers) == here.source


def test_to_a_readable_group_contents_go_along_that_the_caller_could_delete(
    server: OmeroServer, place: Any
) -> None:
    here = place("rwrw--", "rwr---")
    project, anothers = new(here.mine, "Project"), new(here.others, "Dataset")
    link(here.mine, ("Project", project), ("Dataset", anothers))

    moved, deleted = _move(here.mine, _chgrp2(here.target, Project=project))

    assert (moved["Dataset"], len(moved["ProjectDatasetLink"]), deleted) == ([anothers], 1, {})


# -- images


def test_an_image_is_cut_from_its_dataset(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    image_id = image(here.mine, dataset=dataset)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Image=image_id))

    assert {"Image", "Pixels", "Channel", "LogicalChannel"} <= moved.keys()
    assert deleted.keys() == {"DatasetImageLink"}
    assert group_of(server, "Dataset", dataset) == here.source


def test_part_of_a_fileset_cannot_be_moved(server: OmeroServer, place: Any) -> None:
    here = place()
    files = fileset(here.mine)
    first, second = image(here.mine, fileset=files), image(here.mine, fileset=files)

    error = refused(here.mine, _chgrp2(here.target, Image=first))

    assert (
        message(error) == f"within Fileset[{files}] may not move Image[{first}] while Image[{second}] remains"
    )
    request = _chgrp2(here.target)
    request.targetObjects = {"Image": [first, second]}
    assert _move(here.mine, request)[0]["Fileset"] == [files]


def test_a_dataset_with_part_of_a_fileset_moves_without_its_images(server: OmeroServer, place: Any) -> None:
    here = place()
    files = fileset(here.mine)
    dataset = new(here.mine, "Dataset")
    inside = image(here.mine, fileset=files, dataset=dataset)
    image(here.mine, fileset=files)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Dataset=dataset))

    assert (set(moved), set(deleted)) == ({"Dataset"}, {"DatasetImageLink"})
    assert group_of(server, "Image", inside) == here.source


def test_a_fileset_moves_whole(server: OmeroServer, place: Any) -> None:
    here = place()
    files = fileset(here.mine)
    image_id = image(here.mine, fileset=files)
    owned = {"owner_id": here.mine.getUserId(), "group_id": here.source}
    used, log = (
        content.original_file(server, here.mine.getUserId(), here.source, name=name)
        for name in ("a.tif", "a.log")
    )
    with server.store.work(server.internal_caller()) as work:
        work.insert("FilesetEntry", **owned, fileset_id=files, originalFile_id=used)
        job = work.insert("UploadJob", **owned)
        work.insert("FilesetJobLink", **owned, parent_id=files, child_id=job)
        work.insert("JobOriginalFileLink", **owned, parent_id=job, child_id=log)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Fileset=files))

    assert (moved["Image"], moved["OriginalFile"], moved["UploadJob"]) == (
        [image_id],
        sorted([used, log]),
        [job],
    )
    assert {"FilesetEntry", "FilesetJobLink", "JobOriginalFileLink"} <= moved.keys()
    assert deleted == {}


@pytest.mark.parametrize(
    ("field", "kind"),
    [("instrument", "Instrument"), ("experiment", "Experiment"), ("stageLabel", "StageLabel")],
)
def test_images_that_share_something_move_together_only(
    field: str, kind: str, server: OmeroServer, place: Any
) -> None:
    here = place()
    first, second = image(here.mine), image(here.mine)
    owned = {"owner_id": here.mine.getUserId(), "group_id": here.source}
    with server.store.work(server.internal_caller()) as work:
        shared = work.insert(kind, **owned)
        for one in (first, second):
            work.update("Image", one, **{f"{field}_id": shared})

    error = refused(here.mine, _chgrp2(here.target, Image=first))

    assert message(error) == (
        f"may not move Image[{first}] while Image[{second}] remains as they share {kind}[{shared}]"
    )
    request = _chgrp2(here.target)
    request.targetObjects = {"Image": [first, second]}
    assert _move(here.mine, request)[0][kind] == [shared]


def test_an_image_in_a_well_does_not_move_alone(place: Any) -> None:
    here = place()
    image_id = image(here.mine)
    _plate, _well, sample = plate(here.mine, image_id)

    error = refused(here.mine, _chgrp2(here.target, Image=image_id))

    assert message(error) == f"may not move Image[{image_id}] while WellSample[{sample}] remains"


@pytest.mark.parametrize("kind", ["Well", "PlateAcquisition", "Pixels", "Shape"])
def test_parts_are_no_targets(kind: str, place: Any) -> None:
    here = place()
    assert refused(here.mine, _chgrp2(here.target, **{kind: 1})).name == "bad-target"


# -- what other users added


def _view(server: OmeroServer, gateway: Gateway, image_id: int) -> tuple[int, int]:
    """Another user's settings and thumbnail."""
    owned = {"owner_id": gateway.getUserId(), "group_id": group_of(server, "Image", image_id)}
    pixels_id = server.store.database.value('select id from "Pixels" where image_id = ?', image_id)
    with server.store.work(server.internal_caller()) as work:
        quantum = work.insert("QuantumDef", **owned)
        settings = work.insert("RenderingDef", **owned, pixels_id=pixels_id, quantization_id=quantum)
        return settings, work.insert("Thumbnail", **owned, pixels_id=pixels_id)


def test_others_settings_thumbnails_and_rois_move_to_a_readable_group(
    server: OmeroServer, place: Any
) -> None:
    here = place()
    image_id = image(here.mine)
    settings, thumbnail = _view(server, here.others, image_id)
    roi_id = roi(here.others, image_id)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Image=image_id))

    assert (moved["RenderingDef"], moved["Thumbnail"], moved["Roi"]) == ([settings], [thumbnail], [roi_id])
    assert {"QuantumDef", "Rectangle"} <= moved.keys()
    assert deleted == {}


def test_others_settings_thumbnails_and_rois_do_not_survive_a_move_to_a_private_group(
    server: OmeroServer, place: Any
) -> None:
    here = place("rwra--", "rw----")
    image_id = image(here.mine)
    settings, thumbnail = _view(server, here.others, image_id)
    roi_id, own = roi(here.others, image_id), roi(here.mine, image_id)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Image=image_id))

    assert (deleted["RenderingDef"], deleted["Thumbnail"], deleted["Roi"]) == (
        [settings],
        [thumbnail],
        [roi_id],
    )
    assert {"QuantumDef", "Rectangle"} <= deleted.keys()
    assert moved["Roi"] == [own]


def test_a_roi_does_not_move_out_of_its_image(place: Any) -> None:
    here = place()
    image_id = image(here.mine)
    roi_id = roi(here.mine, image_id)
    assert message(refused(here.mine, _chgrp2(here.target, Roi=roi_id))) == (
        f"cannot move Roi[{roi_id}] while Image[{image_id}] remains"
    )


# -- annotations


@pytest.mark.parametrize("kind", ["CommentAnnotation", "TagAnnotation", "MapAnnotation", "LongAnnotation"])
def test_annotations_follow_their_owners_objects(kind: str, server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    made = annotate(here.mine, ("Dataset", dataset), kind)

    moved, deleted = _move(here.mine, _chgrp2(here.target, Dataset=dataset))

    assert (moved[kind], len(moved["DatasetAnnotationLink"]), deleted) == ([made], 1, {})
    assert group_of(server, "Annotation", made) == here.target


def test_an_annotation_that_is_also_elsewhere_stays_and_its_link_is_cut(
    server: OmeroServer, place: Any
) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    tag = annotate(here.mine, ("Dataset", dataset), "TagAnnotation")
    link(here.mine, ("Dataset", new(here.mine, "Dataset")), ("TagAnnotation", tag))

    moved, deleted = _move(here.mine, _chgrp2(here.target, Dataset=dataset))

    assert (moved, set(deleted)) == ({"Dataset": [dataset]}, {"DatasetAnnotationLink"})
    assert group_of(server, "Annotation", tag) == here.source


def test_another_users_tag_stays_and_his_comment_is_deleted(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    tag = annotate(here.others, ("Dataset", dataset), "TagAnnotation")
    comment = annotate(here.others, ("Dataset", dataset), "CommentAnnotation")

    moved, deleted = _move(here.mine, _chgrp2(here.target, Dataset=dataset))

    assert moved == {"Dataset": [dataset]}
    assert (deleted["CommentAnnotation"], len(deleted["DatasetAnnotationLink"])) == ([comment], 2)
    assert group_of(server, "Annotation", tag) == here.source


def test_a_tag_is_not_taken_from_data_that_the_caller_may_not_delete(place: Any) -> None:
    here = place()
    dataset = new(here.others, "Dataset")
    tag = annotate(here.mine, ("Dataset", dataset), "TagAnnotation")
    assert message(refused(here.mine, _chgrp2(here.target, Annotation=tag))) == (
        f"may not move TagAnnotation[{tag}] while used by Dataset[{dataset}]"
    )


def test_a_file_stays_while_an_annotation_shows_it(server: OmeroServer, place: Any) -> None:
    here = place()
    file_id = content.original_file(server, here.mine.getUserId(), here.source)
    shown = content.annotation(here.mine, "FileAnnotation", file=content.ref("OriginalFile", file_id))

    error = refused(here.mine, _chgrp2(here.target, OriginalFile=file_id))

    assert message(error) == f"may not move OriginalFile[{file_id}] while used by FileAnnotation[{shown}]"
    assert _move(here.mine, _chgrp2(here.target, Annotation=shown))[0]["OriginalFile"] == [file_id]


def test_a_file_that_another_annotation_shows_too_keeps_both(server: OmeroServer, place: Any) -> None:
    here = place()
    file_id = content.original_file(server, here.mine.getUserId(), here.source)
    shown = [
        content.annotation(here.mine, "FileAnnotation", file=content.ref("OriginalFile", file_id))
        for _ in range(2)
    ]

    error = refused(here.mine, _chgrp2(here.target, Annotation=shown[0]))

    assert message(error) == f"cannot move OriginalFile[{file_id}] while objects using it remain"


def test_external_info_moves_with_its_object(server: OmeroServer, place: Any) -> None:
    here = place()
    made = content.named("Dataset")
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId = rstring("x"), omero.rtypes.rlong(1)
    made.details.externalInfo = info
    dataset = content.save(here.mine, made).id.val

    moved, _deleted = _move(here.mine, _chgrp2(here.target, Dataset=dataset))

    assert group_of(server, "ExternalInfo", moved["ExternalInfo"][0]) == here.target


# -- permissions


def test_who_is_not_in_the_other_group_moves_nothing_there(make_group: Any, place: Any) -> None:
    here = place()
    error = refused(here.mine, _chgrp2(make_group().id, Dataset=new(here.mine, "Dataset")))
    assert error.name == "not-in-group"
    assert refused(here.mine, _chgrp2(987654, Dataset=1)).name == "not-in-group"


def test_another_users_object_is_not_moved(place: Any) -> None:
    here = place("rwrw--")
    dataset = new(here.others, "Dataset")
    assert message(refused(here.mine, _chgrp2(here.target, Dataset=dataset))) == (
        f"does not own ome.model.containers.Dataset[{dataset}]"
    )


def test_an_administrator_with_chgrp_moves_anybodys_objects_anywhere(
    server: OmeroServer, place: Any, make_user: Any, connect: Any
) -> None:
    here = place("rw----", "rw----")
    dataset = new(here.others, "Dataset")
    light = connect(make_user(privileges=["Chgrp"]))

    assert _move(light, _chgrp2(here.target, Dataset=dataset))[0] == {"Dataset": [dataset]}
    assert group_of(server, "Dataset", dataset) == here.target


def test_a_dry_run_tells_the_same_and_moves_nothing(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    image(here.mine, dataset=dataset)
    request = _chgrp2(here.target, Dataset=dataset)
    request.dryRun = True

    told = _move(here.mine, request)

    assert group_of(server, "Dataset", dataset) == here.source
    assert _move(here.mine, _chgrp2(here.target, Dataset=dataset)) == told


def test_excluded_types_stay_behind(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    within = image(here.mine, dataset=dataset)
    request = _chgrp2(here.target, Dataset=dataset)
    request.childOptions = [content.child_option(excludeType=["Image"])]

    moved, deleted = _move(here.mine, request)

    assert (set(moved), set(deleted)) == ({"Dataset"}, {"DatasetImageLink"})
    assert exists(server, "Image", within)


def test_the_gateway_moves_objects(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    content.wait(here.mine, here.mine.chgrpObjects("Dataset", [dataset], here.target))
    assert group_of(server, "Dataset", dataset) == here.target


def test_skip_head_moves_the_images_and_leaves_the_dataset(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    within = image(here.mine, dataset=dataset)
    inner = omero.cmd.Chgrp2(groupId=here.target)
    request = omero.cmd.SkipHead(targetObjects={"Dataset": [dataset]}, startFrom=["Image"], request=inner)

    moved, deleted = _move(here.mine, request)

    assert (moved["Image"], set(deleted)) == ([within], {"DatasetImageLink"})
    assert group_of(server, "Dataset", dataset) == here.source
