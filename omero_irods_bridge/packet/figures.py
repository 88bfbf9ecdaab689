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

_Path: TypeAlias = tuple[str | int, ...]
"""Keys of objects, places in arrays."""

_PANEL: Final = ("panels", 0)
_IN_FIGURES: Final[Mapping[_Path, str]] = {
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
_IN_DESCRIPTIONS: Final[Mapping[_Path, str]] = {("imageId",): "Image"}

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ID: Final = re.compile(r'("?)([0-9]{1,18})\1', re.ASCII)


def remap_figure(data: bytes, ids: Ids) -> tuple[bytes, Remapped]:
    """The figure with new ids; every other byte is as it was.

    Images of other servers stay: those of panels with a ``baseUrl``, and OME-Zarr images, whose id is an
    address.

    Raises:
        BadPacket: it is no JSON.
    """
    text, figure = _decoded(data)
    text, told = _remapped(text, ids, _IN_FIGURES, _foreign_panels(figure))
    return text.encode(), told


def remap_figure_description(text: str, ids: Ids) -> tuple[str, Remapped]:
    """The description of a figure's annotation with the new id; a text of another form stays."""
    try:
        told: object = json.loads(text)
    except (ValueError, RecursionError):
        return text, Remapped(0)
    if isinstance(told, dict) and told.get("baseUrl"):
        return text, Remapped(0)
    return _remapped(text, ids, _IN_DESCRIPTIONS, frozenset())


def _decoded(data: bytes) -> tuple[str, object]:
    try:
        text = data.decode()
        return text, json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadPacket(f"An OMERO.figure file is no JSON: {error}.") from error


def _foreign_panels(figure: object) -> frozenset[int]:
    panels = figure.get("panels") if isinstance(figure, dict) else None
    if not isinstance(panels, list):
        return frozenset()
    return frozenset(
        place for place, panel in enumerate(panels) if isinstance(panel, dict) and panel.get("baseUrl")
    )


def _remapped(
    text: str, ids: Ids, fields: Mapping[_Path, str], foreign: frozenset[int]
) -> tuple[str, Remapped]:
    parts: list[str] = []
    unknown: dict[str, set[int]] = defaultdict(set)
    done = changed = 0
    for kind, match in _found_ids(text, fields, foreign):
        old = int(match[2])
        new = ids.get(kind, {}).get(old)
        if new is None:
            unknown[kind].add(old)
            continue
        parts += text[done : match.start()], f"{match[1]}{new}{match[1]}"
        done = match.end()
        changed += new != old
    parts.append(text[done:])
    return "".join(parts), Remapped(changed, {kind: frozenset(some) for kind, some in unknown.items()})


def _found_ids(
    text: str, fields: Mapping[_Path, str], foreign: frozenset[int]
) -> Iterator[tuple[str, re.Match[str]]]:
    """Class and place of each id; it may be a number or a text."""
    for path, start, end in _scalars(text):
        kind = fields.get(tuple(0 if isinstance(step, int) else step for step in path))
        match = _ID.fullmatch(text, start, end) if kind else None
        if kind and match and not (len(path) > 1 and path[1] in foreign):
            yield kind, match


@dataclass(slots=True)
class _Frame:
    """Where we are in an object or an array; no step where an object's next text is a key."""

    step: str | int | None

    def next(self) -> None:
        self.step = self.step + 1 if isinstance(self.step, int) else None


def _scalars(text: str) -> Iterator[tuple[_Path, int, int]]:
    """Path and place of every value in valid JSON that is no object and no array."""
    stack: list[_Frame] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in "{[":
            stack.append(_Frame(None if word == "{" else 0))
        elif word in "}]":
            stack.pop()
        elif word == ",":
            stack[-1].next()
        elif stack and stack[-1].step is None:
            stack[-1].step = json.loads(word)
        elif word != ":":
            yield tuple(frame.step for frame in stack if frame.step is not None), *match.span()
