"""What of a graph ``transfer.xml`` tells: what is reached from the roots, as the stock tool goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.packet.graph import Graph, id_of

Children = dict[int, list[int]]

_ANNOTATED: Final = ("Project", "Dataset", "Screen", "Plate", "Well", "Image", "Roi")


@dataclass(slots=True)
class Selection:
    """Ids in the order in which they are written; containers with what is in them.

    ``fields`` are the well samples of a well as pairs of their id and their image's. Images that are not
    selected but share a fileset with one that is are selected too (``populate_image``), for they are in its
    files. ``rois`` are those of an image, ``annotations`` those of an object of each kind.
    """

    projects: Children = field(default_factory=dict)
    datasets: Children = field(default_factory=dict)
    screens: Children = field(default_factory=dict)
    plates: Children = field(default_factory=dict)
    fields: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    images: dict[int, None] = field(default_factory=dict)
    rois: Children = field(default_factory=dict)
    annotations: dict[str, Children] = field(default_factory=dict)

    def annotations_of(self, kind: str, number: int) -> Sequence[int]:
        return self.annotations[kind].get(number, ())

    def rois_of(self, image: int) -> Sequence[int]:
        return self.rois.get(image, ())

    def used_annotations(self) -> set[int]:
        """All that a selected object has."""
        selected: dict[str, Iterable[int]] = {
            "Project": self.projects,
            "Dataset": self.datasets,
            "Screen": self.screens,
            "Plate": self.plates,
            "Well": self.fields,
            "Image": self.images,
            "Roi": (roi for image in self.images for roi in self.rois_of(image)),
        }
        return {
            annotation
            for kind, numbers in selected.items()
            for number in numbers
            for annotation in self.annotations_of(kind, number)
        }


def select(
    graph: Graph, roots: Iterable[ObjectRef], annotations: Collection[int], rois: Children
) -> Selection:
    """Go from ``roots`` to everything below. What has no row is not there: it could not be read.

    ``annotations`` and ``rois`` (by image) are those that can be written; there are no others.
    """
    walk = _Walk(graph)
    walk.selection.annotations = {kind: _links(graph, kind, "Annotation", annotations) for kind in _ANNOTATED}
    walk.selection.rois = rois
    for root in roots:
        walk.enter(root)
    return walk.selection


class _Walk:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.selection = Selection()
        self._datasets = _links(graph, "Project", "Dataset", set(graph.ids("Dataset")))
        self._images = _links(graph, "Dataset", "Image", set(graph.ids("Image")))
        self._plates = _links(graph, "Screen", "Plate", set(graph.ids("Plate")))
        self._wells = _wells(graph)
        self._fields = dict(_fields(graph))
        self._filesets, self._siblings = _filesets(graph)

    def enter(self, root: ObjectRef) -> None:
        if str(root) in self.graph:
            self._ways[root.kind](self, root.id)

    def _project(self, number: int) -> None:
        self.selection.projects[number] = self._datasets.get(number, [])
        for dataset in self.selection.projects[number]:
            self._dataset(dataset)

    def _dataset(self, number: int) -> None:
        images = [image for image in self._images.get(number, ()) if image in self._filesets]
        self.selection.datasets[number] = images
        for image in images:
            self._image(image)

    def _screen(self, number: int) -> None:
        self.selection.screens[number] = self._plates.get(number, [])
        for plate in self.selection.screens[number]:
            self._plate(plate)

    def _plate(self, number: int) -> None:
        self.selection.plates.setdefault(number, [])
        for well in self._wells.get(number, ()):
            self._add_well(number, well)

    def _well(self, number: int) -> None:
        plate = (self.graph.one(f"Well:{number}") or {}).get("plate")
        if plate is not None and plate in self.graph:
            self._add_well(id_of(plate), number)

    def _add_well(self, plate: int, number: int) -> None:
        wells = self.selection.plates.setdefault(plate, [])
        if number in self.selection.fields:
            return
        wells.append(number)
        fields = [one for one in self._fields.get(number, ()) if one[1] in self._filesets]
        self.selection.fields[number] = fields
        for _, image in fields:
            self._image(image)

    def _image(self, number: int) -> None:
        if number in self.selection.images or number not in self._filesets:
            return
        fileset = self._filesets[number]
        self.selection.images[number] = None
        self.selection.images.update(dict.fromkeys(self._siblings.get(fileset, ())))

    _ways: Final = {
        Kind.PROJECT: _project,
        Kind.DATASET: _dataset,
        Kind.SCREEN: _screen,
        Kind.PLATE: _plate,
        Kind.WELL: _well,
        Kind.IMAGE: _image,
    }


def _links(graph: Graph, parent: str, child: str, known: Collection[int]) -> Children:
    """Which of the ``known`` each parent is linked to, once, in the order of the links' rows."""
    found: dict[int, dict[int, None]] = defaultdict(dict)
    for row in graph.rows(f"{parent}{child}Link"):
        number = id_of(row["child"])
        if number in known:
            found[id_of(row["parent"])][number] = None
    return {number: list(children) for number, children in found.items()}


def _wells(graph: Graph) -> Children:
    """The wells of each plate, row by row."""
    found: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for row in graph.rows("Well"):
        place = (row.get("row") or 0, row.get("column") or 0, id_of(row["@"]))
        found[id_of(row["plate"])].append(place)
    return {plate: [well for *_, well in sorted(wells)] for plate, wells in found.items()}


def _fields(graph: Graph) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """The well samples that have an image, by well, in the order of the well."""
    images = {row["@"]: id_of(row["image"]) for row in graph.rows("WellSample") if row.get("image")}
    for row in graph.rows("Well"):
        samples = row.get("wellSamples") or ()
        yield id_of(row["@"]), [(id_of(one), images[one]) for one in samples if one in images]


def _filesets(graph: Graph) -> tuple[dict[int, str | None], dict[str | None, list[int]]]:
    """The fileset of each image that has pixels, and the images of each fileset."""
    filesets = {
        id_of(row["@"]): row.get("fileset") for row in graph.rows("Image") if any(row.get("pixels") or ())
    }
    images: dict[str | None, list[int]] = defaultdict(list)
    for image, fileset in filesets.items():
        if fileset is not None:
            images[fileset].append(image)
    return filesets, images
