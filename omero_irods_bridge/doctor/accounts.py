"""The accounts of the agent, and the people for whom it works."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from omero_irods_bridge.adapters.irods.about import AboutZone
from omero_irods_bridge.adapters.omero.about import AboutServer
from omero_irods_bridge.agent.identities import Identities
from omero_irods_bridge.doctor.diagnosis import Diagnoses, ok, problem, warning

SUDO: Final = "Sudo"


def service_in_omero(user: str, about: AboutServer) -> Diagnoses:
    """Has it the one privilege that it needs?"""
    check = "agent in omero"
    if not about.is_admin or SUDO not in about.privileges:
        yield problem(
            check,
            f"{user} may not act for others in OMERO",
            "Make it a light administrator with the privilege Sudo (OMERO.web: Admin, Users).",
        )
    elif about.privileges != {SUDO}:
        more = ", ".join(sorted(about.privileges - {SUDO}))
        yield warning(
            check, f"{user} may do more than it needs: {more}", "Leave it the privilege Sudo alone."
        )
    else:
        yield ok(check, f"{user} is a light administrator with the privilege Sudo alone")


def service_in_irods(about: AboutZone) -> Diagnoses:
    """May it act for others?"""
    check = "agent in irods"
    if about.user_type == "rodsadmin":
        yield ok(check, f"{about.user} is a rodsadmin, and may act for others")
    else:
        yield problem(
            check,
            f"{about.user} is a {about.user_type}, and may not act for others in iRODS",
            f"As an administrator: iadmin moduser {about.user} type rodsadmin",
        )


def people(identities: Identities, in_omero: Iterable[str], in_irods: Iterable[str]) -> Diagnoses:
    """Does each name of the file exist on both sides? Patterns cannot be looked at."""
    check = "users"
    pairs = named(identities)
    missing = [
        *((name, "OMERO") for name in pairs if name not in set(in_omero)),
        *((name, "iRODS") for name in pairs.values() if name not in set(in_irods)),
    ]
    for name, where in missing:
        yield warning(
            check, f"{name} is no user of {where}", "Mend the line in users.toml, or make the account."
        )
    patterns = len(identities.patterns)
    if not pairs and not patterns:
        yield problem(check, "users.toml lets nobody in", 'Add lines such as alice = "a.smith".')
    elif not missing:
        yield ok(
            check,
            f"users.toml has {_count(len(pairs), 'name')}, all known on both sides, and "
            f"{_count(patterns, 'pattern')}",
        )


def named(identities: Identities) -> dict[str, str]:
    """Names in OMERO to names in iRODS, of the lines that are no patterns."""
    return {
        omero: irods.replace("{name}", omero)
        for omero, irods in identities.exact.items()
        if irods is not None
    }


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
