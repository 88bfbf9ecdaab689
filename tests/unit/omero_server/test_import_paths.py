from __future__ import annotations

from datetime import datetime

import omero
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath, checked_path
from omero_irods_sandbox.omero_server.repository.sanitising import Sanitiser
from omero_irods_sandbox.omero_server.repository.template import (
    Template,
    TemplateValues,
    expanded,
    has_time,
    local_moment,
    with_time,
)
from omero_irods_sandbox.omero_server.repository.trimming import (
    READER_KEY,
    common_root,
    required_directories,
    trim,
)

SANITISER = Sanitiser()
components = st.lists(st.sampled_from(["a", "b", "c", "x.tif"]), min_size=1, max_size=7)


def parsed(*texts: str) -> list[RepositoryPath]:
    return [RepositoryPath.parse(text) for text in texts]


# -- paths


def test_a_path_knows_the_columns_of_its_original_file() -> None:
    path = RepositoryPath.parse("/user_2//2026-01/a.tif")
    assert (str(path), path.parent_column, path.name) == ("user_2/2026-01/a.tif", "user_2/2026-01/", "a.tif")
    top = RepositoryPath.parse("user_2")
    assert (top.parent_column, top.name, top.children_column) == ("/", "user_2", "user_2/")


def test_dots_are_resolved_within_the_repository() -> None:
    assert str(checked_path("a/./b/../c", SANITISER)) == "a/c"
    assert checked_path("a/..", SANITISER).is_root


@pytest.mark.parametrize("text", ["..", "a/../../b", "/../etc/passwd"])
def test_a_path_above_the_root_is_refused(text: str) -> None:
    with pytest.raises(omero.ValidationException, match="above root"):
        checked_path(text, SANITISER)


@pytest.mark.parametrize("text", ["a:b", "CON/x.tif", "a/\x00"])
def test_a_path_with_an_unsafe_component_is_refused(text: str) -> None:
    with pytest.raises(omero.ValidationException, match="illegal components"):
        checked_path(text, SANITISER)


def test_the_root_has_no_parent() -> None:
    with pytest.raises(omero.ValidationException):
        _ = RepositoryPath().parent


def test_a_lineage_leads_from_the_top_down() -> None:
    assert [str(path) for path in RepositoryPath.parse("a/b/c").lineage] == ["a", "a/b", "a/b/c"]


# -- what is kept of the client's paths


def test_the_common_root_never_takes_a_file_itself() -> None:
    assert str(common_root(parsed("data/x.tif"))) == "data"
    assert str(common_root(parsed("d/a/1.tif", "d/a/2.tif", "d/b"))) == "d"
    assert common_root(parsed("d", "d")).is_root


def test_three_parents_stay_when_no_reader_says_otherwise() -> None:
    trimmed = trim(parsed("home/me/project/run/day/x.tif"), None)
    assert str(trimmed.base) == "project/run/day"
    assert [str(path) for path in trimmed.remainders] == ["x.tif"]


def test_the_shortest_path_decides_how_much_goes() -> None:
    trimmed = trim(parsed("h/m/p/r/x.ome", "h/m/p/r/deep/er/y.tif"), None)
    assert str(trimmed.base) == "m/p/r"
    assert [str(path) for path in trimmed.remainders] == ["x.ome", "deep/er/y.tif"]


def test_short_paths_are_kept_whole() -> None:
    trimmed = trim(parsed("a/x.tif"), None)
    assert (str(trimmed.base), str(trimmed.paths[0])) == ("a", "a/x.tif")


def test_a_reader_without_needs_drops_all_that_is_shared() -> None:
    trimmed = trim(parsed("h/./p/x.ome", "h/./p/sub/y.tif"), 0)
    assert trimmed.base.is_root
    assert [str(path) for path in trimmed.remainders] == ["x.ome", "sub/y.tif"]


def test_deep_paths_that_share_nothing_fail_as_an_unchecked_error() -> None:
    with pytest.raises(omero.InternalException):
        trim(parsed("a/b/c/d/x.tif", "v/w/x/y/z.tif"), None)


@given(st.lists(components, min_size=1, max_size=4), st.none() | st.integers(0, 3))
def test_trimming_never_loses_the_way_to_a_file(paths: list[list[str]], needed: int | None) -> None:
    given_paths = [RepositoryPath(tuple(path)) for path in paths]
    try:
        trimmed = trim(given_paths, needed)
    except omero.InternalException:
        return
    for before, after, rest in zip(given_paths, trimmed.paths, trimmed.remainders, strict=True):
        assert before.components[len(before.components) - len(after.components) :] == after.components
        assert (trimmed.base / rest.components) == after
        assert rest.name == before.name


def test_only_a_reader_of_bioformats_says_how_many_directories_it_needs() -> None:
    assert required_directories([(READER_KEY, "loci.formats.in.TiffReader")]) == 0
    assert required_directories([(READER_KEY, "Unknown")]) is None
    assert required_directories([("omero.version", "5.6")]) is None


# -- templates


def values(**changes: object) -> TemplateValues:
    moment = datetime.fromisoformat("2026-03-07T09:05:03.042+01:00")
    known: dict[str, object] = {
        "user": "a:b", "user_id": 7, "group": "g", "group_id": 9, "session": "uuid", "session_id": 11,
        "permissions": "rw----", "moment": moment,
    }  # fmt: skip
    return TemplateValues(**(known | changes))  # type: ignore[arg-type]


def test_the_last_double_slash_divides_what_is_roots_and_what_is_the_users() -> None:
    template = Template.parse("x//%user%_%userId%//%year%/%time%")
    assert (str(template.root_part), str(template.user_part)) == ("x/%user%_%userId%", "%year%/%time%")
    assert Template.parse("%user%/%time%").root_part.is_root


def test_a_template_without_a_part_of_the_user_is_refused() -> None:
    with pytest.raises(omero.ApiUsageException):
        Template.parse("%user%//")


def test_terms_are_replaced_and_names_made_safe() -> None:
    terms = values().terms(SANITISER)
    assert expanded("%user%_%userId%-%groupId%", terms) == "a;b_7-9"
    assert expanded("%year%-%month%-%day% %monthname%", terms) == "2026-03-07 March"


def test_an_unknown_term_is_an_error_that_names_the_component() -> None:
    with pytest.raises(omero.InternalException, match="%nonsense%"):
        expanded("a%nonsense%", values().terms(SANITISER))


def test_each_attempt_at_the_time_is_a_millisecond_later() -> None:
    moment = values().moment
    component = expanded("at %time%", values().terms(SANITISER))
    assert has_time(component)
    assert with_time(component, moment, 0) == "at 09-05-03.042"
    assert with_time(component, moment, 1) == "at 09-05-03.043"
    assert with_time(component, moment, 960) == "at 09-05-03.1002"


def test_the_clock_is_exact_to_the_millisecond() -> None:
    moment = local_moment(1_772_870_703_042)
    assert moment.microsecond == 42_000
    assert int(moment.timestamp()) == 1_772_870_703
