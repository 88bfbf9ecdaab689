"""OMERO for those who know iRODS: images in a dataset, and what people write to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import omero.gateway
import omero.model
from omero.rtypes import rbool, rdouble, rstring

from omero_irods_bridge.adapters.local import local_source
from omero_irods_bridge.adapters.omero.importing import OmeroImporter
from omero_irods_bridge.model.imports import ImportOptions
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.ports import ImportFile
from omero_irods_sandbox.demo.images import MicroscopeImage, microscope_images
from omero_irods_sandbox.demo.narrator import Narrator
from omero_irods_sandbox.demo.stage import Stage
from omero_irods_sandbox.omero_server.running import ServerProcess

Gateway = Any

DATASET: Final = "microscopy"
USER_GROUP: Final = 1
"""The group ``user`` of every OMERO: who is not in it cannot log in."""


def play(stage: Stage, narrator: Narrator) -> None:
    """Alice has a stored session in OMERO afterwards, and a dataset of annotated images."""
    with gateway_of(stage.omero, "root", stage.omero.root_password) as root:
        make_user(root, stage.person.name, stage.person.password)
    _log_in(stage, narrator)
    with gateway_of(stage.omero, stage.person.name, stage.person.password) as gateway:
        _import(stage, gateway, narrator)
        _annotate(stage, gateway, narrator)


@contextmanager
def gateway_of(server: ServerProcess, user: str, password: str) -> Iterator[Gateway]:
    """A connection of omero-py as this user."""
    gateway = omero.gateway.BlitzGateway(user, password, host=server.host, port=server.ssl, secure=True)
    if not gateway.connect():
        raise RuntimeError(f"{user} cannot log in to OMERO: {gateway.getLastError()}")
    try:
        yield gateway
    finally:
        gateway.close()


def make_user(root: Gateway, name: str, password: str) -> None:
    """An ordinary user in a group of her own; ``root`` is the administrator's connection."""
    admin = root.getAdminService()
    group = omero.model.ExperimenterGroupI()
    group.name, group.ldap = rstring("imaging"), rbool(False)
    group.details.permissions = omero.model.PermissionsI("rwr---")
    group_of_hers = omero.model.ExperimenterGroupI(admin.createGroup(group), False)
    groups = [group_of_hers, omero.model.ExperimenterGroupI(USER_GROUP, False)]
    add_experimenter(root, (name, "Alice", "Example"), password, groups)


def add_experimenter(
    root: Gateway, names: tuple[str, str, str], password: str, groups: list[omero.model.ExperimenterGroupI]
) -> int:
    """The id of a new account. ``names``: of the account, first, last; the first group is the usual one."""
    user = omero.model.ExperimenterI()
    user.omeName, user.firstName, user.lastName = map(rstring, names)
    user.ldap = rbool(False)
    admin = root.getAdminService()
    return int(admin.createExperimenterWithPassword(user, rstring(password), groups[0], groups))


def _log_in(stage: Stage, narrator: Narrator) -> None:
    narrator.step(
        "Alice logs in to OMERO",
        "The omero command stores her session; the bridge joins it and never sees her password.",
    )
    person, server = stage.person, stage.omero
    stage.person.types(
        f"omero login {person.name}@{server.host}:{server.ssl}", narrator, OMERO_PASSWORD=person.password
    )


# -- images


def _import(stage: Stage, gateway: Gateway, narrator: Narrator) -> None:
    images = microscope_images()
    narrator.step(
        f"Import {len(images)} real microscope images into a dataset",
        "They come with scikit-image. On a server of your own: OMERO.insight, or omero import.",
    )
    dataset = omero.model.DatasetI()
    dataset.name = rstring(DATASET)
    stage.dataset = gateway.getUpdateService().saveAndReturnObject(dataset, gateway.SERVICE_OPTS).id.val
    into = ImportOptions(target=ObjectRef(Kind.DATASET, stage.dataset))
    narrator.command(
        f"OmeroImporter(client).import_fileset([file], ImportOptions(target={into.target}))", ">>>"
    )
    importer = OmeroImporter(gateway.c)
    for image in images:
        (stage.images[image.name],) = importer.import_fileset([_file(image)], into).images
    narrator.table(
        ("image", "name", "size", "modality"), [_row(stage.images[one.name], one) for one in images]
    )
    held = gateway.getObject("Dataset", stage.dataset).countChildren()
    narrator.check(held == len(images), f"{held} images in the dataset {DATASET}, Dataset:{stage.dataset}")


def _file(image: MicroscopeImage) -> ImportFile:
    size = image.path.stat().st_size
    return ImportFile(f"scikit-image/{image.name}", size, lambda: local_source(image.path))


def _row(number: int, image: MicroscopeImage) -> tuple[str, ...]:
    return f"Image:{number}", image.name, f"{image.path.stat().st_size:,} B", image.modality


# -- what people write to them


def _annotate(stage: Stage, gateway: Gateway, narrator: Narrator) -> None:
    narrator.step(
        "Annotate them",
        "Tags, key-value pairs and regions of interest: the work that a copy of the files alone would lose.",
    )
    narrator.command("image.linkAnnotation(tag)\nimage.linkAnnotation(pairs)\nupdate.saveObject(roi)", ">>>")
    images = microscope_images()
    tags = {modality: _tag(gateway, modality) for modality in sorted({one.modality for one in images})}
    for image in images:
        wrapped = gateway.getObject("Image", stage.images[image.name])
        wrapped.linkAnnotation(tags[image.modality])
        wrapped.linkAnnotation(_pairs(gateway, image))
        if image.region is not None:
            _outline(gateway, wrapped.getId(), image)
    narrator.table(("image", "tag", "key-value pair", "region"), [_annotations(one) for one in images])
    found = {_annotation_count(gateway, number) for number in stage.images.values()}
    narrator.check(found == {2}, "a tag and key-value pairs on each image")


def _tag(gateway: Gateway, text: str) -> Gateway:
    tag = omero.gateway.TagAnnotationWrapper(gateway)
    tag.setValue(text)
    tag.save()
    return tag


def _pairs(gateway: Gateway, image: MicroscopeImage) -> Gateway:
    pairs = omero.gateway.MapAnnotationWrapper(gateway)
    pairs.setNs("openmicroscopy.org/omero/client/mapAnnotation")  # editable in OMERO's clients
    pairs.setValue([list(pair) for pair in image.pairs])
    pairs.save()
    return pairs


def _outline(gateway: Gateway, image_id: int, image: MicroscopeImage) -> None:
    assert image.region is not None
    ellipse = omero.model.EllipseI()
    ellipse.x, ellipse.y = rdouble(image.region.x), rdouble(image.region.y)
    ellipse.radiusX, ellipse.radiusY = rdouble(image.region.radius_x), rdouble(image.region.radius_y)
    ellipse.textValue = rstring(image.region.name)
    roi = omero.model.RoiI()
    roi.image = omero.model.ImageI(image_id, False)
    roi.addShape(ellipse)
    gateway.getUpdateService().saveObject(roi, gateway.SERVICE_OPTS)


def _annotations(image: MicroscopeImage) -> tuple[str, ...]:
    key, value = image.pairs[0]
    return image.name, image.modality, f"{key} = {value}", image.region.name if image.region else ""


def _annotation_count(gateway: Gateway, image_id: int) -> int:
    return sum(1 for _ in gateway.getObject("Image", image_id).listAnnotations())
