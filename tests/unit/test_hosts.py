"""What never leaves this computer needs no encryption; everything else does."""

from __future__ import annotations

import pytest

from omero_irods_bridge.model.hosts import is_this_computer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_the_loopback_is_this_computer(host: str) -> None:
    assert is_this_computer(host)


@pytest.mark.parametrize(
    "host", ["", "10.0.0.7", "0.0.0.0", "::", "localhost.example.org", "127.0.0.1.example.org", "[::1]"]
)
def test_other_hosts_and_what_only_looks_like_this_one_are_not(host: str) -> None:
    assert not is_this_computer(host)
