"""Why a file could not be read."""

from __future__ import annotations


class FormatError(Exception):
    """A file that cannot be read; the message names it."""


class UnknownFormat(FormatError):
    """No reader takes the file (Bio-Formats' UnknownFormatException; ``import-unknown-format``)."""


class MissingLibrary(FormatError):
    """The library that decodes the file is not installed (``import-missing-library``)."""


class UnreadableFile(FormatError):
    """A reader fails: the file is damaged, or a part is missing (``import-file-exception``)."""
