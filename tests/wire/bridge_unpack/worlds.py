"""Small worlds as Hypothesis draws them: values alone, which ``worlds_built.py`` saves.

What a world leaves to other tests: screens and plates, tables and figures, and objects of several people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from omero.constants.metadata import NSINSIGHTTAGSET

from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind
from tests.wire.bridge_omero.everything import SHAPES

Draw = Callable[..., Any]

SERIES: Final = {"tif": 1, "fake": 2, "made": 1}
"""How many images come of each kind of file; a made one has pixels and no file."""

ANNOTATIONS: Final = (
    "BooleanAnnotation", "CommentAnnotation", "DoubleAnnotation", "FileAnnotation", "ListAnnotation",
    "LongAnnotation", "MapAnnotation", "TagAnnotation", "TermAnnotation", "TimestampAnnotation",
    "XmlAnnotation",
)  # fmt: skip

_OFTEN: Final = ("MapAnnotation",) * 4 + ("TagAnnotation",) * 3 + ("FileAnnotation",) * 2

CHANGED: Final[Mapping[str, tuple[str, ...]]] = {
    "Image": ("name", "description", "acquisitionDate"),
    "Pixels": (
        "physicalSizeX", "physicalSizeY", "physicalSizeZ", "timeIncrement", "methodology",
        "waveStart", "waveIncrement",
    ),
    "Channel": (),
    "LogicalChannel": (),
    "RenderingDef": (),
    "QuantumDef": (),
    "ChannelBinding": (),
}  # fmt: skip
"""Of what an import makes: the fields that a person can set; none named are all that refer to no object."""


@dataclass(frozen=True)
class Thing:
    """An object's class and values: units as (number, number of the unit), enumerations by number."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Attachment:
    """A file, which may hang on several annotations."""

    name: str
    mimetype: str
    content: bytes


@dataclass(frozen=True)
class Place:
    """An object of a world: its kind, its number among these, and of a part (channel, shape) its number."""

    kind: str
    number: int
    part: int = 0


@dataclass(frozen=True)
class Note:
    """An annotation and on what it hangs; the whole ``times`` times."""

    annotation: Thing
    hangs_on: tuple[Place, ...]
    times: int


@dataclass(frozen=True)
class Region:
    """A ROI on an image, with its shapes; the whole ``times`` times."""

    image: int
    roi: Thing
    shapes: tuple[tuple[Thing, Thing | None], ...]
    """Each with its transform."""
    times: int


@dataclass(frozen=True)
class World:
    """``projects`` and ``datasets`` say what is in them by numbers; numbers of images count through files."""

    files: tuple[str, ...]
    projects: tuple[tuple[Thing, tuple[int, ...]], ...]
    datasets: tuple[tuple[Thing, tuple[int, ...]], ...]
    changes: tuple[tuple[Place, Thing], ...]
    attachments: tuple[Attachment, ...]
    regions: tuple[Region, ...]
    notes: tuple[Note, ...]
    tag_sets: tuple[tuple[Thing, tuple[int, ...]], ...]
    """With the numbers of notes that are in them."""


# -- values

_ODD: Final = st.sampled_from(
    ["a", "b", "", " ", "Image:5", "line\nfeed\r\n\ttab", "<&>\"']]>", "e\u0301 \u00e9", "\U0001f9ec\u202e",
     "\x01\x1b\x7f\x85\u2028", "\ufffe\uffff\ufeff", "NaN", "null", "0", "x" * 300]
)  # fmt: skip
TEXTS: Final = _ODD | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
"""What PostgreSQL takes for a text: everything but the character 0 and halves of characters."""

_DOUBLES: Final = st.sampled_from([0.0, 1.0, -1.5, 0.1, 1e308, 5e-324, 2.0**53, float("inf")]) | st.floats(
    allow_nan=False
)
"""Not what the embedded server cannot keep, as SQLite has no NaN."""

_SCALARS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "RString": TEXTS,
    "RInt": st.sampled_from([0, 1, -1, 255]) | st.integers(-(2**31), 2**31 - 1),
    "RLong": st.sampled_from([0, 1, 5]) | st.integers(-(2**63), 2**63 - 1),
    "RDouble": _DOUBLES,
    "RFloat": st.floats(allow_nan=False, width=32),
    "RBool": st.booleans(),
    "RTime": st.sampled_from([0, 1_600_000_000_001]) | st.integers(-(2**40), 2**47),
}
_NAMESPACES: Final = st.sampled_from(
    ["openmicroscopy.org/omero/client/mapAnnotation", "openmicroscopy.org/omero/insight/rating", "a"]
) | TEXTS.filter(lambda text: len(text) < 256)
_PAIRS: Final[st.SearchStrategy[list[tuple[str, str]]]] = st.lists(
    st.tuples(st.sampled_from("aab") | TEXTS, TEXTS), min_size=3, max_size=6
) | st.just([])
"""Keys often come again."""
_UNITS: Final = st.tuples(_DOUBLES, st.integers(0, 100))
_SIZES: Final = st.tuples(_DOUBLES.filter(lambda size: size > 0), st.integers(0, 100))
_POSITIVE: Final = re.compile(r"physicalSize[XYZ]|(emission|excitation)Wave")
_ENUMERATIONS: Final = st.integers(0, 20)


def _value(kind: str, field: Field) -> st.SearchStrategy[Any] | None:
    """What a field may be; none for what leads to another object."""
    if field.name == "ns":
        return _NAMESPACES
    if _POSITIVE.fullmatch(field.name):
        return _SIZES
    if field.kind is FieldKind.SCALAR:
        return _SCALARS[field.target]
    if field.kind is FieldKind.REFERENCE:
        return _ENUMERATIONS if MODEL.entity(field.target).is_enumeration else None
    known = {
        FieldKind.UNIT: _UNITS,
        FieldKind.NAMED_VALUES: _PAIRS,
        FieldKind.BYTES: st.binary(max_size=20),
    }
    return known.get(field.kind)


def things(kind: str, *fields: str, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Thing]:
    """An object of this class with any of its values, or of these fields; of others what is given."""
    possible: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in MODEL.entity(kind).fields.items():
        value = _value(kind, field) if name in fields or not fields else None
        if value is not None:
            possible[name] = value
    possible |= given
    model = MODEL.entity(kind).fields
    needed = {name: one for name, one in possible.items() if name in given or not model[name].is_nullable}
    optional = {name: one for name, one in possible.items() if name not in needed}
    values = st.fixed_dictionaries(needed, optional=optional)
    return st.builds(Thing, st.just(kind), values)


# -- worlds


@st.composite
def worlds(draw: Draw) -> World:
    """One to four images, and up to eight of everything else."""
    files = tuple(draw(st.lists(st.sampled_from(sorted(SERIES)), min_size=1, max_size=2)))
    images = sum(SERIES[one] for one in files)
    datasets = _containers(draw, "Dataset", images)
    projects = _containers(draw, "Project", len(datasets))
    attachments = tuple(draw(st.lists(_ATTACHMENTS, max_size=2)))
    regions = tuple(draw(st.lists(_regions(images), max_size=3)))
    notes = _notes(draw, files, projects, datasets, attachments, regions)
    return World(
        files, projects, datasets, _changes(draw, files), attachments, regions, notes, _tag_sets(draw, notes)
    )  # fmt: skip


def _containers(draw: Draw, kind: str, contents: int) -> tuple[tuple[Thing, tuple[int, ...]], ...]:
    return tuple(draw(st.lists(st.tuples(things(kind), _some(contents)), max_size=2)))


def _some(count: int, *, at_least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Numbers below ``count``, each once."""
    if not count:
        return st.just(())
    return st.lists(st.integers(0, count - 1), unique=True, min_size=at_least).map(tuple)


_ATTACHMENTS: Final = st.builds(
    Attachment,
    name=st.sampled_from(["a.txt", "b c.pdf", "é.txt", "..", "a/b", "a:b*?", ".hidden", "CON"]),
    mimetype=st.sampled_from(["text/plain", "application/pdf", "a"]),
    content=st.binary(max_size=200),
)


def _regions(images: int) -> st.SearchStrategy[Region]:
    shapes = st.sampled_from(SHAPES).flatmap(things)
    return st.builds(
        Region,
        image=st.integers(0, images - 1),
        roi=things("Roi"),
        shapes=st.lists(st.tuples(shapes, st.none() | things("AffineTransform")), max_size=3).map(tuple),
        times=st.sampled_from([1, 1, 2]),
    )


def _changes(draw: Draw, files: tuple[str, ...]) -> tuple[tuple[Place, Thing], ...]:
    """Of images without files only what XML can say: OMERO exports them with their metadata."""
    made = [one == "made" for one in files for _ in range(SERIES[one])]

    def change(kind: str) -> st.SearchStrategy[tuple[Place, Thing]]:
        places = st.builds(Place, st.just(kind), st.integers(0, len(made) - 1), st.integers(0, 1))
        return st.tuples(places, things(kind, *CHANGED[kind]))

    found = draw(st.lists(st.sampled_from(sorted(CHANGED)).flatmap(change), max_size=5))
    return tuple((place, _in_xml(thing) if made[place.number] else thing) for place, thing in found)


def _in_xml(thing: Thing) -> Thing:
    values = {
        name: _NOT_IN_XML.sub("", one) if isinstance(one, str) else one for name, one in thing.values.items()
    }
    return Thing(thing.kind, values)


_NOT_IN_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _notes(
    draw: Draw,
    files: tuple[str, ...],
    projects: tuple[Any, ...],
    datasets: tuple[Any, ...],
    attachments: tuple[Attachment, ...],
    regions: tuple[Region, ...],
) -> tuple[Note, ...]:
    """Each hangs on some objects, or on notes before it."""
    images = sum(SERIES[one] for one in files)
    places = [Place("Image", number) for number in range(images)]
    places += [Place("Channel", number) for number in range(images)]
    places += [Place("Project", number) for number in range(len(projects))]
    places += [Place("Dataset", number) for number in range(len(datasets))]
    places += [Place("Roi", number) for number in range(len(regions))]
    places += [Place("Shape", number) for number, one in enumerate(regions) if one.shapes]
    places += [Place("Fileset", number) for number, one in enumerate(files) if one != "made"]
    kinds = [kind for kind in (*ANNOTATIONS, *_OFTEN) if attachments or kind != "FileAnnotation"]
    notes: list[Note] = []
    for _ in range(draw(st.sampled_from([6, 8, 3, 0]))):
        kind = draw(st.sampled_from(kinds))
        given: dict[str, st.SearchStrategy[Any]] = {"mapValue": _PAIRS} if kind == "MapAnnotation" else {}
        if kind == "FileAnnotation":
            given["file"] = st.integers(0, len(attachments) - 1)
        above = [Place("Annotation", number) for number in range(len(notes))]
        hangs_on = draw(st.lists(st.sampled_from(places + above), min_size=1, max_size=3, unique=True))
        times = draw(st.sampled_from([1, 1, 2]))
        notes.append(Note(draw(things(kind, **given)), tuple(hangs_on), times))
    return tuple(notes)


def _tag_sets(draw: Draw, notes: tuple[Note, ...]) -> tuple[tuple[Thing, tuple[int, ...]], ...]:
    tags = [number for number, note in enumerate(notes) if note.annotation.kind == "TagAnnotation"]
    if not tags:
        return ()
    held = st.lists(st.sampled_from(tags), min_size=1, unique=True).map(tuple)
    made = things("TagAnnotation", "textValue", "description", "name", ns=st.just(NSINSIGHTTAGSET))
    return tuple(draw(st.lists(st.tuples(made, held), max_size=2)))
