"""Graphs give back every row that they took, in little memory, and so does ``bridge/omero.jsonl``."""

from __future__ import annotations

import inspect
import json
import multiprocessing
import random
import resource
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import Any

import omero
import omero.all
import omero.model
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.objects import parse_objects
from omero_irods_bridge.packet import graph as module
from omero_irods_bridge.packet.graph import (
    DEEPEST,
    FAMILIES,
    Graph,
    GraphHeader,
    lines_of,
    read_jsonl,
    write_jsonl,
)
from omero_irods_bridge.packet.reading import Limits

HEADER = GraphHeader("a-uuid", "5.6.10", "5.23.0", parse_objects(["Dataset:51", "Image:1-2"]))

texts = st.text(st.characters(), max_size=20)  # lone surrogates and control characters too
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = scalars | st.lists(texts, max_size=3) | st.dictionaries(texts, scalars, max_size=2)
names = texts.filter(lambda name: name not in {"@", "details"})  # what these are is looked at
bodies = st.dictionaries(names, values, max_size=5)


def rows_of(bodies_by_id: dict[tuple[str, int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"@": f"{kind}:{number}", **body} for (kind, number), body in bodies_by_id.items()]


many_rows = st.dictionaries(
    st.tuples(st.sampled_from(["Image", "TagAnnotation", "Pixels"]), st.integers(0, 2**63 - 1)),
    bodies,
    max_size=20,
).map(rows_of)


@given(many_rows)
def test_every_row_comes_back_by_class_and_by_id(rows: list[dict[str, Any]]) -> None:
    graph = Graph()
    for row in rows:
        graph.add(row)
    assert len(graph) == len(rows)
    for kind in graph.classes():
        assert list(graph.rows(kind)) == [row for row in rows if row["@"].startswith(f"{kind}:")]
    assert [graph.one(row["@"]) for row in rows] == rows


@given(many_rows)
def test_what_was_written_reads_as_the_same_graph_whatever_pieces_it_comes_in(
    rows: list[dict[str, Any]],
) -> None:
    graph = Graph()
    for row in rows:
        graph.add(row)
    written = b"".join(write_jsonl(graph, HEADER))
    pieces = [written[start : start + 7] for start in range(0, len(written), 7)]
    header, again = read_jsonl(lines_of(pieces))
    assert header == HEADER
    assert {kind: list(again.rows(kind)) for kind in again.classes()} == {
        kind: list(graph.rows(kind)) for kind in graph.classes()
    }
    assert b"".join(write_jsonl(again, header)) == written


def test_rows_of_many_blocks_are_found_in_any_order() -> None:
    graph = Graph()
    numbers = list(range(25_000))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        graph.add({"@": f"Image:{number}", "name": f"image {number}"})
    assert list(graph.ids("Image")) == numbers
    for number in random.Random(2).sample(numbers, 200):
        assert graph.one(f"Image:{number}") == {"@": f"Image:{number}", "name": f"image {number}"}
    assert [row["name"] for row in graph.rows("Image")] == [f"image {number}" for number in numbers]


def test_lone_surrogates_are_kept_and_a_pair_is_the_character_it_stands_for() -> None:
    graph = Graph()
    graph.add({"@": "Image:5", "name": "\ud800 \udfff", "description": "\ud83d\ude00"})
    assert graph.one("Image:5") == {"@": "Image:5", "name": "\ud800 \udfff", "description": "\U0001f600"}


def test_the_same_row_twice_is_one_row() -> None:
    graph = Graph()
    graph.add({"@": "Image:5", "name": "a", "pixels": ("Pixels:6",)})
    graph.add({"pixels": ["Pixels:6"], "name": "a", "@": "Image:5"})
    assert graph.count("Image") == 1


def test_two_different_rows_of_one_object_are_refused_by_name_of_object_and_field() -> None:
    graph = Graph()
    graph.add({"@": "Image:5", "name": "a"})
    with pytest.raises(BadPacket, match=r"Image:5 .* description, name"):
        graph.add({"@": "Image:5", "name": "b", "description": "d"})
    assert graph.one("Image:5") == {"@": "Image:5", "name": "a"}


@pytest.mark.parametrize(
    "name", [None, 5, "", "Image", "Image:", "image:5", "Image:-5", "Image:05", "Image:_1", "Image:\u0665"]
)
def test_a_row_without_a_proper_reference_is_refused(name: object) -> None:
    with pytest.raises(BadPacket, match="does not name an OMERO object"):
        Graph().add({"@": name})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_a_value_that_json_cannot_have_is_refused(value: object) -> None:
    with pytest.raises(BadPacket, match="Image:5 cannot be written"):
        Graph().add({"@": "Image:5", "x": value})


def test_an_annotation_is_found_whatever_its_kind() -> None:
    graph = Graph()
    rows = [{"@": "MapAnnotation:1"}, {"@": "TagAnnotation:2"}, {"@": "Point:1"}]
    for row in rows:
        graph.add(row)
    assert graph.one("Annotation:2") == rows[1]
    assert "Annotation:3" not in graph
    assert graph.one("Shape:1") == rows[2]
    assert sorted(graph.ids("Annotation")) == [1, 2]
    assert graph.count("Annotation") == 2
    assert graph.one(None) is None


def test_families_are_those_of_the_model() -> None:
    """Abstract classes with a table of their own; the intermediate ones of annotations have none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for family, members in FAMILIES.items():
            base = getattr(omero.model, family)
            below = [
                name[:-1]
                for name, cls in inspect.getmembers(omero.model, inspect.isclass)
                if name.endswith("I") and issubclass(cls, base) and vars(cls())
            ]
            assert sorted(below) == list(members)


def test_ten_thousand_images_with_their_channels_and_maps_stay_small() -> None:
    """In a process of its own, for other tests' memory is not ours."""
    process = multiprocessing.get_context("spawn")
    with process.Pool(1) as pool:
        rows, grown = pool.apply(_growth_with, (10_000,))
    assert rows == 190_000
    assert grown < 60 << 20


def _growth_with(images: int) -> tuple[int, int]:
    """Rows of so many images, and the bytes by which this process has grown at most while they were used."""
    before = _largest()
    graph = Graph()
    for row in _rows_of_images(images):
        graph.add(row)
    assert sum(1 for _ in graph.rows("Channel")) == 3 * images
    assert all(graph.one(f"Image:{number}") for number in range(0, images, 7))
    assert sum(map(len, write_jsonl(graph, HEADER))) > 5_000 * images
    return len(graph), _largest() - before


def _largest() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _rows_of_images(images: int) -> Iterator[dict[str, Any]]:
    details = {
        "owner": "Experimenter:3",
        "group": "ExperimenterGroup:4",
        "creationEvent": "Event:9",
        "updateEvent": "Event:9",
    }
    for n in range(images):
        common = {"details": {**details, "permissions": {"is": "rwra--"}}, "version": 1}
        yield {
            "@": f"Image:{n}",
            "name": f"plate 7, well {n % 384}, field {n}",
            "acquisitionDate": 1_700_000_000_000 + n * 917,
            "fileset": f"Fileset:{n}",
            "pixels": [f"Pixels:{n}"],
            "@sets": ["annotationLinks", "rois"],
            **common,
        }
        yield {
            "@": f"Pixels:{n}",
            "image": f"Image:{n}",
            "sizeX": 2048,
            "sizeY": 2048,
            "sha1": random.Random(n).randbytes(20).hex(),
            "physicalSizeX": {"Length": 0.108 + n / 1e9, "unit": "MICROMETER"},
            "channels": [f"Channel:{3 * n + c}" for c in range(3)],
            **common,
        }
        for c in range(3):
            yield {
                "@": f"Channel:{3 * n + c}",
                "pixels": f"Pixels:{n}",
                "red": 255,
                "logicalChannel": f"LogicalChannel:{3 * n + c}",
                **common,
            }
            yield {
                "@": f"LogicalChannel:{3 * n + c}",
                "name": ["DAPI", "GFP", "Cy5"][c],
                "emissionWave": {"Length": 460.0, "unit": "NANOMETER"},
                **common,
            }
            yield {
                "@": f"ChannelBinding:{3 * n + c}",
                "renderingDef": f"RenderingDef:{n}",
                "inputStart": 0.0,
                "inputEnd": 4095.0 + n,
                **common,
            }
        for m in (2 * n, 2 * n + 1):
            yield {
                "@": f"MapAnnotation:{m}",
                "ns": "lab.example",
                "mapValue": [[f"key {k}", f"value {n * k}"] for k in range(8)],
                **common,
            }
            yield {
                "@": f"ImageAnnotationLink:{m}",
                "parent": f"Image:{n}",
                "child": f"MapAnnotation:{m}",
                **common,
            }
        yield {"@": f"RenderingDef:{n}", "pixels": f"Pixels:{n}", "defaultZ": 3, **common}
        yield {
            "@": f"Fileset:{n}",
            "templatePrefix": f"user_3/2024-05/{n}/",
            "usedFiles": [f"FilesetEntry:{n}"],
            **common,
        }
        yield {
            "@": f"FilesetEntry:{n}",
            "originalFile": f"OriginalFile:{n}",
            "clientPath": f"data/2024/{n}.tif",
            **common,
        }
        yield {
            "@": f"OriginalFile:{n}",
            "path": f"user_3/2024-05/{n}/",
            "name": f"{n}.tif",
            "hash": random.Random(-n).randbytes(20).hex(),
            "size": 8_390_000,
            **common,
        }


# -- what cannot be read


def jsonl(*lines: bytes) -> list[bytes]:
    return [json.dumps(HEADER.to_row()).encode(), *lines]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "Line 2 .* is not JSON"),
        (b"{", "Line 2 .* is not JSON"),
        (b'{"@": "Image:1", "x": NaN}', "NaN is no JSON"),
        (b'{"@": "Image:1", "x": "\xff"}', "Line 2 .* is not JSON"),
        (b"[" * 100_000, "Line 2 .* is not JSON"),
        (b'{"@": "Image:1", "x": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}", "levels"),
        (b'["Image:1"]', "is no row"),
        (b'{"name": "a"}', "does not name an OMERO object"),
        (b'{"@": "Image:1", "x": ' + b"9" * 5000 + b"}", "Line 2 .* is not JSON"),
    ],
)
def test_a_damaged_or_hostile_line_is_refused(line: bytes, message: str) -> None:
    with pytest.raises(BadPacket, match=message):
        read_jsonl(jsonl(line))


def test_as_many_levels_as_allowed_are_read() -> None:
    levels = DEEPEST - 1
    _, graph = read_jsonl(jsonl(b'{"@": "Image:1", "x": ' + b"[" * levels + b"]" * levels + b"}"))
    assert graph.count("Image") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": "else"}, "not the header"),
        ({"version": module.VERSION + 1}, "this program knows 1"),
        ({"version": True}, "not the header"),
        ({"server": None}, "not complete"),
        ({"roots": [5]}, "not complete"),
        ({"roots": ["Ship:5"]}, "names no objects"),
        ({"roots": []}, "names no objects"),
    ],
)
def test_another_header_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadPacket, match=message):
        read_jsonl([json.dumps({**HEADER.to_row(), **change}).encode()])


def test_an_empty_file_is_no_graph() -> None:
    with pytest.raises(BadPacket, match="empty"):
        read_jsonl([])


def test_a_line_without_end_is_refused_before_it_is_held() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 100

    with pytest.raises(BadPacket, match="more than 1,000 bytes"):
        list(lines_of(endless(), longest=1000))
    assert taken == 11


def test_a_long_line_within_one_piece_is_refused() -> None:
    with pytest.raises(BadPacket, match="more than 10 bytes"):
        list(lines_of([b"a\n" + b"x" * 11 + b"\nb\n"], longest=10))


def test_a_graph_that_would_fill_the_memory_is_refused_before_it_has() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield json.dumps(HEADER.to_row()).encode()
        while True:
            taken += 1
            yield b'{"@": "Roi:%d"}' % taken

    with pytest.raises(BadPacket, match="more than 1,000,000 bytes of memory"):
        read_jsonl(endless(), limits=Limits(graph_bytes=1_000_000))
    assert taken < 200_000


def test_large_rows_that_compress_well_are_not_all_held_once_they_were_looked_at() -> None:
    graph = Graph()
    for number in range(12):
        graph.add({"@": f"Mask:{number}", "bytes": "A" * (10 << 20)})
    tracemalloc.start()
    try:
        for number in range(12):
            assert graph.one(f"Mask:{number}") is not None
        assert tracemalloc.get_traced_memory()[0] < 66 << 20
    finally:
        tracemalloc.stop()


def test_what_a_graph_takes_is_the_same_for_who_writes_and_who_reads_it() -> None:
    graph = Graph()
    for number in range(2500):
        graph.add({"@": f"Roi:{number}", "image": "Image:5"})
        graph.add({"@": f"Point:{number}", "roi": f"Roi:{number}"})
    _, again = read_jsonl(lines_of(write_jsonl(graph, HEADER)))
    assert again.held_bytes == graph.held_bytes
    assert 5000 * 160 < graph.held_bytes < 5000 * 200


def test_an_id_that_no_database_has_is_refused() -> None:
    graph = Graph()
    graph.add({"@": f"Image:{2**63 - 1}"})
    with pytest.raises(BadPacket, match="does not name an OMERO object"):
        graph.add({"@": f"Image:{2**63}"})


def test_a_row_that_no_reader_would_take_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_LINE", 100)
    with pytest.raises(BadPacket, match="Mask:5 has more than 100 bytes"):
        Graph().add({"@": "Mask:5", "bytes": "A" * 100})
