"""Client paths, as the server would treat them."""

from __future__ import annotations

import omero
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omero_irods_bridge.adapters.omero.import_paths import check_client_paths, safe_component
from omero_irods_bridge.model.errors import BadName
from omero_irods_sandbox.omero_server.repository.paths import RepositoryPath
from omero_irods_sandbox.omero_server.repository.sanitising import DEFAULT_RULES, Sanitiser
from omero_irods_sandbox.omero_server.repository.trimming import trim

_SERVER = Sanitiser(DEFAULT_RULES)

names = st.text(min_size=1, max_size=12).filter(lambda text: "/" not in text) | st.sampled_from(
    ["CON", "con.txt", "COM1", "com1.a.b", "$x", "CLOCK$", "CLOCK$.x", "aux", "LPT9.", "a:b", "\x85"]
)
folders = st.lists(st.sampled_from(["a", "b", "c"]), max_size=8)


@given(names)
def test_names_become_what_the_server_makes_of_them(name: str) -> None:
    assert safe_component(name) == _SERVER.component(name)


@given(st.lists(st.tuples(folders, st.sampled_from(["x", "y", "z"])), min_size=1, max_size=4, unique_by=str))
def test_layouts_are_refused_just_where_the_server_fails(files: list[tuple[list[str], str]]) -> None:
    paths = ["/".join([*folder, name]) for folder, name in files]
    assert _is_refused_here(paths) == _fails_there(paths)


def _is_refused_here(paths: list[str]) -> bool:
    try:
        check_client_paths(paths)
    except BadName:
        return True
    return False


def _fails_there(paths: list[str]) -> bool:
    try:
        trim([RepositoryPath.parse(path) for path in paths], None)
    except omero.InternalException:  # the unchecked error of List.subList
        return True
    return False


@pytest.mark.parametrize("path", ["a/CON/b", "a b/ü.tif", "x" * 255, "a/.hidden", "a/..b"])
def test_what_the_server_takes_is_let_through(path: str) -> None:
    check_client_paths([path])
