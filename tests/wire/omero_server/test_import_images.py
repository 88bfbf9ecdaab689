"""What an import makes of files: images, plates, settings (omero-semantics.md, section 1)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import omero
import pytest
import tifffile
from omero.rtypes import rbool, rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer
from tests.wire.omero_server import import_client
from tests.wire.omero_server.conftest import Client, Connect, MakeUser
from tests.wire.omero_server.import_client import Options


def fake(folder: Path, name: str) -> Path:
    """A .fake file, which says by its name what it holds."""
    path = folder / f"{name}.fake"
    path.touch()
    return path


def imported(client: Client, path: Path, **options: Any) -> Any:
    return import_client.import_files(client, [path], Options(**options))


def query(client: Client, hql: str, **values: int) -> list[Any]:
    parameters = omero.sys.ParametersI()
    for name, value in values.items():
        parameters.addLong(name, value)
    rows = client.getSession().getQueryService().projection(hql, parameters)
    return [unwrap(row) for row in rows]


def new(client: Client, kind: str) -> Any:
    container = getattr(omero.model, f"{kind}I")()
    container.name = rstring(f"a {kind}")
    return client.getSession().getUpdateService().saveAndReturnObject(container)


def names_of(response: Any) -> list[str]:
    return [pixels.image.name.val for pixels in response.pixels]


# -- names


def test_an_image_is_named_after_its_file(client: Client, tmp_path: Path) -> None:
    assert names_of(imported(client, fake(tmp_path, "cells"))) == ["cells.fake"]


def test_the_user_may_name_an_image(client: Client, tmp_path: Path) -> None:
    assert names_of(imported(client, fake(tmp_path, "cells"), name="  mine ")) == ["mine"]


def test_images_of_one_file_are_told_apart_in_brackets(client: Client, tmp_path: Path) -> None:
    response = imported(client, fake(tmp_path, "cells&series=3"), name="mine")
    names = names_of(response)
    assert len(set(names)) == 3
    assert all(name.startswith("mine [") and name.endswith("]") for name in names)
    assert [pixels.image.series.val for pixels in response.pixels] == [0, 1, 2]


def test_of_a_long_name_the_end_is_kept(client: Client, tmp_path: Path) -> None:
    (name,) = names_of(imported(client, fake(tmp_path, "cells"), name="a" * 300 + "end"))
    assert (len(name), name[0], name[-3:]) == (255, "…", "end")


def test_the_user_may_describe_an_image(client: Client, tmp_path: Path) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells"), description="seen today").pixels
    assert pixels.image.description.val == "seen today"


# -- where images go


def test_images_go_into_the_dataset_that_was_asked_for(client: Client, tmp_path: Path) -> None:
    dataset = new(client, "Dataset")
    response = imported(client, fake(tmp_path, "cells&series=2"), target=dataset)
    rows = query(
        client, "select l.child.id from DatasetImageLink l where l.parent.id = :id", id=dataset.id.val
    )
    assert sorted(row[0] for row in rows) == import_client.image_ids(response)


def test_plates_go_into_the_screen_that_was_asked_for(client: Client, tmp_path: Path) -> None:
    screen = new(client, "Screen")
    path = fake(tmp_path, "plate&plates=1&plateRows=2&plateCols=2&fields=1")
    (plate,) = imported(client, path, target=omero.model.ScreenI(screen.id.val, False)).objects
    rows = query(client, "select l.child.id from ScreenPlateLink l where l.parent.id = :id", id=screen.id.val)
    assert rows == [[plate.id.val]]


@pytest.mark.parametrize("kind", ["Project", "Folder"])
def test_nothing_is_imported_into_anything_else(client: Client, tmp_path: Path, kind: str) -> None:
    with pytest.raises(import_client.ImportFailed) as failed:
        imported(client, fake(tmp_path, "cells"), target=new(client, kind))
    assert failed.value.error.name == "import-request-failure"
    assert kind in failed.value.error.parameters["message"]


def test_every_image_gets_every_annotation_and_each_is_made_once(client: Client, tmp_path: Path) -> None:
    tag, comment = omero.model.TagAnnotationI(), omero.model.CommentAnnotationI()
    tag.textValue, comment.textValue = rstring("new tag"), rstring("known")
    known = client.getSession().getUpdateService().saveAndReturnObject(comment)
    reference = omero.model.CommentAnnotationI(known.id.val, False)
    path = fake(tmp_path, "cells&series=2")
    response = imported(client, path, annotations=[tag, reference])
    found = [
        query(
            client,
            "select l.child.id from ImageAnnotationLink l where l.parent.id = :id order by l.child.id",
            id=id_,
        )
        for id_ in import_client.image_ids(response)
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 2
    assert [known.id.val] in found[0]


# -- pixels


def test_sizes_that_the_user_gives_fill_only_what_the_file_leaves_open(
    client: Client, tmp_path: Path
) -> None:
    path = fake(tmp_path, "cells&physicalSizeX=2.5")
    (pixels,) = imported(client, path, pixel_sizes=[1.0, 0.5, 7.0]).pixels
    sizes = [pixels.physicalSizeX, pixels.physicalSizeY, pixels.physicalSizeZ]
    assert [size.getValue() for size in sizes] == [2.5, 0.5, 7.0]
    assert {str(size.getUnit()) for size in sizes} == {"MICROMETER"}


def test_pixels_know_the_range_of_each_channel_and_their_checksum(client: Client, tmp_path: Path) -> None:
    planes = np.stack([np.full((4, 6), 7, "uint16"), np.arange(24, dtype="uint16").reshape(4, 6)])
    path = tmp_path / "two.ome.tif"
    tifffile.imwrite(path, planes, metadata={"axes": "CYX"})
    (pixels,) = imported(client, path).pixels
    hql = (
        "select s.globalMin, s.globalMax from Channel c join c.statsInfo s where c.pixels.id = :id"
        " order by c.id"
    )
    assert query(client, hql, id=pixels.id.val) == [[7.0, 7.0], [0.0, 23.0]]
    assert pixels.sha1.val == hashlib.sha1(planes.astype(">u2").tobytes()).hexdigest()


def test_without_statistics_nothing_is_read(client: Client, tmp_path: Path) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells"), statistics=False).pixels
    assert pixels.sha1.val == "Pending..."
    hql = "select c.id from Channel c join c.statsInfo s where c.pixels.id = :id"
    assert query(client, hql, id=pixels.id.val) == []


def test_pictures_range_over_all_that_their_type_holds(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "rgb.tif"
    tifffile.imwrite(path, np.full((4, 6, 3), 9, "uint8"), photometric="rgb")
    (pixels,) = imported(client, path).pixels
    hql = (
        "select c.red, c.green, c.blue, l.name, s.globalMin, s.globalMax from Channel c"
        " join c.logicalChannel l join c.statsInfo s where c.pixels.id = :id order by c.id"
    )
    assert query(client, hql, id=pixels.id.val) == [
        [255, 0, 0, "Red", 0.0, 255.0],
        [0, 255, 0, "Green", 0.0, 255.0],
        [0, 0, 255, "Blue", 0.0, 255.0],
    ]


def test_pixels_name_the_file_that_a_reader_opens(
    server: OmeroServer, client: Client, tmp_path: Path
) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells")).pixels
    row = server.store.row("Pixels", pixels.id.val)
    assert row is not None
    prefix = pixels.image.fileset.templatePrefix.val.rstrip("/")
    assert row["name"] == "cells.fake"
    assert row["path"].startswith(prefix)
    assert not row["path"].endswith("/")
    assert row["repo"] == server.storage.managed_uuid


def test_an_image_knows_its_fileset_and_its_format(client: Client, tmp_path: Path) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells")).pixels
    assert pixels.image.format.value.val == "Fake"
    assert pixels.image.fileset.id is not None
    assert not pixels.image.archived.val


# -- settings and thumbnails


def settings_and_thumbnails(client: Client, pixels_id: int) -> tuple[int, int]:
    return tuple(  # type: ignore[return-value]
        len(query(client, f"select o.id from {kind} o where o.pixels.id = :id", id=pixels_id))
        for kind in ("RenderingDef", "Thumbnail")
    )


@pytest.mark.parametrize(("thumbnails", "expected"), [(True, (1, 1)), (None, (1, 1)), (False, (0, 0))])
def test_without_thumbnails_there_are_no_settings_either(
    client: Client, tmp_path: Path, thumbnails: bool | None, expected: tuple[int, int]
) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells"), thumbnails=thumbnails).pixels
    assert settings_and_thumbnails(client, pixels.id.val) == expected


# -- plates


def test_of_a_plate_the_answer_is_the_plate_and_pixels_in_the_order_of_series(
    client: Client, tmp_path: Path
) -> None:
    path = fake(tmp_path, "plate&plates=2&plateRows=2&plateCols=3&fields=2&plateAcqs=2&sizeX=8&sizeY=8")
    response = imported(client, path)
    assert [type(one).__name__ for one in response.objects] == ["PlateI", "PlateI"]
    assert [pixels.image.series.val for pixels in response.pixels] == list(range(48))
    plate = response.objects[0]
    assert (plate.rows.val, plate.columns.val) == (2, 3)
    wells = query(client, "select w.row, w.column from Well w where w.plate.id = :id", id=plate.id.val)
    assert sorted(wells) == [[row, column] for row in range(2) for column in range(3)]
    hql = (
        "select a.id, count(s.id) from PlateAcquisition a join a.wellSample s where a.plate.id = :id"
        " group by a.id"
    )
    per_run = query(client, hql, id=plate.id.val)
    assert [count for _run, count in per_run] == [12, 12]


def test_a_plate_takes_the_name_that_the_user_gives(client: Client, tmp_path: Path) -> None:
    path = fake(tmp_path, "plate&plates=1&plateRows=1&plateCols=1&fields=1&sizeX=8&sizeY=8")
    assert [one.name.val for one in imported(client, path, name="mine").objects] == ["mine"]


def test_the_originals_of_a_plate_are_not_for_download(
    server: OmeroServer, client: Client, root: Any, tmp_path: Path
) -> None:
    path = fake(tmp_path, "plate&plates=1&plateRows=1&plateCols=1&fields=1&sizeX=8&sizeY=8")
    path.write_bytes(b"not really empty")
    (pixels,) = imported(client, path).pixels
    hql = "select e.originalFile.id from FilesetEntry e where e.fileset.id = :id"
    ((file_id,),) = query(client, hql, id=pixels.image.fileset.id.val)
    for reader in (client, root.c):
        store = reader.getSession().createRawFileStore()
        store.setFileId(file_id, import_client.ALL_GROUPS)
        with pytest.raises(omero.SecurityViolation, match="Download is restricted"):
            store.read(0, 1)
        store.close()
    config = root.getConfigService()
    config.setConfigValue("omero.policy.binary_access", "+read,+write,+image,+plate")
    try:
        store = client.getSession().createRawFileStore()
        store.setFileId(file_id)
        assert store.read(0, 3) == b"not"
        store.close()
    finally:
        config.setConfigValue("omero.policy.binary_access", "+read,+write,+image")


# -- several files


def test_the_first_file_is_the_one_that_a_reader_opens(client: Client, tmp_path: Path) -> None:
    cells, notes = fake(tmp_path, "cells"), tmp_path / "notes.doc"
    notes.write_text("These are no pixels.")
    assert names_of(import_client.import_files(client, [cells, notes])) == ["cells.fake"]
    with pytest.raises(import_client.ImportFailed, match=r"notes\.doc"):
        import_client.import_files(client, [notes, cells])


# -- the steps


def test_every_step_leaves_its_time_in_the_log_of_events(client: Client, tmp_path: Path) -> None:
    (pixels,) = imported(client, fake(tmp_path, "cells")).pixels
    hql = (
        "select e.id from FilesetJobLink l join l.child j join j.originalFileLinks o, EventLog e"
        " where l.parent.id = :id and e.entityId = o.child.id and e.action = 'UPDATE'"
        " and e.entityType = 'ome.model.core.OriginalFile'"
    )
    assert len(query(client, hql, id=pixels.image.fileset.id.val)) == 6, "five steps and the end"


# -- the handle


def test_a_handle_that_is_closed_early_ends_the_import(
    server: OmeroServer, client: Client, tmp_path: Path
) -> None:
    path = fake(tmp_path, "cells&series=400&sizeX=64&sizeY=64")
    process = import_client.start(client, [import_client.client_path(path)])
    hashes = [import_client.upload(process, 0, path.read_bytes())]
    handle = process.verifyUpload(hashes)
    log = server.storage.path_by_id(handle.getRequest().logFile.id.val)
    handle.close()
    import_client.wait_until(lambda: "Cancelled" in log.read_text())
    assert "Cleaning up" not in log.read_text()


def test_the_server_closes_an_import_that_asks_for_it(client: Client, tmp_path: Path) -> None:
    wish = omero.model.BooleanAnnotationI()
    wish.ns, wish.boolValue = rstring("openmicroscopy.org/omero/import/autoClose"), rbool(True)
    path = fake(tmp_path, "cells")
    process = import_client.start(client, [import_client.client_path(path)], Options(annotations=[wish]))
    handle = process.verifyUpload([import_client.upload(process, 0, b"")])
    import_client.wait_until(lambda: import_client.is_gone(handle) and import_client.is_gone(process))


def test_what_a_sudoer_imports_belongs_to_the_user(
    server: OmeroServer, make_user: MakeUser, connect: Connect, tmp_path: Path
) -> None:
    user = make_user()
    admin = connect(make_user(privileges=["Sudo"]))
    gateway = admin.suConn(user.name)
    try:
        (pixels,) = imported(gateway.c, fake(tmp_path, "cells")).pixels
        details = pixels.image.details
        assert (details.owner.id.val, details.group.id.val) == (user.id, user.group_id)
    finally:
        gateway.close()
