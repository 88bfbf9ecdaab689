"""Chown2: every row of omero-semantics.md, section 5, and its cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import omero
import omero.cmd
import pytest

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import (
    annotate,
    exists,
    fileset,
    image,
    link,
    message,
    new,
    owner_of,
    plate,
    refused,
    roi,
)

Gateway = Any


@dataclass
class Place:
    """A group with a leader, a giver and a recipient (``mine`` and ``others``)."""

    group: int
    leader: Gateway
    mine: Gateway
    others: Gateway

    @property
    def recipient(self) -> int:
        return int(self.others.getUserId())


@pytest.fixture
def place(make_group: Any, make_user: Any, connect: Any) -> Any:
    def make(permissions: str = "rwra--") -> Place:
        group = make_group(permissions)
        leader = connect(make_user(owner_of=[group]))
        return Place(group.id, leader, connect(make_user(group)), connect(make_user(group)))

    return make


def _chown2(user: int, **targets: int) -> Any:
    return omero.cmd.Chown2(targetObjects={kind: [id_] for kind, id_ in targets.items()}, userId=user)


def _give(gateway: Gateway, request: Any) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Give; what was given and what was deleted, by simple class name."""
    response = content.submit(gateway, request)
    assert isinstance(response, omero.cmd.Chown2Response), content.failure(response)
    return content.simple(response.includedObjects), content.simple(response.deletedObjects)


def test_a_project_is_given_with_its_content_and_links(
    server: OmeroServer, place: Any, root: Gateway
) -> None:
    here = place()
    project, dataset = new(here.mine, "Project"), new(here.mine, "Dataset")
    within = image(here.mine, dataset=dataset)
    link(here.mine, ("Project", project), ("Dataset", dataset))

    given, deleted = _give(root, _chown2(here.recipient, Project=project))

    assert (given["Dataset"], given["Image"], deleted) == ([dataset], [within], {})
    assert {"ProjectDatasetLink", "DatasetImageLink", "Pixels", "Channel"} <= given.keys()
    assert owner_of(server, "Image", within) == here.recipient


def test_links_to_what_is_not_given_are_cut_outside_of_read_write_groups(
    server: OmeroServer, place: Any, root: Gateway
) -> None:
    for permissions, cut in (("rwra--", True), ("rwrw--", False)):
        here = place(permissions)
        dataset = new(here.mine, "Dataset")
        within = image(here.mine, dataset=dataset)

        _given, deleted = _give(root, _chown2(here.recipient, Image=within))

        assert ("DatasetImageLink" in deleted) is cut
        assert owner_of(server, "Dataset", dataset) != here.recipient


def test_content_of_other_owners_is_not_given(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place("rwrw--")
    project, anothers = new(here.mine, "Project"), new(here.leader, "Dataset")
    link(here.mine, ("Project", project), ("Dataset", anothers))

    given, deleted = _give(root, _chown2(here.recipient, Project=project))

    assert (given, deleted) == ({"Project": [project]}, {})
    assert owner_of(server, "Dataset", anothers) == here.leader.getUserId()


def test_part_of_a_fileset_cannot_be_given(place: Any, root: Gateway) -> None:
    here = place()
    files = fileset(here.mine)
    first, second = image(here.mine, fileset=files), image(here.mine, fileset=files)

    error = refused(root, _chown2(here.recipient, Image=first))

    assert (
        message(error) == f"within Fileset[{files}] may not give Image[{first}] while Image[{second}] remains"
    )


def test_a_fileset_is_given_whole(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place()
    files = fileset(here.mine)
    images = [image(here.mine, fileset=files) for _ in range(2)]
    owned = {"owner_id": here.mine.getUserId(), "group_id": here.group}
    used = content.original_file(server, *owned.values())
    with server.store.work(server.internal_caller()) as work:
        work.insert("FilesetEntry", **owned, fileset_id=files, originalFile_id=used)

    given, _deleted = _give(root, _chown2(here.recipient, Fileset=files))

    assert (given["Image"], given["OriginalFile"], len(given["FilesetEntry"])) == (images, [used], 1)


def test_a_plate_is_given_with_wells_fields_and_images(place: Any, root: Gateway) -> None:
    here = place()
    image_id = image(here.mine)
    plate_id, well, sample = plate(here.mine, image_id)

    given, _deleted = _give(root, _chown2(here.recipient, Plate=plate_id))

    assert (given["Well"], given["WellSample"], given["Image"]) == ([well], [sample], [image_id])


@pytest.mark.parametrize(("permissions", "is_refused"), [("rw----", True), ("rwra--", False)])
def test_in_a_private_group_an_image_is_given_only_with_its_field(
    permissions: str, is_refused: bool, place: Any, root: Gateway
) -> None:
    here = place(permissions)
    image_id = image(here.mine)
    _plate, _well, sample = plate(here.mine, image_id)
    request = _chown2(here.recipient, Image=image_id)

    if is_refused:
        assert (
            message(refused(root, request))
            == f"may not give Image[{image_id}] while WellSample[{sample}] remains"
        )
    else:
        assert _give(root, request)[0]["Image"] == [image_id]


@pytest.mark.parametrize(
    ("permissions", "follow"), [("rw----", True), ("rwr---", True), ("rwra--", False), ("rwrw--", False)]
)
def test_annotations_follow_only_where_a_group_does_not_let_others_annotate(
    permissions: str, follow: bool, server: OmeroServer, place: Any, root: Gateway
) -> None:
    here = place(permissions)
    dataset = new(here.mine, "Dataset")
    made = [
        annotate(here.mine, ("Dataset", dataset), kind) for kind in ("TagAnnotation", "CommentAnnotation")
    ]

    given, deleted = _give(root, _chown2(here.recipient, Dataset=dataset))

    assert ("TagAnnotation" in given, "CommentAnnotation" in given) == (follow, follow)
    assert deleted == {}
    assert [owner_of(server, "Annotation", one) == here.recipient for one in made] == [follow, follow]


@pytest.mark.parametrize(("permissions", "follow"), [("rw----", True), ("rwra--", False)])
def test_settings_thumbnails_and_rois_follow_only_in_groups_without_annotation(
    permissions: str, follow: bool, server: OmeroServer, place: Any, root: Gateway
) -> None:
    here = place(permissions)
    image_id = image(here.mine)
    roi(here.mine, image_id)
    owned = {"owner_id": here.mine.getUserId(), "group_id": here.group}
    pixels_id = server.store.database.value('select id from "Pixels" where image_id = ?', image_id)
    with server.store.work(server.internal_caller()) as work:
        quantum = work.insert("QuantumDef", **owned)
        work.insert("RenderingDef", **owned, pixels_id=pixels_id, quantization_id=quantum)
        work.insert("Thumbnail", **owned, pixels_id=pixels_id)

    given, deleted = _give(root, _chown2(here.recipient, Image=image_id))

    follows = {"RenderingDef", "QuantumDef", "Thumbnail", "Roi", "Rectangle"}
    assert follows & given.keys() == (follows if follow else set())
    assert deleted == {}


def test_anothers_roi_stays_with_its_owner(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place()
    image_id = image(here.mine)
    roi_id = roi(here.leader, image_id)

    _give(root, _chown2(here.recipient, Image=image_id))

    assert owner_of(server, "Roi", roi_id) == here.leader.getUserId()
    assert exists(server, "Roi", roi_id)


def test_a_recipient_who_has_an_identical_link_gets_none(
    server: OmeroServer, place: Any, root: Gateway
) -> None:
    here = place("rwrw--")
    project, dataset = new(here.mine, "Project"), new(here.mine, "Dataset")
    first = link(here.mine, ("Project", project), ("Dataset", dataset))
    link(here.others, ("Project", project), ("Dataset", dataset))

    error = refused(root, _chown2(here.recipient, Project=project))

    assert message(error) == (
        f"cannot process ome.model.containers.ProjectDatasetLink[{first}]:"
        f" would have user {here.recipient} owning multiple identical links"
    )
    assert owner_of(server, "Project", project) == here.mine.getUserId()


# -- who may give


def test_a_member_gives_nothing(place: Any) -> None:
    here = place()
    error = refused(here.mine, _chown2(here.recipient, Dataset=new(here.mine, "Dataset")))
    assert message(error) == "not an owner of any group"


def test_the_owner_of_a_group_gives_within_it(server: OmeroServer, place: Any) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    assert _give(here.leader, _chown2(here.recipient, Dataset=dataset))[0] == {"Dataset": [dataset]}
    assert owner_of(server, "Dataset", dataset) == here.recipient


def test_the_owner_of_a_group_gives_nothing_of_another_group(place: Any) -> None:
    here, elsewhere = place(), place("rwrw--")
    dataset = new(elsewhere.mine, "Dataset")
    assert "cannot read all" in message(refused(here.leader, _chown2(here.recipient, Dataset=dataset)))


def test_the_owner_of_a_group_gives_nothing_to_strangers(place: Any, make_user: Any) -> None:
    here, stranger = place(), make_user()
    dataset = new(here.mine, "Dataset")
    assert message(refused(here.leader, _chown2(stranger.id, Dataset=dataset))) == (
        f"cannot process ome.model.containers.Dataset[{dataset}]:"
        f" user {stranger.id} is not a member of group {here.group}"
    )


def test_a_light_administrator_with_chown_gives_anything_to_anybody(
    server: OmeroServer, place: Any, make_user: Any, connect: Any
) -> None:
    here, stranger = place("rw----"), make_user()
    dataset = new(here.mine, "Dataset")
    _give(connect(make_user(privileges=["Chown"])), _chown2(stranger.id, Dataset=dataset))
    assert owner_of(server, "Dataset", dataset) == stranger.id


def test_nothing_is_given_to_nobody(place: Any, root: Gateway) -> None:
    here = place()
    assert "no user 987654" in message(refused(root, _chown2(987654, Dataset=new(here.mine, "Dataset"))))


def test_all_that_users_own_is_given(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place()
    dataset, tag = new(here.mine, "Dataset"), content.annotation(here.mine, "TagAnnotation")
    kept = new(here.leader, "Dataset")
    request = omero.cmd.Chown2(targetUsers=[here.mine.getUserId()], userId=here.recipient)

    given, _deleted = _give(root, request)

    assert (given["Dataset"], given["TagAnnotation"]) == ([dataset], [tag])
    assert owner_of(server, "Dataset", kept) == here.leader.getUserId()


def test_a_dry_run_gives_nothing(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    request = _chown2(here.recipient, Dataset=dataset)
    request.dryRun = True

    assert _give(root, request)[0] == {"Dataset": [dataset]}
    assert owner_of(server, "Dataset", dataset) == here.mine.getUserId()


def test_skip_head_gives_the_images_and_leaves_the_dataset(
    server: OmeroServer, place: Any, root: Gateway
) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    within = image(here.mine, dataset=dataset)
    inner = omero.cmd.Chown2(userId=here.recipient)
    request = omero.cmd.SkipHead(targetObjects={"Dataset": [dataset]}, startFrom=["Image"], request=inner)

    assert _give(root, request)[0]["Image"] == [within]
    assert owner_of(server, "Dataset", dataset) == here.mine.getUserId()


def test_the_gateway_gives_objects(server: OmeroServer, place: Any, root: Gateway) -> None:
    here = place()
    dataset = new(here.mine, "Dataset")
    root.chownObjects("Dataset", [dataset], here.recipient, wait=True)
    assert owner_of(server, "Dataset", dataset) == here.recipient
