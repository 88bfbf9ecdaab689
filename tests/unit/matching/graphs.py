"""Graphs as packets have them, drawn by Hypothesis: few values, so that many objects are equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.unit.matching.server import TAG_SET, class_of, mapped, shape_of

Row = dict[str, Any]
Draw = Any

TEXTS = st.sampled_from(["a", "b", "Image:5", ""])
ANNOTATIONS = ("TagAnnotation", "CommentAnnotation", "MapAnnotation", "FileAnnotation")


@dataclass(frozen=True)
class Example:
    rows: list[Row]

    def of(self, *classes: str) -> list[str]:
        return [row["@"] for row in self.rows if class_of(row["@"]) in classes]


class Maker:
    """Rows with ids that count up for each root class."""

    def __init__(self, first_id: int = 100) -> None:
        self.rows: dict[str, Row] = {}
        self._first_id = first_id
        self._ids: dict[str, int] = defaultdict(lambda: first_id)

    def make(self, class_name: str, **fields: Any) -> str:
        root = shape_of(f"{class_name}:1").root
        self._ids[root] += 1
        key = f"{class_name}:{self._ids[root]}"
        self.rows[key] = {"@": key, **{name: value for name, value in fields.items() if value is not None}}
        return key

    def enumeration(self, class_name: str, value: str) -> str:
        for key, row in self.rows.items():
            if class_of(key) == class_name and row["value"] == value:
                return key
        return self.make(class_name, value=value)

    def own(self, owner: str, collection: str, elements: Sequence[str]) -> None:
        """Let these be a list of an object."""
        inverse = shape_of(owner).collections[collection].inverse
        self.rows[owner][collection] = list(elements)
        for one in elements:
            self.rows[one][inverse] = owner

    def link(self, parent: str, child: str, **fields: Any) -> str | None:
        target = "Annotation" if "Annotation" in child else class_of(child)
        of = {"TagAnnotation": "Annotation", "Rectangle": "Shape", "Mask": "Shape"}
        holder = "Annotation" if "Annotation" in parent else of.get(class_of(parent), class_of(parent))
        for row in self.rows.values():
            if (row.get("parent"), row.get("child")) == (parent, child):
                return None
        return self.make(f"{holder}{target}Link", parent=parent, child=child, **fields)

    def image(self, fileset: str | None = None, name: str = "a", channels: int = 1, **fields: Any) -> str:
        image = self.make("Image", name=name, fileset=fileset, **fields)
        uint8, order = self.enumeration("PixelsType", "uint8"), self.enumeration("DimensionOrder", "XYZCT")
        pixels = self.make("Pixels", sizeX=4, sizeC=channels, pixelsType=uint8, dimensionOrder=order)
        self.own(image, "pixels", [pixels])
        made = [
            self.make("Channel", logicalChannel=self.make("LogicalChannel", name=f"c{number}"), red=number)
            for number in range(channels)
        ]
        self.own(pixels, "channels", made)
        return image

    def roi(self, image: str, *shapes: str, **fields: Any) -> str:
        roi = self.make("Roi", image=image, **fields)
        self.own(roi, "shapes", shapes)
        return roi

    def settings(self, pixels: str, starts: Iterable[float]) -> str:
        family, model = self.enumeration("Family", "linear"), self.enumeration("RenderingModel", "rgb")
        quantum = self.make("QuantumDef", cdStart=0, cdEnd=255, bitResolution=255)
        made = self.make("RenderingDef", pixels=pixels, quantization=quantum, model=model, defaultZ=0)
        bindings = [self.make("ChannelBinding", family=family, inputStart=one) for one in starts]
        self.own(made, "waveRendering", bindings)
        return made


@st.composite
def examples(draw: Draw) -> Example:
    maker = Maker()
    images = _images(draw, maker)
    containers = _containers(draw, maker, images)
    rois = _rois(draw, maker, images)
    for pixels in _some(draw, [key for key in maker.rows if class_of(key) == "Pixels"]):
        maker.settings(pixels, draw(st.lists(st.sampled_from([0.5, 1.0]), min_size=1, max_size=2)))
    for pixels in _some(draw, [key for key in maker.rows if class_of(key) == "Pixels"]):
        maker.make("PlaneInfo", pixels=pixels, theZ=draw(st.integers(0, 1)), theC=0, theT=0)
    shapes = [key for key in maker.rows if shape_of(key).root == "Shape"]
    _annotations(draw, maker, [*images, *containers, *rois, *shapes])
    return Example(list(maker.rows.values()))


def _some(draw: Draw, keys: Sequence[str], most: int = 3) -> list[str]:
    return draw(st.lists(st.sampled_from(list(keys)), max_size=most, unique=True)) if keys else []


def _images(draw: Draw, maker: Maker) -> list[str]:
    images = []
    for _ in range(draw(st.integers(1, 2))):
        fileset = maker.make("Fileset", templatePrefix="x/")
        for _ in range(draw(st.integers(1, 2))):
            image = maker.image(fileset, name=draw(TEXTS), channels=draw(st.integers(1, 2)))
            images.append(image)
            _acquisition(draw, maker, image)
    return images


def _acquisition(draw: Draw, maker: Maker, image: str) -> None:
    """What the importer does not make here, so that it is made and led to."""
    if draw(st.booleans()):
        known = [key for key in maker.rows if class_of(key) == "StageLabel"]
        shared = _some(draw, known, 1)
        maker.rows[image]["stageLabel"] = shared[0] if shared else maker.make("StageLabel", name=draw(TEXTS))
    if draw(st.booleans()):
        upright = maker.enumeration("MicroscopeType", "Upright")
        microscope = maker.make("Microscope", model=draw(TEXTS), type=upright)
        scope = maker.rows[image]["instrument"] = maker.make("Instrument", microscope=microscope)
        first = _laser(draw, maker, scope)
        second = _laser(draw, maker, scope, pump=first)
        if draw(st.booleans()):
            maker.rows[first]["pump"] = second
        channel = next(key for key in reversed(maker.rows) if class_of(key) == "LogicalChannel")
        maker.rows[channel]["lightSourceSettings"] = maker.make("LightSettings", lightSource=second)


def _laser(draw: Draw, maker: Maker, scope: str, **more: Any) -> str:
    kinds = {
        "type": maker.enumeration("LaserType", "Gas"),
        "laserMedium": maker.enumeration("LaserMedium", "Ar"),
    }
    return maker.make("Laser", instrument=scope, model=draw(TEXTS), **kinds, **more)


def _containers(draw: Draw, maker: Maker, images: list[str]) -> list[str]:
    projects = [maker.make("Project", name=draw(TEXTS)) for _ in range(draw(st.integers(0, 1)))]
    datasets = [maker.make("Dataset", name=draw(TEXTS)) for _ in range(draw(st.integers(0, 2)))]
    for dataset in datasets:
        for image in _some(draw, images):
            maker.link(dataset, image)
        for project in projects:
            maker.link(project, dataset)
    return [*projects, *datasets]


def _rois(draw: Draw, maker: Maker, images: list[str]) -> list[str]:
    rois = []
    for image in draw(st.lists(st.sampled_from(images), max_size=4)):
        shapes = [_shape(draw, maker) for _ in range(draw(st.integers(1, 2)))]
        rois.append(maker.roi(image, *shapes, name=draw(TEXTS)))
    return rois


def _shape(draw: Draw, maker: Maker) -> str:
    transform = (
        maker.make("AffineTransform", a00=draw(st.sampled_from([1.0, 2.5]))) if draw(st.booleans()) else None
    )
    width = {"Length": draw(st.sampled_from([1.0, 0.1])), "unit": "PIXEL"}
    return maker.make(
        draw(st.sampled_from(["Rectangle", "Mask"])), x=1.0, strokeWidth=width, transform=transform
    )


def _annotations(draw: Draw, maker: Maker, targets: list[str]) -> None:
    made: list[str] = []
    for _ in range(draw(st.integers(0, 6))):
        annotation = _annotation(draw, maker, made)
        for target in draw(st.lists(st.sampled_from([*targets, *made]), min_size=0, max_size=3, unique=True)):
            maker.link(target, annotation)
        made.append(annotation)
    tags = [key for key in made if class_of(key) == "TagAnnotation"]
    for _ in range(draw(st.integers(0, 2)) if tags else 0):
        tag_set = maker.make("TagAnnotation", ns=TAG_SET, textValue=draw(TEXTS))
        for tag in draw(st.lists(st.sampled_from(tags), min_size=1, max_size=2, unique=True)):
            maker.link(tag_set, tag)


def _annotation(draw: Draw, maker: Maker, made: list[str]) -> str:
    kind = draw(st.sampled_from(ANNOTATIONS))
    if kind == "MapAnnotation":
        pairs = st.lists(st.tuples(TEXTS, TEXTS).map(list), max_size=2)
        return maker.make(kind, mapValue=draw(pairs))
    if kind == "FileAnnotation":
        known = [maker.rows[key]["file"] for key in made if class_of(key) == kind]
        shared = _some(draw, known, 1)
        file = (
            shared[0]
            if shared
            else maker.make("OriginalFile", name=draw(TEXTS), path="p/", size=3, hash="ab")
        )
        return maker.make(kind, file=file)
    return maker.make(kind, textValue=draw(TEXTS), ns=draw(st.sampled_from([None, "n"])))


def renumbered(order: Sequence[Row]) -> tuple[list[Row], dict[str, str]]:
    """The same graph with other ids, which go up in this order; and which key became which."""
    maker = Maker(first_id=5000)
    keys = {row["@"]: maker.make(class_of(row["@"])) for row in order}
    return [mapped(row, keys.get) for row in order], keys
