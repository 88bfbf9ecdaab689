"""Image files for the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile


def write_tiff(path: Path, *, width: int = 16, height: int = 12) -> Path:
    """A TIFF of one plane of 16 bits, in which no two pixels are the same."""
    tifffile.imwrite(path, np.arange(width * height, dtype=np.uint16).reshape(height, width))
    return path


def write_multi_file(folder: Path) -> list[Path]:
    """An OME-TIFF of two files, each with a channel of its image; the first names the second."""
    folder.mkdir(parents=True)
    paths = [folder / f"channel{channel}.ome.tif" for channel in range(2)]
    for channel, path in enumerate(paths):
        plane = np.full((12, 16), channel + 1, dtype=np.uint8)
        tifffile.imwrite(path, plane, description=_ome_xml(paths), metadata=None)
    return paths


def _ome_xml(paths: list[Path]) -> str:
    data = "".join(
        f'<Channel ID="Channel:0:{channel}" SamplesPerPixel="1"/>' for channel in range(len(paths))
    ) + "".join(
        f'<TiffData FirstC="{channel}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{path.name}">{_uuid(channel)}</UUID></TiffData>'
        for channel, path in enumerate(paths)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{_uuid(0)}">'
        '<Image ID="Image:0" Name="two files"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8"'
        f' SizeX="16" SizeY="12" SizeZ="1" SizeC="{len(paths)}" SizeT="1">{data}</Pixels></Image></OME>'
    )


def _uuid(number: int) -> str:
    return f"urn:uuid:00000000-0000-0000-0000-{number:012d}"


def fake(folder: Path, name: str) -> Path:
    """A file that is described by its name."""
    path = folder / f"{name}.fake"
    path.touch()
    return path
