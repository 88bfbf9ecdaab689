"""Which files belong together: patterns, names in OME-XML, rules of the settings. No server is needed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadName, BridgeError, Unreachable, UsageError
from omero_irods_bridge.model.ingest import IngestMode, OptIn, SetRule
from omero_irods_bridge.model.stored import DataObject, Replica, ReplicaStatus
from omero_irods_bridge.operations.ingesting.grouping import Groups, group
from omero_irods_bridge.operations.ingesting.references import expand_pattern, referred
from omero_irods_bridge.operations.ingesting.series import Series
from omero_irods_bridge.operations.ingesting.targets import Part, check_template, expand, parse
from tests.wire.bridge_import.sources import Bytes

FOLDER = "/zone/home/lab"


def stored(*names: str) -> dict[str, DataObject]:
    replica = Replica(0, "demoResc", ReplicaStatus.GOOD, 10, "")
    return {
        f"{FOLDER}/{name}": DataObject(f"{FOLDER}/{name}", id_, (replica,)) for id_, name in enumerate(names)
    }


def grouped(
    names: Sequence[str], refers: dict[str, list[str]] | None = None, rules: Sequence[SetRule] = ()
) -> Groups:
    present = stored(*names)

    def references(found: DataObject) -> list[str]:
        return (refers or {}).get(found.path.rpartition("/")[2], [])

    return group(present.values(), present, rules, references)


def sets(groups: Groups) -> list[list[str]]:
    return sorted([one.path[len(FOLDER) + 1 :] for one in files.members] for files in groups.sets)


def test_files_that_name_nothing_are_sets_of_their_own() -> None:
    assert sets(grouped(["a.tif", "b.png"])) == [["a.tif"], ["b.png"]]


def test_a_pattern_file_is_opened_and_brings_its_files() -> None:
    names = ["z1.tif", "z2.tif", "all.pattern", "other.tif"]
    found = grouped(names, {"all.pattern": ["z1.tif", "z2.tif"]})
    assert sets(found) == [["all.pattern", "z1.tif", "z2.tif"], ["other.tif"]]


def test_files_that_name_each_other_in_a_chain_are_one_set() -> None:
    refers = {"a.ome.tif": ["b.ome.tif"], "b.ome.tif": ["c.ome.tif"], "c.ome.tif": []}
    assert sets(grouped(list(refers), refers)) == [["a.ome.tif", "b.ome.tif", "c.ome.tif"]]


def test_a_set_with_a_missing_file_waits_whole() -> None:
    found = grouped(["a.ome.tif", "b.ome.tif"], {"a.ome.tif": ["b.ome.tif", "c.ome.tif"]})
    assert sets(found) == []
    assert [one.path for one in found.waiting] == [f"{FOLDER}/a.ome.tif"]


def test_of_many_that_are_missing_some_are_remembered() -> None:
    many = [f"{number:05}.tif" for number in range(100_000)]
    (waits,) = grouped(["a.pattern", many[0]], {"a.pattern": many}).waiting
    assert waits.reason == "00001.tif, 00002.tif, 00003.tif and 997 more of the same set is missing"


def test_a_rule_takes_all_files_of_a_folder() -> None:
    rules = [SetRule("*.mvd2", "*", below=True)]
    names = ["plate.mvd2", "data.dat", "Data/1.aisf", "Data/2.aisf"]
    assert sets(grouped(names, rules=rules)) == [["plate.mvd2", "Data/1.aisf", "Data/2.aisf", "data.dat"]]


def test_a_rule_takes_only_what_fits() -> None:
    found = grouped(["s.xml", "s1.tif", "b.png"], rules=[SetRule("*.xml", "*.tif")])
    assert sets(found) == [["b.png"], ["s.xml", "s1.tif"]]


SERIES = [SetRule(series="*_t<01-03>_c<r,g>.tif")]


def series_of(text: str) -> list[str]:
    return [f"{text}_t0{time}_c{colour}.tif" for time in (1, 2, 3) for colour in "rg"]


def test_a_numbered_series_by_a_pattern_of_the_settings_is_one_set() -> None:
    names = [*reversed(series_of("a")), *series_of("a_t01_cr"), "a_t04_cr.tif", "a.tif"]
    assert {tuple(one) for one in sets(grouped(names, rules=SERIES))} == {
        tuple(series_of("a")), tuple(series_of("a_t01_cr")), ("a_t04_cr.tif",), ("a.tif",)
    }  # fmt: skip


def test_half_a_numbered_series_waits_and_says_what_is_missing() -> None:
    found = grouped([*series_of("a")[:4], *series_of("b")], rules=SERIES)
    assert sets(found) == [series_of("b")]
    (waiting,) = found.waiting
    assert waiting.path == f"{FOLDER}/a_t01_cr.tif"
    assert "a_t03_cg.tif, a_t03_cr.tif of the same set is missing" in waiting.reason


@given(st.text("ab<>,-:*019", max_size=12), st.text("ab019*", max_size=8))
def test_any_series_has_the_names_that_it_says_or_is_refused(pattern: str, name: str) -> None:
    try:
        series = Series(pattern)
    except UsageError:
        return
    found = series.of(name)
    assert not found or name in found
    assert all(set(series.of(one)) == set(found) for one in found[:3]) or "*" in pattern


def test_a_file_that_cannot_be_understood_has_failed_and_others_have_not() -> None:
    def references(found: DataObject) -> list[str]:
        raise BadName(f"{found.path} is odd.")

    present = stored("odd.pattern", "a.tif")
    found = group(present.values(), present, (), references)
    assert ([one.path for one in found.failed], sets(found)) == ([f"{FOLDER}/odd.pattern"], [["a.tif"]])


def test_a_server_that_is_away_ends_the_grouping() -> None:
    def references(_found: DataObject) -> list[str]:
        raise Unreachable("iRODS did not answer.")

    present = stored("a.ome.tif")
    with pytest.raises(BridgeError):
        group(present.values(), present, (), references)


# -- what files say


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("t<1-3>.tif", ["t1.tif", "t2.tif", "t3.tif"]),
        ("t<08-10>.tif", ["t08.tif", "t09.tif", "t10.tif"]),
        ("t<8-10>.tif", ["t8.tif", "t9.tif", "t10.tif"]),
        ("<0-4:2>_<r,g>.tif", ["0_r.tif", "0_g.tif", "2_r.tif", "2_g.tif", "4_r.tif", "4_g.tif"]),
        ("plain.tif\n", ["plain.tif"]),
    ],
)
def test_a_pattern_stands_for_its_names(pattern: str, names: list[str]) -> None:
    assert expand_pattern(pattern) == names


@pytest.mark.parametrize(
    "pattern", ["", "a\nb", "../x<1-2>.tif", "<3-1>.tif", "<0-999999999>.tif", "<1-9:0>"]
)
def test_a_pattern_that_stands_for_nothing_or_leads_out_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        expand_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["<0-99999>" * 7_000, f"<{','.join(['0-99999'] * 8_000)}>", "x" * 60_000 + "<0-99999>"],
    ids=["many blocks", "many ranges", "long names"],
)
def test_a_pattern_that_stands_for_too_much_is_refused_before_the_memory_is_full(pattern: str) -> None:
    with pytest.raises(UsageError, match="stands for no file, or too many"):
        expand_pattern(pattern)


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    try:
        names = expand_pattern(text)
    except UsageError:
        return
    assert names
    assert not any("/" in name for name in names)


@given(st.binary(max_size=400))
def test_any_bytes_refer_to_names_in_the_same_folder_only(data: bytes) -> None:
    for name in ("a.ome.tif", "a.companion.ome"):
        assert not [one for one in referred(name, Bytes(data)) if "/" in one or "\\" in one or not one]


def test_tags_that_are_never_closed_are_looked_at_once() -> None:
    """16 MiB of them; a search from each to the end would take days."""
    xml = b"<UUID " * 2_700_000
    assert referred("a.companion.ome", Bytes(xml + b'FileName="a.tif"/>')) == ["a.tif"]
    assert referred("a.companion.ome", Bytes(xml + b'<BinaryOnly MetadataFile="b.ome"/>')) == ["b.ome"]


def test_names_in_xml_are_read_in_both_quotes_and_with_entities() -> None:
    xml = b"<x:UUID FileName='a&amp;b.tif'/><UUID A=\"1\" FileName=\"c.tif\"/><UUID FileName='../d.tif'/>"
    assert referred("set.companion.ome", Bytes(xml)) == ["a&b.tif", "c.tif"]


def test_a_binary_only_file_names_the_file_with_the_metadata() -> None:
    xml = b'<OME><BinaryOnly MetadataFile="set.companion.ome" UUID="u"/></OME>'
    assert referred("other.companion.ome", Bytes(xml)) == ["set.companion.ome"]


# -- where it goes

OPTED = OptIn(FOLDER, FOLDER, IngestMode.IN_PLACE, "rods#zone")


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("Project:name:{root}/Dataset:name:{collection}", (("Project", "lab"), ("Dataset", "b"))),
        ("Dataset:name:{path}", (("Dataset", "a/b"),)),
        ("Screen:name:{owner}: {zone}", (("Screen", "ann: zone"),)),
    ],
)
def test_a_template_is_filled_in(template: str, parts: tuple[tuple[str, str], ...]) -> None:
    target = expand(template, f"{FOLDER}/a/b/c.tif", OPTED, "ann#zone")
    assert tuple((str(one.kind), one.name) for one in parse(target)) == parts


def test_containers_may_be_named_by_id() -> None:
    found = parse("Project:7/Dataset:name:x")
    assert found[0] == Part(found[0].kind, 7)


@pytest.mark.parametrize(
    "template",
    ["", "Image:1", "Project:name:x", "Dataset:1,2", "Dataset:name:{nobody}", "Dataset:name:{",
     "Dataset:name:", "Dataset:name:x/Project:name:y", "Dataset:name:" + "x" * 256],
)  # fmt: skip
def test_what_is_no_place_for_images_is_refused(template: str) -> None:
    with pytest.raises(UsageError):
        check_template(template)
