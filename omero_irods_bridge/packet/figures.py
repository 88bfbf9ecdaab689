"""Ids in OMERO.figure files: which images the panels show, and where these come from.

A figure is JSON (omero-figure, docs/figure_file_format.rst): each of its ``panels`` has an ``imageId``, for
some time has had a ``datasetId``, and may name its ``parents`` so that labels can speak of them. The file
annotation repeats the first image in its description, for the list of figures.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from omero_irods_bridge.model.errors import BadPacket
from omero_irods_bridge.model.loads import Remapped

Ids: TypeAlias = Mapping[str, Mapping[int, int]]
"""Old and new ids by class."""

_PANEL: Final = ("panels", "[]")
_IN_FIGURES: Final[Mapping[tuple[str, ...], str]] = {
    ("fileId",): "FileAnnotation",
    (*_PANEL, "imageId"): "Image",
    (*_PANEL, "datasetId"): "Dataset",
    (*_PANEL, "parents", "project", "id"): "Project",
    (*_PANEL, "parents", "dataset", "id"): "Dataset",
    (*_PANEL, "parents", "screen", "id"): "Screen",
    (*_PANEL, "parents", "plate", "id"): "Plate",
    (*_PANEL, "parents", "acquisition", "id"): "PlateAcquisition",
    (*_PANEL, "parents", "well", "id"): "Well",
    (*_PANEL, "parents", "wellsample", "id"): "WellSample",
}
_IN_DESCRIPTIONS: Final[Mapping[tuple[str, ...], str]] = {("imageId",): "Image"}

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ID: Final = re.compile(r'("?)([0-9]{1,18})\1', re.ASCII)


def remap_figure(data: bytes, ids: Ids) -> tuple[bytes, Remapped]:
    """The figure with new ids; every other byte is as it was.

    Images of other servers (OME-Zarr by address) have no id and stay as they are.

    Raises:
        BadPacket: it is no JSON.
    """
    text, told = _remapped(_decoded(data), ids, _IN_FIGURES)
    return text.encode(), told


def remap_figure_description(text: str, ids: Ids) -> tuple[str, Remapped]:
    """The description of a figure's annotation with the new id; a text that is no JSON stays."""
    try:
        json.loads(text)
    except ValueError:
        return text, Remapped(0)
    return _remapped(text, ids, _IN_DESCRIPTIONS)


def _decoded(data: bytes) -> str:
    try:
        text = data.decode()
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPacket(f"An OMERO.figure file is no JSON: {error}.") from error
    return text


def _remapped(text: str, ids: Ids, fields: Mapping[tuple[str, ...], str]) -> tuple[str, Remapped]:
    parts: list[str] = []
    unknown: dict[str, set[int]] = defaultdict(set)
    done = changed = 0
    for path, start, end in _scalars(text):
        kind = fields.get(path)
        match = _ID.fullmatch(text, start, end) if kind else None
        if kind is None or match is None:
            continue
        new = ids.get(kind, {}).get(int(match[2]))
        if new is None:
            unknown[kind].add(int(match[2]))
            continue
        parts += text[done:start], f"{match[1]}{new}{match[1]}"
        done = end
        changed += new != int(match[2])
    parts.append(text[done:])
    return "".join(parts), Remapped(changed, {kind: frozenset(some) for kind, some in unknown.items()})


@dataclass(slots=True)
class _Frame:
    """Where we are in an object or array; ``key`` is none where the next text is a key."""

    is_object: bool
    key: str | None = None


def _scalars(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Path and place of every value in valid JSON that is no object and no array."""
    stack: list[_Frame] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in "{[":
            stack.append(_Frame(word == "{", None if word == "{" else "[]"))
        elif word in "}]":
            stack.pop()
        elif word == ",":
            stack[-1].key = None if stack[-1].is_object else "[]"
        elif stack and stack[-1].key is None:
            stack[-1].key = json.loads(word)
        elif word != ":":
            yield tuple(frame.key or "" for frame in stack), match.start(), match.end()
