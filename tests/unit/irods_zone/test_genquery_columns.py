"""The column table is complete, and agrees with python-irodsclient and with the catalog's tables."""

from __future__ import annotations

from collections import Counter

import pytest
from irods.models import ModelBase

from omero_irods_sandbox.irods_zone.genquery.columns import (
    BY_NAME,
    BY_NUMBER,
    COLUMNS,
    HIERARCHY,
    TABLES,
    column_numbered,
)
from omero_irods_sandbox.irods_zone.genquery.errors import CAT_UNKNOWN_TABLE, QueryError
from omero_irods_sandbox.irods_zone.genquery.genquery2 import column_mappings
from omero_irods_sandbox.irods_zone.genquery.operands import Kind
from tests.unit.irods_zone.genquery_catalog import empty_catalog

NOT_OF_THE_CATALOG = {0: "SpecificQueryResult.value: a label of python-irodsclient for specific queries"}


def test_every_column_that_the_client_defines_is_known() -> None:
    asked_for = {number for number, _ in ModelBase.column_items}

    assert len(asked_for) > 130
    assert asked_for - NOT_OF_THE_CATALOG.keys() - BY_NUMBER.keys() == set()


def test_every_column_exists_in_the_catalog_with_its_type() -> None:
    catalog = empty_catalog()
    types = {
        (table, row[1]): row[2].upper()
        for table in set(TABLES.values())
        for row in catalog.execute(f"pragma table_info({table})")
    }

    for column in COLUMNS:
        if column.name != HIERARCHY:
            declared = types[TABLES[column.table], column.name]
            assert (declared == "INTEGER") == (column.kind is Kind.INTEGER), column


def test_every_table_that_a_column_names_is_known() -> None:
    assert {column.table for column in COLUMNS} <= TABLES.keys()


def test_no_number_and_no_name_means_two_columns() -> None:
    numbers = Counter(column.number for column in COLUMNS if column.number is not None)
    names = Counter(column.genquery2 for column in COLUMNS if column.genquery2)

    assert set(numbers.values()) == {1}
    assert set(names.values()) == {1}


@pytest.mark.parametrize(
    ("number", "words"), [(99999, "99999"), (1200, "audit"), (1700, "rule base"), (-1, "-1")]
)
def test_an_unknown_number_is_refused_by_name(number: int, words: str) -> None:
    with pytest.raises(QueryError, match=words) as refusal:
        column_numbered(number)

    assert refusal.value.code == CAT_UNKNOWN_TABLE == -823000


def test_the_names_of_genquery2_are_those_of_the_server() -> None:
    mappings = column_mappings()

    assert len(mappings) == len(BY_NAME) == 119  # genquery2_table_column_mappings.hpp of iRODS 5.0.2
    assert mappings["COLL_ID"] == {"R_COLL_MAIN": "coll_id"}
    assert mappings["META_USER_ATTR_NAME"] == {"R_META_MAIN": "meta_attr_name"}
    assert mappings["DATA_ACCESS_USER_NAME"] == {"R_USER_MAIN": "user_name"}
    assert mappings["DATA_RESC_HIER"] == {"": "hier"}
    assert "DATA_OWNER_NAME" not in mappings
    assert "TICKET_STRING" not in mappings
