"""The path mapping: does OMERO see what iRODS has? Proved with a file that is there for the moment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from omero_irods_bridge.doctor.diagnosis import Diagnoses, Diagnosis, looked_at, ok, problem, warning
from omero_irods_bridge.model.errors import BridgeError
from omero_irods_bridge.model.imports import Mounts
from omero_irods_bridge.model.stored import DataObject
from omero_irods_bridge.operations.placing import place_of
from omero_irods_bridge.ports import ObjectStore

CHECK: Final = "paths"
PROBE: Final = "omero-irods-doctor-"


def look_at_paths(store: ObjectStore, paths: Mapping[str, Path], mounts: Mounts) -> Diagnoses:
    """Put a probe into iRODS for each rule and look for it where OMERO should see it; it is removed again."""
    for rule, folder in paths.items():
        yield from looked_at(CHECK, partial(_rule, store, rule, folder, mounts))


def look_at_repository(repository: Path) -> Diagnosis:
    """Can links be made for imports in place?"""
    check = "omero repository"
    if repository.is_dir() and os.access(repository, os.W_OK | os.X_OK):
        return ok(check, f"{repository} can be written to here: links can be made for imports in place")
    how = "may not be written to by this account" if repository.is_dir() else "is not there"
    return problem(
        check,
        f"the ManagedRepository of OMERO {how} ({repository})",
        "Mount it here for writing; where that is under another path: omero.managed_repository or [mounts].",
    )


def _rule(store: ObjectStore, rule: str, folder: Path, mounts: Mounts) -> Diagnoses:
    token = uuid.uuid4().hex
    collection = _collection(store, rule)
    with _probe(store, f"{collection}/{PROBE}{token}", token.encode()) as probe:
        place = place_of(probe, {rule: folder})
        if place is None:
            resources = ", ".join(sorted({one.resource for one in probe.replicas}))
            yield warning(
                CHECK,
                f"{rule}: not proved, for what {store.user} writes to {collection} is on {resources}",
                "See that the left side is the resource, a colon, and the path of its vault: ilsresc -l",
            )
        else:
            yield _seen(rule, place, Path(mounts.here(place)), token.encode())


def _collection(store: ObjectStore, rule: str) -> str:
    """Below a logical rule, in the home when that is there; for a resource always the home."""
    if not rule.startswith("/"):
        return store.home
    is_below = PurePosixPath(store.home).is_relative_to(rule)
    return store.home if is_below else rule.rstrip("/")


@contextmanager
def _probe(store: ObjectStore, path: str, content: bytes) -> Iterator[DataObject]:
    """A data object that is gone after the block."""
    try:
        _write(store, path, content)
        found = store.find(path)
        if not isinstance(found, DataObject):
            raise BridgeError(f"{path} was written and is not there.", hint="Look into the log of iRODS.")
        yield found
    finally:
        store.remove(path)


def _write(store: ObjectStore, path: str, content: bytes) -> None:
    writer = store.open_writer(path)
    try:
        writer.write_at(0, 0, content)
    except BaseException:
        writer.abort()
        raise
    writer.close()


def _seen(rule: str, place: PurePosixPath, here: Path, content: bytes) -> Diagnosis:
    remedy = f"Mount what {rule} means under {here.parent}, or say in [mounts] where this computer has it."
    try:
        seen = here.read_bytes()
    except FileNotFoundError:
        return problem(CHECK, f"{rule}: a new data object does not appear as {here}", remedy)
    except OSError as error:
        return problem(
            CHECK,
            f"{rule}: {here} cannot be read: {error.strerror}",
            "Let the group of OMERO's account read the vault.",
        )
    if seen != content:
        return problem(CHECK, f"{rule}: {here} is another file than the one in iRODS", remedy)
    where = "" if str(here) == str(place) else f", here {here.parent}"
    return ok(CHECK, f"{rule} is {place.parent} for OMERO{where}: proved with a file")
