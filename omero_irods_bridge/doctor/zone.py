"""iRODS: is it there, is it new enough, who are we there."""

from __future__ import annotations

from typing import Final

from omero_irods_bridge.adapters.irods.about import AboutZone
from omero_irods_bridge.adapters.irods.environment import Account
from omero_irods_bridge.doctor.diagnosis import Diagnoses, ok, problem, warning
from omero_irods_bridge.model.hosts import is_this_computer

OLDEST: Final = (4, 2, 9)
"""Before it, data objects have no lock while they are written."""

TRIED: Final = (4, 3, 2)
"""From it on all calls are there that the bridge uses; older versions get other ones that do the same."""


def look_at_zone(account: Account, about: AboutZone) -> Diagnoses:
    """The zone that answered, and the way to it."""
    where = f"{account.host}:{account.port}"
    yield ok("irods", f"zone {about.zone} at {where} answers {about.user}, a {about.user_type}")
    yield from version(about.version)
    yield from encryption(account.host, is_encrypted=about.is_encrypted)
    yield from checksums(about.hash_scheme)


def version(found: tuple[int, ...]) -> Diagnoses:
    """Is the server new enough?"""
    text = ".".join(map(str, found))
    if found < OLDEST:
        yield problem(
            "irods version",
            f"iRODS {text} is too old: its data objects are not locked while they are written",
            f"Upgrade to {'.'.join(map(str, TRIED))} or newer.",
        )
    elif found < TRIED:
        yield warning(
            "irods version",
            f"iRODS {text} is older than what the bridge is tried with",
            f"Upgrade to {'.'.join(map(str, TRIED))} or newer when you can.",
        )
    else:
        yield ok("irods version", f"iRODS {text}")


def encryption(host: str, *, is_encrypted: bool) -> Diagnoses:
    """Can others on the way read what passes?"""
    if is_encrypted:
        yield ok("irods encryption", "the connection is encrypted (TLS)")
    elif is_this_computer(host):
        yield ok("irods encryption", "not encrypted, and it does not leave this computer")
    else:
        yield warning(
            "irods encryption",
            f"the connection to {host} is not encrypted: data can be read on the way",
            "Set up TLS on the server and CS_NEG_REQUIRE in irods_environment.json.",
        )


def checksums(scheme: str) -> Diagnoses:
    """Are they those that snapshots are compared by?"""
    check = "irods checksums"
    if scheme == "SHA256":
        yield ok(check, "the server computes SHA-256")
    else:
        yield warning(
            check,
            f"the server computes {scheme or 'others'}, not SHA-256: nothing can be packed",
            'Set "default_hash_scheme": "SHA256" in server_config.json, on each server of the zone.',
        )
