"""What the name of a .fake file says."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.omero_server.formats.description import Quantity
from omero_irods_sandbox.omero_server.formats.fake_names import BadFakeName, FakeName, parse_fake_name
from omero_irods_sandbox.omero_server.formats.pixel_types import PIXEL_TYPES, bits_of

SIZES = st.integers(1, 10_000)
STEMS = st.text(st.characters(exclude_characters="&/\0", exclude_categories=["Cs"]), max_size=20)


def test_a_bare_name_has_the_defaults_of_bio_formats() -> None:
    assert parse_fake_name("cells.fake") == FakeName("cells")


@given(STEMS, SIZES, SIZES, SIZES, SIZES, SIZES, st.sampled_from(PIXEL_TYPES))
def test_sizes_and_type_are_what_the_name_says(
    stem: str, x: int, y: int, z: int, c: int, t: int, kind: str
) -> None:
    name = parse_fake_name(f"{stem}&sizeX={x}&sizeY={y}&sizeZ={z}&sizeC={c}&sizeT={t}&pixelType={kind}.fake")
    assert (name.size_x, name.size_y, name.size_z, name.size_c, name.size_t) == (x, y, z, c, t)
    assert (name.stem, name.pixels_type, name.significant_bits) == (stem, kind, bits_of(kind))


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    with suppress(BadFakeName):
        name = parse_fake_name(f"{text}.fake")
        assert min(name.size_x, name.size_y, name.size_z, name.size_c, name.size_t, name.series) >= 1


@given(
    st.dictionaries(
        st.sampled_from(["sizeX", "sizeC", "rgb", "series", "plates", "color", "color_1"]), st.text()
    )
)
def test_any_value_of_a_known_key_is_taken_or_refused(values: dict[str, str]) -> None:
    tokens = "".join(f"&{key}={value}" for key, value in values.items())
    with suppress(BadFakeName):
        name = parse_fake_name(f"x{tokens}.fake")
        assert name.size_c % name.samples == 0


@pytest.mark.parametrize(
    "tokens",
    ["sizeX=0", "sizeY=-1", "sizeZ=many", "sizeT=1e99", "sizeC=nan", "series=0", "pixelType=int9", "rgb=0"],
)
def test_impossible_values_are_refused(tokens: str) -> None:
    with pytest.raises(BadFakeName):
        parse_fake_name(f"x&{tokens}.fake")


def test_samples_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(BadFakeName, match="4/3"):
        parse_fake_name("x&sizeC=4&rgb=3.fake")


@given(SIZES, SIZES, SIZES, SIZES, SIZES)
def test_a_plate_has_every_combination_as_an_image(
    plates: int, rows: int, columns: int, runs: int, fields: int
) -> None:
    name = parse_fake_name(
        f"p&plates={plates}&plateRows={rows}&plateCols={columns}&plateAcqs={runs}&fields={fields}.fake"
    )
    assert name.grid is not None
    assert name.grid.images == plates * rows * columns * runs * fields


def test_what_a_plate_does_not_say_counts_one() -> None:
    name = parse_fake_name("p&plates=2.fake")
    assert name.grid is not None
    assert (name.grid.images, name.grid.screens) == (2, 0)


def test_each_screen_has_its_own_plates() -> None:
    name = parse_fake_name("s&screens=2&plates=3&plateRows=2.fake")
    assert name.grid is not None
    assert (name.grid.all_plates, name.grid.images) == (6, 12)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0.5", Quantity(0.5, "MICROMETER")),
        ("500nm", Quantity(500.0, "NANOMETER")),
        ("1.5 µm", Quantity(1.5, "MICROMETER")),
        ("1.5μm", Quantity(1.5, "MICROMETER")),
        ("2e-3mm", Quantity(0.002, "MILLIMETER")),
        ("3pixel", Quantity(3.0, "PIXEL")),
        ("0", None),
        ("-1", None),
        ("1 apple", None),
        ("", None),
    ],
)
def test_a_physical_size_may_have_a_unit(text: str, size: Quantity | None) -> None:
    assert parse_fake_name(f"x&physicalSizeX={text}.fake").physical_sizes == (size, None, None)


def test_the_acquisition_date_is_taken_as_utc() -> None:
    assert parse_fake_name("x&acquisitionDate=2012-04-23_18-25-43.fake").acquired_ms == 1335205543000


def test_a_date_in_another_form_is_no_date() -> None:
    assert parse_fake_name("x&acquisitionDate=23.4.2012.fake").acquired_ms is None


def test_colors_are_for_all_channels_or_for_one() -> None:
    name = parse_fake_name("x&color=0xff0000ff&color_1=16711935&color_9=green.fake")
    assert name.color == (255, 0, 0, 255)
    assert name.colors == {1: (0, 255, 0, 255)}


def test_lines_beside_the_file_override_its_name_up_to_the_first_section() -> None:
    name = parse_fake_name("x&sizeX=5.fake", ["sizeX = 7", "[GlobalMetadata]", "sizeY=9"])
    assert (name.size_x, name.size_y) == (7, 512)
