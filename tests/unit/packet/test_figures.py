"""New ids in OMERO.figure files, and not one other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.packet.figures import remap_figure, remap_figure_description

PANEL: dict[str, Any] = {
    "imageId": 1267,
    "datasetId": 51,
    "name": 'a "1267" [imageId]: {1267}.dv',
    "sizeZ": 1267,
    "x": 200.0,
    "zoom": 1e2,
    "insetRoiId": 1267,
    "channels": [{"label": "µm \\ é", "imageId": 1267, "window": {"min": 0, "max": 1542.50}}],
    "shapes": [{"type": "Rectangle", "id": 1267, "x": 54.1}],
    "parents": {
        "project": {"id": 3, "name": "p"},
        "dataset": {"id": 51, "name": "d"},
        "screen": {"id": 4},
        "plate": {"id": 5},
        "acquisition": {"id": 6},
        "well": {"id": 7, "label": "D2"},
        "wellsample": {"id": 8, "index": 2, "index_run": 1},
    },
}
FIGURE: dict[str, Any] = {"version": 9, "imageId": 1267, "figureName": "f", "panels": [PANEL, {"imageId": 9}]}
IDS = {
    "Image": {1267: 100001, 9: 1267},
    "Project": {3: 33},
    "Dataset": {51: 52},
    "Screen": {4: 44},
    "Plate": {5: 55},
    "PlateAcquisition": {6: 66},
    "Well": {7: 77},
    "WellSample": {8: 88},
}


def styles(figure: Any) -> list[bytes]:
    """As the app saves it, as a browser writes it, and with escapes."""
    return [
        json.dumps(figure, sort_keys=True, indent=2, separators=(",", ": ")).encode(),
        json.dumps(figure, ensure_ascii=False, separators=(",", ":")).encode(),
        json.dumps(figure, indent="\t").replace("\n", "\r\n").encode(),
    ]


@pytest.mark.parametrize("data", styles(FIGURE))
def test_all_ids_are_replaced_and_nothing_else(data: bytes) -> None:
    found, told = remap_figure(data, IDS)
    panel = json.loads(json.dumps(PANEL))
    panel |= {"imageId": 100001, "datasetId": 52}
    for name, id_ in zip(PANEL["parents"], (33, 52, 44, 55, 66, 77, 88), strict=True):
        panel["parents"][name]["id"] = id_
    assert json.loads(found) == {**FIGURE, "panels": [panel, {"imageId": 1267}]}
    assert (told.changed, told.unknown) == (10, {})


@pytest.mark.parametrize("data", styles(FIGURE))
def test_bytes_beside_the_ids_stay(data: bytes) -> None:
    back = {kind: {new: old for old, new in ids.items()} for kind, ids in IDS.items()}
    there, _ = remap_figure(data, IDS)
    assert there != data
    assert remap_figure(there, back)[0] == data


def test_unknown_ids_stay_and_are_told_by_class() -> None:
    data = styles(FIGURE)[0]
    found, told = remap_figure(data, {"Image": {9: 10}})
    assert json.loads(found)["panels"][0] == PANEL
    assert told.changed == 1
    assert told.unknown == {
        "Image": {1267},
        "Project": {3},
        "Dataset": {51},
        "Screen": {4},
        "Plate": {5},
        "PlateAcquisition": {6},
        "Well": {7},
        "WellSample": {8},
    }


def test_ids_written_as_texts_stay_texts() -> None:
    found, _ = remap_figure(b'{"panels": [{"imageId": "9"}]}', IDS)
    assert found == b'{"panels": [{"imageId": "1267"}]}'


@pytest.mark.parametrize(
    "other", ['"https://uk1s3.embassy.ebi.ac.uk/1267.zarr"', "null", "[9]", '{"id": 9}', "9.5", "-9"]
)
def test_images_that_are_in_no_omero_stay_and_are_no_unknown_ids(other: str) -> None:
    data = f'{{"panels": [{{"imageId": {other}}}]}}'.encode()
    found, told = remap_figure(data, IDS)
    assert (found, told.changed, told.unknown) == (data, 0, {})


def test_images_of_another_server_keep_their_ids() -> None:
    """They are from 1 too."""
    foreign = '{"imageId": 9, "baseUrl": "https://idr.example/webgateway", "datasetId": 51}'
    data = f'{{"panels": [{{"imageId": 9, "baseUrl": ""}}, {foreign}, {{"imageId": 9}}]}}'.encode()
    found, told = remap_figure(data, IDS)
    assert found == data.replace(b'"imageId": 9', b'"imageId": 1267').replace(
        b'"imageId": 1267, "baseUrl": "h', b'"imageId": 9, "baseUrl": "h'
    )
    assert (told.changed, told.unknown) == (2, {})
    text = '{"imageId": 9, "baseUrl": "https://idr.example"}'
    assert remap_figure_description(text, IDS)[0] == text


@pytest.mark.parametrize("data", [b"", b"{", b"\xff{}", b'{"panels": [}', b"[" * 100_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadPacket, match=r"OMERO\.figure file is no JSON"):
        remap_figure(data, IDS)


@pytest.mark.parametrize(
    "data",
    [
        b"1267",
        b'"imageId"',
        b"[]",
        b"{}",
        b'{"panels": 5}',
        b'[{"imageId": 9}]',
        b'{"panels": {"0": {"imageId": 9}}}',
    ],
)
def test_json_that_is_no_figure_stays(data: bytes) -> None:
    assert remap_figure(data, IDS)[0] == data


def test_the_description_shows_the_new_image() -> None:
    text = '{"name": "µ 1267", "imageId": 1267, "baseUrl": ""}'
    found, told = remap_figure_description(text, IDS)
    assert found == '{"name": "µ 1267", "imageId": 100001, "baseUrl": ""}'
    assert told.changed == 1
    assert remap_figure_description("a person's own words: 1267", IDS)[0] == "a person's own words: 1267"


# -- any JSON

IDS_OF_IMAGES = st.integers(0, 50)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["imageId", "panels"]), inner)
    ),
    max_leaves=20,
)
PANELS = st.builds(
    lambda rest, id_: {**rest, "imageId": id_}, st.dictionaries(st.text(), VALUES), IDS_OF_IMAGES
)


@given(st.lists(PANELS), VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_in_any_figure_just_the_images_of_its_panels_change(
    panels: list[Any], other: Any, ascii_only: bool, indent: int | None
) -> None:
    figure = {"other": other, "panels": panels}
    data = json.dumps(figure, ensure_ascii=ascii_only, indent=indent).encode(errors="surrogatepass")
    known = {id_: id_ + 1000 for id_ in range(0, 51, 2)}
    try:
        data.decode()
    except UnicodeDecodeError:
        return
    found, told = remap_figure(data, {"Image": known, "Dataset": {}})
    wanted = [{**panel, "imageId": known.get(panel["imageId"], panel["imageId"])} for panel in panels]
    assert json.loads(found) == {"other": other, "panels": wanted}
    assert told.changed == sum(panel["imageId"] in known for panel in panels)
    odd = {panel["imageId"] for panel in panels} - known.keys()
    assert told.unknown.get("Image", frozenset()) == odd
