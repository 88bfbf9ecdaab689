"""IMetadata, and the cases of annotations in omero-semantics.md, section 7."""

from __future__ import annotations

from typing import Any

import ezomero
import omero
import omero.gateway
import pytest
from omero.rtypes import rlong, rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import content
from tests.wire.omero_server.content import annotate, annotation, fileset, image, link, new

Gateway = Any
_TAG_SET = "openmicroscopy.org/omero/insight/tagset"


def _pairs(*pairs: tuple[str, str]) -> list[Any]:
    return [omero.model.NamedValue(name, value) for name, value in pairs]


def _ids(objects: Any) -> list[int]:
    return [one.id.val for one in objects]


# -- maps


def test_a_map_keeps_repeated_keys_in_order(gateway: Gateway) -> None:
    pairs = (("b", "1"), ("a", "2"), ("b", "3"))
    made = annotation(gateway, "MapAnnotation", mapValue=_pairs(*pairs))
    assert gateway.getObject("MapAnnotation", made).getValue() == list(pairs)


@pytest.mark.parametrize("nothing", [[], None])
def test_an_empty_list_clears_a_map_and_on_the_wire_null_is_one(nothing: Any, gateway: Gateway) -> None:
    made = annotation(gateway, "MapAnnotation", mapValue=_pairs(("a", "1")))
    query = gateway.getQueryService()
    loaded = query.get("MapAnnotation", made)
    loaded.mapValue = nothing
    gateway.getUpdateService().saveObject(loaded)
    assert query.get("MapAnnotation", made).mapValue == []


@pytest.mark.parametrize("pair", [("", "1"), ("a", "")])
def test_names_and_values_may_be_empty(pair: tuple[str, str], gateway: Gateway) -> None:
    made = annotation(gateway, "MapAnnotation", mapValue=_pairs(pair))
    assert gateway.getObject("MapAnnotation", made).getValue() == [pair]


def test_ezomero_writes_and_reads_maps(gateway: Gateway) -> None:
    image_id = image(gateway)
    made = ezomero.post_map_annotation(
        gateway, "Image", image_id, {"a": ["1", "2"], "b": "3"}, ns="jax.org/test"
    )
    assert ezomero.get_map_annotation(gateway, made) == {"a": ["1", "2"], "b": "3"}
    assert ezomero.get_map_annotation_ids(gateway, "Image", image_id, ns="jax.org/test") == [made]


# -- external info


@pytest.mark.parametrize(("length", "fits"), [(255, True), (256, False)])
def test_an_lsid_has_at_most_255_characters(length: int, fits: bool, gateway: Gateway) -> None:
    made = content.named("Dataset")
    info = omero.model.ExternalInfoI()
    info.entityType, info.entityId, info.lsid = rstring("x"), rlong(1), rstring("l" * length)
    made.details.externalInfo = info
    if fits:
        assert content.save(gateway, made).id is not None
        return
    with pytest.raises(omero.ValidationException, match="too long"):
        content.save(gateway, made)


# -- files


def test_a_file_without_a_hasher_gets_no_hash(gateway: Gateway) -> None:
    file = content.named("OriginalFile", "f.bin")
    file.path, file.mimetype = rstring("/"), rstring("application/octet-stream")
    saved = content.save(gateway, file)
    store = gateway.createRawFileStore()
    store.setFileId(saved.id.val)
    store.write(b"abc", 0, 3)
    store.save()
    store.close()

    found = gateway.getQueryService().get("OriginalFile", saved.id.val)

    assert (unwrap(found.hash), unwrap(found.size)) == (None, 3)


def test_file_annotations_come_with_the_file_and_its_hasher(server: OmeroServer, gateway: Gateway) -> None:
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    made = annotation(gateway, "FileAnnotation", ns="x", file=content.ref("OriginalFile", file_id))
    (found,) = gateway.getMetadataService().loadAnnotation([made])
    assert (found.file.name.val, found.file.hasher.value.val) == ("f.txt", "SHA1-160")


def test_file_annotations_without_a_file_are_not_listed(server: OmeroServer, gateway: Gateway) -> None:
    annotation(gateway, "FileAnnotation")
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    made = annotation(gateway, "FileAnnotation", file=content.ref("OriginalFile", file_id))
    assert [one.getId() for one in gateway.listFileAnnotations()] == [made]


def test_companion_files_are_not_listed_unless_asked_for(server: OmeroServer, gateway: Gateway) -> None:
    companion = omero.constants.namespaces.NSCOMPANIONFILE
    file_id = content.original_file(server, gateway.getUserId(), gateway.getEventContext().groupId)
    made = annotation(gateway, "FileAnnotation", ns=companion, file=content.ref("OriginalFile", file_id))
    assert list(gateway.listFileAnnotations(toExclude=[])) == []
    # The gateway adds to its own default for toExclude.
    assert [one.getId() for one in gateway.listFileAnnotations(toInclude=[companion], toExclude=[])] == [made]


# -- by object


def test_annotations_are_loaded_by_object(gateway: Gateway) -> None:
    first, second = new(gateway, "Dataset"), new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", first), "TagAnnotation")
    comment = annotate(gateway, ("Dataset", first), "CommentAnnotation")
    service = gateway.getMetadataService()

    found = service.loadAnnotations("Dataset", [first, second], [], [], None)

    assert {key: sorted(_ids(value)) for key, value in found.items()} == {
        first: sorted([tag, comment]),
        second: [],
    }
    assert found[first][0].details.owner.isLoaded()
    assert found[first][0].details.creationEvent.isLoaded()
    typed = service.loadAnnotations("Dataset", [first], ["ome.model.annotations.TagAnnotation"], [], None)
    assert _ids(typed[first]) == [tag]


def test_annotations_of_some_annotators_are_loaded(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    dataset = new(mine, "Dataset")
    annotate(mine, ("Dataset", dataset), "TagAnnotation")
    theirs = annotate(others, ("Dataset", dataset), "TagAnnotation")
    found = mine.getMetadataService().loadAnnotations("Dataset", [dataset], [], [others.getUserId()], None)
    assert _ids(found[dataset]) == [theirs]


def test_an_annotation_that_two_users_linked_is_there_once(
    make_group: Any, make_user: Any, connect: Any
) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    dataset = new(mine, "Dataset")
    tag = annotate(mine, ("Dataset", dataset), "TagAnnotation")
    link(others, ("Dataset", dataset), ("TagAnnotation", tag))
    assert _ids(mine.getMetadataService().loadAnnotations("Dataset", [dataset], [], [], None)[dataset]) == [
        tag
    ]


def test_annotations_of_a_class_are_chosen_by_namespace(gateway: Gateway) -> None:
    one, two = (annotation(gateway, "CommentAnnotation", ns=ns) for ns in ("one", "two"))
    none = annotation(gateway, "CommentAnnotation")
    service = gateway.getMetadataService()

    def found(include: list[str], exclude: list[str]) -> list[int]:
        return _ids(service.loadSpecifiedAnnotations("CommentAnnotation", include, exclude, None))

    assert found([], []) == [one, two, none]
    assert found(["one"], []) == [one]
    assert found([], ["one"]) == [two, none]
    assert unwrap(service.countSpecifiedAnnotations("CommentAnnotation", [], [], None)) == 3


def test_annotations_of_a_class_and_its_subclasses_on_some_objects(gateway: Gateway) -> None:
    dataset, bare = new(gateway, "Dataset"), new(gateway, "Dataset")
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    annotate(gateway, ("Dataset", dataset), "LongAnnotation")
    service = gateway.getMetadataService()

    found = service.loadSpecifiedAnnotationsLinkedTo(
        "TextAnnotation", [], [], "Dataset", [dataset, bare], None
    )

    assert {key: _ids(value) for key, value in found.items()} == {dataset: [tag]}


def test_others_annotations_that_a_user_has_linked(make_group: Any, make_user: Any, connect: Any) -> None:
    group = make_group("rwra--")
    mine, others = (connect(make_user(group)) for _ in range(2))
    tag = annotation(others, "TagAnnotation")
    link(mine, ("Dataset", new(mine, "Dataset")), ("TagAnnotation", tag))
    service = mine.getMetadataService()
    assert _ids(service.loadAnnotationsUsedNotOwned("TagAnnotation", mine.getUserId())) == [tag]
    assert unwrap(service.countAnnotationsUsedNotOwned("TagAnnotation", others.getUserId())) == 0


# -- tags


def test_tag_sets_come_with_their_tags_and_orphans_when_asked_for(gateway: Gateway) -> None:
    tag_set = annotation(gateway, "TagAnnotation", ns=_TAG_SET, textValue=rstring("set"))
    within = annotate(gateway, ("TagAnnotation", tag_set), "TagAnnotation")
    alone = annotation(gateway, "TagAnnotation")
    service = gateway.getMetadataService()

    (found,) = service.loadTagSets(None)
    assert _ids(found.linkedAnnotationList()) == [within]
    assert _ids(service.loadTagSets(omero.sys.ParametersI().orphan())) == [tag_set, alone]


def test_what_carries_a_tag(gateway: Gateway) -> None:
    dataset, image_id = new(gateway, "Dataset"), image(gateway)
    tag = annotate(gateway, ("Dataset", dataset), "TagAnnotation")
    link(gateway, ("Image", image_id), ("TagAnnotation", tag))
    service = gateway.getMetadataService()

    found = service.loadTagContent([tag], None)[tag]

    assert {(type(one).__name__, one.id.val) for one in found} == {
        ("DatasetI", dataset),
        ("ImageI", image_id),
    }
    assert service.getTaggedObjectsCount([tag], None) == {tag: 2}


# -- the gateway


@pytest.mark.parametrize(
    ("wrapper", "value"),
    [
        (omero.gateway.TagAnnotationWrapper, "a tag"),
        (omero.gateway.CommentAnnotationWrapper, "said"),
        (omero.gateway.LongAnnotationWrapper, 5),
        (omero.gateway.DoubleAnnotationWrapper, 0.5),
        (omero.gateway.BooleanAnnotationWrapper, True),
        (omero.gateway.XmlAnnotationWrapper, "<a/>"),
        (omero.gateway.TermAnnotationWrapper, "GO:1"),
    ],
)
def test_the_gateway_annotates_and_reads_back(wrapper: Any, value: Any, gateway: Gateway) -> None:
    dataset = gateway.getObject("Dataset", new(gateway, "Dataset"))
    made = wrapper(gateway)
    made.setNs("test")
    made.setValue(value)
    dataset.linkAnnotation(made)

    found = gateway.getObject("Dataset", dataset.getId()).getAnnotation("test")

    assert (type(found), found.getValue()) == (wrapper, value)


def test_rating_files_and_descriptions_survive(gateway: Gateway, tmp_path: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello")
    dataset = gateway.getObject("Dataset", new(gateway, "Dataset"))
    dataset.linkAnnotation(
        gateway.createFileAnnfromLocalFile(str(path), mimetype="text/plain", ns="f", desc="d")
    )

    found = gateway.getObject("Dataset", dataset.getId()).getAnnotation("f")

    assert (found.getFileName(), found.getDescription(), b"".join(found.getFileInChunks())) == (
        "a.txt",
        "d",
        b"hello",
    )


# -- acquisition, logs


def test_an_instrument_comes_with_its_parts(gateway: Gateway) -> None:
    made = omero.model.InstrumentI()
    laser = omero.model.LaserI()
    laser.type = omero.model.LaserTypeI()
    laser.type.value = rstring("Gas")
    laser.laserMedium = omero.model.LaserMediumI()
    laser.laserMedium.value = rstring("Ar")
    made.addLightSource(laser)
    lens = omero.model.ObjectiveI()
    lens.immersion, lens.correction = omero.model.ImmersionI(), omero.model.CorrectionI()
    lens.immersion.value, lens.correction.value = rstring("Oil"), rstring("UV")
    made.addObjective(lens)
    saved = content.save(gateway, made)

    found = gateway.getMetadataService().loadInstrument(saved.id.val)

    assert found.copyObjective()[0].immersion.value.val == "Oil"
    assert found.copyLightSource()[0].laserMedium.value.val == "Ar"
    assert gateway.getMetadataService().loadInstrument(987654) is None


def test_a_channel_comes_with_its_light_source(gateway: Gateway) -> None:
    instrument = omero.model.InstrumentI()
    arc = omero.model.ArcI()
    arc.type = omero.model.ArcTypeI()
    arc.type.value = rstring("Hg")
    instrument.addLightSource(arc)
    saved = content.save(gateway, instrument).copyLightSource()[0]
    image_id = image(gateway)
    channel = gateway.getObject("Image", image_id).getChannels()[0].getLogicalChannel()
    settings = omero.model.LightSettingsI()
    settings.lightSource = omero.model.ArcI(saved.id.val, False)
    loaded = gateway.getQueryService().get("LogicalChannel", channel.getId())
    loaded.lightSourceSettings = settings
    gateway.getUpdateService().saveObject(loaded)

    (found,) = gateway.getMetadataService().loadChannelAcquisitionData([channel.getId()])

    assert found.lightSourceSettings.lightSource.type.value.val == "Hg"


def test_the_log_of_an_import_is_found_by_image_and_by_fileset(server: OmeroServer, gateway: Gateway) -> None:
    files = fileset(gateway)
    image_id = image(gateway, fileset=files)
    owned = {"owner_id": gateway.getUserId(), "group_id": gateway.getEventContext().groupId}
    log = content.original_file(server, *owned.values())
    with server.store.work(server.internal_caller()) as work:
        work.update("OriginalFile", log, mimetype="application/omero-log-file")
        job = work.insert("UploadJob", **owned)
        work.insert("FilesetJobLink", **owned, parent_id=files, child_id=job)
        work.insert("JobOriginalFileLink", **owned, parent_id=job, child_id=log)
    service = gateway.getMetadataService()

    assert {key: _ids(value) for key, value in service.loadLogFiles("Image", [image_id]).items()} == {
        image_id: [log]
    }
    assert {key: _ids(value) for key, value in service.loadLogFiles("Fileset", [files]).items()} == {
        files: [log]
    }
    with pytest.raises(omero.ApiUsageException):
        service.loadLogFiles("Dataset", [1])
