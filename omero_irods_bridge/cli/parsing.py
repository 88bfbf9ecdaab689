"""What people write for dates, sizes, ages, shares and servers. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import Final

from omero_irods_bridge.model.errors import UsageError
from omero_irods_bridge.model.jobs import JobKind
from omero_irods_bridge.model.objects import ObjectRef

_UNITS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kmgtp]?)(i?)b?", re.IGNORECASE | re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE: Final = re.compile(r"([0-9]{1,9}) ?([smhdw])", re.ASCII)
_SHARE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", re.ASCII)
_SERVER: Final = re.compile(r"([^\s:/@\[\]]+|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?", re.ASCII)


def moment(text: str, *, end_of_day: bool = False) -> datetime:
    """A date, or a date and time, of UTC unless it names a zone; a date is its first or last second."""
    try:
        found = datetime.fromisoformat(text.strip())
        if end_of_day and len(text.strip()) <= len("2026-01-31"):
            found = datetime.combine(found, time(23, 59, 59))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # a zone can lead out of the years 1 to 9999
        raise UsageError(
            f"{text!r} is not a date.", hint="Write 2026-01-31, or 2026-01-31T15:30 with a time (UTC)."
        ) from error


def size(text: str) -> int:
    """Bytes: ``1500``, ``500MB`` (10^6 each), ``2GiB`` (2^30 each)."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size.", hint="Write bytes or a unit: 1500, 500MB, 2GiB.")
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** _UNITS[match[2].lower()])


def age(text: str) -> float:
    """Seconds: ``90s``, ``30m``, ``12h``, ``1d``, ``2w``."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is no time span.", hint="Write a number and a unit: 90s, 30m, 12h, 1d, 2w."
        )
    return float(int(match[1]) * _SECONDS[match[2]])


def share(text: str) -> float:
    """A part of all, above 0 and up to 1: ``5%``."""
    match = _SHARE.fullmatch(text.strip())
    if match is None or not 0 < float(match[1]) <= 100:
        raise UsageError(f"{text!r} is not a share.", hint="Write a percentage above 0 up to 100%, e.g. 5%.")
    return float(match[1]) / 100


def host_and_port(text: str) -> tuple[str, int | None]:
    """``host``, ``host:port`` or ``[ipv6]:port``."""
    match = _SERVER.fullmatch(text.strip())
    if match is None or (match[2] and not 1 <= int(match[2]) <= 65535):
        raise UsageError(
            f"{text!r} is not a server.", hint="Write omero.example.org or omero.example.org:4064."
        )
    return match[1].strip("[]"), int(match[2]) if match[2] else None


def one_object(objects: tuple[ObjectRef, ...]) -> ObjectRef:
    """The only one."""
    if len(objects) != 1:
        raise UsageError(
            "Snapshots are found by one source at a time.", hint="For example: --source Dataset:51"
        )
    return objects[0]


def kinds(text: str) -> frozenset[JobKind]:
    """Kinds of jobs: ``pack,unpack``; all where none is named."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in list(JobKind)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is no kind of job.", hint=f"Kinds: {', '.join(JobKind)}.")
    return frozenset(map(JobKind, names or JobKind))
