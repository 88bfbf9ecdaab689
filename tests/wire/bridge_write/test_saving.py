"""Drafts become objects: every class and field, children and references, changes, owners, enumerations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import omero
import pytest

from omero_irods_bridge.adapters.omero import graph_writing
from omero_irods_bridge.adapters.omero.connection import OmeroConnection
from omero_irods_bridge.adapters.omero.graph_writing import OmeroGraphWriter
from omero_irods_bridge.model.errors import AccessDenied, BridgeError, Busy, NotFound, UsageError
from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.bridge_omero.everything import build_everything
from tests.wire.bridge_omero.graphs import graph
from tests.wire.bridge_write.conftest import LogIn
from tests.wire.bridge_write.copies import LEFT_OUT, drafts_of, renamed
from tests.wire.omero_server.conftest import User

Gateway = Any

PIXELS: dict[str, Any] = {
    "@": "Pixels:_2",
    "image": "Image:_1",
    "pixelsType": "PixelsType=uint8",
    "dimensionOrder": "DimensionOrder=XYZCT",
    "sizeX": 2,
    "sizeY": 2,
    "sizeZ": 1,
    "sizeC": 2,
    "sizeT": 1,
    "sha1": "Pending...",
    "channels": ["Channel:_4", "Channel:_3"],
}
IMAGE: list[dict[str, Any]] = [
    {"@": "Image:_1", "name": "an image", "pixels": ["Pixels:_2"]},
    PIXELS,
    {"@": "Channel:_3", "logicalChannel": "LogicalChannel:_5", "red": 3},
    {"@": "Channel:_4", "logicalChannel": "LogicalChannel:_6", "red": 4},
    {"@": "LogicalChannel:_5", "name": "third"},
    {"@": "LogicalChannel:_6", "name": "fourth"},
]


def id_of(key: str) -> int:
    return int(key.partition(":")[2])


@pytest.fixture
def look(connection: OmeroConnection) -> Any:
    """An object that is there, by key."""

    def get(key: str) -> Any:
        kind, _, id_ = key.partition(":")
        text = f"select o from {kind} o left outer join fetch o.details.externalInfo where o.id = :id"
        parameters = omero.sys.ParametersI().addId(int(id_))
        return connection.session.getQueryService().findByQuery(text, parameters)

    return get


@pytest.fixture
def count(connection: OmeroConnection) -> Any:
    def counted(kind: str) -> int:
        query = connection.session.getQueryService()
        return int(query.projection(f"select count(o) from {kind} o", None)[0][0].val)

    return counted


# -- new objects


def test_every_class_and_field_is_written_as_it_was_read(
    server: OmeroServer, connect: Any, make_group: Any, make_user: Any, connect_as: LogIn, tmp_path: Path
) -> None:
    group = make_group("rwra--")
    user = make_user(group)
    owner, other = connect(user), connect(make_user(group))
    everything = build_everything(owner, other, tmp_path)
    images = [f"Image:{id_}" for id_ in everything.images]
    targets = [f"Project:{everything.project}", f"Screen:{everything.screen}", *images]
    everything_read = graph(server, owner, *targets, figures=True)
    # The same link by two users cannot be made by one.
    others = {key for key, row in everything_read.items() if is_link_of_another(key, row, user)}
    rows = {key: row for key, row in everything_read.items() if key not in others}
    drafts, names = drafts_of(rows)
    keys = OmeroGraphWriter(connect_as(user)).save(drafts)

    assert keys.keys() == {draft["@"] for draft in drafts}
    assert len(drafts) > 150
    written = {old: keys[name] for old, name in names.items() if name in keys}
    found = graph(server, owner, *(written[target] for target in targets))
    kept = {old: new for old, new in names.items() if "=" in new}
    for old, new in written.items():
        if new in found:
            assert fields(found[new], {key: kept.get(key, key) for key in found}, found) == fields(
                rows[old], written | kept, rows
            ), old
    left = {old for old, new in written.items() if new not in found}
    unlinked = {everything_read[key]["child"] for key in others}
    assert left - unlinked == loose(rows, everything.loose_figure)


def is_link_of_another(key: str, row: Any, user: User) -> bool:
    is_link = key.startswith("ImageAnnotationLink:")
    return is_link and row["details"]["owner"] != f"Experimenter:{user.id}"


def loose(rows: Any, figure: int) -> set[str]:
    """What no copy leads to: files that images were made of, and figures that hang on nothing."""
    files = {row["originalFile"] for key, row in rows.items() if key.startswith("FilesetEntry:")}
    logs = {row["child"] for key, row in rows.items() if key.startswith("JobOriginalFileLink:")}
    of_fileset = {row["child"] for key, row in rows.items() if key.startswith("FilesetAnnotationLink:")}
    annotation = f"FileAnnotation:{figure}"
    return files | logs | of_fileset | {annotation, rows[annotation]["file"]}


def fields(row: Any, names: Any, rows: Any) -> dict[str, Any]:
    made = {name: renamed(value, names) for name, value in row.items() if name not in LEFT_OUT}
    external = row["details"].get("externalInfo")
    return (
        made | ({"external": renamed(external, names)} if external else {}) | {"@": renamed(row["@"], names)}
    )


def test_children_are_paired_by_their_place_in_the_list(writer: OmeroGraphWriter, look: Any) -> None:
    keys = writer.save(IMAGE)
    assert [look(keys[f"Channel:_{number}"]).red.val for number in (3, 4)] == [3, 4]
    assert id_of(keys["Channel:_4"]) < id_of(keys["Channel:_3"])


def test_the_order_of_drafts_does_not_matter(writer: OmeroGraphWriter, look: Any) -> None:
    keys = writer.save(IMAGE[::-1])
    assert look(keys["Channel:_4"]).red.val == 4
    assert look(keys["Pixels:_2"]).image.id.val == id_of(keys["Image:_1"])


def test_objects_of_a_batch_refer_to_each_other_in_circles_and_to_what_is_there(
    writer: OmeroGraphWriter, look: Any
) -> None:
    dataset = writer.save([{"@": "Dataset:_1", "name": "d"}])["Dataset:_1"]
    link = {"@": "DatasetImageLink:_9", "parent": dataset, "child": "Image:_1"}
    keys = writer.save([link, *IMAGE, {**PIXELS, "@": "Pixels:_2", "relatedTo": "Pixels:_2"}][:1] + IMAGE)
    assert look(keys["DatasetImageLink:_9"]).child.id.val == id_of(keys["Image:_1"])
    mine = [one if one["@"] != "Pixels:_2" else {**one, "relatedTo": "Pixels:_2"} for one in IMAGE]
    pixels = look(writer.save(mine)["Pixels:_2"])
    assert pixels.relatedTo.id.val == pixels.id.val


def test_nothing_is_saved_of_no_drafts(server: OmeroServer, writer: OmeroGraphWriter) -> None:
    server.counters.reset()
    assert writer.save([]) == {}
    assert server.counters.calls() == 0


def test_a_batch_is_one_call_and_enumerations_are_asked_for_once(
    server: OmeroServer, writer: OmeroGraphWriter
) -> None:
    writer.save(IMAGE)
    server.counters.reset()
    writer.save(IMAGE)
    assert server.counters.all_calls() == {"IUpdate.saveAndReturnArray": 1}


def test_external_information_is_saved_with_its_object(writer: OmeroGraphWriter, look: Any) -> None:
    keys = writer.save(
        [
            {"@": "Dataset:_1", "name": "d", "details": {"externalInfo": "ExternalInfo:_2"}},
            {"@": "ExternalInfo:_2", "entityType": "zarr", "entityId": 3, "lsid": "x" * 255},
        ]
    )
    external = look(keys["Dataset:_1"]).details.externalInfo
    assert (external.id.val, external.lsid.val) == (id_of(keys["ExternalInfo:_2"]), "x" * 255)


# -- changes


def test_only_the_fields_that_a_draft_names_change(writer: OmeroGraphWriter, look: Any) -> None:
    key = writer.save(
        [
            {
                "@": "Dataset:_1",
                "name": "d",
                "description": "a",
                "details": {"externalInfo": "ExternalInfo:_2"},
            },
            {"@": "ExternalInfo:_2", "entityType": "e", "entityId": 1},
            {"@": "CommentAnnotation:_3", "textValue": "c"},
            {"@": "DatasetAnnotationLink:_4", "parent": "Dataset:_1", "child": "CommentAnnotation:_3"},
        ]
    )
    writer.save([{"@": key["Dataset:_1"], "name": "new"}])
    found = look(key["Dataset:_1"])
    assert (found.name.val, found.description.val) == ("new", "a")
    assert found.details.externalInfo.id.val == id_of(key["ExternalInfo:_2"])
    assert look(key["DatasetAnnotationLink:_4"]) is not None


def test_null_clears_a_field_a_map_and_external_information(writer: OmeroGraphWriter, look: Any) -> None:
    keys = writer.save(
        [
            {"@": "MapAnnotation:_1", "mapValue": [["a", "1"], ["a", ""]], "ns": "n"},
            {"@": "Dataset:_2", "name": "d", "details": {"externalInfo": "ExternalInfo:_3"}},
            {"@": "ExternalInfo:_3", "entityType": "e", "entityId": 1},
        ]
    )
    assert len(look(keys["MapAnnotation:_1"]).mapValue) == 2
    writer.save(
        [
            {"@": keys["MapAnnotation:_1"], "mapValue": None, "ns": None},
            {"@": keys["Dataset:_2"], "details": {"externalInfo": None}},
        ]
    )
    found = look(keys["MapAnnotation:_1"])
    assert (found.mapValue or [], found.ns) == ([], None)
    assert look(keys["Dataset:_2"]).details.externalInfo is None


def test_lists_that_a_change_does_not_name_keep_their_elements(
    writer: OmeroGraphWriter, count: Any, look: Any
) -> None:
    keys = writer.save([*IMAGE, *roi("Image:_1")])
    before = count("Shape"), count("Channel")
    writer.save([{"@": keys["Roi:_7"], "name": "r"}, {"@": keys["Pixels:_2"], "sha1": "x"}])
    assert (count("Shape"), count("Channel")) == before


def roi(image: str) -> list[dict[str, Any]]:
    return [
        {"@": "Roi:_7", "image": image, "shapes": ["Rectangle:_8", "Point:_9"]},
        {"@": "Rectangle:_8", "x": 1.0, "y": 2.0},
        {"@": "Point:_9", "roi": "Roi:_7", "x": "NaN"},
    ]


def test_a_list_of_an_object_that_is_there_takes_new_children_beside_those_it_has(
    writer: OmeroGraphWriter, connection: OmeroConnection
) -> None:
    keys = writer.save([*IMAGE, *roi("Image:_1")])
    shapes = [keys["Point:_9"], "Ellipse:_1", keys["Rectangle:_8"]]
    more = writer.save(
        [
            {"@": keys["Roi:_7"], "shapes": shapes},
            {"@": "Ellipse:_1", "x": 5.0},
            {"@": keys["Point:_9"], "textValue": "changed too"},
        ]
    )
    found = connection.session.getQueryService().findByQuery(
        "select r from Roi r join fetch r.shapes where r.id = :id",
        omero.sys.ParametersI().addId(id_of(keys["Roi:_7"])),
    )
    wanted = [keys["Point:_9"], more["Ellipse:_1"], keys["Rectangle:_8"]]
    assert [shape.id.val for shape in found.copyShapes()] == [id_of(key) for key in wanted]
    assert found.copyShapes()[0].textValue.val == "changed too"


def test_children_and_their_parents_are_changed_side_by_side(writer: OmeroGraphWriter, look: Any) -> None:
    keys = writer.save(IMAGE)
    writer.save([{"@": keys["Channel:_3"], "red": 30}, {"@": keys["Pixels:_2"], "sha1": "new"}])
    assert (look(keys["Channel:_3"]).red.val, look(keys["Pixels:_2"]).sha1.val) == (30, "new")


def test_objects_to_be_changed_are_loaded_in_one_query_a_class(
    server: OmeroServer, writer: OmeroGraphWriter
) -> None:
    keys = writer.save([{"@": f"Dataset:_{number}", "name": "d"} for number in range(50)])
    writer.save([{"@": key, "name": "new"} for key in keys.values()])
    server.counters.reset()
    writer.save([{"@": key, "name": "newer"} for key in keys.values()])
    assert server.counters.all_calls() == {"IQuery.findAllByQuery": 1, "IUpdate.saveAndReturnArray": 1}


# -- enumerations


def test_a_value_that_the_server_does_not_know_is_named_and_never_made_even_for_an_administrator(
    make_user: Any, connect_as: LogIn
) -> None:
    connection = connect_as(make_user(admin=True))
    before = len(connection.session.getTypesService().allEnumerations("PixelsType"))
    bad = [one if one["@"] != "Pixels:_2" else {**one, "pixelsType": "PixelsType=uint7"} for one in IMAGE]
    with pytest.raises(NotFound, match="'uint7' among its values of PixelsType"):
        OmeroGraphWriter(connection).save(bad)
    assert len(connection.session.getTypesService().allEnumerations("PixelsType")) == before


def test_an_enumeration_that_there_is_not_is_named(writer: OmeroGraphWriter) -> None:
    with pytest.raises(NotFound, match="no enumeration Flavour"):
        writer.save([{"@": "Image:_1", "name": "i", "format": "Flavour=sweet"}])


def test_a_text_that_looks_like_a_reference_stays_a_text(writer: OmeroGraphWriter, look: Any) -> None:
    draft = {"@": "Dataset:_1", "name": "Image:_7", "description": "PixelsType=uint8"}
    found = look(writer.save([draft])["Dataset:_1"])
    assert (found.name.val, found.description.val) == ("Image:_7", "PixelsType=uint8")


# -- owners


def owned(owner: int) -> list[dict[str, Any]]:
    return [{"@": "Dataset:_1", "name": "d", "details": {"owner": f"Experimenter:{owner}"}}]


def test_a_user_cannot_make_objects_of_another(
    connect_as: LogIn, make_group: Any, make_user: Any, server: OmeroServer
) -> None:
    group = make_group("rwrw--")
    me, other = make_user(group), make_user(group)
    writer = OmeroGraphWriter(connect_as(me))
    server.counters.reset()
    with pytest.raises(AccessDenied, match=f"is to be of Experimenter:{other.id}"):
        writer.save(owned(other.id))
    assert "IUpdate.saveAndReturnArray" not in server.counters.all_calls()
    assert writer.save(owned(me.id))


@pytest.mark.parametrize("privileges", [["WriteOwned"], None])
def test_administrators_who_may_write_for_others_do(
    connect_as: LogIn, make_group: Any, make_user: Any, privileges: list[str] | None
) -> None:
    group = make_group()
    user = make_user(group)
    admin = make_user(group, admin=privileges is None, privileges=privileges)
    connection = connect_as(admin, group)
    key = OmeroGraphWriter(connection).save(owned(user.id))["Dataset:_1"]
    found = connection.session.getQueryService().get("Dataset", id_of(key))
    assert (found.details.owner.id.val, found.details.group.id.val) == (user.id, group.id)


def test_files_of_others_take_a_privilege_of_their_own(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group()
    details = {"owner": f"Experimenter:{make_user(group).id}"}
    file = {"@": "OriginalFile:_1", "name": "f", "path": "", "details": details}
    with pytest.raises(AccessDenied) as failed:
        OmeroGraphWriter(connect_as(make_user(group, privileges=["WriteOwned"]), group)).save([file])
    assert failed.value.hint.endswith("the privilege WriteFile.")
    both = make_user(group, privileges=["WriteOwned", "WriteFile"])
    assert OmeroGraphWriter(connect_as(both, group)).save([file])


def test_a_light_administrator_without_that_privilege_may_not(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group()
    light = connect_as(make_user(group, privileges=["Sudo"]), group)
    with pytest.raises(AccessDenied, match="may not make objects of other users"):
        OmeroGraphWriter(light).save(owned(make_user(group).id))


def test_what_another_one_owns_in_a_read_only_group_cannot_be_changed(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    group = make_group("rwr---")
    mine = OmeroGraphWriter(connect_as(make_user(group)))
    key = mine.save([{"@": "Dataset:_1", "name": "d"}])["Dataset:_1"]
    with pytest.raises(AccessDenied):
        OmeroGraphWriter(connect_as(make_user(group))).save([{"@": key, "name": "new"}])


def test_what_is_in_another_group_cannot_be_linked_to(
    connect_as: LogIn, make_group: Any, make_user: Any
) -> None:
    one, two = make_group(), make_group()
    user = make_user(one, two)
    project = OmeroGraphWriter(connect_as(user, two)).save([{"@": "Project:_1", "name": "p"}])["Project:_1"]
    link = {"@": "ProjectDatasetLink:_2", "parent": project, "child": "Dataset:_1"}
    with pytest.raises(AccessDenied):
        OmeroGraphWriter(connect_as(user, one)).save([{"@": "Dataset:_1", "name": "d"}, link])


# -- all or none


def test_one_bad_draft_keeps_all_of_the_batch_from_being_saved(writer: OmeroGraphWriter, count: Any) -> None:
    link = {"@": "ProjectDatasetLink:_2", "parent": "Project:987654", "child": "Dataset:_1"}
    with pytest.raises(NotFound, match=r"Project:987654 is not there.*while saving Dataset:_1 and 1 more"):
        writer.save([{"@": "Dataset:_1", "name": "d"}, link])
    assert count("Dataset") == 0


def test_a_change_of_what_is_gone_says_so(writer: OmeroGraphWriter) -> None:
    with pytest.raises(NotFound, match="Dataset:987654 cannot be changed"):
        writer.save([{"@": "Dataset:987654", "name": "d"}])


def test_a_key_of_another_class_than_the_object_changes_nothing(writer: OmeroGraphWriter) -> None:
    key = writer.save([{"@": "CommentAnnotation:_1", "textValue": "c"}])["CommentAnnotation:_1"]
    with pytest.raises(NotFound, match=f"MapAnnotation:{id_of(key)} cannot be changed"):
        writer.save([{"@": f"MapAnnotation:{id_of(key)}", "ns": "x"}])


def test_what_somebody_changed_meanwhile_is_not_overwritten(
    server: OmeroServer, writer: OmeroGraphWriter, look: Any
) -> None:
    key = writer.save([{"@": "Dataset:_1", "name": "d"}])["Dataset:_1"]
    server.faults.fail_call("IUpdate.saveAndReturnArray", omero.OptimisticLockException(message="stale"))
    with pytest.raises(Busy):
        writer.save([{"@": key, "name": "new"}])
    assert look(key).name.val == "d"


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([{"@": "Dataset:_1"}, {"@": "Dataset:_1"}], "Dataset:_1 cannot be saved: there are two drafts"),
        ([{"@": "Dataset:_1", "flavour": 1}], "Dataset:_1 cannot be saved: OMERO's model has no 'flavour'"),
        ([{"@": "Flavour:_1"}], "Flavour:_1 cannot be saved: OMERO's model has no 'Flavour'"),
        ([{"@": "Dataset_1"}], "'Dataset_1' is no reference"),
        ([{"name": "no key"}], "None cannot be saved"),
        ([{"@": "DatasetImageLink:_1", "parent": "Dataset:_7"}], "refers to Dataset:_7, which has no draft"),
        ([{"@": "Rectangle:_1", "roi": "Roi:5"}], "Rectangle:_1 cannot be saved: its roi does not list it"),
        ([{"@": "Dataset:_1", "imageLinks": []}], "imageLinks is a set"),
        ([{"@": "Dataset:_1", "details": {"group": "ExperimenterGroup:1"}}], "its details group"),
        ([{"@": "Image:_1", "series": "many"}], "Image:_1 cannot be saved"),
        ([{"@": "Image:_1", "fileset": 5}], "Image:_1 cannot be saved: '5' is no reference"),
    ],
)
def test_what_is_no_draft_is_named_before_anything_is_sent(
    server: OmeroServer, writer: OmeroGraphWriter, drafts: list[Any], said: str
) -> None:
    server.counters.reset()
    with pytest.raises(BridgeError) as failed:
        writer.save(drafts)
    assert said in failed.value.message
    assert "IUpdate.saveAndReturnArray" not in server.counters.all_calls()


def test_a_batch_that_omero_would_not_take_is_refused_before_it_breaks_the_connection(
    server: OmeroServer, writer: OmeroGraphWriter
) -> None:
    """Ice.MessageSizeMax of a server is 64 MiB, whatever clients are set to."""
    long = "x" * (40 << 20)
    server.counters.reset()
    with pytest.raises(UsageError, match="does not fit into a message"):
        writer.save([{"@": f"XmlAnnotation:_{number}", "textValue": long} for number in (1, 2)])
    assert not server.counters.calls("IUpdate.saveAndReturnArray")


def test_a_batch_that_fits_into_no_message_is_refused(
    writer: OmeroGraphWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_writing, "LARGEST_BATCH", 5000)
    long = {"@": "Dataset:_1", "name": "d", "description": "x" * 6000}
    assert writer.save([long])
    with pytest.raises(UsageError, match="does not fit into a message"):
        writer.save([long, {"@": "Dataset:_2", "name": "d"}])
