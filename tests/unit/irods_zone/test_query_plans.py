"""How SQLite goes about the searches that clients wait for."""

from __future__ import annotations

from pathlib import Path

import pytest

from omero_irods_sandbox.irods_zone.catalog.database import Database
from omero_irods_sandbox.irods_zone.genquery.genquery1 import Condition, Select, build
from omero_irods_sandbox.irods_zone.genquery.visibility import Viewer

_NAME, _VALUE = 600, 601


@pytest.mark.parametrize("value", ["like '%123%'", "between '1' '2'", "> '1'"])
@pytest.mark.parametrize("viewer", [Viewer(1, is_admin=True), Viewer(2, is_admin=False)])
def test_a_second_avu_is_looked_up_in_the_object_not_the_object_in_all_avus_of_that_name(
    tmp_path: Path, value: str, viewer: Viewer
) -> None:
    conditions = [(_NAME, "= 'a'"), (_VALUE, "= '1'"), (_NAME, "= 'b'"), (_VALUE, value)]
    statement = build(
        [Select(501), Select(403)], [Condition(column, text) for column, text in conditions], 0, 0, viewer
    )
    database = Database(tmp_path / "catalog.sqlite")
    try:
        database.define("hier", 1, str)
        plan = [row[3] for row in database.rows("explain query plan " + statement.sql, *statement.parameters)]
    finally:
        database.close()
    assert any("r_data_metamap2" in step and "(object_id=?)" in step for step in plan), plan
    assert any("r_data_meta_mn02 USING INTEGER PRIMARY KEY" in step for step in plan), plan


def test_the_connections_that_read_plan_the_same(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.sqlite")
    reader = database.connect_to_read()
    try:
        assert reader.execute("select count(*) from sqlite_stat1").fetchone()[0] > 0
    finally:
        reader.close()
        database.close()
