from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import omero
import pytest

from omero_irods_sandbox.omero_server.formats import MissingLibrary, UnknownFormat, UnreadableFile
from omero_irods_sandbox.omero_server.formats.description import ChannelDescription, ImageDescription
from omero_irods_sandbox.omero_server.repository.channel_display import displays
from omero_irods_sandbox.omero_server.repository.image_graph import image_name
from omero_irods_sandbox.omero_server.repository.importing import _name_in_steps
from omero_irods_sandbox.omero_server.storage.id_paths import id_path

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)
WHITE, GREY = (255, 255, 255, 255), (128, 128, 128, 255)
PLAIN = ChannelDescription()
IMAGE = ImageDescription("", 2, 1, 1, 1, 1, 1, "uint8", "XYZCT", 8, (PLAIN,))


def colors(*channels: ChannelDescription, format_name: str = "OMETiff") -> list[tuple[int, int, int, int]]:
    return [one.color for one in displays(channels, format_name)]


def names(*channels: ChannelDescription, format_name: str = "OMETiff") -> list[str | None]:
    return [one.name for one in displays(channels, format_name)]


# -- channels


def test_a_single_channel_is_grey_unless_its_file_says_otherwise() -> None:
    assert colors(PLAIN) == [GREY]
    assert colors(replace(PLAIN, color_rgba=RED)) == [RED]


def test_channels_without_anything_take_turns_in_red_green_and_blue() -> None:
    assert colors(PLAIN, PLAIN, PLAIN, PLAIN) == [RED, GREEN, BLUE, RED]
    assert names(PLAIN, PLAIN) == [None, None]


@pytest.mark.parametrize(
    ("nanometers", "color"), [(499.0, BLUE), (500.0, GREEN), (559.0, GREEN), (560.0, RED)]
)
def test_the_wavelength_decides_the_color(nanometers: float, color: tuple[int, int, int, int]) -> None:
    emitting = replace(PLAIN, emission_nm=nanometers)
    exciting = replace(PLAIN, excitation_nm=nanometers)
    assert colors(emitting, emitting) == [color, color]
    assert colors(exciting, exciting) == [color, color]


def test_emission_counts_more_than_excitation_and_names_the_channel() -> None:
    channel = replace(PLAIN, emission_nm=610.0, excitation_nm=488.0)
    assert colors(channel, channel) == [RED, RED]
    assert names(channel, replace(channel, name="mCherry")) == ["610.0", "mCherry"]


def test_among_channels_that_emit_transmitted_light_is_white() -> None:
    emitting = replace(PLAIN, emission_nm=520.0)
    assert colors(emitting, PLAIN, replace(PLAIN, color_rgba=RED)) == [GREEN, WHITE, RED]


def test_pictures_have_red_green_blue_and_a_transparent_channel() -> None:
    four = [PLAIN] * 4
    assert colors(*four, format_name="PNG") == [RED, GREEN, BLUE, (0, 0, 0, 0)]
    assert names(*four, format_name="PNG") == ["Red", "Green", "Blue", "Alpha"]


# -- names


@pytest.mark.parametrize(
    ("image", "count", "name"),
    [
        (IMAGE, 1, "file.tif"),
        (replace(IMAGE, name="nucleus"), 1, "file.tif"),
        (IMAGE, 3, "file.tif [2]"),
        (replace(IMAGE, name=" nucleus "), 3, "file.tif [nucleus]"),
    ],
)
def test_only_one_of_several_images_tells_its_own_name(
    image: ImageDescription, count: int, name: str
) -> None:
    assert image_name("file.tif", image, count) == name


def test_of_a_name_that_is_too_long_the_end_is_kept() -> None:
    assert image_name("n" * 255, IMAGE, 1) == "n" * 255
    cut = image_name("n" * 300, IMAGE, 2)
    assert (len(cut), cut[0], cut[-4:]) == (255, "…", " [2]")


# -- failures


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (MissingLibrary("x"), "import-missing-library"),
        (UnknownFormat("x"), "import-unknown-format"),
        (UnreadableFile("x"), "import-file-exception"),
        (PermissionError("x"), "import-file-exception"),
        (ValueError("x"), "import-request-failure"),
        (omero.ResourceError(message="x"), "import-request-failure"),
    ],
)
def test_what_went_wrong_decides_the_name_of_the_failure(error: Exception, name: str) -> None:
    assert _name_in_steps(error) == name


def test_the_cause_of_an_error_names_the_failure_too() -> None:
    error = omero.ResourceError(message="x")
    error.__cause__ = UnreadableFile("x")
    assert _name_in_steps(error) == "import-file-exception"


# -- places


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "Dir-001/1000"),
        (1_234_567, "Dir-001/Dir-234/1234567"),
        (1_000_000, "Dir-001/Dir-000/1000000"),
    ],
)
def test_files_are_spread_over_folders_of_a_thousand(id_: int, path: str) -> None:
    assert id_path(id_) == Path(path)
