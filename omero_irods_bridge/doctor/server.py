"""OMERO: is it there, is it new enough, has it room, does its clock agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from omero_irods_bridge.adapters.omero.about import AboutServer
from omero_irods_bridge.doctor.diagnosis import Diagnoses, ok, problem, warning
from omero_irods_bridge.ports import ServerIdentity

OLDEST: Final = (5, 6)
LITTLE_ROOM: Final = 10 * 1000**3
NO_ROOM: Final = 1000**3
"""Bytes."""

SKEW_S: Final = 60.0
"""Clocks that differ by more make times of jobs and quiet periods wrong."""


def look_at_server(who: ServerIdentity, about: AboutServer) -> Diagnoses:
    """The server that answered."""
    yield ok("omero", f"OMERO at {who.host} answers {who.user}, in the group {who.group}")
    yield from version(who.version)
    yield from room("omero disk", about.free, "the disk of OMERO's data")


def version(text: str) -> Diagnoses:
    """Is the server new enough?"""
    found = tuple(map(int, re.findall(r"\d+", text)[:2]))
    if found < OLDEST:
        yield problem("omero version", f"OMERO.server {text} is too old", "Upgrade to 5.6 or newer.")
    elif found >= (6,):
        yield warning(
            "omero version",
            f"OMERO.server {text} is newer than what the bridge knows",
            "Look for a newer bridge.",
        )
    else:
        yield ok("omero version", f"OMERO.server {text}")


def room(check: str, free: int, what: str) -> Diagnoses:
    """Is there room left?"""
    text = f"{free / 1000**3:,.1f} GB are free on {what}"
    if free < NO_ROOM:
        yield problem(check, text, "Make room before anything is written there.")
    elif free < LITTLE_ROOM:
        yield warning(check, text, "Make room soon.")
    else:
        yield ok(check, text)


def clocks(ahead: Mapping[str, float]) -> Diagnoses:
    """Do the clocks agree? By server, the seconds by which its clock is ahead of the one here."""
    wrong = {name: seconds for name, seconds in ahead.items() if abs(seconds) > SKEW_S}
    for name, seconds in wrong.items():
        way = "ahead of" if seconds > 0 else "behind"
        yield warning(
            "clocks",
            f"the clock of {name} is {abs(seconds):,.0f} s {way} the one here",
            "Let both computers take their time from the same server (chrony, systemd-timesyncd).",
        )
    if ahead and not wrong:
        yield ok("clocks", f"those of {' and '.join(ahead)} agree with the one here")
