"""A small project that has something of each kind that a load makes in its own way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import omero.gateway
import omero.grid
import omero.model
import tifffile
from omero.rtypes import rdouble, rstring

from omero_irods_bridge.model.objects import Kind, ObjectRef
from tests.wire.omero_server.images import made_image, ramp
from tests.wire.omero_server.import_client import image_ids, import_files

Gateway = Any


def varied_project(gateway: Gateway, folder: Path) -> ObjectRef:
    """Two datasets, one image in both; a tag set, key-values, regions, an attachment, a table, a figure."""
    images = [*_imported(gateway, folder), int(made_image(gateway, ramp(1, 1, 1, 3, 4), "made").getId())]
    project = container(gateway, "Project", "cells")
    for number, some in enumerate((images, images[:1])):
        dataset = container(gateway, "Dataset", f"day {number}")
        _link(gateway, "ProjectDatasetLink", ("Project", project), ("Dataset", dataset))
        for image in some:
            _link(gateway, "DatasetImageLink", ("Dataset", dataset), ("Image", image))
    _annotate(gateway, images, folder)
    for image in images:
        _region(gateway, image)
    return ObjectRef(Kind.PROJECT, project)


def _imported(gateway: Gateway, folder: Path) -> list[int]:
    noise = np.random.default_rng(1)
    paths = [folder / "one.tif", folder / "two&series=2.fake"]
    tifffile.imwrite(paths[0], noise.integers(0, 65535, (40, 50), dtype=np.uint16))
    paths[1].write_bytes(b"fake")
    return [image for path in paths for image in image_ids(import_files(gateway.c, [path]))]


def _save(gateway: Gateway, obj: Any) -> Any:
    return gateway.getUpdateService().saveAndReturnObject(obj)


def container(gateway: Gateway, kind: str, name: str) -> int:
    """A new Project, Dataset or Screen."""
    made = getattr(omero.model, f"{kind}I")()
    made.name = rstring(name)
    return int(_save(gateway, made).id.val)


def _link(gateway: Gateway, kind: str, parent: tuple[str, int], child: tuple[str, int]) -> None:
    made = getattr(omero.model, f"{kind}I")()
    made.parent = getattr(omero.model, f"{parent[0]}I")(parent[1], False)
    made.child = getattr(omero.model, f"{child[0]}I")(child[1], False)
    _save(gateway, made)


def tag(gateway: Gateway, text: str, description: str = "", ns: str | None = None) -> int:
    """A new tag that hangs on nothing."""
    made = omero.model.TagAnnotationI()
    made.textValue, made.description = rstring(text), rstring(description)
    made.ns = rstring(ns) if ns else None
    return int(_save(gateway, made).id.val)


def put_tag(gateway: Gateway, tag_id: int, kind: str, number: int) -> None:
    """Hang a tag on something."""
    _link(gateway, f"{kind}AnnotationLink", (kind, number), ("TagAnnotation", tag_id))


def _annotate(gateway: Gateway, images: list[int], folder: Path) -> None:
    good, bad = tag(gateway, "good", "in focus"), tag(gateway, "bad")
    above = tag(gateway, "quality", ns="openmicroscopy.org/omero/insight/tagset")
    for child in (good, bad):
        _link(gateway, "AnnotationAnnotationLink", ("TagAnnotation", above), ("TagAnnotation", child))
    for number, image in enumerate(images):
        put_tag(gateway, good if number % 2 else bad, "Image", image)
        pairs = omero.model.MapAnnotationI()
        pairs.ns = rstring("openmicroscopy.org/omero/client/mapAnnotation")
        pairs.mapValue = [omero.model.NamedValue("gene", name) for name in ("a", f"b{number}")]
        _hang(gateway, image, _save(gateway, pairs))
    _hang(gateway, images[0], _attachment(gateway, folder, "notes.txt", "text/plain", b"some notes"))
    _hang(gateway, images[0], _table(gateway, images))
    told = {"version": 7, "figureName": "fig", "panels": [{"imageId": one} for one in images]}
    figure = _attachment(
        gateway, folder, "fig.json", "application/json", json.dumps(told).encode(), "omero.web.figure.json"
    )
    _hang(gateway, images[0], figure)


def _hang(gateway: Gateway, image: int, annotation: Any) -> None:
    made = omero.model.ImageAnnotationLinkI()
    made.parent = omero.model.ImageI(image, False)
    made.child = annotation.proxy()
    _save(gateway, made)


def _attachment(
    gateway: Gateway, folder: Path, name: str, mimetype: str, data: bytes, ns: str | None = None
) -> Any:
    (folder / name).write_bytes(data)
    file = gateway.createOriginalFileFromLocalFile(str(folder / name), mimetype=mimetype)
    made = omero.model.FileAnnotationI()
    made.ns = rstring(ns) if ns else None
    made.file = omero.model.OriginalFileI(int(file.getId()), False)
    return _save(gateway, made)


def _table(gateway: Gateway, images: list[int]) -> Any:
    table = gateway.c.sf.sharedResources().newTable(1, "measured")
    table.initialize([omero.grid.ImageColumn("Image", "", []), omero.grid.DoubleColumn("area", "", [])])
    areas = [float(number) for number, _ in enumerate(images)]
    table.addData([omero.grid.ImageColumn("Image", "", images), omero.grid.DoubleColumn("area", "", areas)])
    file = table.getOriginalFile().id.val
    table.close()
    made = omero.model.FileAnnotationI()
    made.file = omero.model.OriginalFileI(file, False)
    made.ns = rstring("openmicroscopy.org/omero/bulk_annotations")
    return _save(gateway, made)


def _region(gateway: Gateway, image: int) -> None:
    roi = omero.model.RoiI()
    roi.image = omero.model.ImageI(image, False)
    for number in range(2):
        shape = omero.model.RectangleI()
        shape.x, shape.y, shape.width, shape.height = (rdouble(number + one) for one in (1, 2, 3, 4))
        roi.addShape(shape)
    _save(gateway, roi)
