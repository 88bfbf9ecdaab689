"""What the AVUs of a snapshot say, and whether it can be so. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from omero_irods_bridge.model.checksums import Sha256
from omero_irods_bridge.model.snapshot import (
    LARGEST_LIST,
    PACKET_VERSION,
    Description,
    State,
    from_avus,
    parse_timestamp,
)
from omero_irods_bridge.model.stored import Avu
from omero_irods_bridge.model.verification import Finding, Problem

REQUIRED: Final = ("packet", "state", "server", "sha256", "images", "files", "bytes", "packed_at")
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("images", "files", "bytes", "image"), int),
    **dict.fromkeys(("packed_at", "verified_at"), parse_timestamp),
    "state": State,
}
_MANY: Final = frozenset({"source", "image"})

_SET_BY_HAND: Final = "Somebody changed the AVUs: compare them with the manifest (omero-irods show)."


def check_avus(path: str, avus: Collection[Avu], prefix: str) -> tuple[Description | None, list[Finding]]:
    """The description, none when there is not a whole one, and what is wrong with the AVUs."""
    values: dict[str, set[str]] = defaultdict(set)
    for avu in avus:
        if avu.attribute.startswith(prefix):
            values[avu.attribute.removeprefix(prefix)].add(avu.value)
    description = from_avus(avus, prefix)
    sentences = [*_not_there(values, prefix), *_doubled(values, prefix)]
    if description is None and not sentences:
        sentences = list(_unreadable(values, prefix)) or ["Its AVUs do not describe a snapshot."]
    findings = [_finding(path, Problem.UNPROVEN if description is None else Problem.DIFFERS, sentences)]
    if description is not None:
        findings.append(_finding(path, Problem.DIFFERS, list(_contradictions(description))))
    return description, [finding for finding in findings if finding is not None]


def _finding(path: str, problem: Problem, sentences: list[str]) -> Finding | None:
    return Finding(problem, path, " ".join(sentences), _SET_BY_HAND) if sentences else None


def _not_there(values: Mapping[str, Collection[str]], prefix: str) -> Iterator[str]:
    missing = [prefix + name for name in REQUIRED if name not in values]
    if missing:
        yield f"AVUs are missing: {', '.join(missing)}."


def _doubled(values: Mapping[str, Collection[str]], prefix: str) -> Iterator[str]:
    for name, found in sorted(values.items()):
        if len(found) > 1 and name not in _MANY:
            yield f"The AVU {prefix}{name} has {len(found)} values: {', '.join(sorted(found)[:3])}."


def _unreadable(values: Mapping[str, Iterable[str]], prefix: str) -> Iterator[str]:
    for name, read in _READERS.items():
        for value in sorted(values.get(name, ())):
            try:
                read(value)
            except ValueError:
                yield f"The AVU {prefix}{name} cannot be {value!r}."


def _contradictions(description: Description) -> Iterator[str]:
    if description.packet != PACKET_VERSION:
        yield f"The packet is of version {description.packet}; this program knows {PACKET_VERSION}."
    if recorded_sha256(description) is None:
        yield f"The AVU of the SHA-256 is none: {description.sha256!r}."
    expected = description.images if description.images <= LARGEST_LIST else 0
    if len(description.image_ids) != expected:
        yield f"The AVUs name {len(description.image_ids):,} images and count {description.images:,}."


def recorded_sha256(description: Description) -> Sha256 | None:
    """The SHA-256 of the AVU; none when it is not one."""
    try:
        return Sha256(description.sha256)
    except ValueError:
        return None
