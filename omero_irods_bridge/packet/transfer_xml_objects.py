"""Containers, plates and images in ``transfer.xml`` (stock: the ``populate_`` functions)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from omero_irods_bridge.packet.graph import Graph, id_of
from omero_irods_bridge.packet.transfer_xml_bookkeeping import (
    Entry,
    Provenance,
    entry_id,
    origin_node,
    path_node,
)
from omero_irods_bridge.packet.transfer_xml_nodes import Node, node, reference, references
from omero_irods_bridge.packet.transfer_xml_selection import Children, Selection
from omero_irods_bridge.packet.transfer_xml_shapes import ROI_PREFIX, roi_node
from omero_irods_bridge.ports import Row

_SIZES: Final = ("sizeX", "sizeY", "sizeZ", "sizeC", "sizeT")


@dataclass(slots=True)
class Objects:
    """Writes what is selected; ``paths`` are of the filesets."""

    graph: Graph
    selection: Selection
    paths: Mapping[int, str]
    provenance: Provenance
    names: dict[str, str] = field(default_factory=dict)

    def nodes(self) -> Iterator[Node]:
        """Everything before the annotations, in the order of the schema."""
        yield from self._containers("Project", "Dataset", self.selection.projects)
        yield from self._containers("Dataset", "Image", self.selection.datasets)
        yield from (self._plate(number, wells) for number, wells in self.selection.plates.items())
        yield from self._containers("Screen", "Plate", self.selection.screens)
        yield from map(self._image, self.selection.images)

    def bookkeeping(self) -> Iterator[Node]:
        """Where images and plates come from and where their files are."""
        for number in self.selection.plates:
            yield self._origin(Entry.PLATE_ORIGIN, number, self._row("Plate", number))
            yield path_node(Entry.PLATE_PATH, number, self._plate_path(number))
        for number in self.selection.images:
            row = self._row("Image", number)
            yield self._origin(Entry.IMAGE_ORIGIN, number, row)
            yield path_node(Entry.IMAGE_PATH, number, self._image_path(row))

    def rois(self) -> Iterator[Node]:
        """The regions of all images."""
        for image in self.selection.images:
            for number in self.selection.rois_of(image):
                annotations = self.selection.annotations_of("Roi", number)
                yield roi_node(self.graph, self._row("Roi", number), annotations)

    def _row(self, kind: str, number: int) -> Row:
        return self.graph.one(f"{kind}:{number}") or {}

    def _annotations(self, kind: str, number: int, *entries: Entry) -> list[Node]:
        bookkeeping = [entry_id(entry, number) for entry in entries]
        return references("Annotation", [*self.selection.annotations_of(kind, number), *bookkeeping])

    def _named(self, kind: str, number: int, row: Row, children: list[Node]) -> Node:
        """Stock writes a description even where there is none."""
        description = node("Description", text=row.get("description") or "")
        return node(kind, {"ID": f"{kind}:{number}", "Name": row.get("name") or ""}, [description, *children])

    def _containers(self, kind: str, inner: str, containers: Children) -> Iterator[Node]:
        for number, inside in containers.items():
            children = [*references(inner, inside), *self._annotations(kind, number)]
            yield self._named(kind, number, self._row(kind, number), children)

    # -- plates

    def _plate(self, number: int, wells: list[int]) -> Node:
        annotations = self._annotations("Plate", number, Entry.PLATE_ORIGIN, Entry.PLATE_PATH)
        children = [*map(self._well, wells), *annotations]
        return self._named("Plate", number, self._row("Plate", number), children)

    def _well(self, number: int) -> Node:
        row = self._row("Well", number)
        attributes = {
            "ID": f"Well:{number}",
            "Column": max(row.get("column") or 0, 0),
            "Row": max(row.get("row") or 0, 0),
        }
        samples = [self._field(*one) for one in self.selection.fields[number]]
        return node("Well", attributes, [*samples, *self._annotations("Well", number)])

    def _field(self, number: int, image: int) -> Node:
        """The index is the image's id, as in stock (``populate_well``)."""
        return node("WellSample", {"ID": f"WellSample:{number}", "Index": image}, [reference("Image", image)])

    def _plate_path(self, number: int) -> str:
        """The path of its last image, by which stock unpack finds the plate that the import made.

        A plate without images gets one that no imported file has, and is then made as an empty one.
        """
        images = [image for well in self.selection.plates[number] for _, image in self.selection.fields[well]]
        return (
            self._image_path(self._row("Image", images[-1])) if images else f"plate_without_images/{number}"
        )

    # -- images

    def _image(self, number: int) -> Node:
        row = self._row("Image", number)
        pixels = next(filter(None, row["pixels"]))
        children = [
            self._pixels(number, self.graph.one(pixels) or {}),
            *(reference("ROI", roi, prefix=ROI_PREFIX) for roi in self.selection.rois_of(number)),
            *self._annotations("Image", number, Entry.IMAGE_ORIGIN, Entry.IMAGE_PATH),
        ]
        return self._named("Image", number, row, children)

    def _pixels(self, image: int, row: Row) -> Node:
        """Named by the image's id, as in stock (``create_pixels``)."""
        attributes = {
            "ID": f"Pixels:{image}",
            "DimensionOrder": self._name(row.get("dimensionOrder"), "value"),
            "Type": self._name(row.get("pixelsType"), "value"),
            **{f"S{size[1:]}": row.get(size) for size in _SIZES},
        }
        return node("Pixels", attributes, [node("MetadataOnly")])

    def _image_path(self, row: Row) -> str:
        fileset = row.get("fileset")
        path = self.paths.get(id_of(fileset)) if fileset else None
        return path or f"pixel_images/{id_of(row['@'])}.tiff"

    # -- where they come from

    def _origin(self, entry: Entry, number: int, row: Row) -> Node:
        """Who owns it: stock names who packs, whosever it is (issue 116)."""
        details = row.get("details") or {}
        user = self._name(details.get("owner"), "omeName") or self.provenance.user
        group = self._name(details.get("group"), "name") or self.provenance.group
        return origin_node(entry, number, self.provenance, user, group)

    def _name(self, reference: str | None, field_name: str) -> str:
        """A field of one of the few rows that many refer to: enumerations, users, groups."""
        if reference is None:
            return ""
        if reference not in self.names:
            self.names[reference] = (self.graph.one(reference) or {}).get(field_name) or ""
        return self.names[reference]
