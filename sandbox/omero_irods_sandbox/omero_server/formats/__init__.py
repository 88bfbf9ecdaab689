"""Image files: what is in them, and their planes.

The server's stand-in for Bio-Formats. TIFF, OME-TIFF (several files and companion
files too), PNG and JPEG come through tifffile and Pillow; a ``.fake`` file is
described by its name.
"""

from omero_irods_sandbox.omero_server.formats.errors import (
    FormatError,
    MissingLibrary,
    UnknownFormat,
    UnreadableFile,
)
from omero_irods_sandbox.omero_server.formats.opened import close_all, read_fileset, read_plane

__all__ = [
    "FormatError",
    "MissingLibrary",
    "UnknownFormat",
    "UnreadableFile",
    "close_all",
    "read_fileset",
    "read_plane",
]
