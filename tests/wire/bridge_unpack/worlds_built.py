"""Worlds that were drawn, saved in OMERO over the wire in a few calls."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import omero.model
import tifffile
from omero.model import NamedValue
from omero.rtypes import rbool, rdouble, rfloat, rint, rlong, rstring, rtime

from omero_irods_bridge.model.objects import ObjectRef, parse_objects
from omero_irods_sandbox.omero_server.model.catalog import MODEL
from omero_irods_sandbox.omero_server.model.entities import Field, FieldKind
from tests.wire.bridge_unpack.worlds import Attachment, Place, Thing, World
from tests.wire.omero_server import content
from tests.wire.omero_server.images import made_image, ramp
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any

_numbers = count(1)
_RTYPES: Final = {
    "RString": rstring, "RInt": rint, "RLong": rlong, "RDouble": rdouble, "RFloat": rfloat, "RBool": rbool,
    "RTime": rtime,
}  # fmt: skip
_IMAGES: Final = (
    "select i from Image i left outer join fetch i.fileset join fetch i.pixels p join fetch p.channels c"
    " join fetch c.logicalChannel left outer join fetch p.settings r left outer join fetch r.quantization"
    " left outer join fetch r.waveRendering where i.id in (:ids)"
)


def build(gateway: Gateway, world: World, folder: Path) -> tuple[ObjectRef, ...]:
    """Save a world as this user's; what has to be packed for all of it to be in the packet."""
    return _Builder(gateway, world, folder).build()


class _Builder:
    """``_there`` are the objects by place, as often as the world has them; ``_new`` is to be saved."""

    def __init__(self, gateway: Gateway, world: World, folder: Path) -> None:
        self._gateway, self._world, self._folder = gateway, world, folder
        self._there: dict[Place, list[Any]] = defaultdict(list)
        self._new: list[Any] = []
        self._enumerations: dict[str, list[Any]] = {}

    def build(self) -> tuple[ObjectRef, ...]:
        images = self._import()
        for place, thing in self._world.changes:
            for obj in self._part(images[place.number], place):
                self._fill(obj, thing)
        self._gateway.getUpdateService().saveArray(images)
        self._contain()
        self._outline()
        self._annotate([self._attachment(one) for one in self._world.attachments])
        saved = self._gateway.getUpdateService().saveAndReturnArray(self._new)
        return self._roots(saved)

    # -- images

    def _import(self) -> list[Any]:
        """The images, as they are with all that can be changed of them."""
        ids = [number for kind in self._world.files for number in self._images_of(kind)]
        parameters = omero.sys.ParametersI().addIds(ids)
        found = self._gateway.getQueryService().findAllByQuery(_IMAGES, parameters)
        by_id = {image.id.val: image for image in found}
        images = [by_id[number] for number in ids]
        for number, image in enumerate(images):
            self._there[Place("Image", number)] = [image.proxy()]
            self._there[Place("Channel", number)] = [image.getPrimaryPixels().getChannel(0).proxy()]
        filesets = iter(dict.fromkeys(image.fileset.id.val for image in images if image.fileset))
        for number, kind in enumerate(self._world.files):
            if kind != "made":
                self._there[Place("Fileset", number)] = [content.ref("Fileset", next(filesets))]
        return images

    def _images_of(self, kind: str) -> list[int]:
        if kind == "made":
            return [int(made_image(self._gateway, ramp(1, 2, 1, 3, 4), "made").getId())]
        number = next(_numbers)
        path = self._folder / f"{number}&series=2&sizeC=2&sizeX=4&sizeY=4.fake"
        if kind == "tif":
            path = self._folder / f"{number}.tif"
            tifffile.imwrite(path, np.full((3, 4), number, dtype=np.uint8))
        else:
            path.write_bytes(b"%d" % number)
        return image_ids(import_files(self._gateway.c, [path]))

    def _part(self, image: Any, place: Place) -> Iterator[Any]:
        """What a change is about, if the image has it: an image without files has no rendering settings."""
        pixels = image.getPrimaryPixels()
        settings = pixels.copySettings()
        if place.kind in ("Image", "Pixels"):
            yield image if place.kind == "Image" else pixels
        elif place.kind in ("Channel", "LogicalChannel"):
            channel = pixels.getChannel(place.part % pixels.sizeOfChannels())
            yield channel if place.kind == "Channel" else channel.logicalChannel
        elif settings and place.kind == "ChannelBinding":
            bindings = settings[0].copyWaveRendering()
            yield bindings[place.part % len(bindings)]
        elif settings:
            yield settings[0] if place.kind == "RenderingDef" else settings[0].quantization

    # -- what is new

    def _contain(self) -> None:
        for kind, inside, containers in (
            ("Dataset", "Image", self._world.datasets),
            ("Project", "Dataset", self._world.projects),
        ):
            for number, (thing, numbers) in enumerate(containers):
                made = self._made(thing)
                self._there[Place(kind, number)] = [made]
                self._new.append(made)
                for one in numbers:
                    self._link(made, self._there[Place(inside, one)][0])

    def _outline(self) -> None:
        for number, region in enumerate(self._world.regions):
            for _ in range(region.times):
                roi = self._made(region.roi)
                roi.image = self._there[Place("Image", region.image)][0]
                for thing, transform in region.shapes:
                    shape = self._made(thing)
                    shape.transform = transform and self._made(transform)
                    roi.addShape(shape)
                self._there[Place("Roi", number)].append(roi)
                self._there[Place("Shape", number)] += roi.copyShapes()[:1]
                self._new.append(roi)

    def _annotate(self, files: list[Any]) -> None:
        for number, note in enumerate(self._world.notes):
            for _ in range(note.times):
                made = self._made(note.annotation)
                if note.annotation.kind == "FileAnnotation":
                    made.file = files[note.annotation.values["file"]]
                self._there[Place("Annotation", number)].append(made)
                self._new.append(made)
            for place in note.hangs_on:
                for parent in self._there[place]:
                    for made in self._there[Place("Annotation", number)]:
                        self._link(parent, made)
        for thing, numbers in self._world.tag_sets:
            made = self._made(thing)
            for one in numbers:
                for tag in self._there[Place("Annotation", one)]:
                    self._link(made, tag)

    def _attachment(self, file: Attachment) -> Any:
        made = self._gateway.createOriginalFileFromFileObj(
            io.BytesIO(file.content), "", file.name, len(file.content), mimetype=file.mimetype
        )
        return content.ref("OriginalFile", int(made.getId()))

    def _link(self, parent: Any, child: Any) -> None:
        names = (MODEL.entity_of(one).root for one in (parent, child))
        made = getattr(omero.model, f"{''.join(names)}LinkI")()
        made.parent, made.child = parent, child
        self._new.append(made)

    # -- objects

    def _made(self, thing: Thing) -> Any:
        made = getattr(omero.model, f"{thing.kind}I")()
        self._fill(made, thing)
        return made

    def _fill(self, obj: Any, thing: Thing) -> None:
        fields = MODEL.entity(thing.kind).fields
        for name, value in thing.values.items():
            if f"{thing.kind}.{name}" != "FileAnnotation.file":
                setattr(obj, fields[name].attribute, self._value(fields[name], value))

    def _value(self, field: Field, value: Any) -> Any:
        if field.kind is FieldKind.SCALAR:
            return _RTYPES[field.target](value)
        if field.kind is FieldKind.NAMED_VALUES:
            return [NamedValue(*pair) for pair in value]
        if field.kind is FieldKind.BYTES:
            return value
        if field.kind is FieldKind.REFERENCE:
            return self._enumeration(field.target, value)
        units = getattr(omero.model.enums, f"Units{field.target}")
        names = sorted(units._enumerators)
        return getattr(omero.model, f"{field.target}I")(value[0], units.valueOf(names[value[1] % len(names)]))

    def _enumeration(self, kind: str, number: int) -> Any:
        if kind not in self._enumerations:
            types = self._gateway.c.sf.getTypesService()
            self._enumerations[kind] = sorted(types.allEnumerations(kind), key=lambda one: one.value.val)
        known = self._enumerations[kind]
        return known[number % len(known)].proxy()

    # -- what is packed

    def _roots(self, saved: list[Any]) -> tuple[ObjectRef, ...]:
        """All projects, the datasets in none of them, and the images in no dataset."""
        ids = {
            id(new): MODEL.entity_of(new).name + f":{old.id.val}"
            for new, old in zip(self._new, saved, strict=True)
        }
        in_projects = {one for _, numbers in self._world.projects for one in numbers}
        in_datasets = {one for _, numbers in self._world.datasets for one in numbers}
        keys = [ids[id(self._there[Place("Project", one)][0])] for one in range(len(self._world.projects))]
        keys += [
            ids[id(self._there[Place("Dataset", one)][0])]
            for one in range(len(self._world.datasets))
            if one not in in_projects
        ]
        images = [place.number for place in self._there if place.kind == "Image"]
        keys += [
            f"Image:{self._there[Place('Image', one)][0].id.val}" for one in images if one not in in_datasets
        ]
        return tuple(parse_objects(keys))
