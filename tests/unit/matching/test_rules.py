"""Rules of pairing and of what is done about differences, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from omero_irods_bridge.adapters.omero.reflection import concrete_classes
from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.imports import MARK_NAMESPACE
from omero_irods_bridge.operations.matching import Difference, batches, difference, pair, rules, tell
from tests.unit.matching.graphs import Maker, renumbered
from tests.unit.matching.server import MODEL, class_of, graph_of

Row = dict[str, Any]


class Case:
    """An image with pixels and a channel on two servers; the second one is changed."""

    def __init__(self) -> None:
        self.maker = Maker()
        self.image = self.maker.image(self.maker.make("Fileset", templatePrefix="x/"), name="a.tif")
        self.there: dict[str, Row] = {}
        self.keys: dict[str, str] = {}

    def copy(self, *without: str) -> None:
        rows, self.keys = renumbered([row for key, row in self.maker.rows.items() if key not in without])
        self.there = {row["@"]: row for row in rows}

    def other(self, key: str) -> Row:
        return self.there[self.keys[key]]

    def compare(self, seeds: dict[str, str] | None = None, **options: Any) -> Difference:
        known = {
            one: other for one, other in self.keys.items() if class_of(one) in ("Image", "Fileset", "Dataset")
        }
        here, there = graph_of(self.maker.rows.values()), graph_of(self.there.values())
        return difference(pair(here, there, known | (seeds or {}), MODEL, **options))


def made(found: Difference) -> list[str]:
    return [found.pairs.source.key(node) for node in found.created]


def drafts(found: Difference, size: int = 10**9) -> list[list[Any]]:
    """Batches, each key that is made being what it was with 9 before."""
    batched = []
    for batch in batches(
        found, lambda source: {"@": "MapAnnotation:", "mapValue": [["source", source]]}, size=size
    ):
        batched.append([dict(one) for one in batch.drafts])
        batch.saved({local: local.replace(":_", ":90") for local in batch.sources})
    return batched


def words(found: Difference) -> list[str]:
    return [str(one) for one in tell(found)]


@pytest.fixture
def case() -> Case:
    return Case()


def test_a_name_that_reads_like_a_reference_is_a_name(case: Case) -> None:
    case.maker.rows[case.image]["name"] = case.image
    case.copy()
    case.other(case.image)["name"] = "b"
    assert drafts(case.compare()) == [[{"@": case.keys[case.image], "name": case.image}]]


def test_what_the_packet_has_not_is_set_to_nothing(case: Case) -> None:
    case.copy()
    case.other(case.image)["description"] = "of the importer"
    assert drafts(case.compare()) == [[{"@": case.keys[case.image], "description": None}]]


def test_what_only_a_server_sets_is_reported_and_left(case: Case) -> None:
    case.copy()
    pixels = case.maker.rows[case.image]["pixels"][0]
    case.other(pixels)["sha1"] = "other"
    found = case.compare()
    assert found.is_empty
    assert [
        (one.class_name, one.field, one.count) for one in found.not_kept if one.class_name == "Pixels"
    ] == [("Pixels", "sha1", 1)]


def test_a_whole_number_is_equal_to_the_same_number_with_a_point(case: Case) -> None:
    note = case.maker.make("DoubleAnnotation", doubleValue=2)
    case.maker.link(case.image, note)
    case.copy()
    case.other(note)["doubleValue"] = 2.0
    assert case.compare().is_empty


def test_repeated_keys_and_their_order_count(case: Case) -> None:
    note = case.maker.make("MapAnnotation", mapValue=[["k", "1"], ["k", "2"]])
    case.maker.link(case.image, note)
    case.copy()
    case.other(note)["mapValue"] = [["k", "2"], ["k", "1"]]
    assert class_of(made(case.compare())[1]) == "MapAnnotation"


def test_shapes_are_saved_with_their_roi_and_do_not_name_it(case: Case) -> None:
    shape = case.maker.make("Rectangle", x=1.0, transform=case.maker.make("AffineTransform", a00=2.0))
    case.copy(case.maker.roi(case.image, shape), shape, "AffineTransform:101")
    (batch,) = drafts(case.compare())
    image = case.keys[case.image]
    assert sorted(batch, key=lambda one: one["@"]) == [
        {"@": "AffineTransform:_1", "a00": 2.0},
        {"@": "Rectangle:_1", "x": 1.0, "transform": "AffineTransform:_1"},
        {"@": "Roi:_1", "image": image, "shapes": ["Rectangle:_1"]},
    ]


def test_a_container_is_saved_with_its_mark_and_before_what_is_in_it(case: Case) -> None:
    dataset = case.maker.make("Dataset", name="d")
    link = case.maker.link(dataset, case.image)
    case.copy(dataset, str(link))
    first, second = drafts(case.compare())
    assert first == [
        {"@": "Dataset:_1", "name": "d"},
        {"@": "MapAnnotation:_1", "mapValue": [["source", dataset]]},
        {"@": "DatasetAnnotationLink:_1", "parent": "Dataset:_1", "child": "MapAnnotation:_1"},
    ]
    assert second == [{"@": "DatasetImageLink:_1", "parent": "Dataset:901", "child": case.keys[case.image]}]


def test_what_is_led_to_is_saved_with_the_first_that_leads_there(case: Case) -> None:
    second = case.maker.image(case.maker.rows[case.image]["fileset"])
    label = case.maker.make("StageLabel", name="s")
    case.copy(label)
    for image in (case.image, second):
        case.maker.rows[image]["stageLabel"] = label
    first, last = drafts(case.compare())
    assert {"@": "StageLabel:_1", "name": "s"} in first
    assert {"@": case.keys[case.image], "stageLabel": "StageLabel:_1"} in first
    assert last == [{"@": case.keys[second], "stageLabel": "StageLabel:901"}]


def test_enumerations_are_named_by_value_whatever_their_ids(case: Case) -> None:
    pixels = case.maker.rows[case.image]["pixels"][0]
    case.maker.settings(pixels, [1.0])
    case.copy(
        *[key for key in case.maker.rows if class_of(key) in ("RenderingDef", "ChannelBinding", "QuantumDef")]
    )
    (batch,) = drafts(case.compare())
    assert [one["family"] for one in batch if "family" in one] == ["Family=linear"]


def test_settings_of_the_importer_are_superfluous_when_the_packet_has_others(case: Case) -> None:
    pixels = case.maker.rows[case.image]["pixels"][0]
    case.maker.settings(pixels, [1.0])
    case.copy()
    binding = next(row for key, row in case.there.items() if class_of(key) == "ChannelBinding")
    binding["inputStart"] = 7.0
    found = case.compare()
    assert set(found.superfluous) == {"ChannelBinding", "QuantumDef", "RenderingDef"}
    assert {class_of(key) for key in made(found)} == set(found.superfluous)


def test_a_tag_to_be_used_again_is_linked_and_never_changed(case: Case) -> None:
    tag = case.maker.make("TagAnnotation", textValue="t", description="mine")
    link = case.maker.link(case.image, tag)
    case.copy(tag, str(link))
    found = case.compare({tag: "TagAnnotation:77"})
    assert drafts(found) == [
        [{"@": "ImageAnnotationLink:_1", "parent": case.keys[case.image], "child": "TagAnnotation:77"}]
    ]


def test_a_container_to_merge_into_is_not_changed(case: Case) -> None:
    dataset = case.maker.make("Dataset", name="d", description="of the packet")
    case.copy()
    case.other(dataset)["description"] = "of somebody"
    assert not case.compare().is_empty
    assert case.compare(untouched=[case.keys[dataset]]).is_empty


def test_two_links_of_two_people_become_one_unless_owners_are_kept(case: Case) -> None:
    tag = case.maker.make("TagAnnotation", textValue="t")
    people = [case.maker.make("Experimenter", omeName=name) for name in ("alice", "bob")]
    links = [
        case.maker.make("ImageAnnotationLink", parent=case.image, child=tag, details={"owner": one})
        for one in people
    ]
    case.copy(tag, *links)
    assert len(made(case.compare())) == 2
    known = {one: case.keys[one] for one in people}
    found = case.compare(known, by_owner=True)
    assert len(made(found)) == 3
    owners = [one["details"]["owner"] for batch in drafts(found) for one in batch if "Link" in one["@"]]
    assert owners == [case.keys[one] for one in people]


def test_what_needs_an_image_that_was_not_loaded_is_not_made(case: Case) -> None:
    absent = case.maker.image(case.maker.make("Fileset", templatePrefix="y/"), name="b")
    roi = case.maker.roi(absent, case.maker.make("Rectangle", x=1.0))
    comment = case.maker.make("CommentAnnotation", textValue="c")
    case.maker.link(absent, comment)
    gone = [key for key in case.maker.rows if key.endswith(":102")]
    case.copy(*gone, roi, comment, "Rectangle:101", "ImageAnnotationLink:101")
    found = case.compare()
    assert [key for key in made(found) if class_of(key) != "CommentAnnotation"] == []
    assert {"Image", "Roi", "Rectangle", "ImageAnnotationLink"} <= {one.class_name for one in found.not_kept}


def test_an_attachment_without_its_bytes_is_its_own_partner_and_is_to_be_filled(case: Case) -> None:
    files = [
        case.maker.make("OriginalFile", name="f", path="p", size=size, hash=str(size)) for size in (3, 4)
    ]
    for one in files:
        case.maker.link(case.image, case.maker.make("FileAnnotation", file=one))
    case.copy()
    del case.other(files[1])["hash"], case.other(files[1])["size"]
    found = case.compare()
    assert found.unfilled == ((files[1], case.keys[files[1]]),)
    assert made(found) == []


def test_marks_are_neither_carried_nor_superfluous(case: Case) -> None:
    mark = case.maker.make("MapAnnotation", ns=MARK_NAMESPACE, mapValue=[["load", "1"]])
    case.maker.link(case.image, mark)
    case.copy()
    assert case.compare().is_empty
    case.copy(mark, "ImageAnnotationLink:101")
    assert case.compare().is_empty
    case.maker.rows = {key: row for key, row in case.maker.rows.items() if key in case.keys}
    assert case.compare().superfluous == {}


def test_lasers_that_pump_each_other_are_saved_at_once(case: Case) -> None:
    make, kinds = case.maker.make, {"type": "LaserType", "laserMedium": "LaserMedium"}
    told = {name: case.maker.enumeration(kind, "x") for name, kind in kinds.items()}
    scope = make("Instrument")
    case.maker.rows[case.image]["instrument"] = scope
    one, two = make("Laser", instrument=scope, **told), make("Laser", instrument=scope, **told)
    case.maker.rows[one]["pump"], case.maker.rows[two]["pump"] = two, one
    case.copy(one, two)
    (batch,) = drafts(case.compare())
    assert [draft["pump"] for draft in batch] == ["Laser:_2", "Laser:_1"]


def test_a_well_is_known_by_its_place_and_a_field_by_its_image(case: Case) -> None:
    plate = case.maker.make("Plate", name="p")
    wells = [case.maker.make("Well", plate=plate, row=0, column=column) for column in (0, 1)]
    case.maker.own(wells[0], "wellSamples", [case.maker.make("WellSample", image=case.image)])
    case.copy()
    case.other(wells[0])["type"], case.other(wells[1])["type"] = "changed", "changed"
    found = case.compare()
    assert not found.created
    assert {found.pairs.source.key(one.source): one.fields for one in found.changed} == dict.fromkeys(
        wells, ("type",)
    )


def test_a_class_that_omero_does_not_have_is_reported(case: Case) -> None:
    case.copy()
    case.maker.rows["Novelty:1"] = {"@": "Novelty:1", "name": "n"}
    case.maker.rows[case.image]["novelty"] = 1
    found = case.compare()
    assert found.is_empty
    assert {(one.class_name, one.field) for one in found.not_kept} >= {
        ("Novelty", None),
        ("Image", "novelty"),
    }


def test_a_list_that_is_none_is_a_bad_packet(case: Case) -> None:
    case.maker.rows[case.image]["pixels"] = "Pixels:101"
    with pytest.raises(BadPacket, match="pixels of Image:101"):
        case.compare()


def test_a_batch_that_was_not_saved_stops_the_next(case: Case) -> None:
    dataset = case.maker.make("Dataset", name="d")
    case.copy(dataset, str(case.maker.link(dataset, case.image)))
    going = batches(case.compare(), lambda _: {"@": "MapAnnotation:"})
    next(going)
    with pytest.raises(ValueError, match="saved"):
        next(going)


def test_a_batch_holds_no_more_large_texts_than_go_into_a_message(case: Case) -> None:
    notes = [case.maker.make("XmlAnnotation", textValue=letter * 3000) for letter in "abcde"]
    case.copy(*notes, *(str(case.maker.link(case.image, one)) for one in notes))
    assert [sum("textValue" in one for one in batch) for batch in drafts(case.compare(), size=10_000)] == [
        2,
        2,
        1,
    ]


def test_changes_are_told_in_words(case: Case) -> None:
    tag, note = (
        case.maker.make("TagAnnotation", textValue="mitosis"),
        case.maker.make("CommentAnnotation", textValue="c"),
    )
    links = [case.maker.link(case.image, one) for one in (tag, note)]
    dataset = case.maker.make("Dataset", name="d")
    case.maker.link(dataset, case.image)
    case.copy(tag, str(links[0]))
    case.other(case.image)["name"] = "b"
    case.there["Roi:9000"] = {"@": "Roi:9000", "image": case.keys[case.image], "shapes": []}
    image = case.keys[case.image]
    assert words(case.compare()) == [
        f"tag 'mitosis' removed from {image} 'a.tif'",
        f"Roi:9000 added to {image} 'b'",
        f"{image} 'a.tif': name 'a.tif' -> 'b'",
    ]


def test_a_change_is_json_too(case: Case) -> None:
    case.copy()
    case.other(case.image)["name"] = "b"
    (change,) = tell(case.compare())
    assert change.to_json() == {
        "what": "changed", "object": case.keys[case.image], "name": f"{case.keys[case.image]} 'a.tif'",
        "field": "name", "old": "'a.tif'", "new": "'b'",
    }  # fmt: skip


def test_rules_name_only_what_the_model_has() -> None:
    shapes = {one.name: MODEL.shape(one.name) for one in concrete_classes()}
    roots = {shape.root for shape in shapes.values() if shape}
    for table in (rules.NOT_CARRIED, rules.STRUCTURE, rules.NOT_MADE, rules.NATURAL_KEYS):
        assert set(table) <= roots
    for table in (rules.SET_BY_SERVER, rules.LEADS_DOWN, rules.NOT_FOLLOWED):
        for name, _, field in (one.partition(".") for one in table):
            shape = shapes[name]
            assert shape is not None
            assert field in shape.fields or shape.is_list(field)
