"""Things for tests to look at: made through the wire, or as rows when only the server can make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import omero
import omero.cmd
import omero.cmd.graphs
from omero.callbacks import CmdCallbackI
from omero.rtypes import rint, rlong, rstring

from omero_irods_sandbox.omero_server.server import OmeroServer

Gateway = Any
_PATIENCE = 100


def save(gateway: Gateway, obj: Any, group: int | None = None) -> Any:
    """Save in the gateway's group, or another one."""
    context = None if group is None else {"omero.group": str(group)}
    return gateway.getUpdateService().saveAndReturnObject(obj, context)


def named(kind: str, name: str = "x", **fields: Any) -> Any:
    """A new object with a name."""
    made = getattr(omero.model, f"{kind}I")()
    made.name = rstring(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def new(gateway: Gateway, kind: str, name: str = "x", **fields: Any) -> int:
    """Save a new object with a name; its id."""
    return int(save(gateway, named(kind, name, **fields)).id.val)


def ref(kind: str, id_: int) -> Any:
    return getattr(omero.model, f"{kind}I")(id_, False)


def link(gateway: Gateway, parent: tuple[str, int], child: tuple[str, int], owner: int | None = None) -> int:
    """Link two objects; of annotations the abstract class names the link."""
    made = getattr(omero.model, f"{_general(parent[0])}{_general(child[0])}LinkI")()
    made.parent, made.child = ref(*parent), ref(*child)
    if owner is not None:
        made.details.owner = omero.model.ExperimenterI(owner, False)
    return int(save(gateway, made).id.val)


def _general(kind: str) -> str:
    return "Annotation" if kind.endswith("Annotation") else kind


def annotation(gateway: Gateway, kind: str, ns: str | None = None, **fields: Any) -> int:
    """Save an annotation; its id."""
    made = getattr(omero.model, f"{kind}I")()
    if ns is not None:
        made.ns = rstring(ns)
    for field, value in fields.items():
        setattr(made, field, value)
    return int(save(gateway, made).id.val)


def annotate(gateway: Gateway, parent: tuple[str, int], kind: str, **fields: Any) -> int:
    """An annotation of an object; the annotation's id."""
    made = annotation(gateway, kind, **fields)
    link(gateway, parent, (kind, made))
    return made


def image(
    gateway: Gateway, name: str = "i", *, fileset: int | None = None, dataset: int | None = None
) -> int:
    """An image with pixels and one channel, without any bytes."""
    made = named("Image", name)
    if fileset is not None:
        made.fileset = ref("Fileset", fileset)
    made.addPixels(pixels())
    id_ = int(save(gateway, made).id.val)
    if dataset is not None:
        link(gateway, ("Dataset", dataset), ("Image", id_))
    return id_


def pixels() -> Any:
    """Pixels of 2 x 2, one channel."""
    made = omero.model.PixelsI()
    made.sizeX, made.sizeY, made.sizeZ, made.sizeC, made.sizeT = (rint(n) for n in (2, 2, 1, 1, 1))
    made.sha1 = rstring("Pending...")
    made.pixelsType, made.dimensionOrder = omero.model.PixelsTypeI(), omero.model.DimensionOrderI()
    made.pixelsType.value, made.dimensionOrder.value = rstring("uint8"), rstring("XYZCT")
    channel = omero.model.ChannelI()
    channel.logicalChannel = omero.model.LogicalChannelI()
    made.addChannel(channel)
    return made


def fileset(gateway: Gateway) -> int:
    """A fileset without files."""
    made = omero.model.FilesetI()
    made.templatePrefix = rstring("here/")
    return int(save(gateway, made).id.val)


def roi(gateway: Gateway, image_id: int, shapes: int = 1, z: int | None = None) -> int:
    """A ROI of rectangles on an image."""
    made = omero.model.RoiI()
    made.image = ref("Image", image_id)
    for _ in range(shapes):
        shape = omero.model.RectangleI()
        if z is not None:
            shape.theZ = rint(z)
        made.addShape(shape)
    return int(save(gateway, made).id.val)


def original_file(
    server: OmeroServer, owner: int, group: int, content: bytes = b"abc", name: str = "f.txt"
) -> int:
    """A file outside of repositories, with its bytes."""
    with server.store.work(server.internal_caller()) as work:
        return server.storage.create(
            work, name=name, path="/", mimetype="text/plain", content=content, owner_id=owner, group_id=group
        )


def plate(gateway: Gateway, image_id: int) -> tuple[int, int, int]:
    """A plate with one well that has this image: ids of plate, well and well sample."""
    made = named("Plate", "p")
    well = omero.model.WellI()
    well.row, well.column = rint(0), rint(0)
    sample = omero.model.WellSampleI()
    sample.image = ref("Image", image_id)
    well.addWellSample(sample)
    made.addWell(well)
    saved = save(gateway, made)
    saved_well = saved.copyWells()[0]
    return saved.id.val, saved_well.id.val, saved_well.copyWellSamples()[0].id.val


# -- requests


def submit(gateway: Gateway, request: Any) -> Any:
    """A request's response, an ERR when it failed."""
    return wait(gateway, gateway.c.sf.submit(request))


def wait(gateway: Gateway, handle: Any) -> Any:
    """The response of a request that was submitted."""
    callback = CmdCallbackI(gateway.c, handle)
    try:
        callback.loop(_PATIENCE, 100)
        return callback.getResponse()
    finally:
        callback.close(True)


def delete(gateway: Gateway, targets: Mapping[str, Sequence[int]], **options: Any) -> dict[str, list[int]]:
    """Delete; what was deleted, by simple class name."""
    response = submit(gateway, omero.cmd.Delete2(targetObjects=_lists(targets), **options))
    assert isinstance(response, omero.cmd.Delete2Response), failure(response)
    return simple(response.deletedObjects)


def refused(gateway: Gateway, request: Any) -> Any:
    """The ERR of a request that must fail."""
    response = submit(gateway, request)
    assert isinstance(response, omero.cmd.ERR), response
    return response


def failure(response: Any) -> str:
    return f"{response.name}: {response.parameters}" if isinstance(response, omero.cmd.ERR) else str(response)


def message(error: Any) -> str:
    return str(error.parameters.get("message", ""))


def simple(objects: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {name.rpartition(".")[2]: list(ids) for name, ids in objects.items()}


def _lists(targets: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {name: list(ids) for name, ids in targets.items()}


def child_option(**fields: Sequence[str]) -> Any:
    return omero.cmd.graphs.ChildOption(**{name: list(values) for name, values in fields.items()})


# -- looking


def exists(server: OmeroServer, kind: str, id_: int) -> bool:
    return server.store.row(kind, id_) is not None


def owner_of(server: OmeroServer, kind: str, id_: int) -> int:
    row = server.store.row(kind, id_)
    assert row is not None
    return int(row["d_owner"])


def group_of(server: OmeroServer, kind: str, id_: int) -> int:
    row = server.store.row(kind, id_)
    assert row is not None
    return int(row["d_group"])


def params(**values: int) -> Any:
    made = omero.sys.ParametersI()
    for name, value in values.items():
        made.add(name, rlong(value))
    return made


def delete2(**targets: int) -> Any:
    """The request that deletes one object a kind."""
    return omero.cmd.Delete2(targetObjects={kind: [id_] for kind, id_ in targets.items()})
