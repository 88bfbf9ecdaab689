"""Whether what is sent to a host leaves this computer: only then others on the way could read it."""

from __future__ import annotations

import ipaddress


def is_this_computer(host: str) -> bool:
    """Whether ``host`` is ``localhost`` or an address of the loopback; no name is looked up."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
