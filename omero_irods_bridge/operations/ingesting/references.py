"""Which other files a file names: OME-XML in an OME-TIFF or companion file, and Bio-Formats pattern files.

Only the head of a file is read.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.packet.tiff_description import tiff_description
from omero_irods_bridge.ports import ByteSource

COMPANION: Final = ".companion.ome"
PATTERN: Final = ".pattern"
OME_TIFF: Final = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf")

LARGEST_XML: Final = 16 << 20
LARGEST_PATTERN: Final = 64 << 10
LARGEST_SET: Final = 100_000
"""Files that a pattern may stand for."""

LARGEST_NAME: Final = 1_024
"""Characters; no file has a longer name."""

# What ends at the next < is looked at once, however many tags are never closed.
_FILE_NAME: Final = re.compile(rb"""<(?:\w+:)?UUID\b[^<>]*?\bFileName\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_METADATA_FILE: Final = re.compile(
    rb"""<(?:\w+:)?BinaryOnly\b[^<>]*?\bMetadataFile\s*=\s*(?:"([^"]*)"|'([^']*)')"""
)
_ENTITIES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_BLOCK: Final = re.compile(r"<([^<>]*)>")
_RANGE: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})(?::([0-9]{1,9}))?", re.ASCII)


def names_other_files(name: str) -> bool:
    """Whether a file of this name has to be looked into."""
    return name.lower().endswith((*OME_TIFF, COMPANION, PATTERN))


def referred(name: str, source: ByteSource) -> list[str]:
    """The names of the files that belong to the one of this name, without itself; in the same folder.

    Raises:
        UsageError: a pattern file has no pattern that can be understood.
    """
    lower = name.lower()
    if lower.endswith(PATTERN):
        text = source.read_at(0, min(source.size, LARGEST_PATTERN)).decode("utf-8", "replace")
        return [one for one in expand_pattern(text) if one != name]
    if lower.endswith(COMPANION):
        xml = source.read_at(0, min(source.size, LARGEST_XML))
    else:
        xml = tiff_description(source, most=LARGEST_XML) or b""
    return [one for one in _in_xml(xml) if one != name]


def _in_xml(xml: bytes) -> list[str]:
    matches = itertools.chain(_METADATA_FILE.finditer(xml), _FILE_NAME.finditer(xml))
    names = (_text(match[1] if match[1] is not None else match[2]) for match in matches)
    return list(dict.fromkeys(one for one in names if one and "/" not in one and "\\" not in one))


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return text


def expand_pattern(text: str) -> list[str]:
    """The names that a pattern of Bio-Formats stands for: ``img_t<01-10>_c<r,g>.tif``.

    Raises:
        UsageError: it is no such pattern, or stands for too many.
    """
    pattern = text.strip()
    parts = pattern_parts(pattern)
    if not pattern or "\n" in pattern or "/" in pattern:
        raise UsageError(f"{pattern[:80]!r} is no pattern of file names in one folder.")
    choices: list[list[str]] = []
    total, longest = 1, 0
    for index, part in enumerate(parts):
        found = itertools.islice(block_choices(part), LARGEST_SET + 1) if index % 2 else [part]
        choices.append(list(found))
        total, longest = total * len(choices[-1]), longest + max(map(len, choices[-1]), default=0)
        if not 0 < total <= LARGEST_SET or longest > LARGEST_NAME:
            raise UsageError(f"The pattern {pattern[:80]!r} stands for no file, or too many.")
    return ["".join(one) for one in itertools.product(*choices)]


def pattern_parts(pattern: str) -> list[str]:
    """Texts and blocks of a pattern in turns, a text first."""
    return _BLOCK.split(pattern.strip())


def block_choices(block: str) -> Iterator[str]:
    """What ``<block>`` stands for.

    Raises:
        UsageError: a range in it cannot be.
    """
    for item in block.split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            yield item.strip()
            continue
        first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
        width = len(match[1]) if len(match[1]) == len(match[2]) or match[1].startswith("0") else 0
        if step == 0 or (last - first) // step >= LARGEST_SET:
            raise UsageError(f"The range {item!r} of a pattern cannot be.")
        yield from (str(number).zfill(width) for number in range(first, last + 1, step))
