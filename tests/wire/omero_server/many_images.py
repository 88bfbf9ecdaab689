"""A dataset with very many images, as rows: only the listing of them is of interest."""

from __future__ import annotations

from omero_irods_sandbox.omero_server.server import OmeroServer


def insert_images(server: OmeroServer, dataset: int, count: int) -> list[int]:
    """Images with pixels in a dataset, of its owner; their ids. Names are ``image 00000`` and so on."""
    row = server.store.row("Dataset", dataset)
    assert row is not None
    details = {"owner_id": int(row["d_owner"]), "group_id": int(row["d_group"])}
    uint8 = server.store.enumeration("PixelsType", "uint8")
    order = server.store.enumeration("DimensionOrder", "XYZCT")
    made = []
    with server.store.work(server.internal_caller()) as work:
        for number in range(count):
            image = work.insert("Image", **details, name=f"image {number:05d}", series=0)
            sizes = dict.fromkeys(("sizeX", "sizeY", "sizeZ", "sizeC", "sizeT"), 1)
            work.insert(
                "Pixels", **details, **sizes, image_id=image, image_index=0, pixelsType_id=uint8,
                dimensionOrder_id=order, sha1="Pending...",
            )  # fmt: skip
            work.insert("DatasetImageLink", **details, parent_id=dataset, child_id=image)
            made.append(image)
    return made
