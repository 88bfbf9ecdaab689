"""Tables as OriginalFiles: what is recorded, who may write, how they end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import Ice
import omero
import omero.grid
import pytest
from omero.rtypes import rstring, unwrap

from omero_irods_sandbox.omero_server.server import OmeroServer

from .conftest import Connect, Group, MakeUser

Gateway = Any


def _filled(gateway: Gateway, path: str = "/some/table.h5") -> Any:
    """An open table with one column and one row."""
    table = gateway.c.sf.sharedResources().newTable(1, path)
    table.initialize([omero.grid.LongColumn("n", "", [])])
    table.addData([omero.grid.LongColumn("n", "", [7])])
    return table


def _reopened(gateway: Gateway, file_id: int) -> Any:
    return gateway.c.sf.sharedResources().openTable(omero.model.OriginalFileI(file_id, False))


def test_tables_are_there(gateway: Gateway) -> None:
    assert gateway.c.sf.sharedResources().areTablesEnabled()


def test_a_new_table_is_a_file_without_hasher_whose_name_is_its_path(gateway: Gateway) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    table.close()

    file = gateway.getQueryService().get("OriginalFile", file_id)
    assert (file.name.val, file.path.val) == ("/some/table.h5", "/some/table.h5")
    assert file.mimetype.val == "OMERO.tables"
    assert file.hasher is None
    assert file.hash is None


def test_closing_a_table_records_the_size_of_its_file(server: OmeroServer, gateway: Gateway) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    table.close()

    file = gateway.getQueryService().get("OriginalFile", file_id)
    assert file.size.val == server.storage.path_by_id(file_id).stat().st_size > 0


def test_a_table_that_its_client_leaves_open_is_closed_and_recorded(
    server: OmeroServer, gateway: Gateway, connect: Connect, make_user: MakeUser
) -> None:
    user = make_user()
    leaving = connect(user)
    file_id = _filled(leaving).getOriginalFile().id.val
    leaving.close()

    file = connect(user).getQueryService().get("OriginalFile", file_id)
    assert file.size.val == server.storage.path_by_id(file_id).stat().st_size


def test_a_closed_table_answers_no_more(gateway: Gateway) -> None:
    table = _filled(gateway)
    table.close()
    with pytest.raises(Ice.ObjectNotExistException):
        table.getNumberOfRows()


def test_bytes_of_a_table_can_be_downloaded_and_are_hdf(gateway: Gateway) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    table.close()

    content = b"".join(gateway.getObject("OriginalFile", file_id).getFileInChunks())
    assert content.startswith(b"\x89HDF")


def test_a_table_is_found_through_the_annotation_that_clients_attach(gateway: Gateway) -> None:
    table = _filled(gateway)
    file = table.getOriginalFile()
    table.close()
    dataset = omero.model.DatasetI()
    dataset.name = rstring("with a table")
    annotation = omero.model.FileAnnotationI()
    annotation.ns = rstring("openmicroscopy.org/omero/bulk_annotations")
    annotation.file = file.proxy()
    dataset.linkAnnotation(annotation)
    saved = gateway.getUpdateService().saveAndReturnObject(dataset)

    (found,) = list(gateway.getObject("Dataset", saved.id.val).listAnnotations())
    table = _reopened(gateway, found.getFile().getId())
    assert table.read([0], 0, 0).columns[0].values == [7]
    table.close()


def test_two_clients_share_an_open_table(gateway: Gateway, connect: Connect, user: Any) -> None:
    first = _filled(gateway)
    second = _reopened(connect(user), first.getOriginalFile().id.val)
    second.addData([omero.grid.LongColumn("n", "", [8])])
    second.close()

    assert first.read([0], 0, 0).columns[0].values == [7, 8]
    first.close()


def test_rows_that_several_clients_add_at_once_are_all_there(
    gateway: Gateway, connect: Connect, user: Any
) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    opened = [_reopened(connect(user), file_id) for _ in range(4)]

    def add(one: Any) -> None:
        for _ in range(10):
            one.addData([omero.grid.LongColumn("n", "", [1, 2, 3])])

    with ThreadPoolExecutor() as pool:
        list(pool.map(add, opened))
    for one in opened:
        one.close()
    values = table.read([0], 0, 0).columns[0].values
    assert sorted(values) == sorted([7] + [1, 2, 3] * 40)
    table.close()


def test_who_may_not_edit_the_file_reads_the_table_only(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwr---")
    owner, member = connect(make_user(group)), connect(make_user(group))
    table = _filled(owner)
    file_id = table.getOriginalFile().id.val
    table.close()

    seen = _reopened(member, file_id)
    assert seen.read([0], 0, 0).columns[0].values == [7]
    column = omero.grid.LongColumn("n", "", [0])
    for write in (
        lambda: seen.addData([column]),
        lambda: seen.initialize([column]),
        lambda: seen.setMetadata("a", rstring("b")),
        lambda: seen.setAllMetadata({}),
        lambda: seen.update(omero.grid.Data()),
        lambda: seen.addColumn(column),
        seen.delete,
    ):
        with pytest.raises(omero.SecurityViolation):
            write()
    seen.close()


def test_members_of_a_read_write_group_add_to_each_others_tables(
    make_group: Callable[..., Group], make_user: MakeUser, connect: Connect
) -> None:
    group = make_group("rwrw--")
    owner, member = connect(make_user(group)), connect(make_user(group))
    table = _filled(owner)
    file_id = table.getOriginalFile().id.val
    table.close()

    seen = _reopened(member, file_id)
    seen.addData([omero.grid.LongColumn("n", "", [8])])
    seen.close()
    again = _reopened(owner, file_id)
    assert again.getNumberOfRows() == 2
    again.close()


def test_a_table_of_a_private_group_is_not_there_for_others(
    gateway: Gateway, connect: Connect, make_user: MakeUser
) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    table.close()
    with pytest.raises(omero.ValidationException):
        _reopened(connect(make_user()), file_id)


def test_a_file_that_is_no_table_opens_as_none(gateway: Gateway, tmp_path: Any) -> None:
    plain = tmp_path / "plain.txt"
    plain.write_text("no table at all")
    file = gateway.createOriginalFileFromLocalFile(str(plain), mimetype="text/plain")
    assert _reopened(gateway, file.getId()) is None


def test_adding_a_column_is_refused_as_omero_does(gateway: Gateway) -> None:
    table = _filled(gateway)
    with pytest.raises(omero.ApiUsageException, match="NYI"):
        table.addColumn(omero.grid.LongColumn("late", "", []))
    table.close()


def test_a_deleted_table_takes_its_file_along(server: OmeroServer, gateway: Gateway) -> None:
    table = _filled(gateway)
    file_id = table.getOriginalFile().id.val
    path = server.storage.path_by_id(file_id)
    table.delete()

    assert gateway.getQueryService().find("OriginalFile", file_id) is None
    assert not path.exists()


def test_a_table_grows_beyond_one_message(gateway: Gateway) -> None:
    table = _filled(gateway)
    for _ in range(4):
        table.addData([omero.grid.LongColumn("n", "", list(range(50_000)))])
    assert table.getNumberOfRows() == 200_001
    assert unwrap(table.getWhereList("n == 49999", None, 0, 0, 1)) == [50_000, 100_000, 150_000, 200_000]
    table.close()
