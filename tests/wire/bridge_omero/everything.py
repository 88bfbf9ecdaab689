"""At least one object of every kind that a packet can hold, every value set, for tests of all who carry it.

``build_everything(owner, other, folder)`` takes gateways of two members of one read-annotate (``rwra--``)
group, for example of the fixture ``pair``; both leave something: ``other`` annotates, has rendering settings
of his own, and links a tag. Read what was built by the ids of :class:`Everything`; which objects hang on them
is up to the server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import omero
import omero.grid
from omero.constants.metadata import NSINSIGHTTAGSET
from omero.rtypes import rint, rstring

from tests.wire.bridge_omero.acquisition import Instrument, build_instrument, describe_acquisition
from tests.wire.bridge_omero.filled import Filler
from tests.wire.omero_server import content
from tests.wire.omero_server.images import made_image, ramp
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any

FIGURE_NAMESPACE: Final = "omero.web.figure.json"
SHAPES: Final = ("Ellipse", "Label", "Line", "Mask", "Path", "Point", "Polygon", "Polyline", "Rectangle")
CODOMAIN_CONTEXTS: Final = ("ContrastStretchingContext", "PlaneSlicingContext", "ReverseIntensityContext")
_PLAIN_ANNOTATIONS: Final = (
    "BooleanAnnotation", "CommentAnnotation", "DoubleAnnotation", "ListAnnotation", "LongAnnotation",
    "MapAnnotation", "TagAnnotation", "TermAnnotation", "TimestampAnnotation", "XmlAnnotation",
)  # fmt: skip


@dataclass(frozen=True)
class Everything:
    """Ids. ``images``: the first two are of one fileset of two files, the third has pixels but no file.

    Only the first and the third are in the dataset. The plate has two wells with one field each, which show
    the fourth and the fifth image. ``linked_figure`` hangs on the dataset, ``loose_figure`` on nothing; both
    show the first image. ``foreign_figure`` shows another image only.
    """

    project: int
    dataset: int
    screen: int
    plate: int
    wells: tuple[int, int]
    run: int
    images: tuple[int, ...]
    fileset: int
    instrument: int
    rois: tuple[int, int]
    annotations: dict[str, int]
    tag_set: int
    table: int
    linked_figure: int
    loose_figure: int
    foreign_figure: int
    folder: int


def build_everything(owner: Gateway, other: Gateway, folder: Path) -> Everything:
    """Build it in the group of both; ``folder`` takes the files that are imported."""
    return _Builder(owner, other, folder).build()


class _Builder:
    def __init__(self, owner: Gateway, other: Gateway, folder: Path) -> None:
        self.owner, self.other, self.folder = owner, other, folder
        self.fill = Filler(owner)

    def build(self) -> Everything:
        images = (*self._imported(), self._made("made"))
        project, dataset = self._containers(images)
        instrument = build_instrument(self.owner, self.fill)
        self._describe(images[0], instrument)
        fields = self._made("field 1"), self._made("field 2")
        screen, plate, wells, run = self._plate(*fields)
        rois, tree = self._rois(images[0]), self._folder(images[0])
        annotations = self._annotations(images[0])
        linked, loose = self._figure(images[0]), self._figure(images[0])
        foreign = self._figure(fields[0] + 1_000_000)
        content.link(self.owner, ("Dataset", dataset), ("FileAnnotation", linked))
        self._comments(instrument, images[0], dataset, project, plate, screen, wells[0], run, tree, rois[0])
        return Everything(
            project, dataset, screen, plate, wells, run, (*images, *fields), self._fileset_of(images[0]),
            instrument.id, rois, annotations, self._tag_set(annotations["TagAnnotation"]),
            self._table(images[0]), linked, loose, foreign, tree,
        )  # fmt: skip

    # -- images

    def _imported(self) -> tuple[int, int]:
        """A fileset of two files and two series, with rendering settings of the importer and of the other."""
        main, notes = self.folder / "cells&series=2&sizeC=2&sizeZ=2&sizeT=2.fake", self.folder / "notes.txt"
        main.write_bytes(b"fake" * 1000)
        notes.write_text("notes")
        first, second = image_ids(import_files(self.owner.c, [main, notes]))
        self.other.c.sf.getRenderingSettingsService().resetDefaultsInImage(first)
        return first, second

    def _made(self, name: str) -> int:
        return int(made_image(self.owner, ramp(1, 1, 1, 3, 4), name).getId())

    def _fileset_of(self, image: int) -> int:
        return int(self.owner.getObject("Image", image).getFileset().getId())

    def _describe(self, image_id: int, instrument: Instrument) -> None:
        image = self._query(
            "select i from Image i join fetch i.pixels p join fetch p.channels c join fetch c.logicalChannel"
            " where i.id = :id", image_id,
        )  # fmt: skip
        image.details.externalInfo = self.fill.make("ExternalInfo")
        path = describe_acquisition(self.owner, self.fill, image, instrument)
        self._annotate("LightPath", path)
        pixels = self._query("select p from Pixels p where p.image.id = :id", image_id)
        content.save(self.owner, self.fill(pixels, relatedTo=pixels))
        plane = self.fill.make("PlaneInfo", pixels=content.ref("Pixels", pixels.id.val))
        self._annotate("PlaneInfo", content.save(self.owner, plane).id.val)
        for channel in self._channels(image_id):
            self._annotate("Channel", channel)
        self._archive(pixels.id.val)
        self._settings(image_id)

    def _channels(self, image_id: int) -> Iterator[int]:
        image = self.owner.getObject("Image", image_id)
        yield from (channel.getId() for channel in image.getChannels(noRE=True))

    def _archive(self, pixels: int) -> None:
        """A file that pixels were made from, as OMERO 4 kept it."""
        link = omero.model.PixelsOriginalFileMapI()
        link.parent = omero.model.OriginalFileI(self._file("old.lsm", "text/plain", b"old"), False)
        link.child = content.ref("Pixels", pixels)
        content.save(self.owner, link)

    def _settings(self, image_id: int) -> None:
        found = self._query(
            "select r from RenderingDef r join fetch r.waveRendering b join fetch r.quantization"
            " left join fetch b.spatialDomainEnhancement left join fetch r.projections"
            f" where r.pixels.image.id = :id and r.details.owner.id = {self.owner.getUserId()}", image_id,
        )  # fmt: skip
        for binding in found.copyWaveRendering():
            for context in CODOMAIN_CONTEXTS:
                binding.addCodomainMapContext(self.fill.make(context))
            self.fill(binding)
        for _ in range(2):
            found.addProjectionDef(self.fill.make("ProjectionDef"))
        content.save(self.owner, self.fill(found))

    # -- containers

    def _containers(self, images: tuple[int, ...]) -> tuple[int, int]:
        project = content.save(self.owner, self.fill.make("Project")).id.val
        dataset = content.save(self.owner, self.fill.make("Dataset")).id.val
        content.link(self.owner, ("Project", project), ("Dataset", dataset))
        for image in (images[0], images[2]):
            content.link(self.owner, ("Dataset", dataset), ("Image", image))
        return project, dataset

    def _plate(self, *fields: int) -> tuple[int, int, tuple[int, int], int]:
        screen = content.save(self.owner, self.fill.make("Screen"))
        reagent = content.save(
            self.owner, self.fill.make("Reagent", screen=content.ref("Screen", screen.id.val))
        )
        plate, run = self.fill.make("Plate"), self.fill.make("PlateAcquisition")
        plate.addPlateAcquisition(run)
        for column, image in enumerate(fields):
            sample = self.fill.make("WellSample", image=content.ref("Image", image), plateAcquisition=run)
            well = self.fill.make("Well", row=rint(0), column=rint(column))
            well.addWellSample(sample)
            well.linkReagent(content.ref("Reagent", reagent.id.val))
            plate.addWell(well)
        saved = content.save(self.owner, plate)
        content.link(self.owner, ("Screen", screen.id.val), ("Plate", saved.id.val))
        self._annotate("Reagent", reagent.id.val)
        first, second = sorted(well.id.val for well in saved.copyWells())
        return screen.id.val, saved.id.val, (first, second), saved.copyPlateAcquisitions()[0].id.val

    def _folder(self, image: int) -> int:
        above = content.save(self.owner, self.fill.make("Folder"))
        made = self.fill.make("Folder", parentFolder=content.ref("Folder", above.id.val))
        folder = int(content.save(self.owner, made).id.val)
        content.link(self.owner, ("Folder", folder), ("Image", image))
        return folder

    # -- regions

    def _rois(self, image: int) -> tuple[int, int]:
        """One with a shape of every class, and one that is on all planes."""
        full = self.fill.make("Roi", image=content.ref("Image", image))
        full.source = omero.model.OriginalFileI(self._file("rois.csv", "text/csv", b"1,2"), False)
        for kind in SHAPES:
            full.addShape(self._shape(kind, image))
        everywhere = omero.model.RoiI()
        everywhere.image = content.ref("Image", image)
        everywhere.addShape(omero.model.RectangleI())
        saved = content.save(self.owner, full)
        for shape in saved.copyShapes():
            self._annotate("Shape", shape.id.val)
        content.link(self.owner, ("Folder", self._folder(image)), ("Roi", saved.id.val))
        return saved.id.val, content.save(self.owner, everywhere).id.val

    def _shape(self, kind: str, image: int) -> Any:
        shape = self.fill.make(kind, transform=self.fill.make("AffineTransform"))
        if kind in ("Polygon", "Polyline"):
            shape.points = rstring("1.5,2 3,4 5,6")
        if kind == "Mask":
            shape.bytes = bytes(range(256)) * 64
            pixels = self._query("select p from Pixels p where p.image.id = :id", image)
            shape.pixels = content.ref("Pixels", pixels.id.val)
        return shape

    # -- annotations

    def _annotations(self, image: int) -> dict[str, int]:
        """One of every class on the image, the tag linked by the other user too; one on another one."""
        made = {kind: content.save(self.owner, self.fill.make(kind)).id.val for kind in _PLAIN_ANNOTATIONS}
        file = omero.model.OriginalFileI(self._file("notes.pdf", "application/pdf", b"%PDF-"), False)
        made["FileAnnotation"] = content.save(self.owner, self.fill.make("FileAnnotation", file=file)).id.val
        for kind, id_ in made.items():
            content.link(self.owner, ("Image", image), (kind, id_))
        content.link(self.other, ("Image", image), ("TagAnnotation", made["TagAnnotation"]))
        self._annotate("Annotation", made["MapAnnotation"], by=self.other)
        self._annotate("OriginalFile", file.id.val)
        return made

    def _annotate(self, kind: str, id_: int, by: Gateway | None = None) -> None:
        gateway = by or self.owner
        comment = content.save(gateway, self.fill.make("CommentAnnotation")).id.val
        link = getattr(omero.model, f"{kind}AnnotationLinkI")()
        link.parent = getattr(omero.model, f"{_concrete(kind)}I")(id_, False)
        link.child = content.ref("CommentAnnotation", comment)
        content.save(gateway, link)

    def _comments(self, instrument: Instrument, image: int, *ids: int) -> None:
        kinds = ("Dataset", "Project", "Plate", "Screen", "Well", "PlateAcquisition", "Folder", "Roi")
        for kind, id_ in [*zip(kinds, ids, strict=True), *instrument.annotatable()]:
            self._annotate(kind, id_)
        self._annotate("Fileset", self._fileset_of(image))
        self._annotate("Image", image, by=self.other)

    def _tag_set(self, tag: int) -> int:
        made = content.save(self.owner, self.fill.make("TagAnnotation", ns=rstring(NSINSIGHTTAGSET)))
        content.link(self.owner, ("TagAnnotation", made.id.val), ("TagAnnotation", tag))
        return int(made.id.val)

    def _table(self, image: int) -> int:
        """A table with a column of image ids, attached to the image; the annotation's id."""
        table = self.owner.c.sf.sharedResources().newTable(1, "/measured.h5")
        table.initialize([omero.grid.ImageColumn("image", "", [])])
        table.addData([omero.grid.ImageColumn("image", "", [image])])
        file = table.getOriginalFile().id.val
        table.close()
        made = self.fill.make("FileAnnotation", file=omero.model.OriginalFileI(file, False))
        annotation = int(content.save(self.owner, made).id.val)
        content.link(self.owner, ("Image", image), ("FileAnnotation", annotation))
        return annotation

    def _figure(self, image: int) -> int:
        told = {"version": 7, "figureName": "a figure", "panels": [{"imageId": image, "name": "panel"}]}
        file = self._file("figure.json", "application/json", json.dumps(told).encode())
        made = self.fill.make("FileAnnotation", ns=rstring(FIGURE_NAMESPACE))
        made.description = rstring(json.dumps({"name": "a figure", "imageId": image}))
        made.file = omero.model.OriginalFileI(file, False)
        return int(content.save(self.owner, made).id.val)

    def _file(self, name: str, mimetype: str, data: bytes) -> int:
        path = self.folder / name
        path.write_bytes(data)
        made = self.owner.createOriginalFileFromLocalFile(str(path), mimetype=mimetype)
        return int(made.getId())

    def _query(self, text: str, id_: int) -> Any:
        return self.owner.getQueryService().findByQuery(text, content.params(id=id_))


def _concrete(kind: str) -> str:
    """A class that can be made where the link's parent is abstract."""
    return {"Annotation": "MapAnnotation", "LightSource": "Laser", "Shape": "Rectangle"}.get(kind, kind)
