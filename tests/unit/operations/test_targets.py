from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.model.errors import BadName, UsageError
from omero_irods_bridge.model.objects import Kind, ObjectRef
from omero_irods_bridge.model.snapshot import Form
from omero_irods_bridge.operations.targets import (
    DEFAULT_TEMPLATE,
    FIELDS,
    LARGEST_COMPONENT,
    LARGEST_VALUE,
    check_template,
    expand,
    next_version,
    safe_value,
    template_values,
)

VALUES = template_values(
    zone="tempZone",
    irods_user="alice",
    server="omero.example.org",
    first=ObjectRef(Kind.DATASET, 51),
    name="HeLa, day 3",
    moment=datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC),
    omero_user="alice.o",
    group="lab",
)


def test_the_default_template_says_where_a_snapshot_came_from() -> None:
    expected = "/tempZone/home/alice/omero/omero.example.org/Dataset-51/HeLa, day 3-20260131T235959Z.zip"
    assert expand(DEFAULT_TEMPLATE, VALUES) == expected


def test_an_expanded_snapshot_has_no_ending() -> None:
    assert expand("/{zone}/{name}.zip", VALUES, Form.EXPANDED) == "/tempZone/HeLa, day 3"


def test_all_fields_have_values_and_every_known_field_can_be_used() -> None:
    assert set(VALUES) == set(FIELDS)
    assert expand("/" + "/".join(f"{{{field}}}" for field in FIELDS), VALUES).count("/") == len(FIELDS)


@pytest.mark.parametrize(
    ("template", "word"),
    [("/{zone}/{nmae}.zip", "{nmae}"), ("/{zone}/{}.zip", "{}"), ("/{zone}/{id:05}.zip", "{id:05}")],
)
def test_an_unknown_field_is_refused_with_the_list_of_known_ones(template: str, word: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_template(template)
    assert word in refused.value.message
    assert all(f"{{{field}}}" in refused.value.hint for field in FIELDS)


@pytest.mark.parametrize("template", ["/{zone", "/zone}", "relative/{name}.zip"])
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(UsageError):
        expand(template, VALUES)


def test_doubled_braces_are_braces() -> None:
    assert expand("/{zone}/a{{b}}.zip", VALUES) == "/tempZone/a{b}.zip"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "unnamed"),
        ("", "unnamed"),
        (".incoming", "incoming"),
        ("a\x00b\x1b[31m", "a_b_[31m"),
        ("two\nlines\tand more", "two lines and more"),
        ("what? <why>: 'x'", "what_ _why__ _x_"),
        ("A\u0308", "\u00c4"),
        ("right\u202eleft", "right_left"),
    ],
)
def test_a_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_value(name) == safe


@given(st.text())
def test_a_value_never_leaves_its_component(name: str) -> None:
    safe = safe_value(name)
    assert safe
    assert "/" not in safe
    assert not safe.startswith(".")
    assert safe == safe.strip()
    assert len(safe.encode()) <= LARGEST_VALUE
    assert safe_value(safe) == safe
    assert expand("/{zone}/{name}/{time}.zip", {**VALUES, "name": name}).count("/") == 3


@pytest.mark.parametrize(
    "template",
    ["/{zone}/../x.zip", "/{zone}//x.zip", "/{zone}/.incoming/x.zip", "/{zone}/a\nb.zip", "/", "/z/./x"],
)
def test_a_template_that_leads_elsewhere_is_refused(template: str) -> None:
    with pytest.raises(BadName):
        expand(template, VALUES)


def test_a_path_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadName, match="too long"):
        expand("/{zone}/" + "n" * (LARGEST_COMPONENT + 1), VALUES)
    with pytest.raises(BadName, match="too long"):
        expand("/{zone}" + "/deep" * 250, VALUES)


def test_versions_count_from_two_before_the_ending() -> None:
    assert next_version("/z/a.zip", 1) == "/z/a.zip"
    assert next_version("/z/a.zip", 2) == "/z/a-2.zip"
    assert next_version("/z/a.b", 3) == "/z/a.b-3"


def test_a_version_may_not_make_a_name_too_long() -> None:
    with pytest.raises(BadName):
        next_version("/z/" + "n" * (LARGEST_COMPONENT - 4) + ".zip", 10)
