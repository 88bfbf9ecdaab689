"""Each public function of ezomero has a test of its own against the embedded server."""

from __future__ import annotations

import inspect

import ezomero

from tests.wire.omero_server import (
    test_ezomero_connection,
    test_ezomero_filter,
    test_ezomero_get,
    test_ezomero_post,
    test_ezomero_put,
)
from tests.wire.omero_server.ezomero_coverage import covered_by

_MODULES = (
    test_ezomero_connection,
    test_ezomero_filter,
    test_ezomero_get,
    test_ezomero_post,
    test_ezomero_put,
)


def test_every_public_function_of_ezomero_has_its_test() -> None:
    covered = set().union(*map(covered_by, _MODULES))
    assert covered == set(ezomero.__all__)


def test_nothing_that_ezomero_exports_is_hidden_from_its_list() -> None:
    exported = {name for name, member in vars(ezomero).items() if inspect.isfunction(member)}
    assert exported == set(ezomero.__all__)
