"""OME-TIFF: planes in pages of one or many files, described by XML in one of them or in a companion file."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import tifffile

from omero_irods_sandbox.omero_server.formats.description import FilesetDescription
from omero_irods_sandbox.omero_server.formats.errors import UnreadableFile
from omero_irods_sandbox.omero_server.formats.ome_xml import OmeDocument, OmeImage, file_names, parse_ome_xml
from omero_irods_sandbox.omero_server.formats.pixel_types import Plane, dtype_of
from omero_irods_sandbox.omero_server.formats.tiff_pages import open_file, page_plane

_OPEN_FILES: Final = 8


def open_companion(path: Path) -> OmeTiffReader:
    """A reader for the files that a ``.companion.ome`` file describes.

    Raises:
        UnreadableFile: it is no OME-XML, or none of its files is there.
    """
    try:
        document = parse_ome_xml(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"{path}: {error}") from error
    files = _beside(path, document)
    if not files:
        raise UnreadableFile(f"{path}: none of the files that it describes is there")
    open_file(files[0]).close()
    return OmeTiffReader(path, document, (path, *files))


def open_ome_tiff(path: Path, file: tifffile.TiffFile) -> OmeTiffReader:
    """A reader for a file with OME-XML, which takes over the open file.

    Raises:
        UnreadableFile: the XML makes no sense, or its companion file is missing.
    """
    text = file.ome_metadata or ""
    try:
        document = parse_ome_xml(text, file.pages.first.samplesperpixel)
    except ValueError as error:
        raise UnreadableFile(f"{path}: {error}") from error
    if document.companion is not None:
        file.close()
        return open_companion(path.with_name(document.companion))
    files = [path, *(other for other in _beside(path, document) if other != path)]
    return OmeTiffReader(path, document, tuple(files), {path: file})


def _beside(path: Path, document: OmeDocument) -> list[Path]:
    """The files of the XML that are there."""
    others = (path.with_name(name) for name in file_names(document.images))
    return [other for other in others if other.is_file()]


class OmeTiffReader:
    """Planes of files that are not there, and planes the XML does not place, are black, as in Bio-Formats."""

    def __init__(
        self,
        path: Path,
        document: OmeDocument,
        used_files: tuple[Path, ...],
        opened: dict[Path, tifffile.TiffFile] | None = None,
    ) -> None:
        self._path = path
        self._images: Sequence[OmeImage] = document.images
        self._opened: OrderedDict[Path, tifffile.TiffFile] = OrderedDict(opened or {})
        self._used = frozenset(used_files)
        described = tuple(image.described for image in document.images)
        self.description = FilesetDescription(
            "OMETiff", described, document.plates, used_files, document.screens
        )

    def plane(self, image_index: int, z: int, c: int, t: int) -> Plane:
        image = self._images[image_index]
        location = image.location(z, c, t)
        file = self._path
        if location is not None and location.file_name is not None:
            file = self._path.with_name(location.file_name)
            if file not in self._used and len(self._used) == 1:
                file = self._path  # a single file that was renamed
        if location is None or file not in self._used:
            described = image.described
            return np.zeros((described.size_y, described.size_x), dtype_of(described.pixels_type))
        return self._page(file, location.page, c % image.samples)

    def _page(self, path: Path, number: int, sample: int) -> Plane:
        pages = self._file(path).pages
        try:
            page = pages[number]
        except (IndexError, tifffile.TiffFileError) as error:
            raise UnreadableFile(f"{path}: there is no page {number}") from error
        return page_plane(page, path, sample)

    def _file(self, path: Path) -> tifffile.TiffFile:
        """Open it, and close the one that has not been used for longest."""
        if path not in self._opened:
            self._opened[path] = open_file(path)
            if len(self._opened) > _OPEN_FILES:
                self._opened.popitem(last=False)[1].close()
        self._opened.move_to_end(path)
        return self._opened[path]

    def close(self) -> None:
        while self._opened:
            self._opened.popitem()[1].close()
