"""Imports that fail: with which name, and what stays behind (omero-semantics.md, section 1)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import tifffile

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client
from tests.wire.omero_server.import_client import ImportFailed, Options


def failed(client: Client, paths: list[Path], **options: Any) -> Any:
    """The ERR of an import that fails."""
    with pytest.raises(ImportFailed) as failure:
        import_client.import_files(client, paths, Options(**options))
    return failure.value.error


def text(folder: Path) -> Path:
    path = folder / "letter.doc"
    path.write_text("These are no pixels.")
    return path


def newest_fileset(client: Client) -> Any:
    query = client.getSession().getQueryService()
    user_id = client.getSession().getAdminService().getEventContext().userId
    parameters = omero.sys.ParametersI().addId(user_id).page(0, 1)
    hql = "select f from Fileset f where f.details.owner.id = :id order by f.id desc"
    return query.findAllByQuery(hql, parameters)[0]


def images_of(client: Client, fileset: Any) -> list[Any]:
    parameters = omero.sys.ParametersI().addId(fileset.id)
    query = client.getSession().getQueryService()
    return list(query.findAllByQuery("select i from Image i where i.fileset.id = :id", parameters))


def test_a_file_that_nobody_can_read_fails_before_the_first_step(client: Client, tmp_path: Path) -> None:
    error = failed(client, [text(tmp_path)])
    assert error.name == "error-on-init"
    assert error.category == "::omero::grid::ImportRequest"
    assert "letter.doc" in error.parameters["message"]
    assert "Traceback" in error.parameters["stacktrace"]


def test_a_failed_import_leaves_its_files_and_a_fileset_without_images(
    server: OmeroServer, client: Client, tmp_path: Path
) -> None:
    failed(client, [text(tmp_path)])
    fileset = newest_fileset(client)
    assert images_of(client, fileset) == []
    (path,) = server.storage.fileset_paths(fileset.id.val)
    assert path.read_bytes() == text(tmp_path).read_bytes()
    log = server.storage.managed / f"{fileset.templatePrefix.val.rstrip('/')}.log"
    assert "error-on-init" in log.read_text()


def test_a_reader_may_use_no_file_that_is_not_in_the_fileset(
    server: OmeroServer, client: Client, tmp_path: Path
) -> None:
    planes = [tmp_path / "first.ome.tif", tmp_path / "second.ome.tif"]
    _write_pair(planes)
    process = import_client.start(
        client, [import_client.client_path(planes[0])], reader="loci.formats.in.OMETiffReader"
    )
    hashes = [import_client.upload(process, 0, planes[0].read_bytes())]
    fileset = newest_fileset(client)
    (place,) = server.storage.fileset_paths(fileset.id.val)
    shutil.copyfile(planes[1], place.with_name(planes[1].name))
    with pytest.raises(ImportFailed) as failure:
        import_client.finish(client, process.verifyUpload(hashes))
    assert failure.value.error.name == "error-on-init"
    assert "readable fileset" in failure.value.error.parameters["message"]


def _write_pair(paths: list[Path]) -> None:
    """An image of two planes, one in each file; each names both."""
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{path.name}">{uuid}</UUID></TiffData>'
        for z, (path, uuid) in enumerate(zip(paths, uuids, strict=True))
    )
    for path, uuid in zip(paths, uuids, strict=True):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">'
            '<Image ID="Image:0" Name="pair"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8"'
            ' SizeX="6" SizeY="4" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>'
            f"{blocks}</Pixels></Image></OME>"
        )
        tifffile.imwrite(path, np.zeros((4, 6), "uint8"), description=xml, metadata=None)


def test_both_files_together_are_one_image(client: Client, tmp_path: Path) -> None:
    planes = [tmp_path / "first.ome.tif", tmp_path / "second.ome.tif"]
    _write_pair(planes)
    (pixels,) = import_client.import_files(client, planes).pixels
    assert pixels.sizeZ.val == 2


def test_pixels_that_cannot_be_read_fail_after_the_images_were_saved(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "damaged.tif"
    noise = np.random.default_rng(1).integers(0, 255, (64, 64), "uint8")
    tifffile.imwrite(path, noise, compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = bytes(200)
    path.write_bytes(content)
    error = failed(client, [path])
    assert error.name == "import-file-exception", error.parameters["stacktrace"]
    assert error.parameters["filename"].endswith("damaged.tif")
    assert len(images_of(client, newest_fileset(client))) == 1
