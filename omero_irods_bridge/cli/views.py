"""Results in words for people, and as plain values for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from rich.filesize import decimal

from omero_irods_bridge.cli.output import error_fields, in_a_line
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.snapshot import Description, Snapshot, timestamp

_KNOWN: Final = ("Project", "Dataset", "Screen", "Plate", "Fileset", "Image", "Roi")
"""Classes of which people speak."""


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses as objects, times in ISO 8601, UTC."""
    if isinstance(value, BridgeError):
        return error_fields(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def snapshot_fields(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as one flat JSON object."""
    about = plain(snapshot.description)
    return {"path": snapshot.path, "bytes": about.pop("size"), **about}


def count(number: int, noun: str) -> str:
    """``1 image``, ``12 images``."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def counts(found: Mapping[str, int]) -> str:
    """``1 Dataset, 12 Images, 3 ROIs``."""
    return ", ".join(count(number, "ROI" if kind == "Roi" else kind) for kind, number in found.items())


def counts_of_all(found: Mapping[str, int]) -> str:
    """The same for objects of any class: annotations are told together, and so is what few people know."""
    told = {kind: found[kind] for kind in _KNOWN if found.get(kind)}
    told["Annotation"] = sum(number for kind, number in found.items() if kind.endswith("Annotation"))
    told["other object"] = sum(
        number
        for kind, number in found.items()
        if kind not in told and not kind.endswith(("Annotation", "Link"))
    )
    return counts({kind: number for kind, number in told.items() if number})


def size(number: int) -> str:
    """``96.0 MB``: powers of 1000, as drives and networks are sold."""
    return decimal(number)


def exact_size(number: int) -> str:
    """``96.0 MB (96,000,000 bytes)``."""
    shown = decimal(number)
    return shown if number < 1000 else f"{shown} ({number:,} bytes)"


def when(moment: datetime | float | None) -> str:
    """``2026-01-31 23:59 UTC``; a number is seconds since 1970."""
    if moment is None:
        return ""
    there = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return there.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def age(seconds: float | None) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``9 d``; rounded down."""
    if seconds is None:
        return "?"
    steps = ((86400, "d"), (3600, "h"), (60, "min"))
    return next(
        (f"{int(seconds // step)} {unit}" for step, unit in steps if seconds >= step), f"{int(seconds)} s"
    )


def described(snapshot: Snapshot) -> str:
    """All that the AVUs of a snapshot say, a line each."""
    about = snapshot.description
    return "\n".join((in_a_line(about.name) or "(without a name)", *aligned(_facts(snapshot))))


def _facts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    about = snapshot.description
    yield "path", snapshot.path
    sources = ", ".join(about.sources) or "more objects than AVUs name"
    yield "source", f"{sources} of {about.host}, database {about.server}"
    yield "owner", f"{about.owner or '?'} in group {about.group or '?'}"
    yield "packed", f"{when(about.packed_at)} by {about.packed_by} with {about.software}"
    yield (
        "content",
        f"{count(about.images, 'image')} in {count(about.files, 'file')}, {exact_size(about.size)}",
    )
    yield "state", _state(about)
    yield "sha256", about.sha256
    if about.note:
        yield "note", in_a_line(about.note)


def _state(about: Description) -> str:
    if about.verified_at is None:
        return f"{about.state}; not verified since it was packed"
    return f"{about.state}; last verified {when(about.verified_at)}"


def aligned(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names and values in two columns."""
    found = list(facts)
    width = max([10, *(len(name) + 2 for name, _ in found)])
    return (f"  {name:<{width}}{value}" for name, value in found)
