"""Whether OMERO will see a file where the mapping says: a new file is put beside it, and looked for there."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

from omero_irods_bridge.model.errors import AccessDenied, BridgeError, NotFound, NotInPlace
from omero_irods_bridge.model.events import Notice, Report
from omero_irods_bridge.model.imports import LinkedFile
from omero_irods_bridge.model.ingest import PROBE_PREFIX, IngestItem, IngestOptions
from omero_irods_bridge.model.stored import DataObject, parent_of
from omero_irods_bridge.operations.ingesting.hands import Hands
from omero_irods_bridge.operations.placing import place_of
from omero_irods_bridge.ports import Importer, ObjectStore


class Places:
    """Where OMERO sees data objects. Each folder is probed once; it is made for one scan."""

    def __init__(self, options: IngestOptions, hands: Hands, report: Report) -> None:
        self._options, self._hands, self._report = options, hands, report
        self._probed: dict[PurePosixPath, NotInPlace | None] = {}

    def of(self, item: IngestItem, importer: Importer) -> list[PurePosixPath]:
        """The places of the members of a set.

        Raises:
            NotInPlace: one has none, or the mapping leads to another place.
        """
        places = [self._place(one) for one in item.files.members]
        for found, place in zip(item.files.members, places, strict=True):
            if place.parent not in self._probed:
                self._probed[place.parent] = self._probe(found, place, item.opt_in.owner, importer)
            problem = self._probed[place.parent]
            if problem is not None:
                raise problem
        return places

    def _place(self, found: DataObject) -> PurePosixPath:
        place = place_of(found, self._options.paths)
        if place is None:
            where = ", ".join(f"{one.resource}:{one.path}" for one in found.replicas)
            raise NotInPlace(
                f"OMERO sees {found.path} nowhere: no line of [paths] holds a good replica ({where}).",
                hint="Add the resource and its vault to [paths],"
                f" or set {self._options.name('ingest')} to copy.",
            )
        return place

    def _probe(
        self, found: DataObject, place: PurePosixPath, owner: str, importer: Importer
    ) -> NotInPlace | None:
        path = f"{parent_of(found.path)}/{PROBE_PREFIX}{uuid.uuid4().hex}"
        try:
            with self._hands.irods(owner) as store:
                try:
                    return self._probe_at(store, path, place, importer)
                finally:
                    store.remove(path)
        except (AccessDenied, NotFound) as error:
            text = f"It cannot be tried whether {place.parent} is the right place: {error.message}"
            self._report(Notice(text))
            return None

    def _probe_at(
        self, store: ObjectStore, path: str, place: PurePosixPath, importer: Importer
    ) -> NotInPlace | None:
        content = path.encode()
        writer = store.open_writer(path)
        try:
            writer.write_at(0, 0, content)
            writer.close()
        except BridgeError:
            writer.abort()
            raise
        written = store.find(path)
        there = place_of(written, self._options.paths) if isinstance(written, DataObject) else None
        if there is None or there.parent != place.parent:
            return None  # new files go elsewhere than this one lies: nothing is learnt
        try:
            importer.check_in_place([LinkedFile(path.lstrip("/"), there, size=len(content))])
        except NotInPlace as error:
            return NotInPlace(
                f"The mapping of [paths] that leads to {place.parent} is wrong: a file that was put beside"
                f" the data is not seen there. {error.message}",
                hint="Compare the line in [paths] with the vault and its mount.",
            )
        return None
