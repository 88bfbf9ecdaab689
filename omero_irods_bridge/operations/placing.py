"""Where OMERO sees a data object, by the path mapping of the settings. Pure but for the listing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from omero_irods_bridge.model.errors import NotInPlace
from omero_irods_bridge.model.stored import Collection, DataObject, ReplicaStatus
from omero_irods_bridge.operations.opening import found_at
from omero_irods_bridge.ports import ObjectStore

PathMapping = Mapping[str, PurePath]
"""``resource:/physical/path`` or ``/logical/path``, to where OMERO sees the same folder."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A rule that fits: how long its prefix is, and what it makes of the path."""

    length: int
    is_physical: bool
    place: PurePosixPath


def place_of(found: DataObject, mapping: PathMapping) -> PurePosixPath | None:
    """The path at which OMERO sees a data object; none when no rule says so, or no replica is good.

    The longest prefix wins, of two as long a physical one: it asks no iRODS client for the bytes. A physical
    rule takes a good replica on its resource, a logical one needs any. A path with ``..`` has no place.
    """
    if found.good is None:
        return None
    fitting = [one for rule, folder in mapping.items() for one in _candidates(found, rule, folder)]
    best = max(fitting, key=lambda one: (one.length, one.is_physical), default=None)
    return best.place if best is not None else None


def is_place_of(place: PurePosixPath, found: DataObject, mapping: PathMapping) -> bool:
    """Whether a good replica of a data object is seen there, be it the best place or another one."""
    if found.good is None:
        return False
    return any(
        one.place == place for rule, folder in mapping.items() for one in _candidates(found, rule, folder)
    )


def _candidates(found: DataObject, rule: str, folder: PurePath) -> Iterator[_Candidate]:
    resource, prefix = ("", rule) if rule.startswith("/") else rule.split(":", 1)
    paths = [found.path] if not resource else _physical_paths(found, resource)
    for path in map(PurePosixPath, paths):
        below = PurePosixPath(prefix)
        if ".." not in path.parts and path.is_relative_to(below) and path != below:
            place = PurePosixPath(folder) / path.relative_to(below)
            yield _Candidate(len(below.parts), bool(resource), place)


def _physical_paths(found: DataObject, resource: str) -> Iterator[str]:
    for replica in found.replicas:
        if replica.status is ReplicaStatus.GOOD and replica.resource == resource and replica.path:
            yield replica.path


def places_in(store: ObjectStore, path: str, mapping: PathMapping) -> dict[str, PurePosixPath]:
    """Where OMERO sees the members of the expanded snapshot at ``path``; those that it does not are left out.

    Raises:
        NotInPlace: it is one file, of which OMERO can link no part, or nothing is mapped.
        NotFound: nothing is there, or this user may not see it.
    """
    found = found_at(store, path)
    if not isinstance(found, Collection):
        raise NotInPlace(
            f"{path} is one file, and OMERO can link to whole files only.",
            hint="Load it without --in-place, or pack with --expanded.",
        )
    if not mapping:
        raise NotInPlace(
            "No setting says where OMERO sees the files of iRODS.",
            hint='Set [paths], e.g. "demoResc:/var/lib/irods/Vault" = "/mnt/vault"',
        )
    start = len(found.path) + 1
    objects = (one for one in store.children(found.path, recursive=True) if isinstance(one, DataObject))
    placed = ((one.path[start:], place_of(one, mapping)) for one in objects)
    return {member: place for member, place in placed if place is not None}
